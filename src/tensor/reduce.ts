// Reductions. Without `dim` they take all elements; `dim` may name several; `keepdim` leaves sizes of 1 in place.

import { type DType, isFloating } from "../base/dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { normalizeDim, normalizeDims } from "../base/shape.ts";
import type { Op } from "../ops/op.ts";
import * as r from "../ops/reduce.ts";
import type { Tensor } from "./core.ts";
import { apply, apply1 } from "./dispatch.ts";
import { tidy } from "./scope.ts";

export interface ReduceOptions {
  readonly dim?: number | readonly number[];
  readonly keepdim?: boolean;
}
export interface TypedOptions extends ReduceOptions {
  /** The input is converted to it first, and the result has it. */
  readonly dtype?: DType | undefined;
}
export interface DimOptions {
  readonly dim: number;
  readonly keepdim?: boolean;
}
export interface ValuesAndIndices {
  readonly values: Tensor;
  /** int32 */
  readonly indices: Tensor;
}

function attrs(name: string, t: Tensor, options: ReduceOptions): r.ReduceAttrs {
  return { dims: normalizeDims(name, options.dim, t.ndim), keepdim: options.keepdim ?? false };
}
function count(t: Tensor, dims: readonly number[]): number {
  return dims.reduce((n, d) => n * t.shape[d]!, 1);
}

/** What the kernels compute these in; the result comes back in the tensor's own dtype. */
const wider: { readonly [d in DType]?: DType } = {
  float16: "float32",
  bfloat16: "float32",
  int8: "int32",
  int16: "int32",
};

function run(op: Op<r.ReduceAttrs>, name: string, t: Tensor, options: ReduceOptions): Tensor {
  const wide = wider[t.dtype];
  if (wide === undefined) return apply1(op, [t], attrs(name, t, options));
  return tidy(() => apply1(op, [t.to(wide)], attrs(name, t, options)).to(t.dtype));
}

/**
 * The largest (or smallest) of all elements, equal ones sharing the gradient; or along one dimension, with its index (the first
 * at a tie, which alone gets the gradient).
 */
interface Extremum {
  (this: Tensor): Tensor;
  (this: Tensor, options: DimOptions): ValuesAndIndices;
}

export const reduceMethods = {
  /** Integers and booleans give int64. */
  sum(this: Tensor, options: TypedOptions = {}): Tensor {
    const { dtype, ...rest } = options;
    if (dtype !== undefined) return tidy(() => this.to(dtype).sum(rest).to(dtype));
    return isFloating(this.dtype)
      ? run(r.sum, "sum", this, options)
      : tidy(() => run(r.sum, "sum", this.to("int64"), options));
  },
  mean(this: Tensor, options: TypedOptions = {}): Tensor {
    const { dtype, ...rest } = options;
    if (dtype !== undefined) return tidy(() => this.to(dtype).mean(rest));
    if (!isFloating(this.dtype))
      throw new DTypeError(`mean: of ${this.dtype}, whose mean is no ${this.dtype}. Convert with .float().`, {});
    return run(r.mean, "mean", this, options);
  },
  /** The largest; ties share the gradient evenly. */
  amax(this: Tensor, options: ReduceOptions = {}): Tensor {
    return run(r.amax, "amax", this, options);
  },
  /** The smallest; ties share the gradient evenly. */
  amin(this: Tensor, options: ReduceOptions = {}): Tensor {
    return run(r.amin, "amin", this, options);
  },
  max: function max(this: Tensor, options?: DimOptions) {
    return options === undefined ? this.amax() : extremum(this, "max", options);
  } as Extremum,
  min: function min(this: Tensor, options?: DimOptions) {
    return options === undefined ? this.amin() : extremum(this, "min", options);
  } as Extremum, // a function expression cannot declare overloads
  /** The index of the largest along `dim`, or in the flattened tensor; int32. The first at a tie; a NaN wins. */
  argmax(this: Tensor, options: Partial<DimOptions> = {}): Tensor {
    return arg(this, "max", options);
  },
  /** The index of the smallest along `dim`, or in the flattened tensor; int32. The first at a tie; a NaN wins. */
  argmin(this: Tensor, options: Partial<DimOptions> = {}): Tensor {
    return arg(this, "min", options);
  },
  /** Integers and booleans give int64. */
  prod(this: Tensor, options: TypedOptions = {}): Tensor {
    const { dtype, ...rest } = options;
    if (dtype !== undefined) return tidy(() => this.to(dtype).prod(rest).to(dtype));
    return isFloating(this.dtype)
      ? run(r.prod, "prod", this, options)
      : tidy(() => run(r.prod, "prod", this.to("int64"), options));
  },
  /** Whether any element is not 0. */
  any(this: Tensor, options: ReduceOptions = {}): Tensor {
    return tidy(() => apply1(r.any, [this.bool()], attrs("any", this, options)));
  },
  /** Whether no element is 0. */
  all(this: Tensor, options: ReduceOptions = {}): Tensor {
    return tidy(() => apply1(r.all, [this.bool()], attrs("all", this, options)));
  },
  /** `log Σ exp`, without overflow. */
  logsumexp(this: Tensor, options: ReduceOptions): Tensor {
    return tidy(() => {
      const peak = this.detach().amax({ ...options, keepdim: true });
      const finite = peak.where(peak.isfinite(), 0); // −∞ − −∞ would be NaN
      const sum = this.sub(finite)
        .exp()
        .sum({ ...options, keepdim: true })
        .log()
        .add(finite);
      return options.keepdim === true ? sum : sum.squeeze(normalizeDims("logsumexp", options.dim, this.ndim));
    });
  },
  /** `Σ (x − mean)² / (n − correction)` */
  var(this: Tensor, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
    const { correction = 1 } = options;
    return tidy(() => {
      const n = count(this, normalizeDims("var", options.dim, this.ndim));
      const centred = this.sub(this.mean({ ...options, keepdim: true }));
      const squares = centred.square().sum(options);
      return n - correction > 0 ? squares.div(n - correction) : squares.div(0);
    });
  },
  std(this: Tensor, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
    return tidy(() => this.var(options).sqrt());
  },
  /** The p-norm over the named dimensions; `p` may be infinite. The gradient at 0 is 0. */
  norm(this: Tensor, p = 2, options: ReduceOptions = {}): Tensor {
    return tidy(() => {
      if (p === Number.POSITIVE_INFINITY) return this.abs().amax(options);
      if (p === Number.NEGATIVE_INFINITY) return this.abs().amin(options);
      if (p === 0) return this.ne(0).to(this.dtype).sum(options);
      if (p === 1) return this.abs().sum(options);
      if (p === 2) return run(r.norm2, "norm", this, options);
      const sum = this.abs().pow(p).sum(options);
      const none = sum.detach().eq(0); // where the root has no slope
      return sum
        .maskedFill(none, 1)
        .pow(1 / p)
        .maskedFill(none, 0);
    });
  },
  /** Running sums along `dim`, in `dtype` if it is given; integers and booleans give int64. */
  cumsum(this: Tensor, dim: number, options: { readonly dtype?: DType | undefined } = {}): Tensor {
    const { dtype } = options;
    if (dtype !== undefined) return tidy(() => this.to(dtype).cumsum(dim).to(dtype));
    const d = normalizeDim("cumsum", dim, this.ndim);
    return (isFloating(this.dtype) ? this : this.to("int64")).cumulate({ dim: d, reverse: false });
  },
  /** Running sums from either end. */
  cumulate(this: Tensor, attrs: r.CumulateAttrs): Tensor {
    return apply1(r.cumsum, [this], attrs);
  },
};
export type ReduceMethods = typeof reduceMethods;

function extremum(t: Tensor, kind: "max" | "min", options: DimOptions): ValuesAndIndices {
  const dim = normalizeDim(kind, options.dim, t.ndim);
  if (t.shape[dim] === 0)
    throw new ShapeError(`${kind}: dimension ${dim} of [${t.shape.join(", ")}] is empty.`, { dim, shape: t.shape });
  const [values, indices] = apply(kind === "max" ? r.maxDim : r.minDim, [t], {
    dims: [dim],
    keepdim: options.keepdim ?? false,
  });
  return { values: values!, indices: indices! };
}

function arg(t: Tensor, kind: "max" | "min", options: Partial<DimOptions>): Tensor {
  if (t.numel === 0)
    throw new ArgumentError(`arg${kind}: the tensor [${t.shape.join(", ")}] is empty.`, { shape: t.shape });
  return tidy(() => {
    const { dim, keepdim = false } = options;
    const x = dim === undefined ? t.detach().reshape(-1) : t.detach();
    return extremum(x, kind, { dim: dim ?? 0, keepdim }).indices;
  });
}
