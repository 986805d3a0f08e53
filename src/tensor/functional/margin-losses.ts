// Losses that ask for a margin: between pairs, between a positive and a negative example, or around a decision.

import { ArgumentError } from "../../base/errors.ts";
import type { Tensor } from "../core.ts";
import { tidy } from "../scope.ts";
import { logSigmoid } from "./activation.ts";
import { cosineSimilarity, realOf } from "./distance.ts";
import { type LossOptions, reduceLoss } from "./losses.ts";

export interface MarginOptions extends LossOptions {
  readonly margin?: number;
}

/** `1 − cos(a, b)` where the target is 1, `max(0, cos(a, b) − margin)` where it is −1. */
export function cosineEmbeddingLoss(a: Tensor, b: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const { margin = 0, reduction = "mean" } = options;
  return tidy(() => {
    const cos = cosineSimilarity(a, b, { dim: -1 });
    const apart = cos.sub(margin).relu().where(target.eq(-1), 0);
    return reduceLoss(cos.rsub(1).where(target.eq(1), apart), reduction);
  });
}

/** `max(0, −y (a − b) + margin)`: a should rank above b where y is 1, below it where y is −1. */
export function marginRankingLoss(a: Tensor, b: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const { margin = 0, reduction = "mean" } = options;
  return tidy(() => reduceLoss(realOf(a).sub(b).mul(target).rsub(margin).relu(), reduction));
}

/**
 * `max(0, ‖a − p‖ − ‖a − n‖ + margin)` for an anchor, a positive and a negative example; with `swap` the negative's distance
 * from the positive counts where it is smaller.
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: MarginOptions & { readonly p?: number; readonly eps?: number; readonly swap?: boolean } = {},
): Tensor {
  const { margin = 1, p = 2, eps = 1e-6, swap = false, reduction = "mean" } = options;
  if (!(margin > 0)) throw new ArgumentError(`tripletMarginLoss: margin ${margin}; it is above 0.`, { margin });
  return tidy(() => {
    const distance = (x: Tensor, y: Tensor): Tensor => x.sub(y).add(eps).norm(p, { dim: -1 });
    const apart = distance(anchor, negative);
    const far = swap ? apart.minimum(distance(positive, negative)) : apart;
    return reduceLoss(distance(anchor, positive).sub(far).add(margin).relu(), reduction);
  });
}

/** The input where the target is 1, `max(0, margin − input)` where it is −1. */
export function hingeEmbeddingLoss(input: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const { margin = 1, reduction = "mean" } = options;
  return tidy(() => {
    const near = input.where(target.ne(-1), 0);
    const far = input.rsub(margin).relu().where(target.ne(1), 0);
    return reduceLoss(near.add(far), reduction);
  });
}

/** The mean over classes of binary cross-entropies with logits, for targets that name several classes at once. */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  options: LossOptions & { readonly weight?: Tensor | undefined } = {},
): Tensor {
  const { weight, reduction = "mean" } = options;
  return tidy(() => {
    const loss = target
      .mul(logSigmoid(input))
      .add(target.rsub(1).mul(logSigmoid(input.neg())))
      .neg();
    return reduceLoss((weight === undefined ? loss : loss.mul(weight)).mean({ dim: -1 }), reduction);
  });
}
