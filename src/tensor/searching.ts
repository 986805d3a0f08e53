// Which values there are, where they belong, and how often they come. Found on the calling thread, in JavaScript.

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, DTypeError, IndexError, ShapeError } from "../base/errors.ts";
import { normalizeDim, sameShape, showShape } from "../base/shape.ts";
import type { Tensor } from "./core.ts";
import { fromArray } from "./create.ts";
import type { ValuesAndIndices } from "./reduce.ts";
import { tidy } from "./scope.ts";

export interface UniqueValues {
  readonly values: Tensor;
  /** For each element (or slice) which of the values it is; int32. */
  readonly inverse: Tensor;
  /** How often each value comes; int32. */
  readonly counts: Tensor;
}
export interface UniqueOptions {
  /** Slices of this dimension are compared; without it single elements. */
  readonly dim?: number;
}
interface RankOptions {
  /** The last one if left out. */
  readonly dim?: number;
  readonly keepdim?: boolean;
}

const numbersOf = (x: Tensor): number[] => Array.from(x.toArray(), Number);
const int32 = (numbers: ArrayLike<number>, shape: readonly number[] = [numbers.length]): Tensor =>
  fromArray(numbers, shape, { dtype: "int32" });

/** NaN is larger than all. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : Number(a > b);
}

export const searchingMethods = {
  /** The values in order, each once, and where each element went. */
  unique(this: Tensor, options: UniqueOptions = {}): UniqueValues {
    return distinct(this, "unique", options, true);
  },
  /** As `unique`, without sorting: only equal neighbours become one. */
  uniqueConsecutive(this: Tensor, options: UniqueOptions = {}): UniqueValues {
    return distinct(this, "uniqueConsecutive", options, false);
  },
  /** Whether each element is one of `test`; a NaN is none. */
  isin(this: Tensor, test: Tensor, options: { readonly invert?: boolean } = {}): Tensor {
    const known = new Set(numbersOf(test).filter((x) => !Number.isNaN(x)));
    const { invert = false } = options;
    return fromArray(
      numbersOf(this).map((x) => Number(known.has(x) !== invert)),
      this.shape,
      { dtype: "bool" },
    );
  },
  /** How often each whole number from 0 comes, int32; with `weights` of the same shape their sums, in floats. At least `minlength` many. */
  bincount(this: Tensor, options: { readonly weights?: Tensor; readonly minlength?: number } = {}): Tensor {
    const { weights, minlength = 0 } = options;
    if (isFloating(this.dtype) || this.ndim > 1)
      throw new DTypeError(`bincount: of a vector of integers, got ${this.dtype} ${showShape(this.shape)}.`, {});
    if (weights !== undefined && !sameShape(weights.shape, this.shape))
      throw new ShapeError(`bincount: weights ${showShape(weights.shape)} for ${showShape(this.shape)}.`, {
        weights: weights.shape,
        shape: this.shape,
      });
    const ids = numbersOf(this);
    const bad = ids.find((id) => id < 0);
    if (bad !== undefined) throw new IndexError(`bincount: of numbers from 0 on, got ${bad}.`, { found: bad });
    if (!Number.isInteger(minlength) || minlength < 0)
      throw new ArgumentError(`bincount: minlength ${minlength}; wants a whole number from 0 on.`, { minlength });
    const sums = new Array<number>(ids.reduce((n, id) => Math.max(n, id + 1), minlength)).fill(0);
    const parts = weights === undefined ? undefined : numbersOf(weights);
    ids.forEach((id, i) => {
      sums[id]! += parts?.[i] ?? 1;
    });
    const dtype = weights === undefined ? "int32" : weights.dtype === "float32" ? "float32" : "float64";
    return fromArray(sums, [sums.length], { dtype });
  },
  /** Into which interval between `boundaries` (a sorted vector) each element falls; int32. `right` puts equal ones behind. */
  bucketize(this: Tensor, boundaries: Tensor, options: { readonly right?: boolean } = {}): Tensor {
    if (boundaries.ndim !== 1)
      throw new ShapeError(`bucketize: boundaries are a vector, got ${showShape(boundaries.shape)}.`, {
        shape: boundaries.shape,
      });
    return searchsorted(boundaries, this, options);
  },
  /** The indices of elements other than 0, `[n, ndim]`, int32: `nonzero` under NumPy's name. */
  argwhere(this: Tensor): Tensor {
    return this.nonzero();
  },
  /** Sorted along the first dimension. */
  msort(this: Tensor): Tensor {
    return tidy(() => this.sort({ dim: 0 }).values);
  },
  /** The `k`-th smallest (from 1) along a dimension, with its index. */
  kthvalue(this: Tensor, k: number, options: RankOptions = {}): ValuesAndIndices {
    const dim = normalizeDim("kthvalue", options.dim ?? -1, this.ndim);
    const size = this.shape[dim] ?? 1;
    if (!Number.isInteger(k) || k < 1 || k > size)
      throw new IndexError(`kthvalue: k = ${k}, but dimension ${dim} holds ${size}.`, { k, size });
    return tidy(() => {
      const { values, indices } = this.sort({ dim });
      if (this.ndim === 0) return { values, indices };
      const chosen = { values: values.narrow(dim, k - 1, 1), indices: indices.narrow(dim, k - 1, 1) };
      return squeezed(chosen, dim, options.keepdim);
    });
  },
  /** The value that comes most often along a dimension (of several the smallest), with the last index it has. */
  mode(this: Tensor, options: RankOptions = {}): ValuesAndIndices {
    const dim = normalizeDim("mode", options.dim ?? -1, this.ndim);
    return tidy(() => {
      if (this.ndim === 0) return { values: this.clone(), indices: int32([0], []) };
      const size = this.shape[dim]!;
      if (size === 0)
        throw new ShapeError(`mode: dimension ${dim} of ${showShape(this.shape)} is empty.`, {
          shape: this.shape,
          dim,
        });
      const rows = this.detach().movedim(dim, -1);
      const numbers = numbersOf(rows);
      const best = Array.from({ length: numbers.length / size }, (_, r) => {
        return mostFrequent(numbers.slice(r * size, (r + 1) * size));
      });
      const indices = int32(best, [...rows.shape.slice(0, -1), 1])
        .movedim(-1, dim)
        .contiguous();
      return squeezed({ values: this.gather(dim, indices), indices }, dim, options.keepdim);
    });
  },
};
export type SearchingMethods = typeof searchingMethods;

/**
 * Where each of `values` belongs in `sorted` so that it stays sorted; int32 of the shape of `values`. `sorted` is a vector, or has
 * the dimensions of `values` but for the last. Equal ones go behind with `right`, otherwise in front. `sorter` names the order in
 * which `sorted` is sorted.
 */
export function searchsorted(
  sorted: Tensor,
  values: Tensor | number,
  options: { readonly right?: boolean; readonly sorter?: Tensor } = {},
): Tensor {
  const { right = false, sorter } = options;
  return tidy(() => {
    const wanted = typeof values === "number" ? fromArray([values], [], { dtype: "float64" }) : values;
    const fits = sorted.ndim === 1 || sameShape(sorted.shape.slice(0, -1), wanted.shape.slice(0, -1));
    if (sorted.ndim === 0 || !fits || (sorted.ndim > 1 && sorted.ndim !== wanted.ndim))
      throw new ShapeError(`searchsorted: values ${showShape(wanted.shape)} in rows of ${showShape(sorted.shape)}.`, {
        values: wanted.shape,
        sorted: sorted.shape,
      });
    if (sorter !== undefined && !sameShape(sorter.shape, sorted.shape))
      throw new ShapeError(`searchsorted: sorter ${showShape(sorter.shape)} for ${showShape(sorted.shape)}.`, {
        sorter: sorter.shape,
        sorted: sorted.shape,
      });
    const size = sorted.shape.at(-1)!;
    const rows = numbersOf(sorter === undefined ? sorted : sorted.gather(sorted.ndim - 1, sorter.int()));
    const width = wanted.shape.at(-1) ?? 1;
    const places = numbersOf(wanted).map((value, i) => {
      const row = sorted.ndim === 1 ? 0 : Math.floor(i / width);
      return placeOf(value, rows, row * size, size, right);
    });
    return int32(places, wanted.shape);
  });
}

/** A NaN goes to the end. */
function placeOf(value: number, rows: readonly number[], first: number, size: number, right: boolean): number {
  let [low, high] = [0, size];
  while (low < high) {
    const middle = (low + high) >> 1;
    const held = rows[first + middle]!;
    if (right ? held > value : held >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function squeezed({ values, indices }: ValuesAndIndices, dim: number, keepdim = false): ValuesAndIndices {
  return keepdim ? { values, indices } : { values: values.squeeze(dim), indices: indices.squeeze(dim) };
}

/** The last index of the number that comes most often, of several the smallest. */
function mostFrequent(row: readonly number[]): number {
  const order = Array.from(row.keys()).sort((a, b) => compare(row[a]!, row[b]!) || a - b);
  let [best, most, run] = [0, 0, 0];
  order.forEach((at, i) => {
    run = i > 0 && row[order[i - 1]!] === row[at] ? run + 1 : 1;
    if (run > most) {
      most = run;
      best = at;
    } else if (run === most && row[best] === row[at]) best = at;
  });
  return best;
}

function distinct(x: Tensor, op: string, { dim }: UniqueOptions, sorts: boolean): UniqueValues {
  return tidy(() => {
    const source = x.detach();
    const flat = dim === undefined || x.ndim === 0 ? source.reshape(-1) : source;
    const d = dim === undefined ? 0 : normalizeDim(op, dim, x.ndim);
    const count = flat.shape[d]!;
    const rows = numbersOf(flat.movedim(d, 0));
    const width = count === 0 ? 0 : rows.length / count;
    const difference = (a: number, b: number): number => {
      for (let i = 0; i < width; i++) {
        const order = compare(rows[a * width + i]!, rows[b * width + i]!);
        if (order !== 0) return order;
      }
      return 0;
    };
    const same = (a: number, b: number): boolean => {
      return difference(a, b) === 0 && !rows.slice(a * width, (a + 1) * width).some(Number.isNaN);
    };
    const order = Array.from({ length: count }, (_, i) => i);
    if (sorts) order.sort((a, b) => difference(a, b) || a - b);
    const firsts: number[] = [];
    const counts: number[] = [];
    const inverse = new Int32Array(count);
    order.forEach((at, i) => {
      if (i === 0 || !same(order[i - 1]!, at)) {
        firsts.push(at);
        counts.push(0);
      }
      counts[counts.length - 1]! += 1;
      inverse[at] = firsts.length - 1;
    });
    return {
      values: flat.indexSelect(d, int32(firsts)),
      inverse: int32(inverse, dim === undefined ? x.shape : [count]),
      counts: int32(counts),
    };
  });
}
