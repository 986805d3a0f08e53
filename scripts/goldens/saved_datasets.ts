// Data sets as Kindling writes them, for check_saved_datasets.py to read: `node --conditions=kindling-source saved_datasets.ts FOLDER`.

import { join } from "node:path";
import {
  ClassLabel,
  Dataset,
  DatasetDict,
  type Features,
  LargeList,
  List,
  loadFromDisk,
  saveToDisk,
  Value,
} from "kindling/data";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("saved_datasets.ts FOLDER");
const into = (name: string): string => join(folder, name);

const features: Features = {
  label: new ClassLabel({ names: ["no", "yes"] }),
  text: new Value("string"),
  big: new Value("int64"),
  small: new Value("uint8"),
  half: new Value("float16"),
  single: new Value("float32"),
  double: new Value("float64"),
  ids: new List(new Value("int32")),
  far: new LargeList(new Value("int64")),
  pair: new List(new Value("int32"), { length: 2 }),
  deep: new List(new List({ word: new Value("string"), at: new Value("float64") })),
  inner: { a: new Value("int32"), b: { c: new Value("string") } },
  raw: new Value("binary"),
  day: new Value("date32"),
  time: new Value("timestamp[us]"),
  flag: new Value("bool"),
  nothing: new Value("null"),
};
/** check_saved_datasets.py makes the same rows in Python's words. */
const rows = Array.from({ length: 1200 }, (_, k) => ({
  label: k % 2,
  text: k % 5 === 3 ? null : ["", "ä", "ß😀", 'x\n"y",z'][k % 4]!.repeat(k % 6),
  big: k % 7 === 6 ? null : 2n ** BigInt(k % 63) * (k % 2 === 0 ? 1n : -1n),
  small: k % 256,
  half: k / 4,
  single: k * 0.5 - 1,
  double: k / 3,
  ids: Array.from({ length: k % 10 }, (_, i) => i - k),
  far: [k, null, 2 ** 40],
  pair: k % 8 === 7 ? null : [k, -k],
  deep: k % 3 === 0 ? null : [[{ word: "w".repeat(k % 4), at: k / 2 }], []],
  inner: k % 4 === 1 ? { a: null, b: null } : { a: k, b: { c: `c${k}` } },
  raw: Uint8Array.from({ length: k % 5 }, (_, i) => i + 250),
  day: new Date(Date.UTC(2020, 0, 1 + k)),
  time: new Date(Date.UTC(2024, 1, 29, 12, 30, 0, k)),
  flag: k % 6 === 5 ? null : k % 6 > 2,
  nothing: null,
}));
const all = Dataset.fromList<object>(rows, { features });

all.saveToDisk(into("plain"));
all.saveToDisk(into("shards"), { numShards: 3 });
all.shuffle({ seed: 3 }).take(50).saveToDisk(into("shuffled")); // rows by their numbers are written in their order
saveToDisk(DatasetDict({ train: all.take(40), test: all.skip(40).take(9) }), into("dict"));
Dataset.fromList(rows.slice(0, 0), { features }).saveToDisk(into("empty"));
const again = await loadFromDisk<object>(into("shards"));
if (!(again instanceof Dataset)) throw new Error("one data set was saved");
again.saveToDisk(into("again"));

const flat = Dataset.fromList<object>(rows, { features }).removeColumns(["nothing", "half"] as never); // named above; CSV and Parquet have neither
await flat.toParquet(into("rows.parquet"));
Dataset.fromList(rows.map(({ label, text, double, ids, inner }) => ({ label, text, double, ids, inner }))).toJson(
  into("rows.jsonl"),
);
Dataset.fromList(rows.map(({ label, single }) => ({ label, single, words: `a, "b"\n${label}` }))).toCsv(
  into("rows.csv"),
);
