// Where rows come from: anything with a length and rows by index. An array is a dataset.

import { ArgumentError, IndexError } from "../base/errors.ts";
import { defaultGenerator, type Generator } from "../base/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Rows by index. `getItem` may be asynchronous; then a loader reads ahead. */
export interface Dataset<T> {
  readonly length: number;
  getItem(index: number): T | Promise<T>;
}
export type DatasetLike<T> = Dataset<T> | readonly T[];

/** An array as a dataset; a dataset as it is. */
export function datasetOf<T>(source: DatasetLike<T>): Dataset<T> {
  if (!Array.isArray(source)) return source as Dataset<T>; // isArray does not narrow readonly arrays
  const rows = source as readonly T[];
  return { length: rows.length, getItem: (index) => rows[index]! };
}

/** Some rows of a dataset, by their indices. */
export class Subset<T> implements Dataset<T> {
  readonly dataset: Dataset<T>;
  readonly indices: readonly number[];
  constructor(dataset: DatasetLike<T>, indices: readonly number[]) {
    this.dataset = datasetOf(dataset);
    this.indices = indices;
    const outside = indices.find((i) => !Number.isInteger(i) || i < 0 || i >= this.dataset.length);
    if (outside !== undefined) {
      throw new IndexError(`Subset: index ${outside} is out of range for ${this.dataset.length} rows.`, {
        index: outside,
      });
    }
  }
  get length(): number {
    return this.indices.length;
  }
  getItem(index: number): T | Promise<T> {
    return this.dataset.getItem(this.indices[index]!);
  }
}

/** The rows of tensors, side by side: row i holds element i of the first dimension of each. */
export class TensorDataset implements Dataset<Tensor[]> {
  readonly tensors: readonly Tensor[];
  constructor(...tensors: Tensor[]) {
    const sizes = tensors.map((t) => t.size(0));
    if (sizes.length === 0 || sizes.some((size) => size !== sizes[0])) {
      throw new ArgumentError(
        `TensorDataset: tensors of ${sizes.join(", ")} rows; wants at least one, all of one size.`,
        { sizes },
      );
    }
    this.tensors = tensors;
  }
  get length(): number {
    return this.tensors[0]!.size(0);
  }
  getItem(index: number): Tensor[] {
    return this.tensors.map((t) => t.select(0, index));
  }
}

/** Data sets one after another. */
export class ConcatDataset<T> implements Dataset<T> {
  readonly datasets: readonly Dataset<T>[];
  /** Where each one ends. */
  readonly #ends: readonly number[];
  constructor(datasets: readonly DatasetLike<T>[]) {
    if (datasets.length === 0) throw new ArgumentError("ConcatDataset: no data sets; wants at least one.", {});
    this.datasets = datasets.map((dataset) => datasetOf(dataset));
    let end = 0;
    this.#ends = this.datasets.map(({ length }) => (end += length));
  }
  get length(): number {
    return this.#ends.at(-1)!; // of at least one
  }
  getItem(index: number): T | Promise<T> {
    const at = index < 0 ? index + this.length : index;
    const part = this.#ends.findIndex((end) => at < end);
    if (at < 0 || part < 0) {
      throw new IndexError(`ConcatDataset: index ${index} is out of range for ${this.length} rows.`, { index });
    }
    return this.datasets[part]!.getItem(at - (this.#ends[part - 1] ?? 0));
  }
}

/** Data sets of one length side by side: row i is an object, or a list, of their rows i. */
export class StackDataset<D extends Readonly<Record<string, DatasetLike<unknown>>> | readonly DatasetLike<unknown>[]>
  implements Dataset<StackedRow<D>>
{
  readonly datasets: D;
  readonly length: number;
  constructor(datasets: D) {
    this.datasets = datasets;
    const lengths = Object.values(datasets).map(({ length }) => length);
    if (lengths.length === 0 || lengths.some((length) => length !== lengths[0])) {
      throw new ArgumentError(
        `StackDataset: data sets of ${lengths.join(", ")} rows; wants at least one, all of one length.`,
        { lengths },
      );
    }
    this.length = lengths[0]!;
  }
  getItem(index: number): StackedRow<D> | Promise<StackedRow<D>> {
    const keys = Object.keys(this.datasets);
    const rows = Object.values(this.datasets).map((dataset) =>
      datasetOf(dataset as DatasetLike<unknown>).getItem(index),
    );
    const put = (items: readonly unknown[]): StackedRow<D> => {
      const row = Array.isArray(this.datasets) ? items : Object.fromEntries(keys.map((key, i) => [key, items[i]]));
      return row as StackedRow<D>; // the rows in their places
    };
    return rows.some((row) => row instanceof Promise) ? Promise.all(rows).then(put) : put(rows);
  }
}
type StackedRow<D> = { -readonly [K in keyof D]: D[K] extends DatasetLike<infer T> ? T : never };

/** The rows with `f` applied when they are asked for. */
export function mapDataset<T, U>(source: DatasetLike<T>, f: (row: T, index: number) => U | Promise<U>): Dataset<U> {
  const dataset = datasetOf(source);
  return {
    length: dataset.length,
    getItem(index) {
      const row = dataset.getItem(index);
      return row instanceof Promise ? row.then((arrived) => f(arrived, index)) : f(row, index);
    },
  };
}

/**
 * Random parts of a dataset without overlap. `lengths` add up to the number of rows, or to 1: then they are shares, and rows
 * left over by rounding go to the parts in turn.
 */
export function randomSplit<T>(
  source: DatasetLike<T>,
  lengths: readonly number[],
  options: { readonly generator?: Generator } = {},
): Subset<T>[] {
  const dataset = datasetOf(source);
  const n = dataset.length;
  const sum = lengths.reduce((a, b) => a + b, 0);
  const shares = Math.abs(sum - 1) < 1e-9 && lengths.some((length) => !Number.isInteger(length));
  const sizes = shares ? lengths.map((share) => Math.floor(n * share)) : [...lengths];
  if (shares) {
    const left = n - sizes.reduce((a, b) => a + b, 0);
    for (let i = 0; i < left; i++) sizes[i % sizes.length]!++;
  } else if (sum !== n || lengths.some((length) => !Number.isInteger(length) || length < 0)) {
    throw new ArgumentError(`randomSplit: lengths ${lengths.join(", ")} add up to neither ${n} rows nor 1.`, {
      lengths,
      rows: n,
    });
  }
  const order = Array.from((options.generator ?? defaultGenerator).permutation(n));
  let at = 0;
  return sizes.map((size) => new Subset(dataset, order.slice(at, (at += size))));
}
