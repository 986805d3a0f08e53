// Losses as functions. Each compares a prediction with a target and reduces to one number: the mean, unless told otherwise.

import { isFloating } from "../../base/dtype.ts";
import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import { crossEntropy as crossEntropyOp } from "../../ops/cross-entropy.ts";
import type { Tensor } from "../core.ts";
import { apply } from "../dispatch.ts";
import { defineFunction } from "../function.ts";
import { tidy } from "../scope.ts";
import { logSigmoid } from "./activation.ts";
import { logSoftmax } from "./softmax.ts";

export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  readonly reduction?: Reduction;
}

export function reduceLoss(loss: Tensor, reduction: Reduction): Tensor {
  switch (reduction) {
    case "mean":
      return loss.mean();
    case "sum":
      return loss.sum();
    case "none":
      return loss;
    default:
      throw new ArgumentError(`a loss reduces by "mean", "sum" or "none", got "${reduction satisfies never}".`, {});
  }
}

export function checkSame(op: string, input: Tensor, target: Tensor): void {
  if (!sameShape(input.shape, target.shape)) {
    throw new ShapeError(`${op}: input ${showShape(input.shape)} and target ${showShape(target.shape)} differ.`, {
      input: input.shape,
      target: target.shape,
    });
  }
}

// ── classes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ClassLossOptions extends LossOptions {
  /** A factor for each class, `[V]`. The mean divides by the factors' sum. */
  readonly weight?: Tensor | undefined;
  /** Targets that do not count. */
  readonly ignoreIndex?: number;
}
export interface CrossEntropyOptions extends ClassLossOptions {
  /** This share of the target goes to all classes evenly. https://arxiv.org/abs/1512.00567 */
  readonly labelSmoothing?: number;
}

/** `[V]`, `[N, V]` or `[N, V, …]` with classes `[]`, `[N]` or `[N, …]`, as rows `[R, V]` and `[R]`. */
function classRows(op: string, input: Tensor, target: Tensor): { readonly rows: Tensor; readonly classes: Tensor } {
  const place = input.ndim === 1 ? 0 : 1; // of the classes
  const outer = input.shape.filter((_, d) => d !== place);
  if (input.ndim === 0 || !sameShape(outer, target.shape)) {
    throw new ShapeError(
      `${op}: input ${showShape(input.shape)} wants targets ${showShape(outer)}, got ${showShape(target.shape)}. ` +
        "Classes stand in dimension 1: [N, V, …] with [N, …].",
      { input: input.shape, target: target.shape },
    );
  }
  const V = input.shape[place]!;
  const rows = input.ndim === 2 ? input : input.movedim(place, -1).reshape(-1, V);
  return { rows, classes: target.ndim === 1 ? target : target.reshape(-1) };
}

/**
 * `−log softmax(logits)[target]`. `target` holds classes (int32) or, with the shape of the logits, probabilities. Logits are
 * `[N, V]`, `[V]` or `[N, V, …]`.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight, ignoreIndex = -100, labelSmoothing = 0, reduction = "mean" } = options;
  if (isFloating(target.dtype)) return tidy(() => softCrossEntropy(logits, target, options));
  return tidy(() => {
    const { rows, classes } = classRows("crossEntropy", logits, target);
    const inputs = weight === undefined ? [rows, classes] : [rows, classes, weight];
    const [loss, rowWeight] = apply(crossEntropyOp, inputs, { ignoreIndex, labelSmoothing });
    if (reduction === "mean") return loss!.sum().div(rowWeight!.detach().sum());
    return reduction === "sum" ? loss!.sum() : loss!.reshape(...target.shape);
  });
}

/** Cross-entropy with probabilities as target. */
function softCrossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions): Tensor {
  const { weight, labelSmoothing = 0, reduction = "mean" } = options;
  checkSame("crossEntropy", logits, target);
  const place = logits.ndim === 1 ? 0 : 1;
  const V = logits.size(place);
  const p = labelSmoothing > 0 ? target.mul(1 - labelSmoothing).add(labelSmoothing / V) : target;
  const logP = logSoftmax(logits, place);
  const shaped = weight?.reshape(V, ...new Array<number>(logits.ndim - 1 - place).fill(1));
  const loss = (shaped === undefined ? logP : logP.mul(shaped)).mul(p).sum({ dim: place }).neg();
  return reduction === "mean" ? loss.sum().div(loss.numel) : reduceLoss(loss, reduction);
}

/** `−logP[target]` for log-probabilities `[N, V]`, `[V]` or `[N, V, …]` and classes (int32). */
export function nllLoss(logP: Tensor, target: Tensor, options: ClassLossOptions = {}): Tensor {
  const { weight, ignoreIndex = -100, reduction = "mean" } = options;
  return tidy(() => {
    const { rows, classes } = classRows("nllLoss", logP, target);
    const ignored = classes.eq(ignoreIndex); // [R]
    const known = classes.maskedFill(ignored, 0);
    const factors = weight === undefined ? rows.zerosOf(classes.shape).fill_(1) : weight.indexSelect(0, known);
    const counted = factors.maskedFill(ignored, 0); // [R]
    const loss = rows.gather(1, known.unsqueeze(1)).squeeze(1).mul(counted).neg(); // [R]
    if (reduction === "mean") return loss.sum().div(counted.sum());
    return reduction === "sum" ? loss.sum() : loss.reshape(...target.shape);
  });
}

// ── probabilities ───────────────────────────────────────────────────────────────────────────────────────────────────

export interface BinaryOptions extends LossOptions {
  /** A factor for each element, broadcast. */
  readonly weight?: Tensor | undefined;
}

/** `−(y log p + (1 − y) log(1 − p))`, each logarithm at least −100. */
export function binaryCrossEntropy(p: Tensor, target: Tensor, options: BinaryOptions = {}): Tensor {
  const { weight, reduction = "mean" } = options;
  checkSame("binaryCrossEntropy", p, target);
  return tidy(() => {
    const loss = boundedBce(p, target);
    return reduceLoss(weight === undefined ? loss : loss.mul(weight), reduction);
  });
}

const logOf = (p: Tensor): Tensor => p.log().clamp({ min: -100 });
const logOfRest = (p: Tensor): Tensor => p.neg().log1p().clamp({ min: -100 });

/** Its gradient `(p − y) / (p (1 − p))` is bounded too, where the derivative of the value would be 0 · ∞. */
const boundedBce = defineFunction<[p: Tensor, target: Tensor]>({
  name: "binaryCrossEntropy",
  forward(ctx, p, target) {
    ctx.save(p, target);
    return target
      .sub(1)
      .mul(logOfRest(p))
      .sub(target.mul(logOf(p)));
  },
  backward(ctx, g) {
    const [p, target] = ctx.saved as [Tensor, Tensor]; // the two that forward saved
    const slope = p.sub(target).div(p.sub(p.square()).clamp({ min: 1e-12 }));
    return [g.mul(slope), ctx.needsInputGrad[1] === true ? g.mul(logOfRest(p).sub(logOf(p))) : undefined];
  },
});

/** `−(w y log σ(x) + (1 − y) log(1 − σ(x)))` with w = `posWeight`, from logits. */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  target: Tensor,
  options: BinaryOptions & { readonly posWeight?: Tensor | undefined } = {},
): Tensor {
  const { weight, posWeight, reduction = "mean" } = options;
  checkSame("binaryCrossEntropyWithLogits", x, target);
  return tidy(() => {
    const factor = posWeight === undefined ? 1 : posWeight.sub(1).mul(target).add(1);
    const loss = target.rsub(1).mul(x).sub(logSigmoid(x).mul(factor));
    return reduceLoss(weight === undefined ? loss : loss.mul(weight), reduction);
  });
}

export interface KlDivOptions {
  /** "batchmean" divides the sum by the first size, which is the divergence's own definition. */
  readonly reduction?: Reduction | "batchmean";
  /** The target holds logarithms too. */
  readonly logTarget?: boolean;
}

/** `y (log y − input)`, 0 where y is 0: the Kullback–Leibler divergence of log-probabilities from a target. */
export function klDiv(input: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  const { reduction = "mean", logTarget = false } = options;
  return tidy(() => {
    const loss = logTarget ? target.exp().mul(target.sub(input)) : xlogy(target).sub(target.mul(input));
    return reduction === "batchmean" ? loss.sum().div(input.size(0)) : reduceLoss(loss, reduction);
  });
}

/** `y log y`, 0 at 0. */
function xlogy(y: Tensor): Tensor {
  const zero = y.eq(0);
  return y.mul(y.maskedFill(zero, 1).log());
}

/** `½ (log v + (x − y)² / v)` for a predicted variance v; `full` adds the constant. */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor,
  options: LossOptions & { readonly full?: boolean; readonly eps?: number } = {},
): Tensor {
  const { full = false, eps = 1e-6, reduction = "mean" } = options;
  return tidy(() => {
    // The gradient passes the lower bound unchanged, as if it were not there.
    const given = isOneRowShort(variance.shape, input.shape) ? variance.unsqueeze(-1) : variance;
    const lift = given.detach().clamp({ min: eps }).sub(given.detach());
    const v = given.add(lift);
    const loss = v.log().add(input.sub(target).square().div(v)).mul(0.5);
    return reduceLoss(full ? loss.add(0.5 * Math.log(2 * Math.PI)) : loss, reduction);
  });
}

export interface PoissonOptions extends LossOptions {
  /** The input is the logarithm of the rate, by default. */
  readonly logInput?: boolean;
  /** Adds Stirling's approximation of `log target!` where the target is above 1. */
  readonly full?: boolean;
  /** Added to a rate before its logarithm is taken. */
  readonly eps?: number;
}

/** `e^x − y x` for the logarithm x of a rate, or `x − y log(x + eps)` for the rate itself: counts y as Poisson's. */
export function poissonNllLoss(input: Tensor, target: Tensor, options: PoissonOptions = {}): Tensor {
  const { logInput = true, full = false, eps = 1e-8, reduction = "mean" } = options;
  return tidy(() => {
    const loss = logInput ? input.exp().sub(target.mul(input)) : input.sub(target.mul(input.add(eps).log()));
    if (!full) return reduceLoss(loss, reduction);
    const stirling = target
      .mul(target.log())
      .sub(target)
      .add(
        target
          .mul(2 * Math.PI)
          .log()
          .mul(0.5),
      );
    return reduceLoss(loss.add(stirling.maskedFill(target.le(1), 0)), reduction);
  });
}

/** A variance for each row: the input's sizes without the last. */
function isOneRowShort(variance: readonly number[], input: readonly number[]): boolean {
  return variance.length === input.length - 1 && sameShape(variance, input.slice(0, -1));
}

// ── distances ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** `(x − y)²` */
export function mseLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return tidy(() => reduceLoss(input.sub(target).square(), options.reduction ?? "mean"));
}
/** `|x − y|` */
export function l1Loss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return tidy(() => reduceLoss(input.sub(target).abs(), options.reduction ?? "mean"));
}
/** `d² / 2β` where d = |x − y| is below β, else `d − β/2`. */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  options: LossOptions & { readonly beta?: number } = {},
): Tensor {
  const { beta = 1, reduction = "mean" } = options;
  if (beta === 0) return l1Loss(input, target, { reduction });
  return tidy(() => {
    const d = input.sub(target).abs();
    const loss = d
      .square()
      .mul(0.5 / beta)
      .where(d.lt(beta), d.sub(0.5 * beta));
    return reduceLoss(loss, reduction);
  });
}
/** `d² / 2` where d = |x − y| is at most δ, else `δ (d − δ/2)`. */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  options: LossOptions & { readonly delta?: number } = {},
): Tensor {
  const { delta = 1, reduction = "mean" } = options;
  if (!(delta > 0)) throw new ArgumentError(`huberLoss: delta ${delta}; it is above 0.`, { delta });
  return tidy(() => {
    const d = input.sub(target).abs();
    const loss = d
      .square()
      .mul(0.5)
      .where(d.le(delta), d.sub(0.5 * delta).mul(delta));
    return reduceLoss(loss, reduction);
  });
}
