// Data sets in a page, from a bundle as a user's bundler makes one: nothing of Node's is in it, CSV and Parquet come when they are used.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { root } from "../../scripts/build.ts";
import type * as dataEntry from "../../src/data.ts";
import { startHub } from "../hub/server.ts";

/** Bundles `kindling/data` into `folder`, which the page's server serves as "/bundled". */
async function bundleData(folder: string): Promise<void> {
  const { outputs } = (
    await build({
      entryPoints: [join(root, "src/data.ts")],
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "browser", // what Node brings cannot be resolved then
      outdir: folder,
      metafile: true,
      logLevel: "silent",
    })
  ).metafile;
  const outside = Object.values(outputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
  assert.deepEqual(outside, []);
  const entry = Object.entries(outputs).find(([name]) => name.endsWith("/data.js"))![1];
  const atOnce = entry.imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => path);
  const first = [entry, ...atOnce.map((path) => outputs[path]!)].flatMap(({ inputs }) => Object.keys(inputs));
  const late = first.filter((input) => /sets\/csv|hyparquet/.test(input));
  assert.deepEqual(late, [], "not before they are used");
}

export async function testDataSets(t: TestContext, page: Page, built: string): Promise<void> {
  await t.test("data sets bundle without Node", () => bundleData(join(built, "bundled")));
  await t.test("loadDataset from Blobs, addresses, functions and lists", async () => {
    const files = {
      jsonl: [...Buffer.from('{"text":"gut","label":1}\n{"text":"schön","label":0}\n')],
      csv: [...Buffer.from('name,size\n"a, b",1\nc,2.5\n')],
      parquet: [...readFileSync(join(root, "test/fixtures/datasets/rows.parquet"))],
    };
    const got = await page.evaluate(async (files) => {
      const url = "/bundled/data.js";
      const { loadDataset, Dataset, IterableDataset, DataLoader }: typeof dataEntry = await import(url);
      const addressOf = (bytes: readonly number[]): string => URL.createObjectURL(new Blob([Uint8Array.from(bytes)]));
      const load = async (format: string, bytes: readonly number[]) =>
        (await loadDataset(format, { dataFiles: addressOf(bytes) })).train;
      const json = await load("json", files.jsonl);
      const parquet = await load("parquet", files.parquet);
      const made = await loadDataset(
        function* () {
          for (let i = 0; i < 5; i++) yield { i };
        },
        { split: "train" },
      );
      const streamed = await loadDataset("csv", { dataFiles: addressOf(files.csv), split: "train", streaming: true });
      const csv: object[] = [];
      for await (const row of streamed) csv.push(row);
      const batches: unknown[] = [];
      const rows = Dataset.fromList([{ x: [1, 2] }, { x: [3, 4] }, { x: [5, 6] }]);
      for await (const { x } of new DataLoader(rows, { batchSize: 2 })) batches.push(x.tolist());
      const stream = IterableDataset.fromGenerator(() => made.toList());
      const taken: number[] = [];
      for await (const { i } of stream.shuffle({ seed: 1, bufferSize: 3 }).take(3)) taken.push(i);
      const missing = await loadDataset("json", { dataFiles: "/none.jsonl" }).catch((error: Error) => error.name);
      return {
        json: json.map((row) => ({ length: row.text.length }), { removeColumns: ["text"] }).toList(),
        shuffled: made.shuffle({ seed: 42 }).column("i"),
        parquet: [parquet.length, parquet.at(2)["text"], parquet.at(2)["ids"]],
        csv,
        batches,
        taken: taken.length,
        missing,
      };
    }, files);
    assert.deepEqual(got, {
      json: [
        { label: 1, length: 3 },
        { label: 0, length: 5 },
      ],
      shuffled: [4, 2, 3, 1, 0],
      parquet: [10, "äßäß", [0, 1]],
      csv: [
        { name: "a, b", size: 1 },
        { name: "c", size: 2.5 },
      ],
      batches: [
        [
          [1, 2],
          [3, 4],
        ],
        [[5, 6]],
      ],
      taken: 3,
      missing: "DataError",
    });
  });
  await t.test("tables in memory: splits, functions, orders, a hub's addresses", async () => {
    const hub = await startHub();
    const rows = Array.from({ length: 20 }, (_, i) => ({ i, text: `row ${i % 7}`, label: i % 2 === 0 ? "a" : "b" }));
    const jsonl = rows.map((row) => JSON.stringify(row)).join("\n");
    hub.add("org/rows", { type: "dataset", files: { "train.jsonl": jsonl } });
    const inputs = { jsonl, endpoint: hub.endpoint };
    const got = await page
      .evaluate(async ({ jsonl, endpoint }) => {
        const url = "/bundled/data.js";
        const { loadDataset }: typeof dataEntry = await import(url);
        const addressOf = (text: string): string => URL.createObjectURL(new Blob([text]));
        type Row = { i: number; text: string; label: string };
        const dict = await loadDataset<Row>("json", { dataFiles: { train: addressOf(jsonl), test: addressOf(jsonl) } });
        const part = await loadDataset<Row>("json", { dataFiles: addressOf(jsonl), split: "train[-25%:]" });
        const classes = dict.train.classEncodeColumn("label");
        const { train, test } = classes.trainTestSplit({ testSize: 6, seed: 3, stratifyByColumn: "label" });
        const lengths = dict.train.map(({ text }) => ({ length: text.map((one) => one.length) }), { batched: true });
        const later = await dict.train.map(async ({ i }) => ({ i: i + 1 }));
        const csv = await loadDataset("csv", { dataFiles: addressOf('n,s\n1,"x, ""y"""\n2,\n'), split: "train" });
        const lines = await loadDataset("text", { dataFiles: addressOf("one\n\ntwo\n"), split: "train" });
        const remote = { dataFiles: `${endpoint}/datasets/org/rows/resolve/main/train.jsonl`, split: "train" } as const;
        const named = await loadDataset("org/rows").catch((error: Error) => error);
        return {
          sizes: [dict.train.length, dict.test.length, part.column("i"), train.length, test.length],
          shares: test.filter(({ label }) => Number(label) === 0).length,
          sorted: dict.train.sort(["text", "i"], { reverse: [false, true] }).column("i"),
          mapped: [lengths.at(-1), later.at(0).i],
          csv: csv.toDict(),
          lines: lines.column("text"),
          remote: (await loadDataset<Row>("json", remote)).length,
          named: named instanceof Error ? [named.name, /resolve\/main/.test(named.message)] : "loaded",
        };
      }, inputs)
      .finally(() => hub.close());
    const byText = [...rows].sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : b.i - a.i));
    assert.deepEqual(got, {
      sizes: [20, 20, [15, 16, 17, 18, 19], 14, 6],
      shares: 3,
      sorted: byText.map(({ i }) => i),
      mapped: [{ i: 19, text: "row 5", label: "b", length: 5 }, 1],
      csv: { n: [1, 2], s: ['x, "y"', null] },
      lines: ["one", "", "two"],
      remote: 20,
      named: ["UnsupportedError", true],
    });
  });
  await t.test("packed files at an address", async () => {
    const file = "/packed.jsonl.gz";
    await page.route(`**${file}`, (route) => route.fulfill({ body: gzipSync('{"text":"a"}\n{"text":"b"}\n') }));
    const texts = await page.evaluate(async (file) => {
      const url = "/bundled/data.js";
      const { loadDataset }: typeof dataEntry = await import(url);
      return (await loadDataset("json", { dataFiles: file, split: "train" })).column("text");
    }, file);
    assert.deepEqual(texts, ["a", "b"]);
  });
}
