// Random tensors, with PyTorch's own draws. Every function takes a `generator`; without one it draws from the default stream,
// which `manualSeed` starts.

import { argmax } from "../base/argmax.ts";
import { bytesOf, type DType, isFloating } from "../base/dtype.ts";
import { ArgumentError, DTypeError } from "../base/errors.ts";
import { defaultGenerator, type Generator, remainder } from "../base/random.ts";
import { checkSizes, numel } from "../base/shape.ts";
import type { Device } from "../ir/device.ts";
import { type Draws, drawCoins, drawNormals, drawUniforms, drawWords } from "../kernels/random.ts";
import { Tensor } from "./core.ts";
import { fromArray, type TensorOptions } from "./create.ts";
import { noGrad } from "./grad-mode.ts";
import { checkWrite, rewrite, touch } from "./in-place.ts";
import { recordOperation } from "./recorder.ts";
import { tidy } from "./scope.ts";

export interface RandomOptions extends TensorOptions {
  readonly generator?: Generator;
}
interface Stream {
  readonly generator?: Generator;
}

type Fill = (draws: Draws, device: Device) => void;

/** Draws in the order of memory, into a tensor of any layout without gaps. */
function draw(op: string, t: Tensor, fill: Fill): Tensor {
  const records = checkWrite(op, t, []);
  if (!isFloating(t.dtype))
    throw new DTypeError(`${op}: wants a floating-point tensor, got ${t.dtype}.`, { op, dtype: t.dtype });
  const elem = t.dtype === "float64" ? "f64" : "f32";
  recordOperation(op, [], [t], () =>
    place(t, elem === "f64" ? "float64" : "float32", (x) => fill({ elem, x, n: t.numel }, t.device)),
  );
  if (records) rewrite(t, undefined); // nothing of the old values is left
  return t;
}

/** Fills in the order of memory by way of an address of dense elements of `dtype`. */
function place(t: Tensor, dtype: DType, fill: (address: number) => void): void {
  if (t.dtype === dtype && t.isContiguous()) {
    fill(t.address);
    touch(t);
    return;
  }
  const order = memoryOrder(t);
  noGrad(() =>
    tidy(() => {
      const dense = Tensor.empty(
        order.map((d) => t.shape[d]!),
        dtype,
        t.device,
      );
      fill(dense.address);
      t.permute(...order).copy_(dense);
    }),
  );
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
    const g = options.generator ?? defaultGenerator;
    return draw("uniform_", this, (draws, device) => drawUniforms(device, g, draws, from, to));
  },
  normal_(this: Tensor, mean = 0, std = 1, options: Stream = {}): Tensor {
    const g = options.generator ?? defaultGenerator;
    if (!(std >= 0)) throw new ArgumentError(`normal_: std ${std}; it is at least 0.`, { std });
    return draw("normal_", this, (draws, device) => {
      if (!this.isContiguous()) oneByOne(device, draws, () => g.normal() * std + mean);
      else if (bytesOf(this.dtype) === 2) drawHalves(device, g, draws, mean, std);
      else drawNormals(device, g, draws, mean, std);
    });
  },
  exponential_(this: Tensor, lambda = 1, options: Stream = {}): Tensor {
    const g = options.generator ?? defaultGenerator;
    return draw("exponential_", this, (draws, device) => oneByOne(device, draws, () => g.exponential() / lambda));
  },
  /** Fills with 1 with probability `p`, else 0; any dtype. */
  bernoulli_(this: Tensor, p = 0.5, options: Stream = {}): Tensor {
    const g = options.generator ?? defaultGenerator;
    const records = checkWrite("bernoulli_", this, []);
    if (!(p >= 0 && p <= 1)) throw new ArgumentError(`bernoulli: probability ${p}; it lies from 0 to 1.`, { p });
    recordOperation("bernoulli_", [], [this], () =>
      place(this, "bool", (y) => drawCoins(this.device, g, y, this.numel, p)),
    );
    if (records) rewrite(this, undefined);
    return this;
  },
  /** A tensor of this shape that is 1 with each element's probability. */
  bernoulli(this: Tensor, options: Stream = {}): Tensor {
    const g = options.generator ?? defaultGenerator;
    const p = this.toArray();
    const next = this.dtype === "float64" ? (): number => g.double() : (): number => g.single();
    const bits = new Uint8Array(p.length);
    for (let i = 0; i < bits.length; i++) bits[i] = Number(next() < p[i]!);
    return fromArray(bits, this.shape, { dtype: this.dtype });
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
      const scores = new Float64Array(weights.length);
      for (let i = 0; i < scores.length; i++) scores[i] = round(weights[i]! / round(g.exponential()));
      for (let r = 0; r < rows; r++) {
        const row = scores.subarray(r * n, (r + 1) * n);
        if (numSamples === 1) out[r] = argmax(row);
        else {
          const best = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]!);
          out.set(best.slice(0, numSamples), r * numSamples);
        }
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

/** Normals of half precision: each block of 16 draws its uniforms when its turn comes, and where there is a tail the last 16 anew. */
function drawHalves(device: Device, g: Generator, draws: Draws, mean: number, std: number): void {
  const { n, x } = draws;
  const tail = n % 16;
  if (n < 16 || tail === 0) return drawNormals(device, g, draws, mean, std);
  drawNormals(device, g, { ...draws, n: n - tail }, mean, std);
  drawNormals(device, g, { ...draws, n: 16, x: x + (n - 16) * bytesOf("float32") }, mean, std);
}

function oneByOne(device: Device, { elem, x, n }: Draws, next: () => number): void {
  const out = elem === "f32" ? device.f32.subarray(x / 4, x / 4 + n) : device.f64.subarray(x / 8, x / 8 + n);
  for (let i = 0; i < n; i++) out[i] = next();
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
  const n = numel(shape);
  const span = high - low;
  if (span < 2 ** 28 && dtype === "int32") {
    const t = Tensor.empty([...shape], dtype);
    if (t.isMeta) return t;
    drawWords(t.device, g, t.address, n);
    const words = new Uint32Array(t.device.u8.buffer, t.address, n);
    for (let i = 0; i < n; i++) words[i] = remainder(words[i]!, span) + low;
    return t;
  }
  const numbers = new Float64Array(n);
  for (let i = 0; i < n; i++) numbers[i] = g.integer(low, high);
  return fromArray(numbers, shape, { dtype });
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
