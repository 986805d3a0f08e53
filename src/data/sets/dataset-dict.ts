// The parts of a data set by name, each a property: `data.train`, `data.validation`.

import { ArgumentError } from "../../base/errors.ts";
import type { Dataset } from "./dataset.ts";
import type { Row } from "./rows.ts";

/** Data sets by the names of their splits; what is done to all is done to each. */
export class Splits<S extends string, D> {
  readonly #splits: ReadonlyMap<S, D>;
  constructor(splits: Readonly<Record<S, D>>) {
    this.#splits = new Map(Object.entries(splits) as [S, D][]); // the record's own entries
    for (const [name, dataset] of this.#splits) {
      if (name in this)
        throw new ArgumentError(`a split cannot be called "${name}". Rename the file.`, { split: name });
      Object.defineProperty(this, name, { value: dataset, enumerable: true });
    }
  }
  keys(): S[] {
    return [...this.#splits.keys()];
  }
  values(): D[] {
    return [...this.#splits.values()];
  }
  entries(): [S, D][] {
    return [...this.#splits];
  }
  has(split: string): boolean {
    return this.keys().some((name) => name === split);
  }
  /** A split by name; the error names those that there are. */
  get(split: string): D {
    const found = this.entries().find(([name]) => name === split);
    if (found !== undefined) return found[1];
    throw new ArgumentError(`there is no split "${split}". The splits are ${this.keys().join(", ")}.`, { split });
  }
  /** `change` for every split: `data.each((rows) => rows.shuffle({ seed: 1 }))`. */
  each<E>(change: (dataset: D, split: S) => E): DictOf<S, E> {
    const changed = this.entries().map(([name, one]) => [name, change(one, name)] as const);
    return dictOf<S, E>(Object.fromEntries(changed) as Record<S, E>); // the same names
  }
  [Symbol.iterator](): Iterator<[S, D]> {
    return this.#splits[Symbol.iterator]();
  }
  toString(): string {
    return `{ ${this.entries()
      .map(([name, dataset]) => `${name}: ${String(dataset)}`)
      .join(", ")} }`;
  }
}

export type DictOf<S extends string, D> = Splits<S, D> & { readonly [split in S]: D };

/** Splits with a property for each. */
export function dictOf<S extends string, D>(splits: Readonly<Record<S, D>>): DictOf<S, D> {
  return new Splits(splits) as DictOf<S, D>; // the constructor defines the properties
}

/** `{ train: Dataset, validation: Dataset, … }` with what holds for all. */
export type DatasetDict<R extends object = Row, S extends string = string> = DictOf<S, Dataset<R>>;

export function DatasetDict<R extends object, S extends string>(
  splits: Readonly<Record<S, Dataset<R>>>,
): DatasetDict<R, S> {
  return dictOf(splits);
}
