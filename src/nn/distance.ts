// Distances between vectors as modules.

import { cosineSimilarity, type PairwiseDistanceOptions, pairwiseDistance } from "../tensor/functional/distance.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/** `a·b / (‖a‖ ‖b‖)` along `dim`, each length at least `eps`. */
export class CosineSimilarity extends Module<[a: Tensor, b: Tensor], Tensor> {
  readonly dim: number;
  readonly eps: number;
  constructor(options: { readonly dim?: number; readonly eps?: number } = {}) {
    super();
    this.dim = options.dim ?? 1;
    this.eps = options.eps ?? 1e-8;
  }
  forward(a: Tensor, b: Tensor): Tensor {
    return cosineSimilarity(a, b, { dim: this.dim, eps: this.eps });
  }
}

/** `‖a − b + eps‖ₚ` along the last dimension, `[…, D]` to `[…]`. */
export class PairwiseDistance extends Module<[a: Tensor, b: Tensor], Tensor> {
  readonly norm: number;
  readonly eps: number;
  readonly keepdim: boolean;
  constructor(options: PairwiseDistanceOptions = {}) {
    super();
    this.norm = options.p ?? 2;
    this.eps = options.eps ?? 1e-6;
    this.keepdim = options.keepdim ?? false;
  }
  forward(a: Tensor, b: Tensor): Tensor {
    return pairwiseDistance(a, b, { p: this.norm, eps: this.eps, keepdim: this.keepdim });
  }
}
