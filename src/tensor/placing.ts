// Copies with elements of another tensor in given places. Where one place is named twice the later element stays, and it alone gets
// the gradient.

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, DTypeError, IndexError, ShapeError } from "../base/errors.ts";
import { normalizeDim, showShape } from "../base/shape.ts";
import type { Index } from "./at.ts";
import type { Tensor } from "./core.ts";
import { arange, fromArray } from "./create.ts";
import { defineFunction } from "./function.ts";
import { fromEnd } from "./rearranging.ts";
import { tidy } from "./scope.ts";
import { broadcastTensors } from "./stacking.ts";

export type ScatterReduction = "sum" | "prod" | "mean" | "amax" | "amin";

function checkDType(op: string, x: Tensor, source: Tensor): void {
  if (x.dtype === source.dtype) return;
  throw new DTypeError(`${op}: a source of ${source.dtype} for ${x.dtype}. Convert with .to("${x.dtype}").`, {
    dtype: x.dtype,
    source: source.dtype,
  });
}

/** A list of numbers checked to lie from 0 to below `limit`. */
function idsOf(op: string, index: Tensor, limit: number): Int32Array {
  if (isFloating(index.dtype) || index.dtype === "bool")
    throw new DTypeError(`${op}: an index is of integers, got ${index.dtype}.`, { dtype: index.dtype });
  const ids = Int32Array.from(index.toArray(), Number);
  const bad = ids.find((i) => i < 0 || i >= limit);
  if (bad !== undefined)
    throw new IndexError(`${op}: index ${bad} is out of range: wanted 0 to ${limit - 1}.`, { index: bad, limit });
  return ids;
}

const int32 = (numbers: Int32Array, shape: readonly number[]): Tensor => fromArray(numbers, shape, { dtype: "int32" });

/** Of slices `0 … size`, which element is placed there last, and −1 for none. */
function lastPlaced(places: Int32Array, size: number): Int32Array {
  const last = new Int32Array(size).fill(-1);
  places.forEach((place, i) => {
    last[place] = i;
  });
  return last;
}

/** `x` with slices of `source` at `places` along `dim`. */
function placedSlices(x: Tensor, dim: number, places: Int32Array, source: Tensor): Tensor {
  const size = x.shape[dim]!;
  if (places.length === 0) return x.clone();
  const last = lastPlaced(places, size);
  const here = int32(last, [size])
    .ge(0)
    .reshape(...x.shape.map((_, d) => (d === dim ? size : 1)));
  const taken = source.indexSelect(
    dim,
    int32(
      last.map((i) => Math.max(i, 0)),
      [size],
    ),
  );
  return taken.where(here, x);
}

/** `x` with the elements of the vector `source` at `places` of its flattened form. */
function placed(x: Tensor, places: Int32Array, source: Tensor): Tensor {
  return placedSlices(x.reshape(-1), 0, places, source).reshape(...x.shape);
}

/** Bool of the shape of `x`: whether one of `places` of its flattened form is there. */
function touched(x: Tensor, places: Int32Array): Tensor {
  return int32(lastPlaced(places, x.numel), x.shape).ge(0);
}

/** What `gather` with this index would read, as places of the flattened `x`. */
function scatterPlaces(op: string, x: Tensor, dim: number, index: Tensor): Int32Array {
  const size = x.shape[dim] ?? 1;
  const ids = idsOf(op, index, size);
  if (ids.length === 0) return ids;
  const [sizes, limits] = [index, x].map((t) => (t.ndim === 0 ? [1] : t.shape)) as [
    readonly number[],
    readonly number[],
  ]; // two
  if (sizes.length !== limits.length || sizes.some((s, d) => d !== dim && s > limits[d]!))
    throw new ShapeError(
      `${op}: index ${showShape(index.shape)} must have as many dimensions as ${showShape(x.shape)} and, but for dimension ${dim}, no larger sizes.`,
      { index: index.shape, shape: x.shape, dim },
    );
  const flat = arange(x.numel).reshape(...limits);
  const cut = sizes.reduce((t, s, d) => (d === dim ? t : t.narrow(d, 0, s)), flat);
  return Int32Array.from(cut.gather(dim, index.int().reshape(...sizes)).toArray());
}

/** The part of `source` that an index covers, as a vector. */
function covered(op: string, source: Tensor, index: Tensor): Tensor {
  if (index.numel === 0) return source.reshape(-1).narrow(0, 0, 0);
  const [whole, sizes] = [source.ndim === 0 ? source.reshape(1) : source, index.ndim === 0 ? [1] : index.shape];
  if (whole.ndim !== sizes.length || sizes.some((s, d) => s > whole.shape[d]!))
    throw new ShapeError(
      `${op}: source ${showShape(source.shape)} is smaller than the index ${showShape(index.shape)}.`,
      {
        source: source.shape,
        index: index.shape,
      },
    );
  return sizes.reduce((t, s, d) => t.narrow(d, 0, s), whole).reshape(-1);
}

export const placingMethods = {
  /**
   * A copy with `source` (a tensor of this dtype, or a number) where `gather` with the same index would read. `reduce` adds or
   * multiplies with what is there instead.
   */
  scatter(
    this: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor | number,
    options: { readonly reduce?: "add" | "multiply" } = {},
  ): Tensor {
    const d = normalizeDim("scatter", dim, this.ndim);
    return tidy(() => {
      if (options.reduce !== undefined) {
        const values = typeof source === "number" ? this.zerosOf(index.shape).fill_(source) : source;
        return this.scatterReduce(d, index, values, options.reduce === "add" ? "sum" : "prod");
      }
      const places = scatterPlaces("scatter", this, d, index);
      if (typeof source === "number") return this.maskedFill(touched(this, places), source);
      checkDType("scatter", this, source);
      return placed(this, places, covered("scatter", source, index));
    });
  },
  /**
   * A copy whose elements come together with those of `source` where `gather` with the same index would read; without `includeSelf`
   * only those of `source`, where there are any.
   */
  scatterReduce(
    this: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor,
    reduce: ScatterReduction,
    options: { readonly includeSelf?: boolean } = {},
  ): Tensor {
    const d = normalizeDim("scatterReduce", dim, this.ndim);
    checkDType("scatterReduce", this, source);
    return tidy(() => {
      const places = scatterPlaces("scatterReduce", this, d, index);
      const values = covered("scatterReduce", source, index);
      if (places.length === 0) return this.clone();
      const { includeSelf = true } = options;
      const self = (neutral: number): Tensor => {
        return (includeSelf ? this : this.maskedFill(touched(this, places), neutral)).reshape(-1);
      };
      const at = int32(places, [places.length]);
      const sum = (): Tensor => self(0).indexAdd(0, at, values);
      const reductions: { readonly [r in ScatterReduction]: () => Tensor } = {
        sum,
        mean: () => {
          const counts = int32(countsOf(places, this.numel, includeSelf), [this.numel]).to(this.dtype);
          return isFloating(this.dtype) ? sum().div(counts) : sum().div(counts, { roundingMode: "floor" });
        },
        prod: () => multiplied(self(1), places, values),
        amax: () => extreme(this.reshape(-1), places, values, "amax", includeSelf),
        amin: () => extreme(this.reshape(-1), places, values, "amin", includeSelf),
      };
      return reductions[reduce]().reshape(...this.shape);
    });
  },
  /** A copy with the slices of `source` in place of the slices of `dim` named by `index`. */
  indexCopy(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    const d = normalizeDim("indexCopy", dim, this.ndim);
    checkDType("indexCopy", this, source);
    const [x, from] = [this, source].map((t) => (t.ndim === 0 ? t.reshape(1) : t)) as [Tensor, Tensor]; // two
    if (from.ndim !== x.ndim || from.shape.some((s, at) => s !== (at === d ? index.numel : x.shape[at])))
      throw new ShapeError(
        `indexCopy: source ${showShape(source.shape)} does not fit ${index.numel} slices of ${showShape(this.shape)} along ${d}.`,
        { source: source.shape, shape: this.shape },
      );
    return tidy(() => placedSlices(x, d, idsOf("indexCopy", index, x.shape[d]!), from).reshape(...this.shape));
  },
  /** A copy with `value` (a number, or a tensor of one) in the slices of `dim` named by `index`. */
  indexFill(this: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
    const d = normalizeDim("indexFill", dim, this.ndim);
    return tidy(() => {
      const size = this.shape[d] ?? 1;
      const last = lastPlaced(idsOf("indexFill", fromEnd(index, size), size), size);
      const here = int32(last, [size])
        .ge(0)
        .reshape(...this.shape.map((_, at) => (at === d ? size : 1)));
      return this.maskedFill(here.expand(...this.shape), value);
    });
  },
  /** Python's `x[indices] = values` as a copy: the places are those that `at` with the same indices reads. `accumulate` adds. */
  indexPut(
    this: Tensor,
    indices: readonly Index[],
    values: Tensor,
    options: { readonly accumulate?: boolean } = {},
  ): Tensor {
    checkDType("indexPut", this, values);
    return tidy(() => {
      const places = arange(this.numel)
        .reshape(...this.shape)
        .at(...indices);
      const source = values.expand(...places.shape).reshape(-1);
      if (options.accumulate === true) return added(this, places, source);
      return placed(this, Int32Array.from(places.toArray()), source);
    });
  },
  /** A copy with the elements of `source` at places of the flattened tensor; negative ones count from the end. `accumulate` adds. */
  put(this: Tensor, index: Tensor, source: Tensor, options: { readonly accumulate?: boolean } = {}): Tensor {
    checkDType("put", this, source);
    if (index.numel !== source.numel)
      throw new ShapeError(`put: ${source.numel} elements for ${index.numel} places.`, {
        elements: source.numel,
        places: index.numel,
      });
    return tidy(() => {
      const places = fromEnd(index.reshape(-1), this.numel);
      if (options.accumulate === true) return added(this, places, source.reshape(-1));
      return placed(this, idsOf("put", places, this.numel), source.reshape(-1));
    });
  },
  /** A copy in which the elements where `mask` (bool) holds are those of `source`, one after another; tensor and mask broadcast. */
  maskedScatter(this: Tensor, mask: Tensor, source: Tensor): Tensor {
    if (mask.dtype !== "bool") throw new DTypeError(`maskedScatter: a mask is bool, got ${mask.dtype}.`, {});
    checkDType("maskedScatter", this, source);
    return tidy(() => {
      const [x, whole] = broadcastTensors(this, mask) as [Tensor, Tensor]; // two in, two out
      const places = Int32Array.from(whole.reshape(-1).nonzero().toArray());
      if (places.length > source.numel)
        throw new ArgumentError(`maskedScatter: ${source.numel} elements for ${places.length} places.`, {
          elements: source.numel,
          places: places.length,
        });
      return placed(x, places, source.reshape(-1).narrow(0, 0, places.length));
    });
  },
};
export type PlacingMethods = typeof placingMethods;

function added(x: Tensor, places: Tensor, source: Tensor): Tensor {
  return x
    .reshape(-1)
    .indexAdd(0, places.reshape(-1), source)
    .reshape(...x.shape);
}

function countsOf(places: Int32Array, size: number, includeSelf: boolean): Int32Array {
  const counts = new Int32Array(size).fill(includeSelf ? 1 : 0);
  for (const place of places) counts[place]! += 1;
  return counts.map((n) => Math.max(n, 1));
}

/** `x` times all of `values` that go to each place. Those of one place are multiplied in pairs, then pairs of pairs. */
function multiplied(x: Tensor, places: Int32Array, values: Tensor): Tensor {
  const order = Int32Array.from(places.keys()).sort((a, b) => places[a]! - places[b]! || a - b);
  let at = order.map((i) => places[i]!);
  let factors = values.indexSelect(0, int32(order, [order.length]));
  for (;;) {
    const { left, right } = pairs(at);
    const n = left.length;
    if (n === at.length) break;
    const partners = factors.indexSelect(
      0,
      int32(
        right.map((i) => Math.max(i, 0)),
        [n],
      ),
    );
    const others = partners.where(int32(right, [n]).ge(0), 1);
    factors = factors
      .indexSelect(0, int32(left, [n]))
      .mul(others)
      .to(x.dtype);
    at = left.map((i) => at[i]!);
  }
  const here = x.indexSelect(0, int32(at, [at.length]));
  return placed(x, at, here.mul(factors).to(x.dtype));
}

/** Neighbours that are equal, two by two; one that is left over has −1 beside it. */
function pairs(sorted: Int32Array): { readonly left: Int32Array; readonly right: Int32Array } {
  const [left, right]: [number[], number[]] = [[], []];
  for (let i = 0; i < sorted.length; i++) {
    const paired = sorted[i] === sorted[i + 1];
    left.push(i);
    right.push(paired ? i + 1 : -1);
    if (paired) i++;
  }
  return { left: Int32Array.from(left), right: Int32Array.from(right) };
}

/** The largest or smallest of what comes to each place of the vector `x`; equal ones share the gradient. */
function extreme(x: Tensor, places: Int32Array, values: Tensor, kind: "amax" | "amin", includeSelf: boolean): Tensor {
  const winners = (self: Tensor, source: Tensor): Tensor => {
    const best = Float64Array.from(self.toArray(), Number);
    const fresh = new Uint8Array(best.length).fill(includeSelf ? 0 : 1);
    Array.from(source.toArray(), Number).forEach((value, i) => {
      const place = places[i]!;
      const held = best[place]!;
      const wins = fresh[place] === 1 || Number.isNaN(value) || (kind === "amax" ? value > held : value < held);
      if (wins) best[place] = value;
      fresh[place] = 0;
    });
    return fromArray(best, [best.length], { dtype: self.dtype });
  };
  if (!isFloating(x.dtype)) return winners(x, values);
  return defineFunction<[Tensor, Tensor]>({
    name: `scatterReduce_${kind}`,
    forward: (ctx, self, source) => {
      const best = winners(self, source);
      ctx.save(self, source, best);
      return best;
    },
    backward: (ctx, g) => {
      const [self, source, best] = ctx.saved as [Tensor, Tensor, Tensor]; // as forward saved them
      const at = int32(places, [places.length]);
      const kept = includeSelf ? self.eq(best) : touched(self, places).logicalNot();
      const [own, given] = [kept.to(g.dtype), source.eq(best.indexSelect(0, at)).to(g.dtype)];
      const share = g.div(own.indexAdd(0, at, given));
      return [share.mul(own), share.indexSelect(0, at).mul(given)];
    },
  })(x, values);
}
