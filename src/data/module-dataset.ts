// A data set that workers can make for themselves. Functions and classes do not travel between threads, a module's address does:
//
//     // rows.ts
//     export const dataset = ({ file }: { file: string }) => new MyRows(file);
//     export const collateFn = padArrays({ padTokenId: 0 });
//
//     const rows = await moduleDataset<typeof import("./rows.ts")>(new URL("rows.ts", import.meta.url), { file });
//     for await (const batch of new DataLoader(rows, { batchSize: 32, shuffle: true, numWorkers: 2 })) { … }

import { DataError } from "../base/errors.ts";
import type { Collated } from "./collate.ts";
import type { DatasetLike } from "./dataset.ts";
import type { IterableDataset } from "./iterable.ts";

/** What such a module exports. */
export interface DataModule<T = unknown, B = unknown> {
  /** Makes the data set, once here and once in each worker. `args` is a copy of what `moduleDataset` was given. */
  dataset(args: unknown): Source<T> | Promise<Source<T>>;
  /** Makes a batch of rows, in the worker. Tensors in it travel as plain arrays. Without it rows travel, and become a batch here. */
  collateFn?(rows: readonly T[]): B | Promise<B>;
  /** Called in each worker when it starts, after `dataset`. The default random stream has the worker's own seed by then. */
  workerInitFn?(workerId: number): void | Promise<void>;
}
type Source<T> = DatasetLike<T> | IterableDataset<T>;

/** The rows of what a module's `dataset` makes. */
export type RowOf<M extends DataModule> =
  Awaited<ReturnType<M["dataset"]>> extends Dataset<infer T> ? T : IteratedBy<Awaited<ReturnType<M["dataset"]>>>;
type Dataset<T> = { getItem(index: number): T | Promise<T> };
type IteratedBy<S> = S extends Iterable<infer T> ? T : S extends AsyncIterable<infer T> ? T : never;
/** What its `collateFn` makes, or `defaultCollate`. */
export type BatchOf<M extends DataModule> = M extends { collateFn(rows: infer _): infer B }
  ? Awaited<B>
  : Collated<RowOf<M>>;

/** A data set with the module that makes it. */
export class ModuleDataset<T, B> {
  readonly dataset: Source<T>;
  readonly collateFn: ((rows: readonly T[]) => B | Promise<B>) | undefined;
  readonly module: URL;
  readonly args: unknown;
  constructor(dataset: Source<T>, collateFn: ModuleDataset<T, B>["collateFn"], module: URL, args: unknown) {
    this.dataset = dataset;
    this.collateFn = collateFn;
    this.module = module;
    this.args = args;
  }
}

/**
 * Loads a module and makes its data set. `args` is plain data, which a thread can be sent. Throws `DataError` if the module has no
 * `dataset` function, and whatever it throws itself.
 */
export async function moduleDataset<M extends DataModule = DataModule>(
  module: URL,
  args?: Parameters<M["dataset"]>[0],
): Promise<ModuleDataset<RowOf<M>, BatchOf<M>>> {
  const { dataset, collateFn } = (await import(module.href)) as Partial<DataModule<RowOf<M>, BatchOf<M>>>; // looked at below
  if (typeof dataset !== "function") {
    throw new DataError(`${module.href}: exports no dataset(args), which makes the data set.`, { module: module.href });
  }
  const made = await dataset(structuredClone(args)); // a copy, as workers have
  return new ModuleDataset(made, collateFn, module, args);
}
