// Losses that ask for a margin: between pairs, between a positive and a negative example, or around a decision.

import { ArgumentError, IndexError, ShapeError } from "../../base/errors.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import type { Tensor } from "../core.ts";
import { fromArray } from "../create.ts";
import { tidy } from "../scope.ts";
import { logSigmoid } from "./activation.ts";
import { cosineSimilarity, realOf } from "./distance.ts";
import { checkSame, type LossOptions, reduceLoss } from "./losses.ts";

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

/** `log(1 + e^(−y x))` for targets y of 1 and −1. */
export function softMarginLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkSame("softMarginLoss", input, target);
  return tidy(() => reduceLoss(logSigmoid(input.mul(target)).neg(), options.reduction ?? "mean"));
}

export interface MultiMarginOptions extends MarginOptions {
  /** The power of each class's hinge: 1 or 2. */
  readonly p?: number;
  /** A factor for each class, `[V]`, by the target. */
  readonly weight?: Tensor | undefined;
}

/** `Σ_{j ≠ y} w[y] max(0, margin − x[y] + x[j])^p / V` for scores `[N, V]` or `[V]` and classes (int32) `[N]` or `[]`. */
export function multiMarginLoss(input: Tensor, target: Tensor, options: MultiMarginOptions = {}): Tensor {
  const { p = 1, margin = 1, weight, reduction = "mean" } = options;
  if (p !== 1 && p !== 2) throw new ArgumentError(`multiMarginLoss: p ${p}; it is 1 or 2.`, { p });
  const isAlone = input.ndim < 2;
  const V = input.shape.at(-1) ?? 1;
  if (input.ndim > 2 || V === 0 || target.ndim > 1 || target.numel !== (isAlone ? 1 : input.size(0)))
    throw new ShapeError(
      `multiMarginLoss: input ${showShape(input.shape)} and target ${showShape(target.shape)}: wants [N, V] and [N], or [V] and [].`,
      { input: input.shape, target: target.shape },
    );
  if (weight !== undefined && !sameShape(weight.shape, [V]))
    throw new ShapeError(`multiMarginLoss: weight ${showShape(weight.shape)}; wants [${V}].`, { weight: weight.shape });
  return tidy(() => {
    const rows = isAlone ? input.reshape(1, V) : input; // [N, V]
    const classes = target.reshape(-1); //                [N]
    const own = rows.gather(1, classes.unsqueeze(1)); //  [N, 1]
    const hinge = rows.sub(own).add(margin).relu();
    const powered = p === 2 ? hinge.square() : hinge;
    const others = powered.maskedFill(classes.oneHot(V).bool(), 0);
    const scaled = weight === undefined ? others : others.mul(weight.indexSelect(0, classes).unsqueeze(1));
    const loss = scaled.sum({ dim: 1 }).div(V); // [N]
    return reduceLoss(isAlone && target.ndim === 0 ? loss.squeeze(0) : loss, reduction);
  });
}

/**
 * `Σ_{y ∈ Y, j ∉ Y} max(0, 1 − x[y] + x[j]) / V` for scores `[N, V]` or `[V]`; the target, of the same shape, lists the classes Y
 * (int32) and ends them with −1.
 */
export function multilabelMarginLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkSame("multilabelMarginLoss", input, target);
  if (input.ndim > 2) throw new ShapeError(`multilabelMarginLoss: ${showShape(input.shape)}; wants [N, V] or [V].`, {});
  return tidy(() => {
    const V = input.shape.at(-1) ?? 1;
    const rows = input.reshape(-1, V); //                                             [N, V]
    const N = rows.size(0);
    const classes = Array.from(target.toArray(), Number);
    const listed = new Uint8Array(classes.length); // in the list, before its end
    const among = new Uint8Array(classes.length); //  the class itself is listed
    classes.forEach((c, i) => {
      const isFirst = i % V === 0;
      listed[i] = c >= 0 && (isFirst || listed[i - 1] === 1) ? 1 : 0;
      if (c >= V) throw new IndexError(`multilabelMarginLoss: class ${c} of ${V}.`, { class: c, V });
      if (listed[i] === 1) among[i - (i % V) + c] = 1;
    });
    const ids = fromArray(
      classes.map((c) => Math.max(c, 0)),
      [N, V],
      { dtype: "int32" },
    );
    const mask = (flags: Uint8Array): Tensor => fromArray(flags, [N, V], { dtype: "bool" });
    const hinge = rows.unsqueeze(1).sub(rows.gather(1, ids).unsqueeze(2)).add(1).relu(); // [N, Y, V]
    const counts = mask(listed).unsqueeze(2).logicalAnd(mask(among).logicalNot().unsqueeze(1));
    const loss = hinge
      .maskedFill(counts.logicalNot(), 0)
      .sum({ dim: [1, 2] })
      .div(V); // [N]
    return reduceLoss(input.ndim < 2 ? loss.squeeze(0) : loss, options.reduction ?? "mean");
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
