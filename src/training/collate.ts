// Batches for rows of tokenized text, as far as their columns tell how: lists are padded on the right, numbers are stacked.

import { ArgumentError, DataError } from "../base/errors.ts";
import { fromArray, tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Batch, ignoreIndex } from "./step.ts";

type List = ArrayLike<number>;

/**
 * Columns of numbers become `[B]`, columns of lists `[B, longest]`, filled up with `padTokenId` (inputIds), −100 (labels) or 0.
 * Other columns, such as texts, are left out. Whole numbers become int32, others float32.
 */
export function padColumns(rows: readonly object[], padTokenId = 0): Batch {
  const table = rows as readonly Readonly<Record<string, unknown>>[]; // read by name
  const batch: Record<string, Tensor> = {};
  for (const column of Object.keys(table[0] ?? {})) {
    const values = table.map((row) => row[column]);
    if (values.every((value) => typeof value === "number")) batch[column] = tensor(values, { dtype: dtypeOf(values) });
    else if (values.every(isList))
      batch[column] = padded(values, column === "inputIds" ? padTokenId : column === "labels" ? ignoreIndex : 0);
    else if (values.some((value) => typeof value === "number" || isList(value))) {
      throw new DataError(`a batch: "${column}" is a list in some rows and something else in others.`, { column });
    }
  }
  if (Object.keys(batch).length > 0) return batch;
  throw new ArgumentError(
    `a batch: no column of ${Object.keys(table[0] ?? {}).join(", ") || "the rows"} holds numbers; tokenize the texts first.`,
    {},
  );
}

function isList(value: unknown): value is List {
  return (
    (Array.isArray(value) && value.every((x) => typeof x === "number")) ||
    (ArrayBuffer.isView(value) && "length" in value)
  );
}

function padded(lists: readonly List[], fill: number): Tensor {
  const longest = lists.reduce((length, list) => Math.max(length, list.length), 0);
  const data = new Float64Array(lists.length * longest).fill(fill);
  lists.forEach((list, row) => data.set(list, row * longest));
  return fromArray(data, [lists.length, longest], { dtype: dtypeOf(data) });
}

function dtypeOf(values: ArrayLike<number>): "int32" | "float32" {
  return Array.prototype.every.call(values, Number.isInteger) ? "int32" : "float32";
}
