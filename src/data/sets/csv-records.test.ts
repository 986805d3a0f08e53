// Expected values are RFC 4180's and, for what it leaves open, what pandas 2 reads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { csvRecords } from "./csv-records.ts";

async function* blocksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const block = new Uint8Array(size); // used again, as readers of files do
  for (let from = 0; from < bytes.length; from += size) {
    const part = bytes.subarray(from, from + size);
    block.set(part);
    yield block.subarray(0, part.length);
  }
}

async function read(text: string, size: number, delimiter = ","): Promise<[line: number, values: string[]][]> {
  const records: [number, string[]][] = [];
  for await (const record of csvRecords("x.csv", blocksOf(text, size), delimiter)) {
    records.push([record.line, Array.from({ length: record.length }, (_, i) => record.text(i))]);
  }
  return records;
}

const cases: readonly [text: string, records: [number, string[]][], delimiter?: string][] = [
  [
    "\ufeffa,b\n1,2",
    [
      [1, ["a", "b"]],
      [2, ["1", "2"]],
    ],
  ],
  [
    "a,b\r1,2\r\n3,4\n",
    [
      [1, ["a", "b"]],
      [2, ["1", "2"]],
      [3, ["3", "4"]],
    ],
  ],
  [
    "\n\r\n1,\n,\n,",
    [
      [3, ["1", ""]],
      [4, ["", ""]],
      [5, ["", ""]],
    ],
  ],
  [
    '1,"x\n\r\ny"\n\n2,"3"',
    [
      [1, ["1", "x\n\r\ny"]],
      [5, ["2", "3"]],
    ],
  ],
  [
    '"a ""b""",""\n"""",""""""',
    [
      [1, ['a "b"', ""]],
      [2, ['"', '""']],
    ],
  ],
  [
    '5" nails,x\nx "q, r",1',
    [
      [1, ['5" nails', "x"]],
      [2, ['x "q', ' r"', "1"]],
    ],
  ],
  [
    '"x"y,z\n"x""y"z"w,1\n"1" ,2',
    [
      [1, ["xy", "z"]],
      [2, ['x"yz"w', "1"]],
      [3, ["1 ", "2"]],
    ],
  ],
  [
    'ä€😀,"€,\n😀"\nü,x',
    [
      [1, ["ä€😀", "€,\n😀"]],
      [3, ["ü", "x"]],
    ],
  ],
  [
    "a||b|c||\n||",
    [
      [1, ["a", "b|c", ""]],
      [2, ["", ""]],
    ],
    "||",
  ],
  ["", []],
];

test("records are the same wherever blocks end", async () => {
  for (const [text, records, delimiter] of cases) {
    for (const size of [1, 2, 3, 5, 1000]) assert.deepEqual(await read(text, size, delimiter), records, text);
  }
});

test("a quote that is never closed is named by its line", async () => {
  const message = /x\.csv, line 3: a quote opens/;
  for (const size of [1, 1000]) await assert.rejects(read('a\n1\n"2\n3\n', size), { name: "DataError", message });
});

test("a long record costs its length, not its length for each block", async () => {
  const blocks = 2000;
  const long = `"${"x,".repeat(500)}"`;
  async function* many(): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode('"');
    for (let i = 0; i < blocks; i++) yield new TextEncoder().encode("x".repeat(1000));
    yield new TextEncoder().encode(`",${long}`);
  }
  for await (const record of csvRecords("x.csv", many(), ",")) {
    assert.equal(record.text(0).length, 1000 * blocks);
    assert.equal(record.text(1).length, 1000);
  }
});
