// What `kindling data inspect` finds out about a data set: for each column its kind, gaps, lengths or classes; and rows that repeat.

import { ClassLabel, describeFeature } from "../data/features.ts";
import type { Dataset } from "../data/sets/dataset.ts";

/** How many values lie in each of several stretches of equal width. */
export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly histogram: Histogram;
}
export interface ColumnFigures {
  readonly name: string;
  readonly type: string;
  readonly nulls: number;
  /** By what is measured: characters and words of texts, elements of lists, numbers themselves. */
  readonly spreads: Readonly<Record<string, Spread>>;
  /** Rows by value, the most frequent first, where there are few values. */
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

export function dataFigures(dataset: Dataset, samples: number): DataFigures {
  const measures = dataset.columnNames.map(() => new Map<string, number[]>());
  const counts = dataset.columnNames.map((): Map<string, number> | undefined => new Map());
  const nulls = dataset.columnNames.map(() => 0);
  const seen = new Set<string>();
  let duplicates = 0;
  for (const row of dataset) {
    const text = JSON.stringify(row, (_, value) => (typeof value === "bigint" ? String(value) : value));
    if (seen.has(text)) duplicates++;
    else seen.add(text);
    dataset.columnNames.forEach((name, i) => {
      const value = row[name];
      if (value === null) nulls[i]!++;
      else {
        for (const [what, size] of measured(value)) {
          const list = measures[i]!.get(what) ?? [];
          measures[i]!.set(what, list);
          list.push(size);
        }
        const one = counts[i];
        if (one === undefined || typeof value === "object") return;
        one.set(String(value), (one.get(String(value)) ?? 0) + 1);
        if (one.size > mostClasses) counts[i] = undefined;
      }
    });
  }
  return {
    rows: dataset.length,
    duplicates,
    samples: dataset.take(samples).toList(),
    columns: dataset.columnNames.map((name, i) => {
      const feature = dataset.features[name]!;
      const named = (value: string): string => (feature instanceof ClassLabel ? feature.int2str(Number(value)) : value);
      const classes = [...(counts[i] ?? [])].sort((a, b) => b[1] - a[1]);
      return {
        name,
        type: describeFeature(feature),
        nulls: nulls[i]!,
        spreads: Object.fromEntries(Array.from(measures[i]!, ([what, sizes]) => [what, spreadOf(sizes)])),
        classes: classes.map(([value, rows]) => [named(value), rows] as const),
      };
    }),
  };
}

function measured(value: unknown): [what: string, size: number][] {
  if (typeof value === "string") {
    const words = value.trim() === "" ? 0 : value.trim().split(/\s+/).length;
    return [
      ["characters", value.length],
      ["words", words],
    ]; // prettier-ignore
  }
  if (Array.isArray(value)) return [["elements", value.length]];
  return typeof value === "number" && Number.isFinite(value) ? [["value", value]] : [];
}

function spreadOf(sizes: readonly number[]): Spread {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const size of sizes) {
    min = Math.min(min, size);
    max = Math.max(max, size);
    sum += size;
  }
  const counts = new Array<number>(bins).fill(0);
  for (const size of sizes) counts[Math.min(bins - 1, Math.floor(((size - min) / (max - min || 1)) * bins))]!++;
  return { min, max, mean: sum / sizes.length, histogram: { low: min, high: max, counts } };
}
