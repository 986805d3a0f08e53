// Encodings as a model takes them: columns of numbers under Hugging Face's names, padded to one length.

import type { Encoding } from "./encoding.ts";
import { filled, paddedLength } from "./padding.ts";
import type { Side } from "./truncation.ts";

/** One encoded text. Which of the optional columns there are, the caller says. */
export type Row = {
  inputIds: number[];
  /** 1 where the model should look, 0 at padding. */
  attentionMask: number[];
  /** 0 for the first text, 1 for the second. */
  tokenTypeIds?: number[];
  specialTokensMask?: number[];
  /** UTF-16 units: `text.slice(start, end)`. */
  offsetMapping?: [start: number, end: number][];
  /** The word that each token is part of; null at special tokens. */
  wordIds?: (number | null)[];
  /** Tokens in all, padding included. */
  length?: number;
};

/** Many encoded texts: each column of {@link Row}, a list a text. */
export type Rows = { [column in keyof Row]: NonNullable<Row[column]>[] };

/** Rows of which a text may have several, one after another. */
export type OverflowingRows = Rows & {
  /** For each row the number of the text that it is of. */
  overflowToSampleMapping: number[];
};

/** Which columns a row has beside ids and mask. */
export type Columns = { [column in Exclude<keyof Row, "inputIds" | "attentionMask" | "length">]: boolean };

export function rowOf(encoding: Encoding, columns: Columns): Row {
  return {
    inputIds: encoding.ids,
    attentionMask: encoding.attentionMask,
    ...(columns.tokenTypeIds && { tokenTypeIds: encoding.typeIds }),
    ...(columns.specialTokensMask && { specialTokensMask: encoding.specialTokensMask }),
    ...(columns.offsetMapping && { offsetMapping: encoding.offsets }),
    ...(columns.wordIds && { wordIds: encoding.wordIds }),
  };
}

/** How to pad: up to `length`, or to the longest row, and on to a multiple. */
export type Padding = {
  readonly id: number;
  readonly typeId: number;
  readonly side: Side;
  readonly length?: number | undefined;
  readonly multipleOf?: number | undefined;
};

/** The rows, all as long as the longest or as `padding.length`; rows that are longer stay so. */
export function padRows(rows: readonly Row[], padding: Padding): Row[] {
  const target = paddedLength(
    rows.map((row) => row.inputIds.length),
    padding.length,
    padding.multipleOf,
  );
  return rows.map((row) => padRow(row, target, padding));
}

function padRow(row: Row, target: number, { id, typeId, side }: Padding): Row {
  const missing = target - row.inputIds.length;
  if (missing <= 0) return row;
  const pad = <T>(values: T[], value: T): T[] => filled(values, missing, value, side);
  return {
    inputIds: pad(row.inputIds, id),
    attentionMask: pad(row.attentionMask, 0),
    ...(row.tokenTypeIds && { tokenTypeIds: pad(row.tokenTypeIds, typeId) }),
    ...(row.specialTokensMask && { specialTokensMask: pad(row.specialTokensMask, 1) }),
    ...(row.offsetMapping && { offsetMapping: pad(row.offsetMapping, [0, 0]) }),
    ...(row.wordIds && { wordIds: pad<number | null>(row.wordIds, null) }),
  };
}

/** Rows as columns. */
export function columnsOf(rows: readonly Row[]): Rows {
  const [first] = rows;
  return {
    inputIds: rows.map((row) => row.inputIds),
    attentionMask: rows.map((row) => row.attentionMask),
    ...(first?.tokenTypeIds && { tokenTypeIds: rows.map((row) => row.tokenTypeIds ?? []) }),
    ...(first?.specialTokensMask && { specialTokensMask: rows.map((row) => row.specialTokensMask ?? []) }),
    ...(first?.offsetMapping && { offsetMapping: rows.map((row) => row.offsetMapping ?? []) }),
    ...(first?.wordIds && { wordIds: rows.map((row) => row.wordIds ?? []) }),
    ...(first?.length !== undefined && { length: rows.map((row) => row.inputIds.length) }),
  };
}

/** A row or rows with the ids of what a model is to make of them. */
export type Labelled<T extends Row | Rows> = T & { labels: T["inputIds"] };

export function labelled<T extends Row | Rows>(rows: T, { inputIds: labels }: T): Labelled<T> {
  return { ...rows, labels };
}

/** Columns as rows. */
export function rowsOf(columns: Rows): Row[] {
  return columns.inputIds.map((inputIds, i) => ({
    inputIds,
    attentionMask: columns.attentionMask[i] ?? inputIds.map(() => 1),
    ...(columns.tokenTypeIds?.[i] && { tokenTypeIds: columns.tokenTypeIds[i] }),
    ...(columns.specialTokensMask?.[i] && { specialTokensMask: columns.specialTokensMask[i] }),
    ...(columns.offsetMapping?.[i] && { offsetMapping: columns.offsetMapping[i] }),
    ...(columns.wordIds?.[i] && { wordIds: columns.wordIds[i] }),
  }));
}
