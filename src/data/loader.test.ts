// Loading: PyTorch's orders, resuming in the middle of an epoch, reading ahead, workers.

import { test } from "node:test";
import { close, deepEqual, equal, fixture, ok, rejects, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, DataError, IndexError } from "../base/errors.ts";
import { Generator, manualSeed } from "../base/random.ts";
import * as data from "../data.ts";
import { tensor } from "../tensor/create.ts";
import { rand } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

type Kind = "loader" | "random" | "subset" | "weighted" | "batch" | "randomSplit";
interface Golden {
  readonly sampler: Kind;
  readonly seed: number;
  readonly n: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly generatorSeed: number | null;
  readonly epochs: readonly number[][];
  readonly from: readonly number[];
  readonly weights: readonly number[];
  readonly numSamples: number;
  readonly replacement: boolean;
  readonly dropLast: boolean;
  readonly lengths: readonly number[];
  readonly indices: unknown;
  readonly next: number;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
/** The rows of a loader over the numbers 0 … n − 1, batch by batch. */
async function batches(loader: AsyncIterable<Tensor>): Promise<number[][]> {
  const out: number[][] = [];
  for await (const batch of loader) out.push(Array.from(batch.toArray()));
  return out;
}

const orders: { readonly [kind in Kind]: (g: Golden) => unknown } = {
  async loader({ n, batchSize, shuffle, generatorSeed }) {
    const own = generatorSeed === null ? {} : { generator: new Generator(generatorSeed) };
    const loader = new data.DataLoader(range(n), { batchSize, shuffle, ...own });
    const epochs: number[][] = [];
    for (let i = 0; i < 3; i++) epochs.push((await batches(loader)).flat());
    return epochs;
  },
  random: ({ n, numSamples, replacement }) => [...new data.RandomSampler(range(n), { numSamples, replacement })],
  subset: ({ from }) => [...new data.SubsetRandomSampler(from)],
  weighted: ({ weights, numSamples, replacement }) => [
    ...new data.WeightedRandomSampler(weights, numSamples, { replacement }),
  ],
  batch: ({ n, batchSize, dropLast }) => [
    ...new data.BatchSampler(new data.RandomSampler(range(n)), { batchSize, dropLast }),
  ],
  randomSplit: ({ lengths }) => data.randomSplit(range(8), lengths).map((part) => [...part.indices]),
};

for (const golden of (await fixture("random/loader.json")) as Golden[]) {
  const { sampler, seed, epochs, indices, next, ...args } = golden;
  test(`${sampler} ${JSON.stringify(args)} as PyTorch's`, async () => {
    manualSeed(seed);
    deepEqual(await orders[sampler](golden), sampler === "loader" ? epochs : indices);
    close([rand([1]).item()], [next], tolerances.float32, "the next draw");
  });
}

interface SamplerGoldens {
  readonly distributed: readonly (data.DistributedOptions & {
    readonly n: number;
    readonly length: number;
    readonly epochs: readonly number[][];
  })[];
  readonly grouped: readonly {
    readonly lengths: readonly number[];
    readonly batchSize: number;
    readonly generatorSeed: number | null;
    readonly indices: readonly number[];
    readonly next: number;
  }[];
  readonly splits: readonly {
    readonly n: number;
    readonly lengths: readonly number[];
    readonly indices: readonly number[][];
    readonly next: number;
  }[];
}
const samplers = (await fixture("data/loader.json")) as SamplerGoldens;

test("DistributedSampler as PyTorch's, and the same after a restart", async () => {
  for (const { n, length, epochs, ...options } of samplers.distributed) {
    const sampler = new data.DistributedSampler(range(n), options);
    equal(sampler.length, length);
    epochs.forEach((wanted, epoch) => {
      sampler.setEpoch(epoch);
      deepEqual([...sampler], wanted);
    });
    const again = new data.DistributedSampler(range(n), options);
    again.loadStateDict(sampler.stateDict());
    deepEqual([...again], epochs.at(-1)!);
  }
  throws(() => new data.DistributedSampler(range(3), { numReplicas: 2, rank: 2 }), ArgumentError, /rank 2 of 2/);
});

test("LengthGroupedSampler as transformers', randomSplit by shares as PyTorch's", () => {
  for (const { lengths, batchSize, generatorSeed, indices, next } of samplers.grouped) {
    manualSeed(21);
    const own = generatorSeed === null ? {} : { generator: new Generator(generatorSeed) };
    deepEqual([...new data.LengthGroupedSampler(lengths, { batchSize, ...own })], indices);
    close([rand([1]).item()], [next], tolerances.float32, "the next draw");
  }
  for (const { n, lengths, indices, next } of samplers.splits) {
    manualSeed(4);
    deepEqual(
      data.randomSplit(range(n), lengths).map((part) => [...part.indices]),
      [...indices],
    );
    close([rand([1]).item()], [next], tolerances.float32, "the next draw");
  }
});

test("data sets behind and beside each other", async () => {
  const slow: data.MapStyleDataset<string> = { length: 2, getItem: async (i) => "ab"[i]! };
  const both = new data.ConcatDataset<number | string>([range(3), [], slow]);
  equal(both.length, 5);
  const read = await Promise.all([0, 2, 3, 4, -1, -5].map(async (i) => both.getItem(i)));
  deepEqual(read, [0, 2, "a", "b", "b", 0]);
  for (const i of [5, -6]) throws(() => both.getItem(i), IndexError, /out of range for 5 rows/);
  throws(() => new data.ConcatDataset([]), ArgumentError, /at least one/);
  const named = new data.StackDataset({ id: range(2), text: slow });
  deepEqual(await named.getItem(1), { id: 1, text: "b" });
  deepEqual(new data.StackDataset([range(2), range(2)]).getItem(1), [1, 1]);
  throws(() => new data.StackDataset({ a: range(2), b: range(3) }), ArgumentError, /2, 3 rows/);
});

test("length groups hold like lengths, the longest row first", () => {
  const generator = new Generator(7);
  const lengths = range(1000).map(() => generator.integer(1, 300));
  const sampler = new data.LengthGroupedSampler(lengths, { batchSize: 8, generator });
  const order = [...sampler];
  deepEqual(
    [...order].sort((a, b) => a - b),
    range(1000),
  );
  equal(lengths[order[0]!], Math.max(...lengths));
  const padding = (batch: readonly number[]): number => {
    const own = batch.map((i) => lengths[i]!);
    return own.reduce((sum, length) => sum + Math.max(...own) - length, 0);
  };
  const wasted = (rows: readonly number[]): number =>
    range(125).reduce((sum, b) => sum + padding(rows.slice(8 * b, 8 * b + 8)), 0);
  ok(wasted(order) < wasted(range(1000)) / 10);
});

const rows = range(23);
const loaders: Readonly<Record<string, () => data.DataLoader<number>>> = {
  "in order": () => new data.DataLoader(rows, { batchSize: 4 }),
  shuffled: () => new data.DataLoader(rows, { batchSize: 4, shuffle: true }),
  "shuffled by a generator": () =>
    new data.DataLoader(rows, { batchSize: 4, shuffle: true, generator: new Generator(5) }),
  "by weights": () =>
    new data.DataLoader(rows, {
      batchSize: 4,
      sampler: new data.WeightedRandomSampler(rows, 30, { replacement: true }),
    }),
  "in groups": () => {
    const sampler = new data.LengthGroupedSampler(rows, { batchSize: 2, generator: new Generator(6) });
    return new data.DataLoader(rows, {
      batchSampler: new data.BatchSampler(sampler, { batchSize: 2, dropLast: true }),
    });
  },
};
for (const [name, make] of Object.entries(loaders)) {
  test(`${name}, the rest of an epoch and the next are the same after a restart`, async () => {
    for (const stopAfter of [1, 3, make().length]) {
      manualSeed(1);
      const first = make();
      await batches(first); // one whole epoch before
      const iterator = first[Symbol.asyncIterator]();
      for (let i = 0; i < stopAfter; i++) await iterator.next();
      const saved = JSON.parse(JSON.stringify(first.stateDict())) as data.LoaderState;
      equal(saved.batches, stopAfter);
      const shared = rand([1]).item(); // others draw from the default stream too
      const rest = await batches({ [Symbol.asyncIterator]: () => iterator });
      const following = await batches(first);

      manualSeed(1);
      const second = make();
      await batches(second);
      const forerun = second[Symbol.asyncIterator]();
      await forerun.next(); // the default stream is where it was; a checkpoint of the random state sees to that
      equal(rand([1]).item(), shared);
      second.loadStateDict(saved);
      deepEqual(second.stateDict(), saved);
      deepEqual(await batches(second), rest);
      deepEqual(await batches(second), following);
    }
  });
}

test("rows that arrive later are read one batch ahead, and errors come with their batch", async () => {
  const asked: number[] = [];
  const dataset: data.MapStyleDataset<number> = {
    length: 8,
    async getItem(i) {
      asked.push(i);
      if (i === 5) throw new DataError("row 5 is broken", { row: 5 });
      return i;
    },
  };
  const iterator = new data.DataLoader(dataset, { batchSize: 2 })[Symbol.asyncIterator]();
  await iterator.next();
  deepEqual(asked, [0, 1, 2, 3]);
  await iterator.next();
  deepEqual(asked, range(6));
  await rejects(() => iterator.next(), DataError, /row 5 is broken/);
  equal((await iterator.next()).done, true);
});

test("rows that are there are not read ahead", async () => {
  const asked: number[] = [];
  const dataset = data.mapDataset(range(6), (i) => {
    asked.push(i);
    return i;
  });
  await new data.DataLoader(dataset, { batchSize: 2 })[Symbol.asyncIterator]().next();
  deepEqual(asked, [0, 1]);
});

test("datasets: subsets, tensors, shares", async () => {
  const [x, y] = [
    tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    tensor([0, 1, 2], { dtype: "int32" }),
  ];
  const set = new data.TensorDataset(x, y);
  for await (const batch of new data.DataLoader(new data.Subset(set, [2, 0]), { batchSize: 2 })) {
    deepEqual(
      (batch as Tensor[]).map((t) => t.tolist()),
      [
        [
          [5, 6],
          [1, 2],
        ],
        [2, 0],
      ],
    );
  }
  deepEqual(
    data.randomSplit(range(10), [0.5, 0.25, 0.25]).map(({ length }) => length),
    [6, 2, 2],
  );
  throws(() => data.randomSplit(range(10), [5, 6]), ArgumentError, /neither 10 rows nor 1/);
  throws(() => new data.Subset(range(2), [2]), IndexError, /index 2/);
  throws(() => new data.TensorDataset(x, tensor([1])), ArgumentError, /3, 1 rows/);
});

test("options that exclude each other are refused", () => {
  const sampler = new data.SequentialSampler(range(3));
  throws(() => new data.DataLoader(range(3), { sampler, shuffle: true }), ArgumentError, /exclude/);
  throws(() => new data.DataLoader(range(3), { batchSize: 0 }), ArgumentError, /batchSize 0/);
  const batchSampler = new data.BatchSampler(sampler, { batchSize: 2 });
  throws(() => new data.DataLoader(range(3), { batchSampler, batchSize: 2 }), ArgumentError, /excludes/);
  equal(new data.DataLoader(range(5), { batchSize: 2, dropLast: true }).length, 2);
});
