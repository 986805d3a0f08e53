// An iterable read in this thread, a batch of rows at a time, with the place behind each. (rows.worker.ts does the same in a
// worker, which loads no modules of ours.)

import { ArgumentError, DataError } from "../base/errors.ts";
import { type IterableDataset, iterate } from "./iterable.ts";

/** How far one stream of rows is; plain data. */
export interface StreamPlace {
  /** Batches that it gave. */
  readonly batches: number;
  /** Whether it came to its end. */
  readonly done: boolean;
  /** Which batch of the loader its last one was, from 1. */
  readonly last?: number;
  /** The data set's own state behind the last batch. */
  readonly state?: unknown;
}

export interface StreamSettings {
  readonly batchSize: number;
  readonly dropLast: boolean;
  /** Where to go on. */
  readonly place: StreamPlace;
}

interface Read<T> {
  readonly rows: readonly T[];
  readonly state: unknown;
}

export class RowStream<T> {
  readonly #dataset: IterableDataset<T>;
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  readonly #settings: StreamSettings;
  readonly #readsAhead: boolean;
  #ahead: Promise<Read<T> | undefined> | undefined;

  private constructor(dataset: IterableDataset<T>, settings: StreamSettings) {
    this.#dataset = dataset;
    this.#settings = settings;
    this.#readsAhead = Symbol.asyncIterator in dataset;
    this.#iterator = iterate(dataset);
  }

  /** Goes to the place: by the data set's own state, or past the rows before it. */
  static async begin<T>(dataset: IterableDataset<T>, settings: StreamSettings): Promise<RowStream<T>> {
    const { place, batchSize } = settings;
    const stateful = place.state !== undefined && dataset.loadStateDict !== undefined;
    if (stateful) dataset.loadStateDict!(place.state);
    const stream = new RowStream(dataset, settings);
    for (let i = 0; !stateful && i < place.batches * batchSize; i++) {
      if ((await stream.#iterator.next()).done !== true) continue;
      if (i > (place.batches - 1) * batchSize) break; // the last batch was not full
      throw new DataError(
        `DataLoader: the saved place lies behind ${place.batches} batches of ${batchSize}; the data set has only ${i} rows now.`,
        { place },
      );
    }
    return stream;
  }

  /** The next batch's rows; undefined at the end. What arrives later is read one batch ahead. */
  async next(): Promise<Read<T> | undefined> {
    const read = await (this.#ahead ?? this.#read());
    this.#ahead = undefined;
    if (read !== undefined && this.#readsAhead) {
      this.#ahead = this.#read();
      this.#ahead.catch(() => {}); // said when the batch is asked for
    }
    return read;
  }

  async #read(): Promise<Read<T> | undefined> {
    const { batchSize, dropLast } = this.#settings;
    const rows: T[] = [];
    while (rows.length < batchSize) {
      const step = await this.#iterator.next();
      if (step.done === true) break;
      rows.push(step.value);
    }
    if (rows.length === 0 || (dropLast && rows.length < batchSize)) return undefined;
    return { rows, state: this.#dataset.stateDict?.() };
  }

  /** Lets the data set close what it has open. */
  async end(): Promise<void> {
    await this.#ahead?.catch(() => {});
    await this.#iterator.return?.();
  }
}

/** Batches of an iterable that knows its length. */
export function streamLength(dataset: IterableDataset<unknown>, batchSize: number, dropLast: boolean): number {
  if (typeof dataset.length !== "number") {
    throw new ArgumentError(
      "DataLoader: length: this iterable data set does not say how many rows it has. Give it a length, or count batches while iterating.",
      {},
    );
  }
  const batches = dataset.length / batchSize;
  return dropLast ? Math.floor(batches) : Math.ceil(batches);
}
