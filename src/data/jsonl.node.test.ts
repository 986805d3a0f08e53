// Rows come as they stand in the file, whatever the size of the file and its lines; every kind of wrong file is named with
// its line.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DataError } from "../base/errors.ts";
import { readJsonl, streamJsonl } from "./jsonl.node.ts";

const folder = mkdtempSync(join(tmpdir(), "kindling-jsonl-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const columns = ["text", "summary"] as const;

function put(content: string | Uint8Array): string {
  const path = join(folder, "rows.jsonl");
  writeFileSync(path, content);
  return path;
}

async function errorOf(content: string | Uint8Array): Promise<DataError> {
  const path = put(content);
  const error = await readJsonl(path, { columns }).then(
    (rows) => assert.fail(`read ${rows.length} rows`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof DataError, String(error));
  assert.equal(error.facts["file"], path);
  assert.ok(error.message.startsWith(`read ${path}`), error.message);
  return error;
}

const good = '{"text":"a","summary":"b"}';

test("keeps the columns asked for, in the file's order", async () => {
  const rows = await readJsonl(put(`${good}\n{"summary":"d","id":7,"text":"ü\\n😀"}\n`), { columns });
  assert.deepEqual(rows, [
    { text: "a", summary: "b" },
    { text: "ü\n😀", summary: "d" },
  ]);
});

test("byte order mark, CRLF, blank lines, no newline at the end", async () => {
  for (const content of [
    `\ufeff${good}\n${good}`,
    `${good}\r\n${good}\r\n`,
    `\n\r\n${good}\n  \n${good}\n\n\n`,
    ` ${good}\t\n${good}\n`,
  ]) {
    assert.equal((await readJsonl(put(content), { columns })).length, 2, JSON.stringify(content));
  }
});

test("rows of every length, with a newline on either side of a block's edge", async () => {
  const sizes = [2 ** 20 - 30, 2 ** 20 - 27, 2 ** 20 - 26, 2 ** 20 - 25, 100_000, 1, 3 * 2 ** 20, 2 ** 20, 5];
  const texts = sizes.map((size, i) => (i % 2 === 0 ? "x".repeat(size) : "ü😀".repeat(size / 6 + 1)));
  const rows = await readJsonl(put(texts.map((text) => JSON.stringify({ text, summary: "s" })).join("\n")), {
    columns,
  });
  assert.equal(rows.length, texts.length);
  rows.forEach(({ text }, i) => {
    assert.ok(text === texts[i], `row ${i}`);
  });
});

test("streams rows of any kind with their lines", async () => {
  const got: unknown[] = [];
  for await (const { line, row } of streamJsonl(put(`${good}\n\n{"label":3,"tokens":["a"]}\n`))) got.push([line, row]);
  assert.deepEqual(got, [
    [1, { text: "a", summary: "b" }],
    [3, { label: 3, tokens: ["a"] }],
  ]);
});

test("wrong lines: which, what and what to do", async () => {
  const cases: [content: string | Uint8Array, line: number, message: RegExp][] = [
    [`${good}\n\n{"text":"a" "summary":1}\n`, 3, /not valid JSON: .+The line is \{"text":"a" "summary":1\}\. Correct/],
    [`${good}\n{"text":"cut o`, 2, /not valid JSON/],
    [`${good}\n${"x".repeat(500)}`, 2, /The line is x{80}…/],
    [`[\n${good}\n]`, 1, /ordinary JSON/],
    [`{\n"text": "a"\n}`, 1, /ordinary JSON/],
    [`[${good}]`, 1, /wants a JSON object, got a list.+ordinary JSON/],
    [`${good}\n"text"\n`, 2, /wants a JSON object, got a string/],
    [`${good}\nnull\n`, 2, /wants a JSON object, got null/],
    [`${good}\n{"text":"a","sumary":"b"}`, 2, /has no "summary"; its keys are "text", "sumary"\. Rename/],
    ["{}", 1, /has no "text"; the object is empty/],
    ['{"text":"a","summary":null}', 1, /"summary" is null\. It must be a string/],
    ['{"text":["a"],"summary":"b"}', 1, /"text" is a list/],
    ['{"text":5,"summary":"b"}', 1, /"text" is a number/],
    [`${good}\n{"text":"","summary":"b"}`, 2, /"text" is empty/],
    [`${good}\n{"text":"a","summary":" \\n"}`, 2, /"summary" is empty/],
    [
      Buffer.concat([Buffer.from(`${good}\n{"text":"`), Uint8Array.of(0xe4), Buffer.from('"}')]),
      2,
      /not valid UTF-8\. Save/,
    ],
    [Buffer.from(`\ufeff${good}\n`, "utf16le"), 1, /UTF-16/],
    [Uint8Array.of(0x1f, 0x8b, 8, 0, 0), 1, /gzip/],
  ];
  for (const [content, line, message] of cases) {
    const error = await errorOf(content);
    assert.match(error.message, message);
    assert.equal(error.facts["line"], line, error.message);
  }
  assert.equal((await errorOf('{"text":"a"}')).facts["column"], "summary");
});

test("a line number beyond the first block", async () => {
  const error = await errorOf(`${`${good}\n`.repeat(100_000)}nonsense`);
  assert.equal(error.facts["line"], 100_001);
});

test("no file, a folder, an empty file, only blank lines", async () => {
  await assert.rejects(readJsonl(join(folder, "no.jsonl"), { columns }), {
    name: "DataError",
    message: /no such file/,
  });
  await assert.rejects(readJsonl(folder, { columns }), { name: "DataError", message: /this is a folder/ });
  assert.match((await errorOf("")).message, /holds no rows/);
  assert.match((await errorOf("\n \n")).message, /holds no rows/);
});

test("a column named like something of JavaScript's own is not found by accident", async () => {
  await assert.rejects(readJsonl(put(good), { columns: ["toString"] }), { message: /has no "toString"/ });
});

test("the example data", async () => {
  const counts = { train: 4000, validation: 200, test: 300 };
  for (const [split, count] of Object.entries(counts)) {
    const path = fileURLToPath(new URL(`../../examples/data/summarization.${split}.jsonl`, import.meta.url));
    const rows = await readJsonl(path, { columns });
    assert.equal(rows.length, count);
    assert.ok(rows.every(({ text, summary }) => text.length <= 600 && summary.length < text.length + 80));
  }
});
