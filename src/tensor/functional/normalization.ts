// Normalisation of the last dimensions, and of groups of channels.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { numel, sameShape, showShape } from "../../base/shape.ts";
import * as n from "../../ops/layer-norm.ts";
import type { Tensor } from "../core.ts";
import { apply } from "../dispatch.ts";
import { tidy } from "../scope.ts";

export interface NormOptions {
  readonly weight?: Tensor | undefined;
  readonly bias?: Tensor | undefined;
  readonly eps?: number | undefined;
}

/**
 * `(x − mean) / √(var + eps) · weight + bias` over the last dimensions, whose sizes are `normalizedShape`, as are those of weight
 * and bias. https://arxiv.org/abs/1607.06450
 */
export function layerNorm(x: Tensor, normalizedShape: readonly number[], options: NormOptions = {}): Tensor {
  const { weight, bias, eps = 1e-5 } = options;
  const rowShape = rowsOver("layerNorm", x, normalizedShape); // [..., cols]
  return tidy(() => {
    const rows = x.reshape(...rowShape);
    const { affine, parameters } = affineOf(x, weight, bias);
    return apply(n.layerNorm, [rows, ...parameters], { eps, affine })[0]!.reshape(...x.shape);
  });
}

/** `layerNorm` with the mean and `1 / √(var + eps)` of each row, which have sizes of 1 in place of what was normalised, and no gradient. */
export function nativeLayerNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  options: NormOptions = {},
): [normed: Tensor, mean: Tensor, rstd: Tensor] {
  return tidy(() => {
    const normed = layerNorm(x, normalizedShape, options);
    const dim = normalizedShape.map((_, d) => d - normalizedShape.length);
    const values = x.detach();
    const mean = values.mean({ dim, keepdim: true });
    const variance = values.var({ dim, keepdim: true, correction: 0 });
    return [normed, mean, variance.add(options.eps ?? 1e-5).rsqrt()];
  });
}

/**
 * `x / √(mean x² + eps) · weight` over the last dimensions, whose sizes are `normalizedShape`. Without `eps`, the smallest step of
 * the dtype at 1. https://arxiv.org/abs/1910.07467
 */
export function rmsNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  options: Omit<NormOptions, "bias"> = {},
): Tensor {
  const { weight, eps = smallestStep(x) } = options;
  const rowShape = rowsOver("rmsNorm", x, normalizedShape); // [..., cols]
  if (x.dtype === "float16" || x.dtype === "bfloat16") {
    return tidy(() => rmsNorm(x.float(), normalizedShape, { weight: weight?.float(), eps }).to(x.dtype));
  }
  return tidy(() => {
    const rows = x.reshape(...rowShape);
    const inputs = weight === undefined ? [rows] : [rows, weight.reshape(-1).to(x.dtype)];
    return apply(n.rmsNorm, inputs, { eps })[0]!.reshape(...x.shape);
  });
}

/**
 * `layerNorm(x + residual)` and the sum itself, as two results of one pass: what stands between the blocks of a transformer. The
 * gradients of both come back in one pass too.
 */
export function addLayerNorm(
  x: Tensor,
  residual: Tensor,
  normalizedShape: readonly number[],
  options: NormOptions = {},
): [normed: Tensor, sum: Tensor] {
  const { weight, bias, eps = 1e-5 } = options;
  const rowShape = rowsOver("addLayerNorm", x, normalizedShape); // [..., cols]
  checkSame("addLayerNorm", x, residual);
  return tidy(() => {
    const { affine, parameters } = affineOf(x, weight, bias);
    const inputs = [x.reshape(...rowShape), residual.reshape(...rowShape), ...parameters];
    const [normed, sum] = apply(n.addLayerNorm, inputs, { eps, affine });
    return [normed!.reshape(...x.shape), sum!.reshape(...x.shape)];
  });
}

/** `rmsNorm(x + residual)` and the sum itself, as two results of one pass. */
export function addRmsNorm(
  x: Tensor,
  residual: Tensor,
  normalizedShape: readonly number[],
  options: Omit<NormOptions, "bias"> = {},
): [normed: Tensor, sum: Tensor] {
  const { weight, eps = smallestStep(x) } = options;
  const rowShape = rowsOver("addRmsNorm", x, normalizedShape); // [..., cols]
  checkSame("addRmsNorm", x, residual);
  return tidy(() => {
    const inputs = [x.reshape(...rowShape), residual.reshape(...rowShape)];
    const [normed, sum] = apply(
      n.addRmsNorm,
      weight === undefined ? inputs : [...inputs, weight.reshape(-1).to(x.dtype)],
      { eps },
    );
    return [normed!.reshape(...x.shape), sum!.reshape(...x.shape)];
  });
}

/**
 * `(x − mean) / √(var + eps) · weight + bias` where mean and variance are those of `numGroups` groups of channels of each sample:
 * x `[N, C, …]`, weight and bias `[C]`. https://arxiv.org/abs/1803.08494
 */
export function groupNorm(x: Tensor, numGroups: number, options: NormOptions = {}): Tensor {
  const { weight, bias, eps = 1e-5 } = options;
  if (x.ndim < 2) throw new ShapeError(`groupNorm: ${showShape(x.shape)}; wants [N, C, …].`, { shape: x.shape });
  const [N, C, ...rest] = x.shape as [number, number, ...number[]]; // checked above
  checkGroups("groupNorm", C, numGroups);
  for (const t of [weight, bias]) {
    if (t !== undefined && !sameShape(t.shape, [C]))
      throw new ShapeError(`groupNorm: weight and bias are [${C}], got ${showShape(t.shape)}.`, { shape: t.shape });
  }
  const size = (C / numGroups) * numel(rest);
  return tidy(() => {
    const channels = (t: Tensor): Tensor => t.reshape(C, ...rest.map(() => 1));
    const normed = layerNorm(x.reshape(N, numGroups, size), [size], { eps }).reshape(...x.shape);
    const scaled = weight === undefined ? normed : normed.mul(channels(weight));
    return bias === undefined ? scaled : scaled.add(channels(bias));
  });
}

/** Whether channels fall into so many groups of one size. */
export function checkGroups(op: string, channels: number, groups: number): void {
  if (Number.isInteger(groups) && groups > 0 && channels % groups === 0) return;
  throw new ArgumentError(`${op}: ${channels} channels do not divide into ${groups} groups.`, { channels, groups });
}

/** The shape with the normalised dimensions as one. */
function rowsOver(op: string, x: Tensor, normalizedShape: readonly number[]): number[] {
  if (normalizedShape.length === 0) throw new ShapeError(`${op}: normalizedShape names no dimension.`, {});
  const lead = x.ndim - normalizedShape.length;
  if (lead < 0 || !sameShape(x.shape.slice(lead), normalizedShape)) {
    throw new ShapeError(`${op}: ${showShape(x.shape)} does not end in ${showShape(normalizedShape)}.`, {
      shape: x.shape,
      normalizedShape,
    });
  }
  return [...x.shape.slice(0, lead), numel(normalizedShape)];
}
function checkSame(op: string, x: Tensor, residual: Tensor): void {
  if (sameShape(x.shape, residual.shape)) return;
  throw new ShapeError(`${op}: ${showShape(x.shape)} and ${showShape(residual.shape)} differ.`, {
    x: x.shape,
    residual: residual.shape,
  });
}
/** Parameters in the dtype of what they scale: those of a model in half precision are read as float32 beside it. */
function affineOf(
  x: Tensor,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
): { readonly affine: n.NormAttrs["affine"]; readonly parameters: readonly Tensor[] } {
  if (weight === undefined && bias !== undefined) return affineOf(x, bias.detach().onesLike(), bias);
  const affine = weight === undefined ? "none" : bias === undefined ? "weight" : "both";
  const given = [weight, bias].filter((t) => t !== undefined);
  return { affine, parameters: given.map((t) => t.reshape(-1).to(x.dtype)) };
}
function smallestStep(x: Tensor): number {
  return x.dtype === "float64" ? 2 ** -52 : 2 ** -23;
}
