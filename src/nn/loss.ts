// Losses as modules: the options are given once, the functions are those of `tensor/functional/losses.ts`.

import * as losses from "../tensor/functional/losses.ts";
import * as margins from "../tensor/functional/margin-losses.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { Buffer } from "./parameter.ts";

export type { Reduction } from "../tensor/functional/losses.ts";

const buffer = (t: Tensor | undefined): Buffer | undefined => (t === undefined ? undefined : new Buffer(t));

/** `−log softmax(logits)[target]`: logits `[N, V]`, `[V]` or `[N, V, …]`; classes (int32) or probabilities. */
export class CrossEntropyLoss extends Module<[logits: Tensor, target: Tensor], Tensor> {
  /** A factor for each class, `[V]`. */
  readonly weight: Buffer | undefined;
  readonly options: Omit<losses.CrossEntropyOptions, "weight">;
  constructor(options: losses.CrossEntropyOptions = {}) {
    super();
    const { weight, ...rest } = options;
    this.weight = buffer(weight);
    this.options = rest;
  }
  forward(logits: Tensor, target: Tensor): Tensor {
    return losses.crossEntropy(logits, target, { ...this.options, weight: this.weight });
  }
}

/** `−logP[target]` of log-probabilities `[N, V]`, `[V]` or `[N, V, …]`. */
export class NLLLoss extends Module<[logP: Tensor, target: Tensor], Tensor> {
  /** A factor for each class, `[V]`. */
  readonly weight: Buffer | undefined;
  readonly options: Omit<losses.ClassLossOptions, "weight">;
  constructor(options: losses.ClassLossOptions = {}) {
    super();
    const { weight, ...rest } = options;
    this.weight = buffer(weight);
    this.options = rest;
  }
  forward(logP: Tensor, target: Tensor): Tensor {
    return losses.nllLoss(logP, target, { ...this.options, weight: this.weight });
  }
}

/** Binary cross-entropy of logits with targets from 0 to 1. */
export class BCEWithLogitsLoss extends Module<[logits: Tensor, target: Tensor], Tensor> {
  /** A factor for each element, broadcast. */
  readonly weight: Buffer | undefined;
  /** A factor for the positive side of each class. */
  readonly posWeight: Buffer | undefined;
  readonly reduction: losses.Reduction;
  constructor(options: losses.BinaryOptions & { readonly posWeight?: Tensor | undefined } = {}) {
    super();
    this.weight = buffer(options.weight);
    this.posWeight = buffer(options.posWeight);
    this.reduction = options.reduction ?? "mean";
  }
  forward(logits: Tensor, target: Tensor): Tensor {
    const { weight, posWeight, reduction } = this;
    return losses.binaryCrossEntropyWithLogits(logits, target, { weight, posWeight, reduction });
  }
}

/** Binary cross-entropy of probabilities with targets from 0 to 1. */
export class BCELoss extends Module<[p: Tensor, target: Tensor], Tensor> {
  /** A factor for each element, broadcast. */
  readonly weight: Buffer | undefined;
  readonly reduction: losses.Reduction;
  constructor(options: losses.BinaryOptions = {}) {
    super();
    this.weight = buffer(options.weight);
    this.reduction = options.reduction ?? "mean";
  }
  forward(p: Tensor, target: Tensor): Tensor {
    return losses.binaryCrossEntropy(p, target, { weight: this.weight, reduction: this.reduction });
  }
}

/** A loss of an input and a target that needs nothing but its options. */
abstract class PairLoss<Options> extends Module<[input: Tensor, target: Tensor], Tensor> {
  readonly options: Options;
  constructor(options?: Options) {
    super();
    this.options = options ?? ({} as Options); // every option has a default
  }
}

/** `(x − y)²` */
export class MSELoss extends PairLoss<losses.LossOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return losses.mseLoss(input, target, this.options);
  }
}
/** `|x − y|` */
export class L1Loss extends PairLoss<losses.LossOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return losses.l1Loss(input, target, this.options);
  }
}
/** Squares below `beta`, distances above. */
export class SmoothL1Loss extends PairLoss<losses.LossOptions & { readonly beta?: number }> {
  forward(input: Tensor, target: Tensor): Tensor {
    return losses.smoothL1Loss(input, target, this.options);
  }
}
/** Squares up to `delta`, distances above. */
export class HuberLoss extends PairLoss<losses.LossOptions & { readonly delta?: number }> {
  forward(input: Tensor, target: Tensor): Tensor {
    return losses.huberLoss(input, target, this.options);
  }
}
/** The Kullback–Leibler divergence of log-probabilities from a target; `reduction: "batchmean"` is its own definition. */
export class KLDivLoss extends PairLoss<losses.KlDivOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return losses.klDiv(input, target, this.options);
  }
}
/** Several classes at once: the mean of their binary cross-entropies with logits. */
export class MultiLabelSoftMarginLoss extends PairLoss<losses.LossOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return margins.multilabelSoftMarginLoss(input, target, this.options);
  }
}
/** Counts as Poisson's, of a predicted rate or its logarithm. */
export class PoissonNLLLoss extends PairLoss<losses.PoissonOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return losses.poissonNllLoss(input, target, this.options);
  }
}
/** Decisions between 1 and −1. */
export class SoftMarginLoss extends PairLoss<losses.LossOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return margins.softMarginLoss(input, target, this.options);
  }
}
/** The input where the target is 1, `max(0, margin − input)` where it is −1. */
export class HingeEmbeddingLoss extends PairLoss<margins.MarginOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return margins.hingeEmbeddingLoss(input, target, this.options);
  }
}
/** Several classes at once, each a margin above those that are not meant. */
export class MultiLabelMarginLoss extends PairLoss<losses.LossOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return margins.multilabelMarginLoss(input, target, this.options);
  }
}
/** One class a margin above the others. */
export class MultiMarginLoss extends Module<[input: Tensor, target: Tensor], Tensor> {
  /** A factor for each class, `[V]`. */
  readonly weight: Buffer | undefined;
  readonly options: Omit<margins.MultiMarginOptions, "weight">;
  constructor(options: margins.MultiMarginOptions = {}) {
    super();
    const { weight, ...rest } = options;
    this.weight = buffer(weight);
    this.options = rest;
  }
  forward(input: Tensor, target: Tensor): Tensor {
    return margins.multiMarginLoss(input, target, { ...this.options, weight: this.weight });
  }
}
/** Values beside a predicted mean and variance. */
export class GaussianNLLLoss extends Module<[input: Tensor, target: Tensor, variance: Tensor], Tensor> {
  readonly options: losses.LossOptions & { readonly full?: boolean; readonly eps?: number };
  constructor(options: losses.LossOptions & { readonly full?: boolean; readonly eps?: number } = {}) {
    super();
    this.options = options;
  }
  forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    return losses.gaussianNllLoss(input, target, variance, this.options);
  }
}
/** The first of two above the second (1) or below it (−1), by a margin. */
export class MarginRankingLoss extends Module<[a: Tensor, b: Tensor, target: Tensor], Tensor> {
  readonly options: margins.MarginOptions;
  constructor(options: margins.MarginOptions = {}) {
    super();
    this.options = options;
  }
  forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    return margins.marginRankingLoss(a, b, target, this.options);
  }
}
/** Pairs that are alike (1) or not (−1). */
export class CosineEmbeddingLoss extends Module<[a: Tensor, b: Tensor, target: Tensor], Tensor> {
  readonly options: margins.MarginOptions;
  constructor(options: margins.MarginOptions = {}) {
    super();
    this.options = options;
  }
  forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    return margins.cosineEmbeddingLoss(a, b, target, this.options);
  }
}
/** An anchor nearer to a positive than to a negative example. */
export class TripletMarginLoss extends Module<[anchor: Tensor, positive: Tensor, negative: Tensor], Tensor> {
  readonly options: margins.MarginOptions & { readonly p?: number; readonly eps?: number };
  constructor(options: margins.MarginOptions & { readonly p?: number; readonly eps?: number } = {}) {
    super();
    this.options = options;
  }
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return margins.tripletMarginLoss(anchor, positive, negative, this.options);
  }
}
