// What the transformers here share: softmax(q kᵀ / √D) v over several heads.

import { full, type Tensor } from "kindling";
import * as nn from "kindling/nn";

const { softmax } = nn.functional;

/** Queries, keys and values of all heads from their projections side by side: `[B, T, 3 C]` to three of `[B, H, T, D]`. */
export function splitHeads(qkv: Tensor, H: number): [q: Tensor, k: Tensor, v: Tensor] {
  const [B, T, C3] = qkv.dims(3, "splitHeads") as [number, number, number]; // three sizes, as checked
  return qkv.chunk(3, -1).map((x) => x.view(B, T, H, C3 / 3 / H).transpose(1, 2)) as [Tensor, Tensor, Tensor]; // three parts
}

/** `[B, H, T, D]` to `[B, T, H D]`. */
export function mergeHeads(y: Tensor): Tensor {
  const [B, H, T, D] = y.dims(4, "mergeHeads") as [number, number, number, number]; // four sizes, as checked
  return y.transpose(1, 2).reshape(B, T, H * D);
}

/** `softmax(q kᵀ / √D + bias) v`: q `[B, H, T, D]`, k and v `[B, H, S, D]`, bias `[B, 1, 1, S]` or `[T, S]`. */
export function attention(q: Tensor, k: Tensor, v: Tensor, bias?: Tensor): Tensor {
  const D = q.size(-1);
  const scores = q.mul(1 / Math.sqrt(D)).matmul(k.mT); //                      [B, H, T, S]
  return softmax(bias === undefined ? scores : scores.add(bias), -1).matmul(v); // [B, H, T, D]
}

/** 0 up to each position and −∞ after it, `[T, T]`. */
export function causalBias(T: number): Tensor {
  return full([T, T], Number.NEGATIVE_INFINITY).triu(1);
}

/** Weights as these models begin: normal with deviation 0.02, biases zero. */
export function initialize(model: nn.AnyModule): void {
  model.apply((module) => {
    if (module instanceof nn.Linear || module instanceof nn.Embedding) nn.init.normal_(module.weight, 0, 0.02);
    if (module instanceof nn.Linear && module.bias !== undefined) nn.init.zeros_(module.bias);
  });
}
