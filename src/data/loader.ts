// Batches of a data set, in an order that PyTorch would take after the same `manualSeed`.
//
//     for await (const { inputIds, labels } of new DataLoader(rows, { batchSize: 32, shuffle: true, collateFn })) { … }
//
// A loader knows where it is: `loadStateDict(saved)` goes on in the middle of an epoch with the batches that were still to come.

import { ArgumentError } from "../base/errors.ts";
import { defaultGenerator, type Generator, type GeneratorState } from "../base/random.ts";
import { type Collated, defaultCollate, type Tensors, toTensors } from "./collate.ts";
import { type Dataset, type DatasetLike, datasetOf } from "./dataset.ts";
import { type IterableDataset, isMapStyle } from "./iterable.ts";
import { ModuleDataset } from "./module-dataset.ts";
import { RowStream, type StreamPlace, streamLength } from "./row-stream.ts";
import { type Made, RowWorkers } from "./row-workers.ts";
import {
  BatchSampler,
  checkBatchSize,
  RandomSampler,
  type Sampler,
  type SamplerState,
  SequentialSampler,
} from "./samplers.ts";

export interface LoaderOptions<T, B> {
  readonly batchSize?: number;
  /** Rows in random order, another one each epoch. */
  readonly shuffle?: boolean;
  /** The order of rows; instead of `shuffle`. */
  readonly sampler?: Sampler;
  /** The rows of each batch; instead of all of the above and `dropLast`. */
  readonly batchSampler?: Sampler<number[]>;
  /** Leaves out a last batch that is not full; with an iterable and workers, that of each worker. */
  readonly dropLast?: boolean;
  /** Makes a batch of rows, in this thread; instead of the data module's `collateFn`. Plain arrays with shapes in it become tensors. */
  readonly collateFn?: (rows: readonly T[]) => B | Promise<B>;
  /** The stream for shuffling and for the workers' seeds, instead of the default one. */
  readonly generator?: Generator;
  /** Threads that read rows and make batches; the data set must come from `moduleDataset`. 0: it is done in this thread. */
  readonly numWorkers?: number;
  /** How many batches each worker makes ahead; 2 if left out. Without workers: how many are read ahead where rows arrive later; 1. */
  readonly prefetchFactor?: number;
  /** Keeps the workers from epoch to epoch, until `close()`. */
  readonly persistentWorkers?: boolean;
}

/** A loader's place; plain data. */
export interface LoaderState {
  /** Batches of the current epoch that were handed out. */
  readonly batches: number;
  /** How the order of the current epoch was drawn. */
  readonly sampler?: SamplerState | undefined;
  /** Where the loader's own generator stands. */
  readonly generator?: GeneratorState | undefined;
  /** The workers' base seed, in decimal. */
  readonly seed?: string | undefined;
  /** An iterable's place: that of each worker's copy, or of the only one. */
  readonly streams?: readonly StreamPlace[] | undefined;
}

type Source<T> = DatasetLike<T> | IterableDataset<T>;

export class DataLoader<T, B = Collated<T>> implements AsyncIterable<Tensors<B>> {
  readonly dataset: Dataset<T> | IterableDataset<T>;
  /** Undefined with an iterable, which has an order of its own. */
  readonly batchSampler: Sampler<number[]> | undefined;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly numWorkers: number;
  readonly generator: Generator | undefined;
  readonly #collate: (rows: readonly T[]) => B | Promise<B>;
  readonly #prefetch: number;
  readonly #module: ModuleDataset<T, B> | undefined;
  readonly #persistent: boolean;
  readonly #collatesThere: boolean;
  #pool: RowWorkers | undefined;
  #handed = 0;
  #streams: StreamPlace[] | undefined;
  #seed: bigint | undefined;
  #resumed: LoaderState | undefined;

  constructor(source: Source<T> | ModuleDataset<T, B>, options: LoaderOptions<T, B> = {}) {
    const { batchSize = 1, dropLast = false, numWorkers = 0, persistentWorkers = false, generator } = options;
    this.#module = source instanceof ModuleDataset ? source : undefined;
    const rows = source instanceof ModuleDataset ? source.dataset : source;
    checkWorkers(options, this.#module !== undefined);
    this.dataset = isMapStyle(rows) ? datasetOf(rows) : rows;
    this.batchSampler = isMapStyle(this.dataset) ? batchesOf(this.dataset as Dataset<T>, options) : undefined; // datasetOf gave it
    if (this.batchSampler === undefined) checkStream(options);
    this.batchSize = batchSize;
    this.dropLast = dropLast;
    this.numWorkers = numWorkers;
    this.generator = generator;
    this.#persistent = persistentWorkers;
    this.#collatesThere = options.collateFn === undefined && this.#module?.collateFn !== undefined;
    const byDefault = (batch: readonly T[]): B => defaultCollate(batch) as B; // B is then what defaultCollate gives
    this.#collate = options.collateFn ?? this.#module?.collateFn ?? byDefault;
    this.#prefetch = options.prefetchFactor ?? (numWorkers === 0 ? 1 : 2);
  }

  /** How many batches an epoch has. Of an iterable without a length that is not known, and an error. */
  get length(): number {
    return this.batchSampler?.length ?? streamLength(this.dataset as IterableDataset<T>, this.batchSize, this.dropLast); // no sampler: a stream
  }

  /** Where it is, to be saved between batches. */
  stateDict(): LoaderState {
    if (this.#resumed !== undefined) return this.#resumed;
    const begun = this.#handed > 0;
    const seed = begun || this.#pool !== undefined ? this.#seed?.toString() : undefined;
    return {
      batches: this.#handed,
      sampler: begun ? this.batchSampler?.stateDict?.() : undefined,
      generator: this.generator?.state,
      ...(seed === undefined ? {} : { seed }),
      ...(begun && this.#streams !== undefined ? { streams: this.#streams.map((place) => ({ ...place })) } : {}),
    };
  }
  /** The next iteration begins where `state` was taken. The default random stream is not part of it. */
  loadStateDict(state: LoaderState): void {
    if (state.streams !== undefined && state.streams.length !== Math.max(1, this.numWorkers)) {
      throw new ArgumentError(
        `DataLoader: the saved place is of ${state.streams.length} streams, one for each worker; this loader has numWorkers ${this.numWorkers}.`,
        { saved: state.streams.length, numWorkers: this.numWorkers },
      );
    }
    this.#resumed = state;
    this.#handed = state.batches;
  }

  /** Ends persistent workers. The next iteration would start others. */
  close(): void {
    this.#pool?.end();
    this.#pool = undefined;
  }
  [Symbol.dispose](): void {
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Tensors<B>, void, undefined> {
    const resumed = this.#resume();
    const skipped = resumed?.batches ?? 0;
    this.#drawSeed(resumed, skipped);
    const order = this.batchSampler?.[Symbol.iterator]();
    for (let i = 0; i < skipped; i++) order?.next();
    this.#handed = skipped;
    const places =
      resumed?.streams ?? Array.from({ length: Math.max(1, this.numWorkers) }, () => ({ batches: 0, done: false }));
    this.#streams = order === undefined ? places.map((place) => ({ ...place })) : undefined;
    if (this.numWorkers > 0) yield* this.#fromPool(order);
    else yield* order === undefined ? this.#fromStream() : this.#fromRows(order);
    this.#handed = 0;
  }

  /** Takes up a saved place. */
  #resume(): LoaderState | undefined {
    const state = this.#resumed;
    this.#resumed = undefined;
    if (state?.generator !== undefined && this.generator !== undefined) this.generator.state = state.generator;
    if (state?.sampler !== undefined) this.batchSampler?.loadStateDict?.(state.sampler);
    return state;
  }
  /** PyTorch draws the workers' seed whenever it makes an iterator, even without workers; persistent ones have one iterator. */
  #drawSeed(resumed: LoaderState | undefined, skipped: number): void {
    if (this.#pool !== undefined) return;
    if (resumed?.seed !== undefined && (skipped > 0 || this.#persistent)) this.#seed = BigInt(resumed.seed);
    else if (skipped === 0) this.#seed = BigInt.asUintN(63, (this.generator ?? defaultGenerator).u64());
  }

  async *#fromRows(order: Iterator<number[]>): AsyncGenerator<Tensors<B>, void, undefined> {
    const ahead: (T[] | Promise<T[]>)[] = [];
    let arrivesLater = false;
    for (;;) {
      while (ahead.length < (arrivesLater ? 1 + this.#prefetch : 1)) {
        const next = order.next();
        if (next.done === true) break;
        const rows = this.#read(next.value);
        arrivesLater ||= rows instanceof Promise;
        ahead.push(rows);
      }
      const rows = ahead.shift();
      if (rows === undefined) return;
      yield await this.#hand(rows instanceof Promise ? await rows : rows);
    }
  }
  #read(indices: readonly number[]): T[] | Promise<T[]> {
    const dataset = this.dataset as Dataset<T>; // there is an order of its rows
    const rows = indices.map((i) => dataset.getItem(i));
    if (!rows.some((row) => row instanceof Promise)) return rows as T[]; // none is a promise
    const all = Promise.all(rows);
    all.catch(() => {}); // said when the batch is asked for
    return all;
  }

  async *#fromStream(): AsyncGenerator<Tensors<B>, void, undefined> {
    const place = this.#streams![0]!; // made before
    const dataset = this.dataset as IterableDataset<T>; // there is no order
    const stream = await RowStream.begin(dataset, { batchSize: this.batchSize, dropLast: this.dropLast, place });
    try {
      for (;;) {
        const read = await stream.next();
        if (read === undefined) break;
        const batch = await this.#hand(read.rows);
        this.#streams = [
          { batches: this.#handed, done: false, ...(read.state === undefined ? {} : { state: read.state }) },
        ];
        yield batch;
      }
    } finally {
      await stream.end();
    }
  }

  /** A batch of rows, as it is handed out. */
  async #hand(rows: readonly T[]): Promise<Tensors<B>> {
    const batch = toTensors(await this.#collate(rows));
    this.#handed++;
    return batch;
  }

  async *#fromPool(order: Iterator<number[]> | undefined): AsyncGenerator<Tensors<B>, void, undefined> {
    const pool = (this.#pool ??= new RowWorkers(this.#module!, this.numWorkers, this.#seed ?? 0n, this.#collatesThere)); // checked when made
    try {
      yield* order === undefined ? this.#inTurn(pool) : this.#inOrder(order, pool);
    } finally {
      if (this.#persistent) pool.forget();
      else this.close();
    }
  }

  /** Batch after batch to the workers in turn. */
  async *#inOrder(order: Iterator<number[]>, pool: RowWorkers): AsyncGenerator<Tensors<B>, void, undefined> {
    const ahead: Promise<Made>[] = [];
    let asked = this.#handed;
    for (;;) {
      while (ahead.length < this.#prefetch * pool.length) {
        const next = order.next();
        if (next.done === true) break;
        ahead.push(pool.batch(asked++ % pool.length, next.value));
      }
      const made = await ahead.shift();
      if (made === undefined) return;
      yield await this.#arrived(made);
    }
  }

  /** A batch of each worker's stream in turn, without those that are at their end. */
  async *#inTurn(pool: RowWorkers): AsyncGenerator<Tensors<B>, void, undefined> {
    const streams = this.#streams!; // made before
    const { batchSize, dropLast } = this;
    const ahead = streams.map(({ batches, done, state }, worker) => {
      if (done) return [];
      pool.stream(worker, { batchSize, dropLast, skip: batches, state });
      return Array.from({ length: this.#prefetch }, () => pool.batch(worker));
    });
    let worker = nextTurn(streams);
    while (streams.some(({ done }) => !done)) {
      const place = streams[worker]!;
      if (!place.done) {
        const made = (await ahead[worker]!.shift())!; // as many are asked for as are taken
        if ("done" in made) streams[worker] = { ...place, done: true };
        else {
          ahead[worker]!.push(pool.batch(worker));
          const batch = await this.#arrived(made);
          const state = made.state === undefined ? {} : { state: made.state };
          streams[worker] = { batches: place.batches + 1, done: false, last: this.#handed, ...state };
          yield batch;
        }
      }
      worker = (worker + 1) % streams.length;
    }
  }

  async #arrived(made: Made): Promise<Tensors<B>> {
    const { isBatch, value } = made as Extract<Made, { value: unknown }>; // of rows that exist
    if (!isBatch) return this.#hand(toTensors(value) as readonly T[]); // rows as the worker read them
    this.#handed++;
    return toTensors(value as B);
  }
}

/** The worker after the one that gave the last batch. */
function nextTurn(streams: readonly StreamPlace[]): number {
  const lasts = streams.map(({ last = 0 }) => last);
  const latest = Math.max(...lasts);
  return latest === 0 ? 0 : (lasts.indexOf(latest) + 1) % streams.length;
}

function batchesOf<T, B>(dataset: Dataset<T>, options: LoaderOptions<T, B>): Sampler<number[]> {
  const { batchSize = 1, shuffle = false, sampler, batchSampler, dropLast = false, generator } = options;
  if (sampler !== undefined && shuffle) refuse("sampler and shuffle exclude each other.");
  if (batchSampler !== undefined) {
    if (sampler !== undefined || shuffle || dropLast || options.batchSize !== undefined) {
      refuse("batchSampler excludes batchSize, shuffle, sampler and dropLast.");
    }
    return batchSampler;
  }
  const order = sampler ?? (shuffle ? new RandomSampler(dataset, { generator }) : new SequentialSampler(dataset));
  return new BatchSampler(order, { batchSize, dropLast });
}

function checkStream<T, B>({ shuffle = false, sampler, batchSampler, batchSize = 1 }: LoaderOptions<T, B>): void {
  if (shuffle || sampler !== undefined || batchSampler !== undefined) {
    refuse(
      "an iterable data set has an order of its own; shuffle, sampler and batchSampler are for those with getItem().",
    );
  }
  checkBatchSize("DataLoader", batchSize);
}

function checkWorkers<T, B>(options: LoaderOptions<T, B>, hasModule: boolean): void {
  const { numWorkers = 0, prefetchFactor = 1, persistentWorkers = false } = options;
  if (!Number.isInteger(numWorkers) || numWorkers < 0) refuse(`numWorkers ${numWorkers}; wants a whole number from 0.`);
  if (!Number.isInteger(prefetchFactor) || prefetchFactor < 1) {
    refuse(`prefetchFactor ${prefetchFactor}; wants a whole number from 1.`);
  }
  if (persistentWorkers && numWorkers === 0) refuse("persistentWorkers wants numWorkers above 0.");
  if (numWorkers > 0 && !hasModule) {
    refuse(
      `numWorkers ${numWorkers} with a data set of this thread: functions and classes do not travel to others. Write a module that exports dataset(), and give the loader what moduleDataset(url) makes of it.`,
    );
  }
}

function refuse(what: string): never {
  throw new ArgumentError(`DataLoader: ${what}`, {});
}
