// Activations as functions.

import { type DType, isFloating } from "../../base/dtype.ts";
import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { defaultGenerator, type Generator } from "../../base/random.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import * as a from "../../ops/activations.ts";
import * as e from "../../ops/elementwise.ts";
import { Tensor } from "../core.ts";
import { callPointwise } from "../elementwise.ts";
import { tidy } from "../scope.ts";
import type { SoftmaxOptions } from "../softmax.ts";
import { softmax } from "./softmax.ts";

export function relu(x: Tensor): Tensor {
  return callPointwise(e.relu, [x]);
}
/** `x Φ(x)`; `approximate: "tanh"` takes the older formula with tanh. */
export function gelu(x: Tensor, options: { readonly approximate?: "none" | "tanh" } = {}): Tensor {
  const { approximate = "none" } = options;
  if (approximate !== "none" && approximate !== "tanh")
    throw new ArgumentError(`gelu: approximate is "none" or "tanh", got "${approximate as string}".`, { approximate });
  return callPointwise(approximate === "tanh" ? e.geluTanh : e.gelu, [x]);
}
/** `x · sigmoid(x)` */
export function silu(x: Tensor): Tensor {
  return callPointwise(e.silu, [x]);
}
export function logSigmoid(x: Tensor): Tensor {
  return callPointwise(e.logSigmoid, [x]);
}
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  return callPointwise(e.leakyRelu, [x, negativeSlope]);
}
export function softplus(x: Tensor, options: { readonly beta?: number; readonly threshold?: number } = {}): Tensor {
  return callPointwise(e.softplus, [x, options.beta ?? 1, options.threshold ?? 20]);
}

// ── pieces of lines and exponentials ────────────────────────────────────────────────────────────────────────────────

/** `min(max(x, 0), 6)` */
export function relu6(x: Tensor): Tensor {
  return hardtanh(x, 0, 6);
}
/** x between the two bounds. */
export function hardtanh(x: Tensor, minVal = -1, maxVal = 1): Tensor {
  if (!(minVal <= maxVal))
    throw new ArgumentError(`hardtanh: bounds ${minVal} and ${maxVal} cross.`, { minVal, maxVal });
  if (!isFloating(x.dtype)) return x.clamp({ min: Math.trunc(minVal), max: Math.trunc(maxVal) });
  return callPointwise(a.hardtanh, [x, minVal, maxVal]);
}
/** x where it is above `limit`, else `value`. */
export function threshold(x: Tensor, limit: number, value: number): Tensor {
  return callPointwise(a.threshold, [x, limit, value]);
}
/** x above 0, else `alpha (e^x − 1)`. https://arxiv.org/abs/1511.07289 */
export function elu(x: Tensor, alpha = 1): Tensor {
  return callPointwise(a.elu, [x, alpha, 1, 1]);
}
/** `scale elu(x)` with the constants that keep mean 0 and variance 1. https://arxiv.org/abs/1706.02515 */
export function selu(x: Tensor): Tensor {
  return callPointwise(a.elu, [x, 1.6732632423543772, 1.0507009873554805, 1]);
}
/** x above 0, else `alpha (e^(x / alpha) − 1)`. https://arxiv.org/abs/1704.07483 */
export function celu(x: Tensor, alpha = 1): Tensor {
  if (alpha === 0) throw new ArgumentError("celu: alpha is not 0.", { alpha });
  return callPointwise(a.elu, [x, alpha, 1, 1 / alpha]);
}
/** x above 0, else `weight x`: weight is one number, `[1]`, or one for each channel (dimension 1), `[C]`. */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const channels = x.ndim > 1 ? x.shape[1]! : 1;
  if (weight.ndim > 1 || (weight.numel !== 1 && weight.numel !== channels)) {
    throw new ShapeError(
      `prelu: weight ${showShape(weight.shape)} for an input ${showShape(x.shape)}; wants [1] or [${channels}].`,
      {
        weight: weight.shape,
        input: x.shape,
      },
    );
  }
  if (weight.numel === 1 || x.ndim < 2) return callPointwise(a.prelu, [x, weight.reshape(...x.shape.map(() => 1))]);
  return callPointwise(a.prelu, [x, weight.reshape(-1, ...new Array<number>(x.ndim - 2).fill(1))]);
}
/** 0 within ±lambda, else x moved towards 0 by lambda. */
export function softshrink(x: Tensor, lambda = 0.5): Tensor {
  if (!(lambda >= 0)) throw new ArgumentError(`softshrink: lambda ${lambda}; it is at least 0.`, { lambda });
  return callPointwise(a.softshrink, [x, lambda]);
}
/** 0 within ±lambda, else x. */
export function hardshrink(x: Tensor, lambda = 0.5): Tensor {
  return callPointwise(a.hardshrink, [x, lambda]);
}
/** `x − tanh x` */
export function tanhshrink(x: Tensor): Tensor {
  return callPointwise(a.tanhshrink, [x]);
}
/** `min(max(x + 3, 0), 6) / 6` */
export function hardsigmoid(x: Tensor): Tensor {
  return callPointwise(a.hardsigmoid, [x]);
}
/** `x hardsigmoid(x)`. https://arxiv.org/abs/1905.02244 */
export function hardswish(x: Tensor): Tensor {
  return callPointwise(a.hardswish, [x]);
}
/** `x tanh(log(1 + e^x))`. https://arxiv.org/abs/1908.08681 */
export function mish(x: Tensor): Tensor {
  return callPointwise(a.mish, [x]);
}
/** `x / (1 + |x|)` */
export function softsign(x: Tensor): Tensor {
  return callPointwise(a.softsign, [x]);
}
/** `a σ(b)` with a and b the halves of x along `dim`. https://arxiv.org/abs/1612.08083 */
export function glu(x: Tensor, dim = -1): Tensor {
  const size = x.size(dim);
  if (size % 2 !== 0)
    throw new ShapeError(`glu: dimension ${dim} of ${showShape(x.shape)} is odd.`, { shape: x.shape, dim });
  return tidy(() => {
    const [left, right] = x.chunk(2, dim) as [Tensor, Tensor]; // of an even size
    return callPointwise(a.gate, [left, right]);
  });
}
/** `softmax(−x)` along `dim`. */
export function softmin(x: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor {
  return tidy(() => softmax(x.neg(), dim, options));
}

// ── dropout ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DropoutOptions {
  readonly training?: boolean;
  readonly generator?: Generator;
}

/**
 * In training, each element is 0 with probability `p` and the others are divided by 1 − p; otherwise the input itself.
 * https://jmlr.org/papers/v15/srivastava14a.html
 */
export function dropout(x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor {
  const { training = true, generator = defaultGenerator } = options;
  checkProbability("dropout", p);
  if (!training || p === 0) return x;
  if (p === 1) return x.mul(0);
  return tidy(() => callPointwise(e.dropout, [maskFor(x, p, generator), x, keptScale(x.dtype, p)]));
}

/** Dropout of whole channels of `[N, C, L]` or `[C, L]`: one draw for each. https://arxiv.org/abs/1411.4280 */
export function dropout1d(x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor {
  if (x.ndim !== 2 && x.ndim !== 3) {
    throw new ShapeError(`dropout1d: ${showShape(x.shape)}; wants [N, C, L] or [C, L].`, { shape: x.shape });
  }
  return channelDropout(x, 1, p, options);
}
/** Dropout of whole channels of `[N, C, H, W]`: one draw for each. https://arxiv.org/abs/1411.4280 */
export function dropout2d(x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor {
  if (x.ndim !== 4) {
    throw new ShapeError(`dropout2d: ${showShape(x.shape)}; wants [N, C, H, W]. For [N, C, L] there is dropout1d.`, {
      shape: x.shape,
    });
  }
  return channelDropout(x, 2, p, options);
}
function channelDropout(x: Tensor, field: number, p: number, options: DropoutOptions): Tensor {
  checkProbability("dropout", p);
  if (options.training === false || p === 0) return x;
  return tidy(() => {
    const channels = x.shape.map((size, d) => (d < x.ndim - field ? size : 1)); // [N, C, 1, …]
    return x.mul(dropout(Tensor.empty(channels, x.dtype, x.device).fill_(1), p, options));
  });
}

/**
 * `residual + dropout(x)` in one pass: what a layer's block ends with. Draws and gradients are those of the two operations; the
 * shapes of x and residual are the same.
 */
export function dropoutAdd(x: Tensor, residual: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor {
  const { training = true, generator = defaultGenerator } = options;
  checkProbability("dropoutAdd", p);
  if (!sameShape(x.shape, residual.shape)) {
    throw new ShapeError(`dropoutAdd: ${showShape(x.shape)} and ${showShape(residual.shape)} differ.`, {
      x: x.shape,
      residual: residual.shape,
    });
  }
  if (!training || p === 0) return residual.add(x);
  if (p === 1) return tidy(() => residual.add(x.mul(0)));
  return tidy(() => callPointwise(e.dropoutAdd, [maskFor(x, p, generator), x, residual, keptScale(x.dtype, p)]));
}

function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`${op}: probability ${p}; it lies from 0 to 1.`, { p });
}
/** What dropout multiplies the elements by that it keeps, in the precision they have. */
function keptScale(dtype: DType, p: number): number {
  return dtype === "float64" ? 1 / (1 - p) : Math.fround(1 / Math.fround(1 - p));
}
/** True with probability 1 − p. The mask has the input's layout, since draws follow memory (docs/random.md). */
function maskFor(x: Tensor, p: number, generator: Generator): Tensor {
  const order = x.shape.map((_, d) => d);
  if (!x.isContiguous()) order.sort((a, b) => x.strides[b]! - x.strides[a]! || a - b);
  const dense = Tensor.empty(
    order.map((d) => x.shape[d]!),
    "bool",
    x.device,
  ).bernoulli_(1 - p, { generator });
  return order.length === 0 ? dense : dense.permute(...order.map((_, d) => order.indexOf(d)));
}

/** `silu(gate) · up` in one pass, as in the feed-forward layers of Llama. https://arxiv.org/abs/2002.05202 */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  return callPointwise(e.swiglu, [gate, up]);
}
/** `gelu(gate) · up` in one pass. https://arxiv.org/abs/2002.05202 */
export function geglu(gate: Tensor, up: Tensor): Tensor {
  return callPointwise(e.geglu, [gate, up]);
}
