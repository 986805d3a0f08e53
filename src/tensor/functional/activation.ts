// Activations as functions.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { defaultGenerator, type Generator } from "../../base/random.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import * as e from "../../ops/elementwise.ts";
import { Tensor } from "../core.ts";
import { callPointwise } from "../elementwise.ts";
import { tidy } from "../scope.ts";

export function relu(x: Tensor): Tensor {
  return callPointwise(e.relu, [x]);
}
/** `x Φ(x)`; `approximate: "tanh"` takes the older formula with tanh. */
export function gelu(x: Tensor, options: { readonly approximate?: "none" | "tanh" } = {}): Tensor {
  return callPointwise(options.approximate === "tanh" ? e.geluTanh : e.gelu, [x]);
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

/**
 * In training, each element is 0 with probability `p` and the others are divided by 1 − p; otherwise the input itself.
 * https://jmlr.org/papers/v15/srivastava14a.html
 */
export function dropout(
  x: Tensor,
  p = 0.5,
  options: { readonly training?: boolean; readonly generator?: Generator } = {},
): Tensor {
  const { training = true, generator = defaultGenerator } = options;
  checkProbability("dropout", p);
  if (!training || p === 0) return x;
  if (p === 1) return x.mul(0);
  return tidy(() => callPointwise(e.dropout, [maskFor(x, p, generator), x, keptScale(p)]));
}

/**
 * `residual + dropout(x)` in one pass: what a layer's block ends with. Draws and gradients are those of the two operations; the
 * shapes of x and residual are the same.
 */
export function dropoutAdd(
  x: Tensor,
  residual: Tensor,
  p = 0.5,
  options: { readonly training?: boolean; readonly generator?: Generator } = {},
): Tensor {
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
  return tidy(() => callPointwise(e.dropoutAdd, [maskFor(x, p, generator), x, residual, keptScale(p)]));
}

function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`${op}: probability ${p}; it lies from 0 to 1.`, { p });
}
/** What dropout multiplies the elements by that it keeps. */
function keptScale(p: number): number {
  return Math.fround(1 / Math.fround(1 - p));
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
