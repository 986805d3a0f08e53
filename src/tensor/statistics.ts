// Statistics made of the plain reductions: counts, moments together, sums that pass over NaN, order statistics, norms of matrices.

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { normalizeDim, showShape } from "../base/shape.ts";
import type { Tensor } from "./core.ts";
import type { DimOptions, ReduceOptions, ValuesAndIndices } from "./reduce.ts";
import { tidy } from "./scope.ts";

export interface MomentOptions extends ReduceOptions {
  readonly correction?: number;
}
export type Interpolation = "linear" | "lower" | "higher" | "midpoint" | "nearest";

export const statisticsMethods = {
  /** The smallest and the largest along one dimension, or of all; equal ones share the gradient. */
  aminmax(this: Tensor, options: Partial<DimOptions> = {}): { readonly min: Tensor; readonly max: Tensor } {
    return tidy(() => ({ min: this.amin(options), max: this.amax(options) }));
  },
  /** Variance and mean, `[variance, mean]`. */
  varMean(this: Tensor, options: MomentOptions = {}): [Tensor, Tensor] {
    const { correction: _, ...reduced } = options;
    return tidy(() => [this.var(options), this.mean(reduced)]);
  },
  /** Standard deviation and mean, `[deviation, mean]`. */
  stdMean(this: Tensor, options: MomentOptions = {}): [Tensor, Tensor] {
    const { correction: _, ...reduced } = options;
    return tidy(() => [this.std(options), this.mean(reduced)]);
  },
  /** How many elements are not 0; int64. */
  countNonzero(this: Tensor, options: Pick<ReduceOptions, "dim"> = {}): Tensor {
    return tidy(() => this.ne(0).sum(options));
  },
  /** The sum of what is a number. */
  nansum(this: Tensor, options: ReduceOptions = {}): Tensor {
    if (!isFloating(this.dtype)) return this.sum(options);
    return tidy(() => this.maskedFill(this.detach().isnan(), 0).sum(options));
  },
  /** The mean of what is a number. */
  nanmean(this: Tensor, options: ReduceOptions = {}): Tensor {
    return tidy(() => {
      const known = this.detach().isnan().logicalNot().sum(options);
      return this.nansum(options).div(known.to(this.dtype));
    });
  },
  /**
   * The middle element along `dim` with its index, or of all elements; of an even number the lower of the two. A NaN wins. Of all
   * elements, equal ones share the gradient.
   */
  median: function median(this: Tensor, options?: DimOptions): Tensor | ValuesAndIndices {
    return options === undefined ? medianOfAll(this) : medianAlong(this, options);
  } as Median, // a function expression cannot declare overloads
  /** The `q`-quantile along `dim`, or of all elements; between two elements as `interpolation` says. q is a number or a vector, whose size comes first. */
  quantile(
    this: Tensor,
    q: number | Tensor,
    options: { readonly dim?: number; readonly keepdim?: boolean; readonly interpolation?: Interpolation } = {},
  ): Tensor {
    const { dim, keepdim = false, interpolation = "linear" } = options;
    const points = typeof q === "number" ? [q] : Array.from(q.toArray(), Number);
    if (points.some((p) => !(p >= 0 && p <= 1)))
      throw new ArgumentError(`quantile: q of ${points.join(", ")}; it lies from 0 to 1.`, { q: points });
    return tidy(() => {
      const along = dim === undefined ? 0 : normalizeDim("quantile", dim, Math.max(this.ndim, 1));
      const x = dim === undefined || this.ndim === 0 ? this.reshape(-1) : this;
      const sorted = x.sort({ dim: along }).values;
      const parts = points.map((p) => between(sorted, along, p, interpolation));
      const kept =
        dim === undefined ? parts.map((part) => part.reshape(...(keepdim ? this.shape.map(() => 1) : []))) : parts;
      const shaped = dim === undefined || (keepdim && this.ndim > 0) ? kept : kept.map((part) => part.squeeze(along));
      if (typeof q === "number" || q.ndim === 0) return shaped[0]!.clone();
      const [first, ...rest] = shaped.map((part) => part.unsqueeze(0));
      return first!.catWith(rest, 0);
    });
  },
  /** The p-norm of the difference of two tensors that broadcast. */
  dist(this: Tensor, other: Tensor, p = 2): Tensor {
    return tidy(() => this.sub(other).norm(p));
  },
};
export type StatisticsMethods = typeof statisticsMethods;

interface Median {
  (this: Tensor): Tensor;
  (this: Tensor, options: DimOptions): ValuesAndIndices;
}

function medianOfAll(x: Tensor): Tensor {
  return tidy(() => {
    if (x.numel === 0) throw new ShapeError(`median: ${showShape(x.shape)} is empty.`, { shape: x.shape });
    const middle = medianAlong(x.detach().reshape(-1), { dim: 0 }).values;
    if (!x.requiresGrad) return middle;
    const others = middle.isnan().item() === 1 ? x.detach().isnan().logicalNot() : x.detach().ne(middle);
    return x.maskedFill(others, Number.NEGATIVE_INFINITY).amax(); // equal ones share the gradient
  });
}

function medianAlong(x: Tensor, options: DimOptions): ValuesAndIndices {
  return tidy(() => {
    if (x.ndim === 0) return x.max({ dim: 0 });
    const dim = normalizeDim("median", options.dim, x.ndim);
    const size = x.shape[dim]!;
    if (size === 0)
      throw new ShapeError(`median: dimension ${dim} of ${showShape(x.shape)} is empty.`, {
        shape: x.shape,
        dim,
      });
    const { values, indices } = x.sort({ dim });
    const middle = (t: Tensor): Tensor => t.narrow(dim, (size - 1) >> 1, 1);
    const last = (t: Tensor): Tensor => t.narrow(dim, size - 1, 1);
    const broken = isFloating(x.dtype) ? last(values.detach()).isnan() : undefined; // NaNs are sorted to the end
    const at = broken === undefined ? middle(indices) : last(indices).where(broken, middle(indices));
    const value = x.gather(dim, at.contiguous());
    return options.keepdim === true
      ? { values: value, indices: at }
      : { values: value.squeeze(dim), indices: at.squeeze(dim) };
  });
}

/** The quantile `p` of what is sorted along `dim`, which keeps a size of 1; NaN where there is one. */
function between(sorted: Tensor, dim: number, p: number, interpolation: Interpolation): Tensor {
  const size = sorted.shape[dim]!;
  const place = p * (size - 1);
  const [low, high] = [Math.floor(place), Math.ceil(place)];
  const at = (i: number): Tensor => sorted.narrow(dim, i, 1);
  const weights: { readonly [i in Interpolation]: () => Tensor } = {
    linear: () => at(low).lerp(at(high), place - low),
    lower: () => at(low),
    higher: () => at(high),
    midpoint: () => at(low).lerp(at(high), low === high ? 0 : 0.5),
    nearest: () => at(place - low === 0.5 ? low + (low % 2) : Math.round(place)),
  };
  const value = weights[interpolation]();
  const broken = at(size - 1)
    .detach()
    .isnan();
  return value.maskedFill(broken, Number.NaN);
}
