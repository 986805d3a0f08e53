// Running products, extremes and sums of exponentials along a dimension. All but the extremes go by doubling: after step k an element
// holds what its last 2^k stand for.

import { type DType, isFloating } from "../base/dtype.ts";
import { DTypeError } from "../base/errors.ts";
import { normalizeDim } from "../base/shape.ts";
import type { Tensor } from "./core.ts";
import { fromArray } from "./create.ts";
import type { ValuesAndIndices } from "./reduce.ts";
import { tidy } from "./scope.ts";

export const runningMethods = {
  /** Running products along `dim`, in `dtype` if it is given; integers and booleans give int64. */
  cumprod(this: Tensor, dim: number, options: { readonly dtype?: DType | undefined } = {}): Tensor {
    const { dtype } = options;
    if (dtype !== undefined) return tidy(() => this.to(dtype).cumprod(dim).to(dtype));
    const d = normalizeDim("cumprod", dim, this.ndim);
    const wide = isFloating(this.dtype) ? this.dtype : "int64";
    return tidy(() => doubled(this.to(wide), d, (x, earlier) => x.mul(earlier)));
  },
  /** `log` of running sums of `exp` along `dim`, without overflow. */
  logcumsumexp(this: Tensor, dim: number): Tensor {
    const d = normalizeDim("logcumsumexp", dim, this.ndim);
    if (!isFloating(this.dtype))
      throw new DTypeError(`logcumsumexp: of ${this.dtype}; convert with .float().`, { dtype: this.dtype });
    // In float64: the gradient is made of differences of logs, which large float32 ones do not resolve.
    return tidy(() => doubled(this.double(), d, (x, earlier) => x.logaddexp(earlier)).to(this.dtype));
  },
  /** The largest so far along `dim`, with its index (the last at a tie; a NaN stays). */
  cummax(this: Tensor, dim: number): ValuesAndIndices {
    return extremes(this, normalizeDim("cummax", dim, this.ndim), (a, b) => a >= b);
  },
  /** The smallest so far along `dim`, with its index (the last at a tie; a NaN stays). */
  cummin(this: Tensor, dim: number): ValuesAndIndices {
    return extremes(this, normalizeDim("cummin", dim, this.ndim), (a, b) => a <= b);
  },
};
export type RunningMethods = typeof runningMethods;

/** Each element together with all before it. */
function doubled(x: Tensor, dim: number, join: (x: Tensor, earlier: Tensor) => Tensor): Tensor {
  const n = x.shape[dim] ?? 1;
  let out = x;
  for (let by = 1; by < n; by *= 2) {
    const joined = join(out.narrow(dim, by, n - by), out.narrow(dim, 0, n - by));
    out = out.narrow(dim, 0, by).catWith([joined], dim);
  }
  return out === x ? x.clone() : out;
}

function extremes(x: Tensor, dim: number, beats: (a: number, b: number) => boolean): ValuesAndIndices {
  return tidy(() => {
    if (x.ndim === 0) return { values: x.clone(), indices: fromArray([0], [], { dtype: "int32" }) };
    const n = x.shape[dim]!;
    const rows = x.detach().movedim(dim, -1);
    const numbers = Array.from(rows.toArray(), Number);
    const at = new Int32Array(numbers.length);
    for (let i = 0; i < at.length; i++) {
      const column = i % n;
      if (column === 0) continue;
      const [before, value] = [numbers[i - column + at[i - 1]!]!, numbers[i]!];
      at[i] = Number.isNaN(value) || beats(value, before) ? column : at[i - 1]!;
    }
    const indices = fromArray(at, rows.shape, { dtype: "int32" }).movedim(-1, dim).contiguous();
    return { values: x.gather(dim, indices), indices };
  });
}
