// The rows that a Trainer reads: of an array, a data set or a stream, as its default collator takes them.

import { ArgumentError } from "../base/errors.ts";
import { type DatasetLike, datasetOf, type Dataset as MapStyle, mapDataset } from "../data/dataset.ts";
import { ClassLabel, type Feature, LargeList, List, Value } from "../data/features.ts";
import { type IterableDataset, isMapStyle } from "../data/iterable.ts";
import { Dataset } from "../data/sets/dataset.ts";
import { Splits } from "../data/sets/dataset-dict.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";

/** An array, a data set, or a stream: an iterable without row numbers. */
export type RowSource<Row> = DatasetLike<Row> | IterableDataset<Row>;

/** Rows that come one after another, in each pass over them anew. */
export interface Stream<Row> {
  /** A stream that is shuffled comes in another order for each number. */
  pass(epoch: number): AsyncGenerator<Row, void, undefined>;
}
export type Prepare<Row> = (row: Row) => Row;

export const isStream = <Row>(rows: MapStyle<Row> | Stream<Row>): rows is Stream<Row> => "pass" in rows;

/** The rows of a source, each as `prepare` makes it. */
export function rowsOf<Row>(source: RowSource<Row>, prepare: Prepare<Row>): MapStyle<Row> | Stream<Row> {
  if (isMapStyle(source)) return mapDataset(datasetOf(source), prepare);
  return {
    async *pass(epoch) {
      if ("setEpoch" in source && typeof source.setEpoch === "function") source.setEpoch(epoch);
      for await (const row of source) yield prepare(row);
    },
  };
}

/** The rows of some places, or all of them. */
export async function readRows<Row>(rows: MapStyle<Row> | Stream<Row>, places?: readonly number[]): Promise<Row[]> {
  if (isStream(rows)) {
    const all: Row[] = [];
    for await (const row of rows.pass(0)) all.push(row);
    return all;
  }
  const wanted = places ?? Array.from({ length: rows.length }, (_, i) => i);
  return Promise.all(wanted.map((i) => rows.getItem(i)));
}

/** What a function says of each row, which it need not hold all at once. */
export async function eachRow<Row, T>(rows: MapStyle<Row>, f: (row: Row, i: number) => T): Promise<T[]> {
  const said: T[] = [];
  for (let i = 0; i < rows.length; i++) said.push(f(await rows.getItem(i), i));
  return said;
}

/** Throws for what is no source of rows, though it looks like one. */
export function checkSource(name: string, source: unknown): void {
  if (source instanceof Splits) {
    throw new ArgumentError(`Trainer: ${name} is a DatasetDict of ${source.keys().join(", ")}. Give one of them.`, {
      splits: source.keys(),
    });
  }
  if (source instanceof Promise) throw new ArgumentError(`Trainer: ${name} is a promise. Await it first.`, {});
}

// ── for the default collator ────────────────────────────────────────────────────────────────────────────────────────

/** A row with a `text` and no `inputIds` is tokenized, as long as the model takes it. */
export function tokenizedBy<Row extends object>(tokenizer: PreTrainedTokenizer | undefined): Prepare<Row> {
  if (tokenizer === undefined) return (row) => row;
  return (row) => {
    const { text, inputIds } = row as { readonly text?: unknown; readonly inputIds?: unknown }; // rows are read by name
    if (typeof text !== "string" || inputIds !== undefined) return row;
    return { ...row, ...tokenizer(text, { truncation: true }) };
  };
}

/**
 * Of a data set in columns only those that a batch can hold, or that the format "tensor" chooses: texts beside the ids are not even
 * read. Which of them the model uses, it says itself.
 */
export function usedColumns<Row extends object>(source: RowSource<Row>): RowSource<Row> {
  if (!(source instanceof Dataset)) return source;
  const { format } = source.parts;
  if (format?.type === "transform") return source;
  const plain: Dataset<Row> = source.withFormat(undefined);
  const chosen = format?.outputAllColumns === true ? undefined : format?.columns;
  const isTokenized = "inputIds" in plain.features;
  const used = plain.columnNames.filter((name) => {
    if (chosen !== undefined) return chosen.includes(name);
    return isNumeric(plain.features[name]!) || (name === "text" && !isTokenized);
  });
  return plain.selectColumns(used) as unknown as Dataset<Row>; // the columns that the collator leaves out are gone
}

function isNumeric(feature: Feature): boolean {
  if (feature instanceof List || feature instanceof LargeList) return isNumeric(feature.feature);
  if (feature instanceof Value) return /^(u?int|float|bool)/.test(feature.dtype);
  return feature instanceof ClassLabel;
}
