// Order along one dimension. NaN counts as the largest, and equal elements keep their order.

import { type DType, isFloating } from "../base/dtype.ts";
import { IndexError } from "../base/errors.ts";
import { normalizeDim, numel } from "../base/shape.ts";
import { rank } from "../kernels/sort.ts";
import { Tensor } from "./core.ts";
import { fromArray } from "./create.ts";
import { recordOperation } from "./recorder.ts";
import type { ValuesAndIndices } from "./reduce.ts";
import { tidy } from "./scope.ts";

export interface SortOptions {
  /** The last one if left out. */
  readonly dim?: number;
  readonly descending?: boolean;
}

export const sortingMethods = {
  /** The `k` largest (or smallest) along a dimension, the last if left out, with their indices (int32), in order. */
  topk(this: Tensor, k: number, options: { readonly dim?: number; readonly largest?: boolean } = {}): ValuesAndIndices {
    const dim = normalizeDim("topk", options.dim ?? -1, this.ndim);
    const size = this.shape[dim] ?? 1;
    if (!Number.isInteger(k) || k < 0 || k > size)
      throw new IndexError(`topk: k = ${k}, but dimension ${dim} holds ${size}.`, { k, size });
    return ranked(this, dim, k, options.largest ?? true);
  },
  /** The elements in order, with the indices (int32) they had. */
  sort(this: Tensor, options: SortOptions = {}): ValuesAndIndices {
    const dim = normalizeDim("sort", options.dim ?? -1, this.ndim);
    return ranked(this, dim, this.shape[dim] ?? 1, options.descending ?? false);
  },
  argsort(this: Tensor, options: SortOptions = {}): Tensor {
    return tidy(() => this.detach().sort(options).indices);
  },
};
export type SortingMethods = typeof sortingMethods;

type Compare = (a: number, b: number) => number;

/** What sorts alike and has a kernel; 64 bits are sorted in JavaScript. */
const sortable: { readonly [d in DType]: "float32" | "int32" | undefined } = {
  ...{ float32: "float32", float16: "float32", bfloat16: "float32", float64: undefined, int64: undefined },
  ...{ int32: "int32", int16: "int32", int8: "int32", uint8: "int32", bool: "int32" },
};

function ranked(x: Tensor, dim: number, k: number, descending: boolean): ValuesAndIndices {
  return tidy(() => {
    if (x.ndim === 0) return { values: x.clone(), indices: fromArray([0], [], { dtype: "int32" }) };
    const rows = x.detach().movedim(dim, -1);
    const indices = orderOf(rows, k, descending).movedim(-1, dim).contiguous();
    const values = x.gather(dim, indices);
    return { values: isFloating(x.dtype) ? values : values.detach(), indices };
  });
}

/** The first `k` indices of each row `[…, n]` in order: `[…, k]`. */
function orderOf(x: Tensor, k: number, descending: boolean): Tensor {
  const lead = x.shape.slice(0, -1);
  const dtype = sortable[x.dtype];
  if (dtype === undefined) return fromArray(orderOfRows(x, k, descending), [...lead, k], { dtype: "int32" });
  const rows = x.to(dtype).contiguous();
  const out = Tensor.empty([...lead, k], "int32", x.device);
  const sizes = { rows: numel(lead), size: x.shape.at(-1)!, k };
  const elem = dtype === "int32" ? "i32" : "f32";
  const problem = { ...sizes, elem, descending, x: rows.address, indices: out.address } as const;
  recordOperation(k < sizes.size ? "topk" : "sort", [rows], [out], () => rank(x.device, problem));
  return out;
}

function orderOfRows(x: Tensor, k: number, descending: boolean): Int32Array {
  const size = x.shape.at(-1)!;
  const rows = size === 0 ? 0 : numel(x.shape) / size;
  const flat = x.toArray();
  const out = new Int32Array(rows * k);
  for (let r = 0; r < rows; r++) {
    const row = flat.subarray(r * size, (r + 1) * size);
    const compare: Compare = descending
      ? (a, b) => compareNumbers(row[b]!, row[a]!)
      : (a, b) => compareNumbers(row[a]!, row[b]!);
    out.set(k <= 16 && size > 64 ? bestOf(size, k, compare) : Array.from(row.keys()).sort(compare).slice(0, k), r * k);
  }
  return out;
}

function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : Number(a > b);
}

/** The first `k` of the indices below `size` in order, by insertion: for small `k`. */
function bestOf(size: number, k: number, compare: Compare): number[] {
  const best: number[] = [];
  for (let i = 0; i < size; i++) {
    if (best.length === k && (k === 0 || compare(best[k - 1]!, i) <= 0)) continue;
    let at = best.length;
    while (at > 0 && compare(best[at - 1]!, i) > 0) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}
