// What `kindling data inspect` finds out about a data set: for each column its kind, gaps, lengths or classes; and rows that repeat.
// Rows are read once and not held: of each there stay a hash of 64 bits and the numbers that are measured of it.

import { createHash } from "node:crypto";
import { ClassLabel, describeFeature, type Feature, Value } from "../data/features.ts";
import type { Dataset } from "../data/sets/dataset.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";

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
  readonly samples: readonly object[];
}

const bins = 24;
const mostClasses = 20;

/** Texts are measured in tokens too where there is a tokenizer; those that it adds at the ends count. */
export function dataFigures(dataset: Dataset, samples: number, tokenizer?: PreTrainedTokenizer): DataFigures {
  const columns = dataset.columnNames.map((name) => new ColumnCount(name, dataset.features[name]!, tokenizer));
  const seen = new HashSet();
  let duplicates = 0;
  for (const row of dataset) {
    if (!seen.add(JSON.stringify(row, plain))) duplicates++;
    for (const column of columns) column.add(row[column.name]);
  }
  return {
    rows: dataset.length,
    duplicates,
    samples: dataset.take(samples).toList(),
    columns: columns.map((column) => column.figures()),
  };
}
const plain = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

class ColumnCount {
  readonly name: string;
  readonly #feature: Feature;
  readonly #tokenizer: PreTrainedTokenizer | undefined;
  readonly #sizes = new Map<string, number[]>();
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
      const sizes = this.#sizes.get(what) ?? [];
      this.#sizes.set(what, sizes);
      sizes.push(size);
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
      spreads: Object.fromEntries(Array.from(sizes, ([what, one]) => [what, spreadOf(one)])),
      classes: classes.map(([value, rows]) => [named(value), rows] as const),
    };
  }
}

function spreadOf(sizes: readonly number[]): Spread {
  const sorted = Float64Array.from(sizes).sort();
  const [min, max] = [sorted[0]!, sorted.at(-1)!]; // of at least one
  const counts = new Array<number>(bins).fill(0);
  for (const size of sorted) counts[Math.min(bins - 1, Math.floor(((size - min) / (max - min || 1)) * bins))]!++;
  /** The least of them that so large a share is not above. */
  const below = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  const mean = sorted.reduce((sum, size) => sum + size, 0) / sorted.length;
  return { min, mean, median: below(0.5), p95: below(0.95), max, histogram: { low: min, high: max, counts } };
}

/** Texts by 64 bits of their hash, in a table with open places: 10 million rows are mistaken with a chance of 3 in a million. */
class HashSet {
  #table = new BigUint64Array(1024);
  #size = 0;
  /** False if it is there already. */
  add(text: string): boolean {
    const hash = createHash("sha256").update(text).digest().readBigUInt64LE() || 1n; // 0 is an open place
    if (2 * this.#size >= this.#table.length) this.#grow();
    if (!this.#put(hash)) return false;
    this.#size++;
    return true;
  }
  #put(hash: bigint): boolean {
    const mask = this.#table.length - 1;
    for (let at = Number(hash & 0xffff_ffffn) & mask; ; at = (at + 1) & mask) {
      if (this.#table[at] === hash) return false;
      if (this.#table[at] !== 0n) continue;
      this.#table[at] = hash;
      return true;
    }
  }
  #grow(): void {
    const before = this.#table;
    this.#table = new BigUint64Array(2 * before.length);
    for (const hash of before) if (hash !== 0n) this.#put(hash);
  }
}
