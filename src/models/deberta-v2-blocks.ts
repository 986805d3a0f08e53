// The blocks of DeBERTa v2 and v3.
//
//   scores[i, j] = (q_i·k_j + q_i·K[i − j] + k_j·Q[i − j]) / √(3 D),  K and Q from a table of distances in logarithmic buckets

import { ModuleList } from "../nn/container.ts";
import { Conv1d } from "../nn/convolution.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import { activate, callLinear, Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import type { Activation } from "../ops/matmul.ts";
import { arange, fromArray, zeros } from "../tensor/create.ts";
import { isGradEnabled } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { computable, Intermediate, paddedEmbedding, ResidualOutput } from "./bert-blocks.ts";
import { type DebertaV2Config, listed, positionSpan } from "./deberta-v2-config.ts";
import {
  activationOf,
  asIds,
  attend,
  type How,
  type LayerOutput,
  type RunOptions,
  runLayers,
  splitHeads,
} from "./encoder-blocks.ts";
import type { BaseModelOutput, EncoderInputs } from "./outputs.ts";

/** `norm(word[ids] (+ position) (+ type))`, zero at padding, `[B, T, C]`. */
export class DebertaV2Embeddings extends Module<[inputs: EncoderInputs, tokens: Tensor | undefined], Tensor> {
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding | undefined;
  readonly tokenTypeEmbeddings: Embedding | undefined;
  readonly embedProj: Linear | undefined;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: DebertaV2Config) {
    super();
    const { hiddenSize, embeddingSize: E, typeVocabSize } = config;
    this.wordEmbeddings = paddedEmbedding(config.vocabSize, E, config.padTokenId);
    if (config.positionBiasedInput) this.positionEmbeddings = new Embedding(config.maxPositionEmbeddings, E);
    if (typeVocabSize > 0) this.tokenTypeEmbeddings = new Embedding(typeVocabSize, E);
    if (E !== hiddenSize) this.embedProj = new Linear(E, hiddenSize, { bias: false });
    this.LayerNorm = new LayerNorm(hiddenSize, { eps: config.layerNormEps });
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  forward({ inputIds, inputsEmbeds, tokenTypeIds, positionIds }: EncoderInputs, tokens: Tensor | undefined): Tensor {
    let x = inputsEmbeds ?? computable(this.wordEmbeddings(asIds(inputIds!))); // [B, T, E]; one of them, as checked
    const [B, T] = x.dims(3, "embeddings") as [number, number, number]; // three sizes, as checked
    if (this.positionEmbeddings !== undefined) {
      x = x.add(
        computable(this.positionEmbeddings(positionIds === undefined ? arange(T).unsqueeze(0) : asIds(positionIds))),
      );
    }
    if (this.tokenTypeEmbeddings !== undefined) {
      const types = tokenTypeIds === undefined ? zeros([1, T], { dtype: "int32" }) : asIds(tokenTypeIds);
      x = x.add(computable(this.tokenTypeEmbeddings(types)));
    }
    if (this.embedProj !== undefined) x = callLinear(this.embedProj, x); // [B, T, C]
    const normed = this.LayerNorm(x);
    return this.dropout(tokens === undefined ? normed : normed.mul(tokens.view(B, T, 1)));
  }
}

/** Distances as rows of the table for content to place, `[T, T]`, the same for place to content; the mask; the table `[2 span, C]`. */
export type DebertaShared = readonly [
  mask: Tensor | undefined,
  table: Tensor | undefined,
  toPlace: Tensor | undefined,
  toContent: Tensor | undefined,
];

class DisentangledSelfAttention extends Module<[x: Tensor, shared: DebertaShared, how: How], LayerOutput> {
  readonly queryProj: Linear;
  readonly keyProj: Linear;
  readonly valueProj: Linear;
  readonly posKeyProj: Linear | undefined;
  readonly posQueryProj: Linear | undefined;
  readonly posDropout: Dropout;
  readonly dropout: Dropout;
  readonly numHeads: number;
  readonly types: readonly string[];

  constructor(config: DebertaV2Config) {
    super();
    const { hiddenSize, numAttentionHeads, attentionHeadSize, shareAttKey, relativeAttention } = config;
    const all = numAttentionHeads * attentionHeadSize;
    this.numHeads = numAttentionHeads;
    this.types = config.posAttType;
    this.queryProj = new Linear(hiddenSize, all);
    this.keyProj = new Linear(hiddenSize, all);
    this.valueProj = new Linear(hiddenSize, all);
    if (relativeAttention && !shareAttKey) {
      if (this.types.includes("c2p")) this.posKeyProj = new Linear(hiddenSize, all);
      if (this.types.includes("p2c")) this.posQueryProj = new Linear(hiddenSize, all);
    }
    this.posDropout = new Dropout(config.hiddenDropoutProb);
    this.dropout = new Dropout(config.attentionProbsDropoutProb);
  }

  forward(x: Tensor, shared: DebertaShared, how: How): LayerOutput {
    const heads = (layer: Linear): Tensor => splitHeads(callLinear(layer, x), this.numHeads); // [B, H, T, D]
    const [q, k, v] = [heads(this.queryProj), heads(this.keyProj), heads(this.valueProj)];
    const terms = 1 + ["c2p", "p2c"].filter((type) => this.types.includes(type)).length;
    const scale = 1 / Math.sqrt(q.size(-1) * terms);
    const [mask] = shared;
    const bias = this.#bias(q, k, scale, shared); // [B, H, T, T]
    const dropoutP = this.training ? this.dropout.p : 0;
    // Padding sees nobody: all alike, and what it learns must not reach the scores. Only a mask that fills says that; in the
    // other way the mask becomes part of the bias, if there is one.
    const isFilled = mask !== undefined && (isGradEnabled() || bias === undefined);
    const implementation = isFilled ? "eager" : how.implementation;
    return attend(q, k, v, { mask, bias, scale, dropoutP, how: { ...how, implementation } });
  }

  /** What distances add to the scores. */
  #bias(q: Tensor, k: Tensor, scale: number, [, table, toPlace, toContent]: DebertaShared): Tensor | undefined {
    if (table === undefined) return undefined;
    const places = this.posDropout(table); // [2 span, C]
    const heads = (layer: Linear): Tensor => splitHeads(callLinear(layer, places).unsqueeze(0), this.numHeads);
    const at = (scores: Tensor, rows: Tensor): Tensor => {
      const [B, H, T] = scores.dims(4, "DeBERTa's attention") as [number, number, number, number]; // [B, H, T, 2 span]
      return scores.gather(-1, rows.view(1, 1, T, T).expand(B, H, T, T));
    };
    const parts: Tensor[] = [];
    if (this.types.includes("c2p")) {
      const placeKeys = heads(this.posKeyProj ?? this.keyProj); //                 [1, H, 2 span, D]
      parts.push(at(q.matmul(placeKeys.mT), toPlace!)); //                         [B, H, T, T]
    }
    if (this.types.includes("p2c")) {
      const placeQueries = heads(this.posQueryProj ?? this.queryProj); //          [1, H, 2 span, D]
      parts.push(at(k.matmul(placeQueries.mT), toContent!).mT); //                 [B, H, T, T]
    }
    if (parts.length === 0) return undefined;
    return parts.reduce((sum, part) => sum.add(part)).mul(scale);
  }
}

class Attention extends Module<[x: Tensor, shared: DebertaShared, how: How], LayerOutput> {
  readonly self: DisentangledSelfAttention;
  readonly output: ResidualOutput;

  constructor(config: DebertaV2Config) {
    super();
    this.self = new DisentangledSelfAttention(config);
    this.output = new ResidualOutput(config.hiddenSize, config);
  }

  forward(x: Tensor, shared: DebertaShared, how: How): LayerOutput {
    const [y, weights] = this.self(x, shared, how);
    return [this.output(y, x), weights];
  }
}

class DebertaV2Layer extends Module<[x: Tensor, shared: DebertaShared, how: How], LayerOutput> {
  readonly attention: Attention;
  readonly intermediate: Intermediate;
  readonly output: ResidualOutput;

  constructor(config: DebertaV2Config) {
    super();
    this.attention = new Attention(config);
    this.intermediate = new Intermediate(config);
    this.output = new ResidualOutput(config.intermediateSize, config);
  }

  forward(x: Tensor, shared: DebertaShared, how: How): LayerOutput {
    const [y, weights] = this.attention(x, shared, how);
    return [this.output(this.intermediate(y), y), weights];
  }
}

/** `norm(y + act(dropout(conv(x))))` after the first layer, zero at padding: what neighbours say at once. */
class ConvLayer extends Module<[x: Tensor, y: Tensor, tokens: Tensor | undefined], Tensor> {
  readonly conv: Conv1d;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;
  readonly activation: Activation;

  constructor({
    hiddenSize: C,
    convKernelSize: K,
    convGroups,
    convAct,
    layerNormEps,
    hiddenDropoutProb,
  }: DebertaV2Config) {
    super();
    this.conv = new Conv1d(C, C, K, { padding: (K - 1) / 2, groups: convGroups });
    this.LayerNorm = new LayerNorm(C, { eps: layerNormEps });
    this.dropout = new Dropout(hiddenDropoutProb);
    this.activation = activationOf(convAct);
  }

  forward(x: Tensor, y: Tensor, tokens: Tensor | undefined): Tensor {
    const [B, T] = x.dims(3, "ConvLayer") as [number, number, number]; // three sizes, as checked
    const kept = (t: Tensor): Tensor => (tokens === undefined ? t : t.mul(tokens.view(B, T, 1)));
    const near = kept(this.conv(x.mT).mT); // [B, T, C]
    return kept(this.LayerNorm(y.add(activate(this.dropout(near), this.activation))));
  }
}

export interface EncoderRun extends Omit<RunOptions<DebertaShared>, "shared" | "after"> {
  readonly mask: Tensor | undefined;
  /** `[B, T]`, 1 for tokens and 0 for padding. */
  readonly tokens: Tensor | undefined;
}

export class DebertaV2Encoder extends Module<[x: Tensor, run: EncoderRun], BaseModelOutput> {
  readonly layer: ModuleList<DebertaV2Layer>;
  readonly relEmbeddings: Embedding | undefined;
  readonly LayerNorm: LayerNorm | undefined;
  readonly conv: ConvLayer | undefined;
  readonly config: DebertaV2Config;

  constructor(config: DebertaV2Config) {
    super();
    this.config = config;
    const { hiddenSize, numHiddenLayers, relativeAttention, normRelEbd, layerNormEps: eps } = config;
    this.layer = new ModuleList(Array.from({ length: numHiddenLayers }, () => new DebertaV2Layer(config)));
    if (relativeAttention) this.relEmbeddings = new Embedding(2 * positionSpan(config), hiddenSize);
    if (listed(normRelEbd).includes("layer_norm")) this.LayerNorm = new LayerNorm(hiddenSize, { eps });
    if (config.convKernelSize > 0) this.conv = new ConvLayer(config);
  }

  forward(x: Tensor, { mask, tokens, how, checkpointed }: EncoderRun): BaseModelOutput {
    const { conv } = this;
    const [toPlace, toContent] = this.relEmbeddings === undefined ? [] : distances(x.size(1), this.config);
    const shared: DebertaShared = [mask, this.#table(), toPlace, toContent];
    return runLayers(this.layer, x, {
      shared: () => shared,
      how,
      checkpointed,
      after: (y, i) => (i === 0 && conv !== undefined ? conv(x, y, tokens) : y),
    });
  }

  #table(): Tensor | undefined {
    if (this.relEmbeddings === undefined) return undefined;
    const table = computable(this.relEmbeddings.weight);
    return this.LayerNorm === undefined ? table : this.LayerNorm(table);
  }
}

/** Rows of the table for the distance of each two tokens, seen from one and from the other, `[T, T]` each. */
function distances(T: number, config: DebertaV2Config): [toPlace: Tensor, toContent: Tensor] {
  const span = positionSpan(config);
  const byDistance = Array.from({ length: 2 * T - 1 }, (_, i) => bucketOf(i - (T - 1), config));
  const rows = (sign: 1 | -1): Tensor => {
    const row = byDistance.map((bucket) => Math.min(Math.max(sign * bucket + span, 0), 2 * span - 1));
    const values = Array.from({ length: T * T }, (_, i) => row[Math.floor(i / T) - (i % T) + T - 1]!);
    return fromArray(values, [T, T], { dtype: "int32" });
  };
  return [rows(1), rows(-1)];
}

/** Near distances are themselves, farther ones share buckets that grow like their logarithm; computed in float32 as in PyTorch. */
function bucketOf(distance: number, { positionBuckets, maxRelativePositions }: DebertaV2Config): number {
  if (positionBuckets <= 0) return distance;
  const mid = Math.floor(positionBuckets / 2);
  const n = Math.abs(distance);
  if (n <= mid) return distance;
  const f = Math.fround;
  const ratio = f(f(Math.log(f(n / mid))) / f(Math.log(f((maxRelativePositions - 1) / mid))));
  return Math.sign(distance) * (Math.ceil(f(ratio * (mid - 1))) + mid);
}
