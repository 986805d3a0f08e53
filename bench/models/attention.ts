// What the transformers here share: the heads of attention, and how weights begin.

import type { Tensor } from "kindling";
import * as nn from "kindling/nn";

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

/** Weights as these models begin: normal with deviation 0.02, biases zero. */
export function initialize(model: nn.AnyModule): void {
  model.apply((module) => {
    if (module instanceof nn.Linear || module instanceof nn.Embedding) nn.init.normal_(module.weight, 0, 0.02);
    if (module instanceof nn.Linear && module.bias !== undefined) nn.init.zeros_(module.bias);
  });
}
