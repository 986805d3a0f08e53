// Batches of a dataset, in an order that PyTorch would take after the same `manualSeed`.
//
//     for await (const { inputIds, labels } of new DataLoader(rows, { batchSize: 32, shuffle: true, collate })) { … }
//
// Rows that arrive asynchronously are read one batch ahead, while the caller works. A loader knows where it is:
// `loadStateDict(saved)` goes on in the middle of an epoch with the batches that were still to come.

import { ArgumentError } from "../base/errors.ts";
import { defaultGenerator, type Generator, type GeneratorState } from "../base/random.ts";
import { type Collated, defaultCollate, type Tensors, toTensors } from "./collate.ts";
import { type Dataset, type DatasetLike, datasetOf } from "./dataset.ts";
import { RowWorkers, type WorkerSource } from "./row-workers.ts";
import { BatchSampler, RandomSampler, type Sampler, type SamplerState, SequentialSampler } from "./samplers.ts";

export interface LoaderOptions<T, B> {
  readonly batchSize?: number;
  /** Rows in random order, another one each epoch. */
  readonly shuffle?: boolean;
  /** The order of rows; instead of `shuffle`. */
  readonly sampler?: Sampler;
  /** The rows of each batch; instead of all of the above and `dropLast`. */
  readonly batchSampler?: Sampler<number[]>;
  /** Leaves out a last batch that is not full. */
  readonly dropLast?: boolean;
  /** Makes a batch of rows. Plain arrays with shapes in it become tensors. */
  readonly collate?: (rows: readonly T[]) => B | Promise<B>;
  /** The stream for shuffling, instead of the default one. */
  readonly generator?: Generator;
  /** How many batches of rows are read ahead, where rows arrive asynchronously. */
  readonly prefetch?: number;
  /** Reads rows and makes batches in threads of their own, instead of `collate`. */
  readonly workers?: WorkerSource;
}

/** A loader's place; plain data. */
export interface LoaderState {
  /** Batches of the current epoch that were handed out. */
  readonly batches: number;
  /** How the order of the current epoch was drawn. */
  readonly sampler?: SamplerState | undefined;
  /** Where the loader's own generator stands. */
  readonly generator?: GeneratorState | undefined;
}

export class DataLoader<T, B = Collated<T>> implements AsyncIterable<Tensors<B>> {
  readonly dataset: Dataset<T>;
  readonly batchSampler: Sampler<number[]>;
  readonly generator: Generator | undefined;
  readonly #collate: (rows: readonly T[]) => B | Promise<B>;
  readonly #prefetch: number;
  readonly #source: WorkerSource | undefined;
  #handed = 0;
  #resumed: LoaderState | undefined;

  constructor(source: DatasetLike<T>, options: LoaderOptions<T, B> = {}) {
    const { batchSize = 1, shuffle = false, sampler, batchSampler, dropLast = false, generator, workers } = options;
    this.dataset = datasetOf(source);
    this.generator = generator;
    this.#collate = options.collate ?? ((rows) => defaultCollate(rows) as B); // B is then what defaultCollate gives
    this.#prefetch = options.prefetch ?? (workers === undefined ? 1 : 2 * workers.count);
    this.#source = workers;
    if (sampler !== undefined && shuffle)
      throw new ArgumentError("DataLoader: sampler and shuffle exclude each other.", {});
    if (
      batchSampler !== undefined &&
      (sampler !== undefined || shuffle || dropLast || options.batchSize !== undefined)
    ) {
      throw new ArgumentError("DataLoader: batchSampler excludes batchSize, shuffle, sampler and dropLast.", {});
    }
    const order =
      sampler ?? (shuffle ? new RandomSampler(this.dataset, { generator }) : new SequentialSampler(this.dataset));
    this.batchSampler = batchSampler ?? new BatchSampler(order, { batchSize, dropLast });
  }

  /** How many batches an epoch has. */
  get length(): number {
    return this.batchSampler.length;
  }

  stateDict(): LoaderState {
    if (this.#resumed !== undefined) return this.#resumed;
    const sampler = this.#handed > 0 ? this.batchSampler.stateDict?.() : undefined;
    return { batches: this.#handed, sampler, generator: this.generator?.state };
  }
  /** The next iteration begins where `state` was taken. The default random stream is not part of it. */
  loadStateDict(state: LoaderState): void {
    this.#resumed = state;
    this.#handed = state.batches;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Tensors<B>, void, undefined> {
    const skipped = this.#resume();
    const seed = skipped === 0 ? (this.generator ?? defaultGenerator).u64() : 0n; // of the workers, drawn even without any
    const order = this.batchSampler[Symbol.iterator]();
    for (let i = 0; i < skipped; i++) order.next();
    this.#handed = skipped;
    const workers = this.#source === undefined ? undefined : new RowWorkers(this.#source, seed);
    try {
      yield* workers === undefined ? this.#fromRows(order) : this.#fromWorkers(order, workers);
    } finally {
      workers?.end();
    }
    this.#handed = 0;
  }

  /** Takes up a saved place; says how many batches were handed out there. */
  #resume(): number {
    const state = this.#resumed;
    this.#resumed = undefined;
    if (state === undefined) return 0;
    if (state.generator !== undefined && this.generator !== undefined) this.generator.state = state.generator;
    if (state.sampler !== undefined) this.batchSampler.loadStateDict?.(state.sampler);
    return state.batches;
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
      const batch = toTensors(await this.#collate(rows instanceof Promise ? await rows : rows));
      this.#handed++;
      yield batch;
    }
  }
  #read(indices: readonly number[]): T[] | Promise<T[]> {
    const rows = indices.map((i) => this.dataset.getItem(i));
    if (!rows.some((row) => row instanceof Promise)) return rows as T[]; // none is a promise
    const all = Promise.all(rows);
    all.catch(() => {}); // said when the batch is asked for
    return all;
  }

  async *#fromWorkers(order: Iterator<number[]>, workers: RowWorkers): AsyncGenerator<Tensors<B>, void, undefined> {
    const ahead: Promise<unknown>[] = [];
    for (;;) {
      while (ahead.length < 1 + this.#prefetch) {
        const next = order.next();
        if (next.done === true) break;
        ahead.push(workers.load(next.value));
      }
      const made = ahead.shift();
      if (made === undefined) return;
      const batch = toTensors((await made) as B); // what the module's collate makes
      this.#handed++;
      yield batch;
    }
  }
}
