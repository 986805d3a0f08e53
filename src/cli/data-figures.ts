// What `kindling data inspect` finds out about a data set: for each column its kind, gaps, lengths or classes; and rows that repeat.
// Rows are read once and not held: memory grows with how much differs, up to a bound (data-counts.ts).

import { ClassLabel, describeFeature, type Feature, Value } from "../data/features.ts";
import type { Dataset } from "../data/sets/dataset.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { NumberCounts, RepeatedRows } from "./data-counts.ts";

/** How many values lie in each of several stretches of equal width. */
export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly median: number;
  /** At most this is what 95 % of the rows have. */
  readonly p95: number;
  readonly max: number;
  /** False where `median`, `p95` and `histogram` are within a 256th: there are too many different numbers to count each. */
  readonly isExact: boolean;
  readonly histogram: Histogram;
}
export interface ColumnFigures {
  readonly name: string;
  readonly type: string;
  readonly nulls: number;
  /** By what is measured: characters, words and tokens of texts that are no classes, elements of lists, numbers themselves. */
  readonly spreads: Readonly<Record<string, Spread>>;
  /** Rows by value, the most frequent first, where there are few values and half of the rows or more repeat one. */
  readonly classes: readonly (readonly [value: string, rows: number])[];
}
export interface DataFigures {
  readonly rows: number;
  readonly columns: readonly ColumnFigures[];
  /** Rows that another row before them equals. */
  readonly duplicates: number;
  /** False where they are estimated: there are too many rows to know each. */
  readonly duplicatesAreExact: boolean;
  readonly samples: readonly object[];
}

const mostClasses = 20;

/** Texts are measured in tokens too where there is a tokenizer; those that it adds at the ends count. */
export function dataFigures(dataset: Dataset, samples: number, tokenizer?: PreTrainedTokenizer): DataFigures {
  const columns = dataset.columnNames.map((name) => new ColumnCount(name, dataset.features[name]!, tokenizer));
  const repeated = new RepeatedRows();
  for (const row of dataset) {
    repeated.add(JSON.stringify(row, plain));
    for (const column of columns) column.add(row[column.name]);
  }
  return {
    rows: dataset.length,
    duplicates: repeated.count,
    duplicatesAreExact: repeated.isExact,
    samples: dataset.take(samples).toList(),
    columns: columns.map((column) => column.figures()),
  };
}
const plain = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

class ColumnCount {
  readonly name: string;
  readonly #feature: Feature;
  readonly #tokenizer: PreTrainedTokenizer | undefined;
  readonly #sizes = new Map<string, NumberCounts>();
  /** Rows by value, until there are too many values. */
  #counts: Map<string, number> | undefined = new Map();
  #nulls = 0;

  constructor(name: string, feature: Feature, tokenizer: PreTrainedTokenizer | undefined) {
    this.name = name;
    this.#feature = feature;
    this.#tokenizer = tokenizer;
  }
  add(value: unknown): void {
    if (value === null || value === undefined) {
      this.#nulls++;
      return;
    }
    for (const [what, size] of this.#measured(value)) {
      let sizes = this.#sizes.get(what);
      if (sizes === undefined) this.#sizes.set(what, (sizes = new NumberCounts()));
      sizes.add(size);
    }
    if (this.#counts === undefined || typeof value === "object") return;
    this.#counts.set(String(value), (this.#counts.get(String(value)) ?? 0) + 1);
    if (this.#counts.size > mostClasses) this.#counts = undefined;
  }
  #measured(value: unknown): [what: string, size: number][] {
    if (typeof value === "string") {
      const words = value.trim() === "" ? 0 : value.trim().split(/\s+/).length;
      const tokens = this.#tokenizer?.(value).inputIds.length;
      const sizes: [string, number][] = [["characters", value.length]];
      sizes.push(["words", words]);
      if (tokens !== undefined) sizes.push(["tokens", tokens]);
      return sizes;
    }
    if (Array.isArray(value)) return [["elements", value.length]];
    if (this.#feature instanceof ClassLabel) return []; // a class's number measures nothing
    return typeof value === "number" && Number.isFinite(value) ? [["value", value]] : [];
  }
  figures(): ColumnFigures {
    const feature = this.#feature;
    const named = (value: string): string => (feature instanceof ClassLabel ? feature.int2str(Number(value)) : value);
    const counts = [...(this.#counts ?? [])].sort((a, b) => b[1] - a[1]);
    const rows = counts.reduce((sum, [, count]) => sum + count, 0);
    const classes = 2 * counts.length <= rows ? counts : [];
    const isText = feature instanceof Value && feature.dtype.endsWith("string");
    const sizes = isText && classes.length > 0 ? [] : this.#sizes;
    return {
      name: this.name,
      type: describeFeature(feature),
      nulls: this.#nulls,
      spreads: Object.fromEntries(Array.from(sizes, ([what, one]) => [what, one.spread()])),
      classes: classes.map(([value, rows]) => [named(value), rows] as const),
    };
  }
}
