// Files that are broken anywhere: an error of ours with the file in it, or rows; never another error, a crash or a hang.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DataError, KindlingError } from "../../base/errors.ts";
import { Generator } from "../../base/random.ts";
import { MemoryBytes } from "../table/bytes.ts";
import { Table } from "../table/table.ts";
import { loadDatasetWith } from "./load.ts";
import type { FileFormat } from "./readers.ts";

const folder = mkdtempSync(join(tmpdir(), "kindling-fuzz-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../../test/fixtures/datasets/${name}`, import.meta.url))));
const loadDataset = loadDatasetWith(undefined);
const rng = new Generator(20);

/** A file with some bytes changed, cut out, doubled or cut off. */
function broken(whole: Uint8Array): Uint8Array {
  const bytes = whole.slice();
  const at = (): number => rng.integer(0, bytes.length);
  const kind = rng.integer(0, 5);
  if (kind === 0) return bytes.slice(0, at());
  if (kind === 1) {
    const [from, size] = [at(), rng.integer(1, 40)];
    return Uint8Array.from([...bytes.subarray(0, from), ...bytes.subarray(from + size)]);
  }
  if (kind === 2) {
    const from = at();
    return Uint8Array.from([...bytes.subarray(0, from), ...bytes.subarray(Math.max(0, from - 20))]);
  }
  const changes = rng.integer(1, kind === 3 ? 3 : 30);
  const hostile = [0, 0x22, 0x2c, 0x0a, 0x0d, 0x5b, 0x7b, 0x7f, 0x80, 0xff];
  for (let i = 0; i < changes; i++)
    bytes[at()] = rng.integer(0, 2) === 0 ? rng.integer(0, 256) : hostile[rng.integer(0, 10)]!;
  return bytes;
}

async function endsWell(what: string, file: string, read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    assert.ok(error instanceof KindlingError, `${what}: ${error instanceof Error ? error.stack : String(error)}`);
    if (error instanceof DataError && /^read /.test(error.message))
      assert.ok(error.message.includes(file), error.message);
    return false;
  }
}

const jsonl = new TextEncoder().encode(
  Array.from({ length: 40 }, (_, i) =>
    JSON.stringify({ id: i, text: `row "${i}" ü😀`, tags: ["a", i], at: { x: i / 2 } }),
  ).join("\n"),
);
const csv = new TextEncoder().encode(
  `id,text,x\n${Array.from({ length: 40 }, (_, i) => `${i},"a ""${i}"", ü\n😀",${i / 4}`).join("\n")}\n`,
);
const inputs: readonly (readonly [FileFormat, Uint8Array, number])[] = [
  ["json", jsonl, 60],
  ["csv", csv, 60],
  ["parquet", fixture("rows.parquet"), 100],
  ["text", jsonl, 30],
];

for (const [format, whole, rounds] of inputs) {
  test(`broken ${format}`, async () => {
    let good = 0;
    for (let i = 0; i < rounds; i++) {
      const file = join(folder, `${format}-${i}`);
      const bytes = broken(whole);
      writeFileSync(file, bytes);
      const read = async (): Promise<void> => {
        const rows = await loadDataset(format, { dataFiles: file, keepInMemory: true, split: "train" });
        for (const row of rows) assert.equal(typeof row, "object");
      };
      if (await endsWell(`${format} ${i}`, file, read)) good++;
      rmSync(file);
    }
    assert.ok(good < rounds, "some are broken");
  });
}

test("broken Arrow tables", async () => {
  const whole = fixture("saved/data-00000-of-00001.arrow");
  let good = 0;
  for (let i = 0; i < 600; i++) {
    const read = async (): Promise<void> => {
      const table = Table.read(new MemoryBytes(broken(whole), "the table"));
      assert.ok(table.numRows < 1e9);
      table.slice(0, Math.min(table.numRows, 100));
    };
    if (await endsWell(`arrow ${i}`, "the table", read)) good++;
  }
  assert.ok(good < 600, "some are broken");
});
