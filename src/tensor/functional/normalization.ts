// Normalisation of the last dimensions.

import { ShapeError } from "../../base/errors.ts";
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
  const lead = x.ndim - normalizedShape.length;
  if (lead < 0 || !sameShape(x.shape.slice(lead), normalizedShape)) {
    throw new ShapeError(`layerNorm: ${showShape(x.shape)} does not end in ${showShape(normalizedShape)}.`, {
      shape: x.shape,
      normalizedShape,
    });
  }
  const cols = numel(normalizedShape);
  return tidy(() => {
    const rows = x.reshape(...x.shape.slice(0, lead), cols);
    const affine = weight === undefined ? "none" : bias === undefined ? "weight" : "both";
    const parameters = [weight, bias].filter((t) => t !== undefined).map((t) => t.reshape(cols));
    return apply(n.layerNorm, [rows, ...parameters], { eps, affine })[0]!.reshape(...x.shape);
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
  const { weight, eps = x.dtype === "float64" ? 2 ** -52 : 2 ** -23 } = options;
  const lead = x.ndim - normalizedShape.length;
  if (lead < 0 || !sameShape(x.shape.slice(lead), normalizedShape)) {
    throw new ShapeError(`rmsNorm: ${showShape(x.shape)} does not end in ${showShape(normalizedShape)}.`, {
      shape: x.shape,
      normalizedShape,
    });
  }
  const dim = normalizedShape.map((_, i) => lead + i);
  return tidy(() => {
    const y = x.mul(x.square().mean({ dim, keepdim: true }).add(eps).rsqrt());
    return weight === undefined ? y : y.mul(weight);
  });
}
