// Attention of a recurrent decoder over an encoder's memory. Scores say how well each memory fits each query, weights are
// their softmax over the positions that hold a token, and the context is the memory's weighted mean.

import { softmax } from "../tensor/functional/softmax.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";

export interface Attended {
  /** `[B, T, H]` */
  readonly context: Tensor;
  /** `[B, T, S]`, rows of sum 1. */
  readonly weights: Tensor;
}

// The lowest float32: added to a score it makes its weight 0, and a row of such scores still has a softmax.
const lowest = -3.4028234663852886e38;

/** `mask` is `[B, S]`, true where there is a token. */
function attend(scores: Tensor, memory: Tensor, mask: Tensor): Attended {
  const bias = mask.logicalNot().to(scores.dtype).mul(lowest).unsqueeze(1); // [B, 1, S]
  const weights = softmax(scores.add(bias), -1);
  return { context: weights.matmul(memory), weights };
}

/** Scores `(W q) · m`. https://arxiv.org/abs/1508.04025 ("general") */
export class DotAttention extends Module<[query: Tensor, memory: Tensor, mask: Tensor], Attended> {
  readonly query: Linear;

  constructor(hiddenSize: number) {
    super();
    this.query = new Linear(hiddenSize, hiddenSize, { bias: false });
  }

  forward(query: Tensor, memory: Tensor, mask: Tensor): Attended {
    return tidy(() => attend(this.query(query).matmul(memory.mT), memory, mask));
  }
}

/** Scores `v · tanh(W q + U m)`. https://arxiv.org/abs/1409.0473 */
export class AdditiveAttention extends Module<[query: Tensor, memory: Tensor, mask: Tensor], Attended> {
  readonly query: Linear;
  readonly key: Linear;
  readonly score: Linear;

  constructor(hiddenSize: number) {
    super();
    this.query = new Linear(hiddenSize, hiddenSize, { bias: false });
    this.key = new Linear(hiddenSize, hiddenSize, { bias: false });
    this.score = new Linear(hiddenSize, 1, { bias: false });
  }

  forward(query: Tensor, memory: Tensor, mask: Tensor): Attended {
    return tidy(() => {
      const sums = this.query(query).unsqueeze(2).add(this.key(memory).unsqueeze(1)); // [B, T, S, H]
      return attend(this.score(sums.tanh()).squeeze(-1), memory, mask);
    });
  }
}
