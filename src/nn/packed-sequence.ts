// Sequences of different lengths without their padding, as PyTorch packs them: all first steps, then all second steps of
// those that have one, and so on, the longest sequence first.
//
//   a b c      lengths 3, 1, 2      data a d e b f c      batchSizes 3 2 1
//   d . .                           sortedIndices 0 2 1, so in truth  a e d b f c
//   e f .
//
// Layers take `lengths` beside a padded tensor as well, with the same results; packing is for code that comes from PyTorch.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { fromArray, full } from "../tensor/create.ts";
import { cat } from "../tensor/indexing.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A plain object, so that scopes find its tensor. */
export interface PackedSequence {
  /** `[sum of lengths, …]` */
  readonly data: Tensor;
  /** How many sequences there are at each step. */
  readonly batchSizes: readonly number[];
  /** Which sequence comes first, second, …; undefined if they were in order. */
  readonly sortedIndices: readonly number[] | undefined;
  /** Where each sequence has gone. */
  readonly unsortedIndices: readonly number[] | undefined;
}

/** Packs `[T, B, …]`, or `[B, T, …]` with `batchFirst`. With `enforceSorted` (the default) the longest must come first. */
export function packPaddedSequence(
  x: Tensor,
  lengths: Tensor | readonly number[],
  options: { readonly batchFirst?: boolean; readonly enforceSorted?: boolean } = {},
): PackedSequence {
  const { batchFirst = false, enforceSorted = true } = options;
  if (x.ndim < 2) {
    throw new ShapeError(`packPaddedSequence: wants [T, B, …] or [B, T, …], got ${showShape(x.shape)}.`, {
      shape: x.shape,
    });
  }
  const [T, B] = (batchFirst ? [x.size(1), x.size(0)] : [x.size(0), x.size(1)]) as [number, number];
  const list = checkLengths("packPaddedSequence", lengths, B, T, 1);
  const order = list.map((_, b) => b);
  if (!enforceSorted) order.sort((a, b) => list[b]! - list[a]! || a - b);
  else if (list.some((length, b) => b > 0 && length > list[b - 1]!)) {
    throw new ArgumentError(
      `packPaddedSequence: lengths ${showShape(list)} do not fall. Sort the batch, or pass enforceSorted: false.`,
      { lengths: list },
    );
  }
  const longest = Math.max(...list);
  const batchSizes = Array.from({ length: longest }, (_, t) => list.filter((length) => length > t).length);
  return {
    data: pickSteps(x, batchSizes, order, batchFirst),
    batchSizes,
    sortedIndices: enforceSorted ? undefined : order,
    unsortedIndices: enforceSorted ? undefined : inverse(order),
  };
}

/** Packs a padded `[T, B, …]` in the order of another packed sequence, of whose lengths it is. */
export function packLike(x: Tensor, like: PackedSequence): PackedSequence {
  const { batchSizes, sortedIndices, unsortedIndices } = like;
  const order = sortedIndices ?? Array.from({ length: batchSizes[0] ?? 0 }, (_, b) => b);
  return { data: pickSteps(x, batchSizes, order, false), batchSizes, sortedIndices, unsortedIndices };
}

/** The padded tensor `[T, B, …]` (or `[B, T, …]`) of a packed one, in the original order, and the lengths. */
export function padPackedSequence(
  packed: PackedSequence,
  options: { readonly batchFirst?: boolean; readonly paddingValue?: number; readonly totalLength?: number } = {},
): [padded: Tensor, lengths: number[]] {
  const { batchFirst = false, paddingValue = 0, totalLength } = options;
  const { data, batchSizes, unsortedIndices } = packed;
  const B = batchSizes[0] ?? 0;
  const longest = batchSizes.length;
  const T = totalLength ?? longest;
  if (T < longest) {
    throw new ArgumentError(`padPackedSequence: totalLength ${T} is shorter than the longest sequence, ${longest}.`, {
      totalLength: T,
      longest,
    });
  }
  const place = unsortedIndices ?? Array.from({ length: B }, (_, b) => b);
  const starts = startsOf(batchSizes);
  const padding = data.size(0);
  const rowAt = (t: number, b: number): number => {
    const at = place[b]!;
    return at < (batchSizes[t] ?? 0) ? starts[t]! + at : padding;
  };
  const grid = batchFirst ? [B, T] : [T, B];
  const rows = Array.from({ length: B * T }, (_, i) =>
    batchFirst ? rowAt(i % T, Math.floor(i / T)) : rowAt(Math.floor(i / B), i % B),
  );
  const padded = tidy(() => {
    const filler = full([1, ...data.shape.slice(1)], paddingValue, { dtype: data.dtype });
    return pickRows(cat([data, filler]), rows).reshape(...grid, ...data.shape.slice(1));
  });
  return [padded, place.map((at) => batchSizes.filter((n) => n > at).length)];
}

/** Lengths as numbers, checked to be `B` many from `least` to `T`. */
export function checkLengths(
  who: string,
  lengths: Tensor | readonly number[],
  B: number,
  T: number,
  least: number,
): number[] {
  const list = Array.from(Array.isArray(lengths) ? (lengths as readonly number[]) : (lengths as Tensor).toArray()); // isArray does not narrow readonly arrays
  const wrong = list.find((length) => !Number.isInteger(length) || length < least || length > T);
  if (list.length !== B || wrong !== undefined) {
    throw new ArgumentError(
      `${who}: lengths ${showShape(list)}; wants ${B} whole numbers from ${least} to ${T}, one for each sequence.`,
      { lengths: list, batch: B, steps: T },
    );
  }
  return list;
}

/** The rows of `x` step by step, of those sequences in `order` that have the step. */
function pickSteps(x: Tensor, batchSizes: readonly number[], order: readonly number[], batchFirst: boolean): Tensor {
  const [first, second] = [x.size(0), x.size(1)];
  const rows = batchSizes.flatMap((n, t) =>
    order.slice(0, n).map((b) => (batchFirst ? b * second + t : t * second + b)),
  );
  return tidy(() => pickRows(x.reshape(first * second, ...x.shape.slice(2)), rows));
}
function pickRows(x: Tensor, rows: readonly number[]): Tensor {
  return tidy(() => x.indexSelect(0, fromArray(rows, [rows.length], { dtype: "int32" })));
}
function inverse(order: readonly number[]): number[] {
  const out = new Array<number>(order.length);
  order.forEach((from, to) => {
    out[from] = to;
  });
  return out;
}
/** Where each step's rows begin. */
function startsOf(batchSizes: readonly number[]): number[] {
  let sum = 0;
  return batchSizes.map((n) => (sum += n) - n);
}
