// How a data set shows its rows: plain values, tensors, or what a user's function makes of them.

import type { DType } from "../../base/dtype.ts";
import { tensor } from "../../tensor/create.ts";
import { stack } from "../../tensor/indexing.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { ClassLabel, type Feature, type Features, LargeList, List, Value } from "../features.ts";
import type { Columns } from "../table/table.ts";

export type Format =
  | { readonly type: "tensor"; readonly columns?: readonly string[]; readonly outputAllColumns?: boolean }
  | {
      readonly type: "transform";
      readonly transform: (batch: Columns) => Readonly<Record<string, ArrayLike<unknown>>>;
    };

type Numeric = number | boolean | bigint | readonly Numeric[];
/** What a row becomes by the format "tensor". */
export type Formatted<R> = { [K in keyof R]: R[K] extends Numeric ? Tensor : R[K] };

/** Columns as a format shows them; by `rows` each row for itself, otherwise rows of one shape in one tensor. */
export function formatColumns(
  columns: Columns,
  format: Format,
  features: Features,
  rows: boolean,
): Readonly<Record<string, unknown>> {
  if (format.type === "transform") return format.transform(columns);
  const chosen = format.columns;
  const shown = Object.entries(columns).flatMap(([name, values]): [string, unknown][] => {
    const isChosen = chosen === undefined || chosen.includes(name);
    if (!isChosen) return format.outputAllColumns === true ? [[name, values]] : [];
    const dtype = dtypeOf(features[name]!);
    if (dtype === undefined) return [[name, values]];
    const tensors = values.map((value) => (value === null ? null : tensor(value as number[], { dtype }))); // as dtypeOf saw
    return [[name, rows ? tensors : stacked(tensors)]];
  });
  return Object.fromEntries(shown);
}

/** As `torch` shows them: whole numbers as int64, broken ones as float32. */
function dtypeOf(feature: Feature): DType | undefined {
  if (feature instanceof List || feature instanceof LargeList) return dtypeOf(feature.feature);
  if (feature instanceof ClassLabel) return "int64";
  if (!(feature instanceof Value)) return undefined;
  if (feature.dtype === "bool") return "bool";
  if (feature.dtype.startsWith("float")) return "float32";
  return /^u?int/.test(feature.dtype) ? "int64" : undefined;
}

function stacked(tensors: readonly (Tensor | null)[]): unknown {
  const [first] = tensors;
  const same = tensors.filter((one) => one !== null);
  const isOne =
    first !== null && same.length === tensors.length && same.every((one) => String(one.shape) === String(first?.shape));
  return isOne && same.length > 0 ? stack(same) : tensors;
}
