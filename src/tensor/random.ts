// Random tensors, with PyTorch's own draws. Every function takes a `generator`; without one it draws from the default stream,
// which `manualSeed` starts.

import { type DType, isFloating } from "../base/dtype.ts";
import { ArgumentError, DTypeError } from "../base/errors.ts";
import { defaultGenerator, fillNormal, fillUniform, type Generator } from "../base/random.ts";
import { checkSizes, numel } from "../base/shape.ts";
import { Tensor } from "./core.ts";
import { fromArray, type TensorOptions } from "./create.ts";
import { noGrad } from "./grad-mode.ts";
import { checkWrite, rewrite, touch } from "./in-place.ts";
import { tidy } from "./scope.ts";

export interface RandomOptions extends TensorOptions {
  readonly generator?: Generator;
}
interface Stream {
  readonly generator?: Generator;
}

type Fill = (out: Float32Array | Float64Array) => void;

/** Draws in the order of memory, into a tensor of any layout without gaps. */
function draw(op: string, t: Tensor, fill: Fill): Tensor {
  const records = checkWrite(op, t, []);
  if (!isFloating(t.dtype))
    throw new DTypeError(`${op}: wants a floating-point tensor, got ${t.dtype}.`, { op, dtype: t.dtype });
  const data = t.dtype === "float64" ? new Float64Array(t.numel) : new Float32Array(t.numel);
  fill(data);
  place(t, data);
  if (records) rewrite(t, undefined); // nothing of the old values is left
  return t;
}

function place(t: Tensor, data: ArrayLike<number>): void {
  const order = memoryOrder(t);
  const shape = order.map((d) => t.shape[d]!);
  noGrad(() => tidy(() => void t.permute(...order).copy_(fromArray(data, shape, { dtype: t.dtype }))));
  touch(t);
}

/** The dimensions from the widest stride to the narrowest. */
function memoryOrder(t: Tensor): number[] {
  const dims = t.shape.map((_, d) => d);
  return t.isContiguous() ? dims : dims.sort((a, b) => t.strides[b]! - t.strides[a]! || a - b);
}

export const randomMethods = {
  /** Fills with uniform numbers from `from` to `to` (left out). */
  uniform_(this: Tensor, from = 0, to = 1, options: Stream = {}): Tensor {
    return draw("uniform_", this, (out) => fillUniform(options.generator ?? defaultGenerator, out, from, to));
  },
  normal_(this: Tensor, mean = 0, std = 1, options: Stream = {}): Tensor {
    const g = options.generator ?? defaultGenerator;
    if (!(std >= 0)) throw new ArgumentError(`normal_: std ${std}; it is at least 0.`, { std });
    return draw("normal_", this, (out) => {
      if (this.isContiguous()) fillNormal(g, out, mean, std);
      else for (let i = 0; i < out.length; i++) out[i] = g.normal() * std + mean;
    });
  },
  exponential_(this: Tensor, lambda = 1, options: Stream = {}): Tensor {
    const g = options.generator ?? defaultGenerator;
    return draw("exponential_", this, (out) => {
      for (let i = 0; i < out.length; i++) out[i] = g.exponential() / lambda;
    });
  },
  /** Fills with 1 with probability `p`, else 0; any dtype. */
  bernoulli_(this: Tensor, p = 0.5, options: Stream = {}): Tensor {
    const records = checkWrite("bernoulli_", this, []);
    place(this, bernoulliBits(this.numel, p, options.generator ?? defaultGenerator));
    if (records) rewrite(this, undefined);
    return this;
  },
  /** A tensor of this shape that is 1 with each element's probability. */
  bernoulli(this: Tensor, options: Stream = {}): Tensor {
    const g = options.generator ?? defaultGenerator;
    const p = this.toArray();
    const next = this.dtype === "float64" ? (): number => g.double() : (): number => g.single();
    return fromArray(
      Uint8Array.from(p, (x) => Number(next() < x)),
      this.shape,
      { dtype: this.dtype },
    );
  },
  /**
   * `numSamples` indices for each row of weights (`[n]` or `[rows, n]`, not negative, not all 0); int32. Without `replacement`
   * no index comes twice in a row.
   */
  multinomial(this: Tensor, numSamples: number, options: Stream & { readonly replacement?: boolean } = {}): Tensor {
    const { generator: g = defaultGenerator, replacement = false } = options;
    const n = this.shape.at(-1) ?? 0;
    const rows = this.ndim === 2 ? this.shape[0]! : 1;
    const weights = this.toArray();
    checkWeights(weights, n, rows, numSamples, replacement);
    const out = new Int32Array(rows * numSamples);
    const round = this.dtype === "float64" ? (x: number): number => x : Math.fround;
    if (!replacement || numSamples === 1) {
      const scores = Float64Array.from(weights, (w) => round(w / round(g.exponential())));
      for (let r = 0; r < rows; r++) {
        const row = scores.subarray(r * n, (r + 1) * n);
        const best = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]!);
        out.set(best.slice(0, numSamples), r * numSamples);
      }
    } else {
      for (let r = 0; r < rows; r++)
        sampleRow(weights.subarray(r * n, (r + 1) * n), out.subarray(r * numSamples, (r + 1) * numSamples), g, round);
    }
    return fromArray(out, this.ndim === 2 ? [rows, numSamples] : [numSamples], { dtype: "int32" });
  },
};
export type RandomMethods = typeof randomMethods;

function checkWeights(
  weights: ArrayLike<number>,
  n: number,
  rows: number,
  samples: number,
  replacement: boolean,
): void {
  for (let r = 0; r < rows; r++) {
    let positive = 0;
    for (let i = r * n; i < (r + 1) * n; i++) {
      if (!(weights[i]! >= 0) || weights[i] === Number.POSITIVE_INFINITY) {
        throw new ArgumentError(`multinomial: weight ${weights[i]} in row ${r}; weights are finite and at least 0.`, {
          row: r,
        });
      }
      if (weights[i]! > 0) positive++;
    }
    if (positive === 0) throw new ArgumentError(`multinomial: all weights of row ${r} are 0.`, { row: r });
    if (!replacement && samples > n) {
      throw new ArgumentError(`multinomial: ${samples} samples of ${n} without replacement.`, { samples, n });
    }
  }
}

function sampleRow(weights: ArrayLike<number>, out: Int32Array, g: Generator, round: (x: number) => number): void {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum = round(sum + weights[i]!);
    sums[i] = sum;
  }
  for (let i = 0; i < sums.length; i++) sums[i] = round(sums[i]! / sum);
  sums[sums.length - 1] = 1;
  for (let s = 0; s < out.length; s++) {
    const u = g.double();
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < u) low = middle + 1;
      else high = middle;
    }
    out[s] = low;
  }
}

/** 1 where a draw falls below `p`. */
export function bernoulliBits(n: number, p: number, g: Generator = defaultGenerator): Uint8Array {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`bernoulli: probability ${p}; it lies from 0 to 1.`, { p });
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) out[i] = Number(g.double() < p);
  return out;
}

function make(op: string, shape: readonly number[], options: RandomOptions, fill: (t: Tensor) => void): Tensor {
  checkSizes(op, shape);
  const t = Tensor.empty([...shape], options.dtype ?? "float32");
  fill(t);
  return options.requiresGrad === true ? t.requiresGrad_() : t;
}

const stream = (options: RandomOptions): Stream =>
  options.generator === undefined ? {} : { generator: options.generator };

/** Uniform in [0, 1). */
export function rand(shape: readonly number[], options: RandomOptions = {}): Tensor {
  return make("rand", shape, options, (t) => t.uniform_(0, 1, stream(options)));
}
/** Standard normal. */
export function randn(shape: readonly number[], options: RandomOptions = {}): Tensor {
  return make("randn", shape, options, (t) => t.normal_(0, 1, stream(options)));
}
/** Whole numbers `low … high` (high left out); int32 unless told otherwise. */
export function randint(low: number, high: number, shape: readonly number[], options: RandomOptions = {}): Tensor {
  checkSizes("randint", shape);
  if (!(high > low)) throw new ArgumentError(`randint: from ${low} to ${high} there is no number.`, { low, high });
  const g = options.generator ?? defaultGenerator;
  const dtype: DType = options.dtype ?? "int32";
  return fromArray(
    Float64Array.from({ length: numel(shape) }, () => g.integer(low, high)),
    shape,
    { dtype },
  );
}
/** `0 … n-1` in random order; int32 unless told otherwise. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  const g = options.generator ?? defaultGenerator;
  return fromArray(g.permutation(n), [n], { dtype: options.dtype ?? "int32" });
}
export function randLike(like: Tensor, options: RandomOptions = {}): Tensor {
  return rand(like.shape, { dtype: like.dtype, ...options });
}
export function randnLike(like: Tensor, options: RandomOptions = {}): Tensor {
  return randn(like.shape, { dtype: like.dtype, ...options });
}
