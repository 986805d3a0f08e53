// Loading with workers and from iterables: PyTorch's seeds and orders, the same batches as without workers, errors, ends.

import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import type * as batchesModule from "../../test/loader-batches.ts";
import type * as rowsModule from "../../test/loader-rows.ts";
import { close, deepEqual, equal, fixture, ok, rejects, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, DataError } from "../base/errors.ts";
import { Generator, manualSeed } from "../base/random.ts";
import * as data from "../data.ts";
import { rand } from "../tensor/random.ts";

interface WorkerGolden {
  readonly n: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly generatorSeed: number | null;
  readonly numWorkers: number;
  readonly persistent: boolean;
  readonly epochs: readonly rowsModule.Row[][][];
  readonly next: number;
}
interface StreamGolden {
  readonly sizes: readonly number[];
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly numWorkers: number;
  readonly batches: readonly number[][];
}
const goldens = (await fixture("data/loader.json")) as {
  readonly workers: readonly WorkerGolden[];
  readonly streams: readonly StreamGolden[];
};

const rowsUrl = new URL("../../test/loader-rows.ts", import.meta.url);
const rowsOf = (args: rowsModule.Args): Promise<data.ModuleDataset<unknown, unknown>> =>
  data.moduleDataset<typeof rowsModule>(rowsUrl, args);
const asList = (rows: readonly unknown[]): readonly unknown[] => rows;

async function all<T>(loader: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const batch of loader) out.push(batch);
  return out;
}

goldens.workers.forEach((golden, i) => {
  test(`workers ${i} have PyTorch's rows, seeds and draws`, async () => {
    const { n, batchSize, shuffle, generatorSeed, numWorkers, persistent, epochs, next } = golden;
    manualSeed(17);
    const own = generatorSeed === null ? {} : { generator: new Generator(generatorSeed) };
    using loader = new data.DataLoader(await rowsOf({ n, kind: "drawn" }), {
      batchSize,
      shuffle,
      numWorkers,
      persistentWorkers: persistent,
      collateFn: asList,
      ...own,
    });
    for (const epoch of epochs) deepEqual(await all(loader), epoch);
    close([rand([1]).item()], [next], tolerances.float32, "the next draw");
  });
});

goldens.streams.forEach(({ sizes, batchSize, dropLast, numWorkers, batches }, i) => {
  test(`batches of streams ${i} come in PyTorch's order`, async () => {
    const rows = await rowsOf({ n: 0, kind: "sizes", sizes });
    deepEqual(await all(new data.DataLoader(rows, { batchSize, dropLast, numWorkers, collateFn: asList })), [
      ...batches,
    ]);
  });
});

test("workers give the batches of one thread, in their order, however long each takes", async () => {
  const rows = await rowsOf({ n: 11, kind: "slow" });
  const options = { batchSize: 2, shuffle: true, collateFn: asList };
  const inline = new data.DataLoader(rows, { ...options, generator: new Generator(1) });
  const threaded = new data.DataLoader(rows, { ...options, generator: new Generator(1), numWorkers: 2 });
  deepEqual(await all(threaded), await all(inline));
  deepEqual(await all(threaded), await all(inline)); // the next epoch, by other workers
});

test("a module's collateFn runs in the worker; tensors come through as numbers", async () => {
  const args = { n: 5, add: 100 };
  const url = new URL("../../test/loader-batches.ts", import.meta.url);
  const rows = await data.moduleDataset<typeof batchesModule>(url, args);
  const loader = new data.DataLoader(rows, { batchSize: 2, numWorkers: 2, persistentWorkers: true });
  const seen = (batch: data.Tensors<batchesModule.Batch>): unknown[] => [
    batch.ids.tolist(),
    batch.sum.item(),
    batch.worker,
  ];
  const wanted: unknown[][] = [
    [[100, 101], 201, 0],
    [[102, 103], 205, 1],
    [[104], 104, 0],
  ];
  const first = await all(loader);
  deepEqual(first.map(seen), wanted);
  deepEqual(
    first.map(({ started }) => started),
    [0, 1, 0],
  );
  const second = await all(loader);
  deepEqual(second.map(seen), wanted);
  deepEqual(
    second.map(({ made }) => made),
    [2, 1, 3], // the workers of the first epoch
  );
  loader.close();
  deepEqual(
    (await all(new data.DataLoader(rows, { batchSize: 2 }))).map(seen),
    wanted.map(([ids, sum]) => [ids, sum, -1]),
  );
});

test("an iterable is read whole by each worker, unless it has parts or is dealt out", async () => {
  const loaderOf = async (kind: "stream" | "dealt" | "sharded", numWorkers: number) =>
    new data.DataLoader(await rowsOf({ n: 7, kind }), { batchSize: 2, numWorkers, collateFn: asList });
  const single = [[0, 1], [2, 3], [4, 5], [6]];
  deepEqual(
    await all(await loaderOf("stream", 2)),
    single.flatMap((batch) => [batch, batch]),
  );
  for (const workers of [0, 2]) deepEqual(await all(await loaderOf("dealt", workers)), single);
  const parts = [[0, 2], [1, 3], [4, 6], [5]];
  deepEqual(await all(await loaderOf("sharded", 3)), parts); // of three workers one has nothing to do
  equal((await loaderOf("stream", 0)).length, 4);
  throws(() => new data.DataLoader([1, 2].values()).length, ArgumentError, /does not say how many rows/);
  const chain = new data.ChainDataset<number>([[1, 2].values(), new Set([3])]);
  deepEqual(await all(new data.DataLoader(chain, { batchSize: 2, collateFn: asList })), [[1, 2], [3]]);
});

const asNumbers = (batch: readonly unknown[]): unknown[] => batch.map((row) => (Array.isArray(row) ? row[0] : row));
const resumed: readonly { readonly args: rowsModule.Args; readonly options?: object; readonly after?: number[] }[] = [
  { args: { n: 13 } },
  { args: { n: 13 }, options: { shuffle: true }, after: [0, 5, 7] },
  { args: { n: 13 }, options: { shuffle: true, numWorkers: 2 }, after: [5] },
  { args: { n: 13 }, options: { shuffle: true, numWorkers: 2, persistentWorkers: true }, after: [0, 7] },
  ...(["dealt", "sharded", "stateful"] as const).flatMap((kind) => [
    { args: { n: 13, kind } },
    { args: { n: 13, kind }, options: { numWorkers: 2 } },
  ]),
];
for (const { args, options = {}, after = [3] } of resumed) {
  test(`${args.kind ?? "rows"} ${JSON.stringify(options)} go on where a saved place says`, async () => {
    const rows = await rowsOf(args);
    const make = (): data.DataLoader<unknown, unknown> =>
      new data.DataLoader(rows, { batchSize: 2, generator: new Generator(3), collateFn: asNumbers, ...options });
    using whole = make();
    const isDrawn = "shuffle" in options; // one epoch is then not like another
    if (isDrawn) await all(whole);
    const places: data.LoaderState[] = [whole.stateDict()];
    const epoch: unknown[] = [];
    for await (const batch of whole) {
      epoch.push(batch);
      places.push(JSON.parse(JSON.stringify(whole.stateDict())));
    }
    const following = isDrawn ? await all(whole) : [];
    for (const at of after) {
      using second = make();
      second.loadStateDict(places[at]!);
      deepEqual(await all(second), epoch.slice(at));
      if (isDrawn) deepEqual(await all(second), following);
    }
  });
}

test("a stateful iterable is not read again before its place", async () => {
  const rows = await rowsOf({ n: 13, kind: "stateful" });
  let ofTwo: data.LoaderState | undefined;
  for (const numWorkers of [0, 2]) {
    const first = new data.DataLoader(rows, { batchSize: 2, numWorkers, collateFn: asList });
    let saved: data.LoaderState | undefined;
    for await (const _ of first) {
      saved = first.stateDict();
      if (saved.batches === 4) break;
    }
    ofTwo = saved;
    const second = new data.DataLoader(rows, { batchSize: 2, numWorkers, collateFn: asList });
    second.loadStateDict(saved!);
    const [row, read] = ((await all(second)) as [number, number][][])[0]![0]!;
    deepEqual([row, read], numWorkers === 0 ? [8, 0] : [4, 0]);
  }
  const other = new data.DataLoader(rows, { numWorkers: 3, collateFn: asList });
  throws(() => other.loadStateDict(ofTwo!), ArgumentError, /of 2 streams.*numWorkers 3/);
});

test("a worker's error comes with its stack and the rows of the batch; a worker that ends is told", async () => {
  const options = { batchSize: 2, numWorkers: 2 };
  const broken = new data.DataLoader(await rowsOf({ n: 9, kind: "slow", failAt: 5 }), options);
  const error = await all(broken).then(
    () => undefined,
    (reason: unknown) => reason as DataError,
  );
  ok(error instanceof DataError);
  equal(error.message, "DataLoader: worker 0 failed at the batch of rows 4, 5: row 5 is broken");
  const cause = error.cause as Error;
  equal(cause.name, "RangeError");
  ok(/loader-rows\.ts:\d+/.test(cause.stack ?? ""), cause.stack);

  using gone = new data.DataLoader(await rowsOf({ n: 9, kind: "slow", exitAt: 3 }), {
    ...options,
    persistentWorkers: true,
  });
  await rejects(() => all(gone), DataError, /worker 1 ended and makes no more batches/);
  await rejects(() => all(gone), DataError, /worker 1 ended/); // the next epoch does not hang either
  const stream = new data.DataLoader(await rowsOf({ n: 9, kind: "dealt", failAt: 4 }), { batchSize: 2, numWorkers: 2 });
  await rejects(() => all(stream), DataError, /worker 0 failed at its stream: row 4 is broken/);
});

test("a program ends after an early break, with workers still at work", async () => {
  const program = `
    import * as data from ${JSON.stringify(new URL("../data.ts", import.meta.url).href)};
    const rows = await data.moduleDataset(new URL(${JSON.stringify(rowsUrl.href)}), { n: 40, kind: "slow" });
    for (const persistentWorkers of [false, true]) {
      const loader = new data.DataLoader(rows, { batchSize: 10, numWorkers: 2, persistentWorkers, collateFn: (r) => r.length });
      for await (const batch of loader) { console.log(batch); break; }
    }`;
  const flags = ["--conditions=kindling-source", "--input-type=module-typescript", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 30_000 });
  equal(stdout, "10\n10\n");
});

test("what cannot work with workers is refused before any starts", async () => {
  throws(() => new data.DataLoader([1], { numWorkers: 1 }), ArgumentError, /moduleDataset/);
  throws(() => new data.DataLoader([1], { numWorkers: -1 }), ArgumentError, /numWorkers -1/);
  throws(() => new data.DataLoader([1], { prefetchFactor: 0 }), ArgumentError, /prefetchFactor 0/);
  throws(() => new data.DataLoader([1], { persistentWorkers: true }), ArgumentError, /numWorkers above 0/);
  throws(() => new data.DataLoader(new Set([1]), { shuffle: true }), ArgumentError, /order of its own/);
  throws(() => new data.DataLoader(new Set([1]), { batchSize: 1.5 }), ArgumentError, /batchSize 1.5/);
  const nothing = new URL("../../test/tolerances.ts", import.meta.url);
  await rejects(() => data.moduleDataset(nothing), DataError, /exports no dataset/);
  equal(data.getWorkerInfo(), undefined);
});
