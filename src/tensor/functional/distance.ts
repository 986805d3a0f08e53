// How long vectors are and how far apart.

import { isFloating } from "../../base/dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../base/errors.ts";
import { broadcastShapes, showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";
import { tidy } from "../scope.ts";

/** `a·b / √(a² b²)` along `dim`, each square at least `eps`². */
export function cosineSimilarity(
  a: Tensor,
  b: Tensor,
  options: { readonly dim?: number; readonly eps?: number } = {},
): Tensor {
  const { dim = 1, eps = 1e-8 } = options;
  return tidy(() => {
    const shape = broadcastShapes("cosineSimilarity", a.shape, b.shape);
    const unit = (x: Tensor): Tensor => {
      const whole = x.expand(...shape);
      return whole.div(whole.norm(2, { dim, keepdim: true }).clamp({ min: eps }));
    };
    return unit(realOf(a))
      .mul(unit(realOf(b)))
      .sum({ dim });
  });
}

/** `x / max(‖x‖ₚ, eps)` along `dim`, of the shape of x. */
export function normalize(
  x: Tensor,
  options: { readonly p?: number; readonly dim?: number; readonly eps?: number } = {},
): Tensor {
  const { p = 2, dim = 1, eps = 1e-12 } = options;
  return tidy(() => x.div(x.norm(p, { dim, keepdim: true }).clamp({ min: eps })));
}

export interface PairwiseDistanceOptions {
  readonly p?: number;
  /** Added to each difference. */
  readonly eps?: number;
  readonly keepdim?: boolean;
}

/** `‖a − b + eps‖ₚ` along the last dimension of two tensors that broadcast: `[…, D]` to `[…]`. */
export function pairwiseDistance(a: Tensor, b: Tensor, options: PairwiseDistanceOptions = {}): Tensor {
  const { p = 2, eps = 1e-6, keepdim = false } = options;
  return tidy(() => realOf(a.sub(b)).add(eps).norm(p, { dim: -1, keepdim }));
}

/**
 * The p-norm of the difference of every row of `a` `[…, P, D]` and every row of `b` `[…, R, D]`: `[…, P, R]`; batches broadcast. At a
 * distance of 0 the gradient is 0.
 */
export function cdist(a: Tensor, b: Tensor, p = 2): Tensor {
  if (a.ndim < 2 || b.ndim < 2 || a.size(-1) !== b.size(-1))
    throw new ShapeError(
      `cdist: rows of ${showShape(a.shape)} and of ${showShape(b.shape)}: wants [P, D] and [R, D].`,
      {
        a: a.shape,
        b: b.shape,
      },
    );
  if (!(p >= 0)) throw new ArgumentError(`cdist: p ${p}; it is 0 or more.`, { p });
  for (const x of [a, b])
    if (!isFloating(x.dtype)) throw new DTypeError(`cdist: of ${x.dtype}; convert with .float().`, { dtype: x.dtype });
  return tidy(() => a.unsqueeze(-2).sub(b.unsqueeze(-3)).norm(p, { dim: -1 }));
}

/** Integers take part as float32. */
export function realOf(x: Tensor): Tensor {
  return isFloating(x.dtype) ? x : x.float();
}
