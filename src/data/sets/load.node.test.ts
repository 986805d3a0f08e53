// Data sets from files and to files: every format, splits, caches that are torn, files that Python wrote.

import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { ClassLabel, featuresToJson, Json, List, Value } from "../features.ts";
import { Dataset } from "./dataset.ts";
import { DatasetDict } from "./dataset-dict.ts";
import { loadDatasetWith } from "./load.ts";
import { loadFromDisk, saveToDisk } from "./saved.ts";

const folder = mkdtempSync(join(tmpdir(), "kindling-load-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const cacheDir = join(folder, "cache");
const fixtures = fileURLToPath(new URL("../../../test/fixtures/datasets/", import.meta.url));
const golden = JSON.parse(readFileSync(join(fixtures, "golden.json"), "utf8"));

const loadDataset = loadDatasetWith(undefined);
let files = 0;
function put(name: string, content: string | Uint8Array): string {
  const path = join(folder, `${files++}`, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `${JSON.stringify({ i: from + i, t: `row ${from + i}` })}\n`).join("");

/** A row as the golden file has it. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (value instanceof Date) return { date: value.toISOString() };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}
/** Python's dates as ours. */
function python(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(python);
  if (typeof value !== "object" || value === null) return value;
  if ("date" in value)
    return { date: new Date(`${String(value.date)}${String(value.date).includes("T") ? "Z" : ""}`).toISOString() };
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, python(part)]));
}

test("what Python saved, and its Parquet", async () => {
  const saved = await loadFromDisk(join(fixtures, "saved"));
  assert.ok(saved instanceof Dataset);
  assert.deepEqual(featuresToJson(saved.features), golden.saved_features);
  assert.deepEqual(saved.toList().map(plain), python(golden.saved));
  assert.deepEqual(plain(saved.select([7, 2]).at(0)), (python(golden.saved) as unknown[])[7]);
  const { train } = await loadDataset("parquet", { dataFiles: join(fixtures, "rows.parquet"), cacheDir });
  const { half: _, nothing: __, ...features } = golden.saved_features;
  assert.deepEqual(featuresToJson(train.features), features);
  const rows = (python(golden.saved) as Record<string, unknown>[]).map(({ half: _h, nothing: _n, ...row }) => row);
  assert.deepEqual(train.toList().map(plain), rows);
});

test("JSON: lines, lists, a field, packed, several files", async () => {
  const [a, b] = [put("a.jsonl", lines(0, 3)), put("b.jsonl.gz", gzipSync(lines(3, 5)))];
  const c = put("c.json", `[${lines(5, 7).trim().replace("\n", ",")}]`);
  const d = put("d.jsonl.zst", zstdCompressSync(lines(7, 8)));
  const { train, test } = await loadDataset<{ i: number; t: string }>("json", {
    dataFiles: { train: [a, b], test: [c, d] } as never,
    cacheDir,
  });
  assert.deepEqual(train.column("i"), [0, 1, 2, 3, 4]);
  assert.deepEqual(test.at(-1), { i: 7, t: "row 7" });
  assert.deepEqual(train.features, { i: new Value("int64"), t: new Value("string") });
  const e = put("e.json", JSON.stringify({ version: 1, data: [{ a: [1] }, { a: ["x"] }] }));
  const inner = await loadDataset("json", { dataFiles: e, field: "data", cacheDir, split: "train" });
  assert.deepEqual(inner.features, { a: new List(new Json()) });
  assert.deepEqual(inner.toList(), [{ a: [1] }, { a: ["x"] }]);
});

test("splits: parts, sums, percents, by patterns and by names", async () => {
  const root = join(folder, "named");
  for (const [name, from, to] of [
    ["train-0", 0, 6],
    ["train-1", 6, 10],
    ["dev", 10, 12],
    ["my_test", 12, 15],
  ] as const) {
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, `${name}.jsonl`), lines(from, to));
  }
  const all = await loadDataset<{ i: number }>(root, { cacheDir });
  assert.deepEqual(all.keys(), ["train", "validation", "test"]);
  assert.deepEqual([all.train.length, all.validation.length, all.test.length], [10, 2, 3]);
  const part = async (split: string): Promise<number[]> =>
    (await loadDataset<{ i: number }>(root, { split, cacheDir })).column("i");
  assert.deepEqual(await part("train[:25%]"), [0, 1]); // 2.5 goes to the even number
  assert.deepEqual(await part("train[-2:]+test[1:2]"), [8, 9, 13]);
  assert.deepEqual(await part("train[35%:50%]"), [4]);
  assert.deepEqual(await part("validation+test"), [10, 11, 12, 13, 14]);
  await assert.rejects(part("evil"), /no split "evil". The splits are train, validation, test/);
  await assert.rejects(part("train[5"), /wants a name, or parts like/);
  const chosen = await loadDataset("json", {
    dataDir: root,
    dataFiles: "{train-1,dev}.jsonl",
    cacheDir,
    split: "train",
  });
  assert.equal(chosen.length, 6);
  await assert.rejects(loadDataset("json", { dataFiles: join(root, "*.nothing") }), /no file fits/);
  await assert.rejects(loadDataset(join(folder, "nowhere")), /neither a folder nor one of json/);
});

test("CSV: kinds as pandas finds them, quotes, gaps, no header", async () => {
  const path = put("a.csv", '\ufeffi,f,b,t,gap,i\n1,1.0,True,"a, ""b""\nc",,7\r\n2,-3e2,False,007,4,8\n\n');
  const rows = await loadDataset("csv", { dataFiles: path, split: "train", cacheDir });
  assert.deepEqual(rows.features, {
    i: new Value("int64"),
    f: new Value("float64"),
    b: new Value("bool"),
    t: new Value("string"),
    gap: new Value("float64"),
    "i.1": new Value("int64"),
  });
  assert.deepEqual(rows.toList(), [
    { i: 1, f: 1, b: true, t: 'a, "b"\nc', gap: null, "i.1": 7 },
    { i: 2, f: -300, b: false, t: "007", gap: 4, "i.1": 8 },
  ]);
  const bare = put("b.csv", "1;x\n2;y\n");
  const features = { n: new Value("int32"), y: new ClassLabel({ names: ["x", "y"] }) };
  const named = { dataFiles: bare, delimiter: ";", columnNames: ["n", "y"], features, cacheDir, split: "train" };
  assert.deepEqual((await loadDataset("csv", named)).toDict(), { n: [1, 2], y: [0, 1] });
  const broken = put("c.csv", "a,b\n1,2\n3\n");
  await assert.rejects(loadDataset("csv", { dataFiles: broken, cacheDir }), { name: "DataError", message: /line 3/ });
});

test("text by lines, paragraphs and documents; generators", async () => {
  const path = put("a.txt", "one\r\ntwo\n\nthree");
  const text = async (sampleBy: "line" | "paragraph" | "document"): Promise<unknown[]> =>
    (await loadDataset<{ text: string }>("text", { dataFiles: path, sampleBy, cacheDir, split: "train" })).column(
      "text",
    );
  assert.deepEqual(await text("line"), ["one", "two", "", "three"]);
  assert.deepEqual(await text("paragraph"), ["one\ntwo", "three"]);
  assert.deepEqual(await text("document"), ["one\r\ntwo\n\nthree"]);
  async function* rows(): AsyncGenerator<{ n: number }> {
    for (let n = 0; n < 2500; n++) yield { n };
  }
  const { train } = await loadDataset(rows);
  assert.deepEqual([train.length, train.at(2499).n, train.table.onDisk], [2500, 2499, true]);
});

test("streams from files, and where they go on", async () => {
  const dataFiles = [put("a.jsonl", lines(0, 4)), put("b.jsonl", lines(4, 9))];
  const stream = await loadDataset<{ i: number; t: string }>("json", { dataFiles, streaming: true, split: "train" });
  assert.equal(stream.numShards, 2);
  const seen: number[] = [];
  for await (const { i } of stream) if (seen.push(i) === 6) break;
  stream.loadStateDict(JSON.parse(JSON.stringify(stream.stateDict())));
  for await (const { i } of stream) seen.push(i);
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const csv = await loadDataset("csv", { dataFiles: put("c.csv", "a\n1\n2\n"), streaming: true });
  const values: unknown[] = [];
  for await (const { a } of csv.train) values.push(a);
  assert.deepEqual(values, [1, 2]);
});

test("what is wrong is said with its place, and no table stays", async () => {
  const wrong = async (name: string, content: string, message: RegExp): Promise<void> => {
    const own = join(folder, `cache-${files}`);
    const path = put(name, content);
    const format = name.endsWith("csv") ? "csv" : name.endsWith("parquet") ? "parquet" : "json";
    await assert.rejects(loadDataset(format, { dataFiles: path, cacheDir: own }), { name: "DataError", message });
    const left = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (one) => /\.(part|arrow)$/.test(one) && one.startsWith(`cache-`),
    ); // prettier-ignore
    assert.deepEqual(left, []);
  };
  await wrong("a.jsonl", `${lines(0, 2000)}{"i": `, /line 2001: not valid JSON/);
  await wrong("b.jsonl", "", /holds no rows/);
  await wrong("c.json", "[1]", /row 1: wants an object/);
  await wrong("d.parquet", "PAR1 no PAR1", /Is it Parquet/);
  const path = put("e.jsonl", '{"y": 1}\n{"y": "z"}\n');
  const features = { y: new Value("int64") };
  await assert.rejects(
    loadDataset("json", { dataFiles: path, features, cacheDir }),
    /column "y", row 1: "z" cannot become/,
  );
  await assert.rejects(
    loadDataset("json", { dataFiles: path, features: { q: new Value("int64") }, cacheDir }),
    /column "y" is not among/,
  );
});

test("a table is made once, found again, and made anew where it is torn or its source has changed", async () => {
  const path = put("a.jsonl", lines(0, 1500));
  const own = join(folder, "own");
  const load = (): Promise<Dataset<{ i: number }>> =>
    loadDataset("json", { dataFiles: path, cacheDir: own, split: "train" });
  const tables = (): string[] =>
    readdirSync(own, { recursive: true, encoding: "utf8" }).filter((one) => one.endsWith(".arrow")); // prettier-ignore
  assert.equal((await load()).length, 1500);
  const [table] = tables();
  const file = join(own, table!);
  const made = statSync(file).mtimeMs;
  await load();
  assert.equal(statSync(file).mtimeMs, made);
  truncateSync(file, 5000);
  assert.equal((await load()).at(-1).i, 1499);
  let calls = 0;
  const doubled = async (fnKwargs: unknown): Promise<number> => {
    const double = ({ i }: { i: number }): { d: number } => {
      calls++;
      return { d: 2 * i };
    };
    return (await load()).map(double, { fnKwargs }).at(-1).d;
  };
  assert.deepEqual([await doubled({ a: 1 }), await doubled({ a: 1 }), calls], [2998, 2998, 1500]);
  assert.deepEqual(
    [await doubled({ a: 2 }), await doubled(undefined), await doubled(undefined), calls],
    [2998, 2998, 2998, 6000],
  ); // prettier-ignore
  const kept = tables().filter((one) => one.includes("cache-"));
  assert.equal(kept.length, 2);
  for (const one of kept) truncateSync(join(own, one), 3000);
  assert.deepEqual([await doubled({ a: 1 }), calls], [2998, 7500]);
  writeFileSync(path, lines(0, 10));
  assert.equal((await load()).length, 10);
});

test("saved and loaded again: Arrow, JSONL, CSV, Parquet", async () => {
  const saved = await loadFromDisk(join(fixtures, "saved"));
  assert.ok(saved instanceof Dataset);
  const some = saved.select([3, 9, 0]);
  saveToDisk(DatasetDict({ train: some, test: saved.take(1) }), join(folder, "dict"));
  const dict = await loadFromDisk(join(folder, "dict"));
  assert.ok(!(dict instanceof Dataset));
  assert.deepEqual([dict.train.toList(), dict.test.length], [some.toList(), 1]);
  assert.deepEqual(featuresToJson(dict.train.features), golden.saved_features);
  const parquet = join(folder, "out.parquet");
  await some.toParquet(parquet);
  const back = await loadDataset("parquet", { dataFiles: parquet, split: "train", cacheDir });
  assert.deepEqual(back.toList().map(plain), some.toList().map(plain));
  const simple = saved.selectColumns(["label", "text", "single", "flag", "ids"]);
  simple.toJson(join(folder, "out.jsonl"));
  const json = await loadDataset("json", { dataFiles: join(folder, "out.jsonl"), split: "train", cacheDir });
  assert.deepEqual(json.toList(), simple.toList());
  const flat = simple.removeColumns("ids").filter(({ text }) => text !== null);
  flat.toCsv(join(folder, "out.csv"));
  const { features } = flat;
  const csv = await loadDataset("csv", { dataFiles: join(folder, "out.csv"), split: "train", cacheDir, features });
  assert.deepEqual(csv.column("single"), flat.column("single"));
  assert.deepEqual(csv.column("flag"), flat.column("flag"));
});

test("map in threads gives what map gives, and says what went wrong there", async () => {
  const module = put(
    "f.mjs",
    "export const map = ({ i }, index, k) => { if (i < 0) throw new Error('no ' + i); return { s: i + index + k.add }; };",
  );
  const url = new URL(`file://${module}`);
  const rows = Dataset.fromDict({ i: Array.from({ length: 3500 }, (_, i) => i) });
  const mapped = await rows.map<{ s: number }>(url, { numProc: 2, fnKwargs: { add: 1 } });
  assert.deepEqual(mapped.column("s"), rows.map(({ i }, index) => ({ s: i + index + 1 })).column("s"));
  const bad = Dataset.fromDict({ i: [1, -5] });
  await assert.rejects(bad.map(url, { numProc: 1, fnKwargs: { add: 1 } }), /in a thread: no -5/);
  await assert.rejects(rows.map(url, { numProc: 0 }), /numProc 0/);
});
