// Data sets without row numbers: rows come one after another, from a file, a network or a generator.

import { getWorkerInfo } from "../base/worker-info.ts";
import type { Dataset, DatasetLike } from "./dataset.ts";

/**
 * Rows in the order in which they come: any iterable or async iterable. It is iterated anew each epoch, so a class with
 * `*[Symbol.iterator]()`, not a generator that has run. What more it may have:
 */
export type IterableDataset<T> = (Iterable<T> | AsyncIterable<T>) & {
  /** How many rows there are, where that is known. */
  readonly length?: number;
  /** Where it stands in its iteration, as plain data. Without it a resumed loader reads the rows before its place once more. */
  stateDict?(): unknown;
  /** The next iteration goes on there. */
  loadStateDict?(state: unknown): void;
  /** Part `index` of `numShards`: then each worker of a loader reads one part. Without it each reads all rows, as in PyTorch. */
  shard?(numShards: number, index: number): IterableDataset<T>;
  /** How many parts it can be divided into; more workers than these have nothing to do. */
  readonly numShards?: number;
};

/** Whether rows are had by their number. */
export function isMapStyle<T>(source: DatasetLike<T> | IterableDataset<T>): source is DatasetLike<T> {
  return Array.isArray(source) || typeof (source as Partial<Dataset<T>>).getItem === "function";
}

/** The iterator of either kind. */
export function iterate<T>(rows: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
}

/**
 * For use in a data module: deals the rows out to the loader's workers in blocks, so that none is had twice. Every worker reads
 * all rows and keeps its own. With the loader's `batchSize` as the block size the batches are those of a loader without workers.
 */
export function dealRows<T>(rows: Iterable<T> | AsyncIterable<T>, blockSize: number): AsyncIterable<T> {
  return {
    async *[Symbol.asyncIterator]() {
      const { id = 0, numWorkers = 1 } = getWorkerInfo() ?? {};
      let at = 0;
      for await (const row of rows) if (Math.floor(at++ / blockSize) % numWorkers === id) yield row;
    },
  };
}

/** Iterables one after another. */
export class ChainDataset<T> implements AsyncIterable<T> {
  readonly datasets: readonly (Iterable<T> | AsyncIterable<T>)[];
  constructor(datasets: readonly (Iterable<T> | AsyncIterable<T>)[]) {
    this.datasets = datasets;
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (const rows of this.datasets) yield* rows;
  }
}
