// The blocks of BERT and of those that kept them: embeddings that are summed, attention and feed-forward layers normalised after
// their sum, and the pooler.

import { ModuleList } from "../nn/container.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import { callLinear, Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import type { Activation } from "../ops/matmul.ts";
import { arange, zeros } from "../tensor/create.ts";
import { dropoutAdd } from "../tensor/functional/activation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  activationOf,
  asIds,
  attend,
  type How,
  type Layer,
  type LayerOutput,
  type RunOptions,
  runLayers,
  type Shared,
  splitHeads,
} from "./encoder-blocks.ts";
import type { BaseModelOutput, EncoderInputs } from "./outputs.ts";
import { placeTogether, projectTogether } from "./projections.ts";

/** What the layers are made from. */
export interface LayerConfig {
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: string;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  readonly layerNormEps: number;
}

/** What the embeddings are made from. */
export interface EmbeddingsConfig {
  readonly vocabSize: number;
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  readonly padTokenId: number | null;
  readonly hiddenDropoutProb: number;
  readonly layerNormEps: number;
}

/** Embeddings come in the dtype of their table; what follows computes in float32. */
export function computable(x: Tensor): Tensor {
  return x.dtype === "float16" || x.dtype === "bfloat16" ? x.float() : x;
}

/** A table of `rows` by `width` with a row for padding, if there is one. */
export function paddedEmbedding(rows: number, width: number, padTokenId: number | null): Embedding {
  return new Embedding(rows, width, padTokenId === null ? {} : { paddingIdx: padTokenId });
}

/** `norm(word[ids] + type[types] + position[places])`, `[B, T, E]`. */
export class SummedEmbeddings extends Module<[inputs: EncoderInputs], Tensor> {
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly tokenTypeEmbeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  /** `positionPadding` is the place of padding, which learns nothing, in models that have one. */
  constructor(config: EmbeddingsConfig, width: number, positionPadding: number | null = null) {
    super();
    this.wordEmbeddings = paddedEmbedding(config.vocabSize, width, config.padTokenId);
    this.positionEmbeddings = paddedEmbedding(config.maxPositionEmbeddings, width, positionPadding);
    this.tokenTypeEmbeddings = new Embedding(config.typeVocabSize, width);
    this.LayerNorm = new LayerNorm(width, { eps: config.layerNormEps });
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  forward({ inputIds, inputsEmbeds, tokenTypeIds, positionIds }: EncoderInputs): Tensor {
    const words = inputsEmbeds ?? computable(this.wordEmbeddings(asIds(inputIds!))); // one of them, as checked
    const [, T] = words.dims(3, "embeddings") as [number, number, number]; // [B, T, E]
    const types = tokenTypeIds === undefined ? zeros([1, T], { dtype: "int32" }) : asIds(tokenTypeIds);
    const places = positionIds === undefined ? arange(T).unsqueeze(0) : asIds(positionIds); // [1 or B, T]
    const around = computable(this.tokenTypeEmbeddings(types)).add(computable(this.positionEmbeddings(places)));
    return this.dropout(this.LayerNorm(words.add(around)));
  }
}

/** What attention gives back to what it read: `norm(residual + dropout(dense(x)))`. */
export class ResidualOutput extends Module<[x: Tensor, residual: Tensor], Tensor> {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(inFeatures: number, { hiddenSize, layerNormEps, hiddenDropoutProb }: LayerConfig) {
    super();
    this.dense = new Linear(inFeatures, hiddenSize);
    this.LayerNorm = new LayerNorm(hiddenSize, { eps: layerNormEps });
    this.dropout = new Dropout(hiddenDropoutProb);
  }

  forward(x: Tensor, residual: Tensor): Tensor {
    return this.LayerNorm(addTo(residual, x, this.dense, this.dropout));
  }
}

/** `residual + dropout(dense(x))` in as few passes as there can be. */
export function addTo(
  residual: Tensor,
  x: Tensor,
  dense: Module<[x: Tensor], Tensor>,
  { p, training }: Pick<Dropout, "p" | "training">,
): Tensor {
  if (!training || p === 0) return callLinear(dense, x, { residual });
  return dropoutAdd(callLinear(dense, x), residual, p);
}

/** The heads' part of attention, `[B, T, C]` to `[B, T, C]`. */
export class SelfAttention extends Module<[x: Tensor, mask: Tensor | undefined, how: How], LayerOutput> {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly dropout: Dropout;
  readonly numHeads: number;

  constructor({ hiddenSize, numAttentionHeads, attentionProbsDropoutProb }: LayerConfig) {
    super();
    this.numHeads = numAttentionHeads;
    this.query = new Linear(hiddenSize, hiddenSize);
    this.key = new Linear(hiddenSize, hiddenSize);
    this.value = new Linear(hiddenSize, hiddenSize);
    this.arrange();
    this.dropout = new Dropout(attentionProbsDropoutProb);
  }

  /** Puts the three weights next to each other, when they got memory of their own. */
  arrange(): void {
    placeTogether([this.query, this.key, this.value]);
  }

  forward(x: Tensor, mask: Tensor | undefined, how: How): LayerOutput {
    const { query, key, value, numHeads } = this;
    const together = projectTogether([query, key, value], x); // [B, T, 3 C]
    const each = together?.chunk(3, -1) ?? [query, key, value].map((layer) => callLinear(layer, x));
    const [q, k, v] = each.map((t) => splitHeads(t, numHeads)) as [Tensor, Tensor, Tensor]; // [B, H, T, D]
    return attend(q, k, v, { mask, dropoutP: this.training ? this.dropout.p : 0, how });
  }
}

class Attention extends Module<[x: Tensor, mask: Tensor | undefined, how: How], LayerOutput> {
  readonly self: SelfAttention;
  readonly output: ResidualOutput;

  constructor(config: LayerConfig) {
    super();
    this.self = new SelfAttention(config);
    this.output = new ResidualOutput(config.hiddenSize, config);
  }

  forward(x: Tensor, mask: Tensor | undefined, how: How): LayerOutput {
    const [y, weights] = this.self(x, mask, how);
    return [this.output(y, x), weights];
  }
}

/** The wide half of the feed-forward block: `activation(dense(x))`, `[B, T, C]` to `[B, T, I]`. */
export class Intermediate extends Module<[x: Tensor], Tensor> {
  readonly dense: Linear;
  readonly activation: Activation;

  constructor({ hiddenSize, intermediateSize, hiddenAct }: LayerConfig) {
    super();
    this.dense = new Linear(hiddenSize, intermediateSize);
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor): Tensor {
    return callLinear(this.dense, x, { activation: this.activation });
  }
}

export type MaskShared = readonly [mask: Tensor | undefined];

/** Attention and a feed-forward block, `[B, T, C]` to the same. */
export class BertLayer extends Module<[x: Tensor, shared: MaskShared, how: How], LayerOutput> {
  readonly attention: Attention;
  readonly intermediate: Intermediate;
  readonly output: ResidualOutput;

  constructor(config: LayerConfig) {
    super();
    this.attention = new Attention(config);
    this.intermediate = new Intermediate(config);
    this.output = new ResidualOutput(config.intermediateSize, config);
  }

  forward(x: Tensor, [mask]: MaskShared, how: How): LayerOutput {
    const [y, weights] = this.attention(x, mask, how);
    return [this.output(this.intermediate(y), y), weights];
  }
}

/** The layers one after the other. */
export class LayerStack<S extends Shared> extends Module<[x: Tensor, options: RunOptions<S>], BaseModelOutput> {
  readonly layer: ModuleList<Layer<S>>;

  constructor(numLayers: number, make: () => Layer<S>) {
    super();
    this.layer = new ModuleList(Array.from({ length: numLayers }, make));
  }

  forward(x: Tensor, options: RunOptions<S>): BaseModelOutput {
    return runLayers(this.layer, x, options);
  }
}

/** `tanh(dense(x[0]))`, `[B, T, C]` to `[B, C]`. */
export class BertPooler extends Module<[x: Tensor], Tensor> {
  readonly dense: Linear;
  constructor(hiddenSize: number) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize);
  }
  forward(x: Tensor): Tensor {
    return callLinear(this.dense, x.select(1, 0), { activation: "tanh" });
  }
}
