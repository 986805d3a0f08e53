// GPT-2: a transformer that reads from left to right and predicts what comes next.
// https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
//
//   x = token[ids] + position[0 … T]                          [B, T, C]
//   x = x + attention(norm(x)), x = x + mlp(norm(x))          in each layer
//   logits = token · norm(x)                                  [B, T, V]

import { arange, noGrad, type Tensor, zeros } from "kindling";
import * as nn from "kindling/nn";
import { initialize, mergeHeads, splitHeads } from "./attention.ts";

const { crossEntropy, linear, scaledDotProductAttention } = nn.functional;

export interface Gpt2Config {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly maxPositions: number;
  readonly layerNormEps: number;
}

/** The small one, of 124 million parameters. */
export const gpt2Small: Gpt2Config = {
  vocabSize: 50257,
  hiddenSize: 768,
  numLayers: 12,
  numHeads: 12,
  maxPositions: 1024,
  layerNormEps: 1e-5,
};

/** Keys and values of the tokens so far, in memory for `maxLength` of them. */
export class Cache {
  /** Tokens so far. */
  length = 0;
  readonly maxLength: number;
  readonly #layers: readonly { readonly k: Tensor; readonly v: Tensor }[];

  constructor({ numLayers, numHeads, hiddenSize }: Gpt2Config, B: number, maxLength: number) {
    this.maxLength = maxLength;
    const shape = [B, numHeads, maxLength, hiddenSize / numHeads];
    this.#layers = Array.from({ length: numLayers }, () => ({ k: zeros(shape), v: zeros(shape) }));
  }

  /** Takes in a layer's new keys and values `[B, H, T, D]`; returns all of them, `[B, H, S, D]`. */
  update(layer: number, k: Tensor, v: Tensor): [k: Tensor, v: Tensor] {
    const held = this.#layers[layer]!;
    const T = k.size(2);
    held.k.narrow(2, this.length, T).copy_(k);
    held.v.narrow(2, this.length, T).copy_(v);
    const S = this.length + T;
    return [held.k.narrow(2, 0, S), held.v.narrow(2, 0, S)];
  }
}

// The target of the last position, after which nothing is known.
const ignored = -100;

/** One layer, `[B, T, C]` to `[B, T, C]`. */
class Block extends nn.Module<[x: Tensor, layer: number, cache: Cache | undefined], Tensor> {
  readonly attentionNorm: nn.LayerNorm;
  readonly qkv: nn.Linear;
  readonly out: nn.Linear;
  readonly mlpNorm: nn.LayerNorm;
  readonly up: nn.Linear;
  readonly down: nn.Linear;
  readonly numHeads: number;

  constructor({ hiddenSize, numHeads, layerNormEps }: Gpt2Config) {
    super();
    this.numHeads = numHeads;
    this.attentionNorm = new nn.LayerNorm(hiddenSize, { eps: layerNormEps });
    this.qkv = new nn.Linear(hiddenSize, 3 * hiddenSize);
    this.out = new nn.Linear(hiddenSize, hiddenSize);
    this.mlpNorm = new nn.LayerNorm(hiddenSize, { eps: layerNormEps });
    this.up = new nn.Linear(hiddenSize, 4 * hiddenSize);
    this.down = new nn.Linear(4 * hiddenSize, hiddenSize);
  }

  forward(x: Tensor, layer: number, cache: Cache | undefined): Tensor {
    const { out, up, down } = this;
    const T = x.size(1);
    let [q, k, v] = splitHeads(this.qkv(this.attentionNorm(x)), this.numHeads); //   [B, H, T, D]
    if (cache !== undefined) [k, v] = cache.update(layer, k, v); //                   [B, H, S, D]
    const heads = scaledDotProductAttention(q, k, v, { isCausal: T > 1 }); // one token sees all before it
    const y = linear(mergeHeads(heads), out.weight, out.bias, { residual: x }); //     [B, T, C]
    const wide = linear(this.mlpNorm(y), up.weight, up.bias, { activation: "geluTanh" }); // [B, T, 4 C]
    return linear(wide, down.weight, down.bias, { residual: y });
  }
}

/** Ids `[B, T]`, int32, to logits `[B, T, V]`. With a cache, of the new tokens only, which go into it. */
export class Gpt2 extends nn.Module<[ids: Tensor, cache?: Cache], Tensor> {
  readonly token: nn.Embedding;
  readonly position: nn.Embedding;
  readonly blocks: nn.ModuleList<Block>;
  readonly norm: nn.LayerNorm;
  readonly config: Gpt2Config;

  constructor(config: Gpt2Config) {
    super();
    this.config = config;
    this.token = new nn.Embedding(config.vocabSize, config.hiddenSize);
    this.position = new nn.Embedding(config.maxPositions, config.hiddenSize);
    this.blocks = new nn.ModuleList(Array.from({ length: config.numLayers }, () => new Block(config)));
    this.norm = new nn.LayerNorm(config.hiddenSize, { eps: config.layerNormEps });
    initialize(this);
  }

  forward(ids: Tensor, cache?: Cache): Tensor {
    return linear(this.hidden(ids, cache), this.token.weight); // [B, T, V]
  }

  /** What the logits come from, `[B, T, C]`. */
  hidden(ids: Tensor, cache?: Cache): Tensor {
    const T = ids.size(1);
    const start = cache?.length ?? 0;
    const positions = arange(start, start + T); // [T]
    let x = this.token(ids).add(this.position(positions)); //           [B, T, C]
    let layer = 0;
    for (const block of this.blocks) x = block(x, layer++, cache);
    if (cache !== undefined) cache.length += T;
    return this.norm(x);
  }

  /** The loss of predicting each token from those before it. */
  loss(ids: Tensor): Tensor {
    const [B, T] = ids.dims(2, "Gpt2") as [number, number]; // two sizes, as checked
    const next = ids.narrow(1, 1, T - 1).pad([0, 1], ignored); // [B, T]
    return crossEntropy(this(ids).view(B * T, -1), next.view(-1));
  }

  /** `count` tokens after `ids` `[1, T]`, each the likeliest. */
  greedy(ids: Tensor, count: number): number[] {
    return noGrad(() => {
      const cache = new Cache(this.config, 1, ids.size(1) + count);
      const out: number[] = [];
      let next = ids; // [1, T], then [1, 1]
      for (;;) {
        const last = this.hidden(next, cache).narrow(1, -1, 1); //                   [1, 1, C]
        const best = linear(last, this.token.weight).argmax({ dim: -1 }); //          [1, 1]
        out.push(best.item());
        if (out.length === count) return out;
        next = best;
      }
    });
  }
}
