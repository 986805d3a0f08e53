// Data sets in memory: rows, orders, columns and functions as Python's `datasets` has them (scripts/goldens/data_sets.py).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Tensor } from "../../tensor/tensor.ts";
import { ClassLabel, type Features, featuresFromJson, featuresToJson, Json, List, Value } from "../features.ts";
import { NumpyGenerator } from "../numpy-random.ts";
import { concatenateDatasets, interleaveDatasets } from "./combine.ts";
import { Dataset } from "./dataset.ts";
import type { StoppingStrategy } from "./order.ts";

type Orders = Record<string, number[]>;
interface Golden {
  readonly draws: {
    readonly permutation: number[];
    readonly random: number;
    readonly choice: number[];
    readonly weighted: number[];
    readonly seed63: string;
    readonly wide: number;
    readonly integers: number[];
    readonly big: number[];
  };
  readonly shuffle: Orders;
  readonly shuffle_twice: number[];
  readonly split: Record<string, { readonly train: number[]; readonly test: number[] }>;
  readonly stratified: Record<string, { readonly train: number[]; readonly test: number[] }> & {
    readonly labels: number[];
  };
  readonly shard: { readonly contiguous: number[][]; readonly strided: number[][] };
  readonly sort: Orders;
  readonly interleave: Orders;
  readonly concatenate: { readonly features: unknown; readonly rows: unknown[] };
  readonly classes: Record<string, { readonly names: string[]; readonly values: unknown[] }>;
  readonly unique: Record<string, unknown[]>;
  readonly nested: {
    readonly rows: object[];
    readonly features: unknown;
    readonly flat_features: unknown;
    readonly flat: unknown[];
  };
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/datasets/golden.json", import.meta.url), "utf8"),
);
const numbers = Dataset.fromDict({ i: Array.from({ length: 23 }, (_, i) => i) });

test("NumPy's draws", () => {
  const { draws } = golden;
  const rng = new NumpyGenerator(42);
  assert.deepEqual([...rng.permutation(20)], draws.permutation);
  assert.equal(rng.random(), draws.random);
  assert.deepEqual(rng.choice(20, 5), draws.choice);
  assert.deepEqual(rng.weighted([0.3, 0.5, 0.2], 8), draws.weighted);
  assert.equal(String(rng.seed63()), draws.seed63);
  assert.equal(rng.upTo(2 ** 33), draws.wide);
  const saved = JSON.parse(JSON.stringify(rng.state));
  const twelve = (): number[] => Array.from({ length: 12 }, () => rng.upTo(9));
  assert.deepEqual(twelve(), draws.integers);
  rng.state = saved;
  assert.deepEqual(twelve(), draws.integers);
  assert.deepEqual([...new NumpyGenerator(2n ** 200n + 5n).permutation(6)], draws.big);
  assert.throws(() => new NumpyGenerator(-1), /at least 0/);
});

test("shuffles as Python does with the same seed", () => {
  for (const [seed, order] of Object.entries(golden.shuffle)) {
    assert.deepEqual(numbers.shuffle({ seed: Number(seed) }).column("i"), order, seed);
  }
  assert.deepEqual(numbers.shuffle({ seed: 3 }).shuffle({ seed: 4 }).column("i"), golden.shuffle_twice);
});

test("splits as Python does, stratified too", () => {
  const parts = {
    default: {},
    share: { testSize: 0.1 },
    count: { testSize: 5, trainSize: 6 },
    train: { trainSize: 0.5 },
  };
  for (const [name, options] of Object.entries(parts)) {
    const { train, test } = numbers.trainTestSplit({ ...options, seed: 7 });
    assert.deepEqual({ train: train.column("i"), test: test.column("i") }, golden.split[name], name);
  }
  const { train, test } = numbers.trainTestSplit({ testSize: 0.3, shuffle: false });
  assert.deepEqual({ train: train.column("i"), test: test.column("i") }, golden.split["in_order"]);

  const { labels, ...sizes } = golden.stratified;
  const features = { i: new Value("int64"), label: new ClassLabel({ names: ["a", "b", "c"] }) };
  const rows = Dataset.fromDict({ i: labels.map((_, i) => i), label: labels }, { features });
  for (const [size, expected] of Object.entries(sizes)) {
    const split = rows.trainTestSplit({ testSize: Number(size), stratifyByColumn: "label", seed: 5 });
    assert.deepEqual({ train: split.train.column("i"), test: split.test.column("i") }, expected, size);
  }
  assert.throws(() => rows.trainTestSplit({ stratifyByColumn: "i" }), /classEncodeColumn\("i"\)/);
  assert.throws(() => numbers.trainTestSplit({ testSize: 23 }), /testSize 23 of 23 rows/);
  assert.throws(() => numbers.trainTestSplit({ testSize: 20, trainSize: 20 }), /20 \+ 20 rows of 23/);
});

test("shards, sorts and interleaves as Python does", () => {
  for (let k = 0; k < 4; k++) {
    assert.deepEqual(numbers.shard(4, k).column("i"), golden.shard.contiguous[k]);
    assert.deepEqual(numbers.shard(4, k, { contiguous: false }).column("i"), golden.shard.strided[k]);
  }
  const mixed = Dataset.fromDict({
    t: ["b", null, "a", "B", "é", "😀", "\ue000", "a"],
    n: [3, 1, null, 2, 3, 1, 2, 0],
    i: [0, 1, 2, 3, 4, 5, 6, 7],
  });
  assert.deepEqual(mixed.sort("t").column("i"), golden.sort["t"]);
  assert.deepEqual(mixed.sort("t", { reverse: true }).column("i"), golden.sort["t_down"]);
  assert.deepEqual(mixed.sort("n", { nullPlacement: "atStart" }).column("i"), golden.sort["n_start"]);
  assert.deepEqual(mixed.sort(["n", "t"], { reverse: [true, false] }).column("i"), golden.sort["n_t"]);
  const parts = [5, 3, 8].map((n, k) => Dataset.fromDict({ i: Array.from({ length: n }, (_, i) => 100 * k + i) }));
  for (const [name, order] of Object.entries(golden.interleave)) {
    const [strategy, turns] = name.split(" ");
    const stoppingStrategy = strategy as StoppingStrategy; // a key of the golden file
    const options = turns === "drawn" ? { probabilities: [0.5, 0.2, 0.3], seed: 11 } : {};
    assert.deepEqual(interleaveDatasets(parts, { ...options, stoppingStrategy }).column("i"), order, name);
  }
});

test("concatenates; null columns take the others' kind, other kinds must agree", () => {
  const both = concatenateDatasets([Dataset.fromList([{ a: 1, b: "x" }]), Dataset.fromList([{ a: 2, b: null }])]);
  assert.deepEqual(both.toList(), golden.concatenate.rows);
  assert.deepEqual(featuresToJson(both.features), golden.concatenate.features);
  const joined = concatenateDatasets([numbers.shuffle({ seed: 0 }), numbers.take(2)]);
  assert.deepEqual(joined.column("i"), [...golden.shuffle["0"]!, 0, 1]);
  assert.throws(() => concatenateDatasets([numbers, Dataset.fromList([{ i: "x" }])]), /castColumn/);
  const beside = concatenateDatasets([numbers.shuffle({ seed: 0 }), Dataset.fromDict({ j: numbers.column("i") })], {
    axis: 1,
  });
  assert.deepEqual(beside.at(3), { i: golden.shuffle["0"]![3], j: 3 });
});

test("class labels, unique values", () => {
  const words = Dataset.fromDict({
    w: ["10", "9", "b", null, "a", "b"],
    n: [10, 9, 2, null, 2, 9],
    f: [true, false, null, true, true, false],
  });
  for (const [name, { names, values }] of Object.entries(golden.classes)) {
    const column = name as "w" | "n" | "f"; // a key of the golden file
    const encoded = words.classEncodeColumn(column);
    const label = encoded.features[column];
    assert.ok(label instanceof ClassLabel);
    assert.deepEqual([label.names, encoded.column(column)], [names, values]);
    assert.deepEqual(words.unique(column), golden.unique[column]);
  }
  const label = new ClassLabel({ names: ["no", "yes"] });
  assert.equal(label.int2str(1), "yes");
  assert.equal(label.str2int("yes"), 1);
  assert.equal(label.str2int("0"), 0);
  assert.throws(() => label.str2int("maybe"), /"maybe" is not a class. They are no, yes/);
  assert.throws(() => label.int2str(2), /no class 2/);
  const cast = Dataset.fromDict({ y: ["no", null, "yes"] }).cast({ y: label });
  assert.deepEqual(cast.column("y"), [0, null, 1]);
  assert.throws(() => Dataset.fromDict({ y: [3] }, { features: { y: label } }), /column "y", row 0: 3 is not a class/);
});

test("nested rows and their features", () => {
  const { rows, features, flat, flat_features: flatFeatures } = golden.nested;
  const deep = Dataset.fromList(rows);
  assert.deepEqual(featuresToJson(deep.features), features);
  assert.deepEqual(featuresToJson(featuresFromJson(features)), features);
  assert.deepEqual(deep.toList(), rows);
  assert.deepEqual(featuresToJson(deep.flatten().features), flatFeatures);
  assert.deepEqual(deep.flatten().toList(), flat);
});

test("features follow the values, however late they change", () => {
  const rows: object[] = Array.from({ length: 3000 }, (_, i) => ({ a: i }));
  rows[1500] = { a: 0.5 };
  rows[2500] = { a: null, b: [1] };
  rows[2999] = { a: 1, b: ["x"] };
  const found = Dataset.fromList(rows);
  assert.deepEqual(found.features, { a: new Value("float64"), b: new List(new Json()) });
  assert.deepEqual(found.at(1500), { a: 0.5, b: null });
  assert.deepEqual(found.at(2500), { a: null, b: [1] });
  assert.deepEqual(found.at(-1), { a: 1, b: ["x"] });
  assert.deepEqual(found.column("a" as never).slice(0, 3), [0, 1, 2]);
});

test("values of every kind come back", () => {
  const features: Features = {
    big: new Value("int64"),
    u: new Value("uint64"),
    day: new Value("date32"),
    at: new Value("timestamp[us]"),
    raw: new Value("binary"),
    half: new Value("float16"),
    any: new Json(),
    grid: new List(new List(new Value("int8")), { length: 2 }),
    long: new Value("large_string"),
  };
  const rows = [
    {
      big: 2n ** 62n,
      u: 2n ** 63n + 1n,
      day: new Date("1969-12-31"),
      at: new Date("2024-02-29T12:30:01.005Z"),
      raw: Uint8Array.of(0, 255),
      half: 0.5,
      any: { a: [1, "x"] },
      grid: [[1], [-2, 3]],
      long: "ü",
    },
    { big: -5, u: 0, day: null, at: null, raw: null, half: null, any: null, grid: null, long: null },
  ];
  assert.deepEqual(Dataset.fromList<object>(rows, { features }).toList(), rows);
  const typed = Dataset.fromList([{ f: Float32Array.of(0.1), i: Int32Array.of(1, 2) }]);
  assert.deepEqual(typed.features, { f: new List(new Value("float32")), i: new List(new Value("int32")) });
  assert.deepEqual(typed.at(0), { f: [Math.fround(0.1)], i: [1, 2] });
});

test("map: rows, batches, columns, promises, nothing", async () => {
  const rows = Dataset.fromDict({ a: [1, 2, 3], t: ["x", "y", "z"] });
  const mapped = rows.map((row, index) => ({ b: row.a * 2 + index, t: row.t.toUpperCase() }));
  assert.deepEqual(mapped.toList(), [
    { a: 1, t: "X", b: 2 },
    { a: 2, t: "Y", b: 5 },
    { a: 3, t: "Z", b: 8 },
  ]);
  assert.deepEqual(rows.map(({ a }) => ({ n: a }), { removeColumns: ["a", "t"] }).columnNames, ["n"]);
  const doubled = rows.map(({ t }) => ({ t: t.flatMap((one) => [one, one]) }), {
    batched: true,
    batchSize: 2,
    removeColumns: ["a"],
  });
  assert.deepEqual(doubled.column("t"), ["x", "x", "y", "y", "z", "z"]);
  assert.throws(() => rows.map(() => ({ t: ["only"] }), { batched: true }), /3 values of "a" and 1 of the others/);
  const join = (a: number, t: string, index: number, { by }: { by: string }) => ({ s: `${a}${t}${index}${by}` });
  const sums = rows.map(join, { inputColumns: ["a", "t"], fnKwargs: { by: "!" } });
  assert.deepEqual(sums.column("s"), ["1x0!", "2y1!", "3z2!"]);
  const later = rows.map(async ({ a }) => ({ a: await Promise.resolve(a + 10) }));
  assert.ok(later instanceof Promise);
  assert.deepEqual((await later).column("a"), [11, 12, 13]);
  assert.equal(
    rows.map(() => {}),
    rows,
  );
  assert.throws(() => rows.map(() => 3 as never), /row 0 became 3/);
  assert.throws(() => rows.map((row) => row, { removeColumns: ["q" as "a"] }), /there is no column "q"/);
});

test("filter, select, take, skip, repeat, iter", async () => {
  assert.deepEqual(numbers.filter(({ i }) => i % 10 === 3).column("i"), [3, 13]);
  const batches = numbers.filter(({ i }) => i.map((x) => x > 20), { batched: true, batchSize: 4 });
  assert.deepEqual(batches.column("i"), [21, 22]);
  assert.deepEqual((await numbers.filter(async ({ i }) => i === 5)).column("i"), [5]);
  assert.deepEqual(numbers.select([-1, 0, 0]).column("i"), [22, 0, 0]);
  assert.throws(() => numbers.select([23]), /row 23 of 23/);
  assert.deepEqual(numbers.skip(20).repeat(2).take(4).column("i"), [20, 21, 22, 20]);
  assert.deepEqual(
    [...numbers.iter(10)].map(({ i }) => i.length),
    [10, 10, 3],
  );
  assert.deepEqual([...numbers.iter(10, { dropLastBatch: true })].length, 2);
  assert.deepEqual(numbers.slice(-3).i, [20, 21, 22]);
  assert.throws(() => numbers.at(-24), /row -24 of 23/);
});

test("columns: add, rename, remove, choose, cast", () => {
  const rows = Dataset.fromDict({ a: ["1", "2"], b: [0.5, 1.5] });
  assert.deepEqual(rows.select([1, 0]).addColumn("c", [true, false]).toList(), [
    { a: "2", b: 1.5, c: true },
    { a: "1", b: 0.5, c: false },
  ]);
  assert.deepEqual(rows.renameColumn("a", "z").selectColumns("z").toDict(), { z: ["1", "2"] });
  assert.deepEqual(rows.removeColumns(["a"]).columnNames, ["b"]);
  assert.throws(() => rows.renameColumns({ a: "b" }), /two columns "b"/);
  assert.deepEqual(rows.castColumn("a", new Value("int32")).column("a"), [1, 2]);
  assert.throws(
    () => rows.castColumn("b", new Value("int64")),
    /column "b", row 0: 0.5 cannot become Value\('int64'\)/,
  );
  assert.throws(() => rows.addColumn("c", [1]), /1 values for 2 rows/);
});

test("shown as tensors, or through a function", () => {
  const rows = Dataset.fromDict({
    ids: [
      [1, 2],
      [3, 4],
    ],
    x: [0.5, 1],
    t: ["a", "b"],
  }).withFormat("tensor");
  const { ids, x, t } = rows.at(1);
  assert.ok(ids instanceof Tensor && x instanceof Tensor);
  assert.deepEqual([ids.tolist(), ids.dtype, x.item(), x.dtype, t], [[3, 4], "int64", 1, "float32", "b"]);
  const batch: unknown = rows.slice(0, 2).ids;
  assert.ok(batch instanceof Tensor);
  assert.deepEqual(batch.shape, [2, 2]);
  const loud = Dataset.fromDict({ t: ["a"] }).withTransform(({ t }) => ({ u: t.map((one) => `${one}!`) }));
  assert.deepEqual([loud.at(0), [...loud]], [{ u: "a!" }, [{ u: "a!" }]]);
});
