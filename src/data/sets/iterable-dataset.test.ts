// Streams give the rows, orders and places of Python's `datasets` (scripts/goldens/data_sets.py).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Value } from "../features.ts";
import { concatenateDatasets, interleaveDatasets } from "./combine.ts";
import { Dataset } from "./dataset.ts";
import { IterableDataset, toIterableDataset } from "./iterable-dataset.ts";
import type { StoppingStrategy } from "./order.ts";

interface Resumed {
  readonly seen: number[];
  readonly rest: number[];
}
interface Golden {
  readonly shuffle: Record<string, number[]>;
  readonly shuffle_shards: Record<string, number[]>;
  readonly shuffle_small: number[];
  readonly take_skip: number[];
  readonly shuffle_take: number[];
  readonly filter_map: number[];
  readonly batched: number[];
  readonly batch: number[][];
  readonly repeat: number[];
  readonly shard: number[][];
  readonly resume: Record<string, Resumed>;
  readonly interleave: Record<string, number[]>;
  readonly interleave_resume: Record<string, Resumed>;
  readonly concatenate: number[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/datasets/golden.json", import.meta.url), "utf8"),
).stream;

interface Numbered {
  i: number;
}
const numbers = Dataset.fromDict({ i: Array.from({ length: 23 }, (_, i) => i) });
const other = Dataset.fromDict({ i: Array.from({ length: 8 }, (_, i) => 100 + i) });
const stream = (numShards = 1): IterableDataset<Numbered> => toIterableDataset(numbers, { numShards });
const twice = ({ i }: { i: number[] }): { i: number[] } => ({ i: i.flatMap((x) => [x, x]) });

async function values(rows: AsyncIterable<Numbered>): Promise<number[]> {
  const found: number[] = [];
  for await (const { i } of rows) found.push(i);
  return found;
}
async function all<R>(rows: AsyncIterable<R>): Promise<R[]> {
  const found: R[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
async function resumed(rows: IterableDataset<Numbered>, after: number): Promise<Resumed> {
  const seen: number[] = [];
  for await (const { i } of rows) {
    seen.push(i);
    if (seen.length === after) break;
  }
  rows.loadStateDict(JSON.parse(JSON.stringify(rows.stateDict())));
  return { seen, rest: await values(rows) };
}

test("steps", async () => {
  assert.deepEqual(await values(stream().skip(3).take(7)), golden.take_skip);
  const third = stream().filter(({ i }) => i % 3 === 0);
  assert.deepEqual(await values(third.map(({ i }) => ({ i: i * 10 }))), golden.filter_map);
  assert.deepEqual(await values(third.map(async ({ i }) => ({ i: i * 10 }))), golden.filter_map);
  assert.deepEqual(await values(stream().map(twice, { batched: true, batchSize: 4 })), golden.batched);
  const batches: number[][] = [];
  for await (const { i } of stream().batch(5)) batches.push(i);
  assert.deepEqual(batches, golden.batch);
  assert.deepEqual(await values(stream().take(3).repeat(2)), golden.repeat);
  for (let k = 0; k < 2; k++) assert.deepEqual(await values(stream(4).shard(2, k)), golden.shard[k]);
  assert.deepEqual(await values(concatenateDatasets([stream(), toIterableDataset(other)])), golden.concatenate);
});

test("shuffled by a buffer, shards too, another way each epoch", async () => {
  const shuffled = stream().shuffle({ seed: 9, bufferSize: 6 });
  for (const [epoch, order] of Object.entries(golden.shuffle)) {
    shuffled.setEpoch(Number(epoch));
    assert.deepEqual(await values(shuffled), order, epoch);
  }
  const sharded = stream(4).shuffle({ seed: 9, bufferSize: 6 });
  for (const [epoch, order] of Object.entries(golden.shuffle_shards)) {
    sharded.setEpoch(Number(epoch));
    assert.deepEqual(await values(sharded), order, epoch);
  }
  assert.deepEqual(await values(stream().shuffle({ seed: 1, bufferSize: 100 })), golden.shuffle_small);
  assert.deepEqual(await values(stream(3).take(9).shuffle({ seed: 2, bufferSize: 4 })), golden.shuffle_take);
});

test("interleaved, by turns and by lot, to every end", async () => {
  for (const [name, order] of Object.entries(golden.interleave)) {
    const [strategy, turns] = name.split(" ");
    const stoppingStrategy = strategy as StoppingStrategy; // a key of the golden file
    const options = turns === "drawn" ? { probabilities: [0.6, 0.4], seed: 11 } : {};
    const mixed = (): IterableDataset<Numbered> =>
      interleaveDatasets([stream(), toIterableDataset(other)], { ...options, stoppingStrategy });
    assert.deepEqual(await values(mixed()), order, name);
    assert.deepEqual(await resumed(mixed(), 9), golden.interleave_resume[name], name);
  }
});

test("goes on from a saved place, as Python does", async () => {
  const { resume } = golden;
  assert.deepEqual(await resumed(stream(3), 10), resume["plain"]);
  assert.deepEqual(
    await resumed(
      stream(3).filter(({ i }) => i % 2 === 1),
      4,
    ),
    resume["filtered"],
  ); // prettier-ignore
  assert.deepEqual(
    await resumed(
      stream(2).map(({ i }) => ({ i: i + 1000 })),
      7,
    ),
    resume["mapped"],
  ); // prettier-ignore
  assert.deepEqual(await resumed(stream().map(twice, { batched: true, batchSize: 4 }), 11), resume["batched"]);
  assert.deepEqual(await resumed(stream().skip(3).take(9), 4), resume["skip_take"]);
  assert.deepEqual(await resumed(stream().shuffle({ seed: 9, bufferSize: 6 }), 8), resume["shuffled"]);
});

test("every place of every stream without a buffer can be gone on from", async () => {
  const streams: Record<string, () => IterableDataset<Numbered>> = {
    repeated: () => stream(3).take(10).repeat(2),
    joined: () =>
      concatenateDatasets([stream(2), toIterableDataset(other)]).map(twice, { batched: true, batchSize: 3 }),
    mixed: () =>
      interleaveDatasets([stream(2).skip(1), toIterableDataset(other)], { probabilities: [0.5, 0.5], seed: 3 }),
  };
  for (const [name, make] of Object.entries(streams)) {
    const all = await values(make());
    for (let after = 1; after <= all.length; after++) {
      const { seen, rest } = await resumed(make(), after);
      assert.deepEqual([...seen, ...rest], all, `${name} after ${after}`);
    }
  }
});

test("columns, features, generators; what is wrong is said", async () => {
  const made = IterableDataset.fromGenerator(function* () {
    yield { a: "1", b: 2 };
    yield { a: "3", b: 4 };
  });
  assert.deepEqual(await all(made.renameColumn("a", "c").removeColumns("b")), [{ c: "1" }, { c: "3" }]);
  assert.deepEqual(await all(made.cast({ a: new Value("int64") })), [{ a: 1 }, { a: 3 }]);
  await assert.rejects(
    all(made.cast({ a: new Value("bool") })),
    /column "a", row 1: "3" cannot become Value\('bool'\)/,
  );
  assert.throws(() => made.take(-1), /n -1/);
  assert.throws(() => made.shard(2, 0), /2 parts of 1 shards/);
  assert.throws(() => made.loadStateDict({ epoch: 0, rows: { taken: 1 } }), /another stream/);
  assert.throws(() => interleaveDatasets([made, made], { probabilities: [1] }), /probabilities 1 for 2/);
});
