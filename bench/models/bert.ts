// BERT: a transformer that reads in both directions. https://arxiv.org/abs/1810.04805
//
//   x = norm(word[ids] + position[0 … T] + type[types])       [B, T, C]
//   x = norm(x + attention(x)), x = norm(x + mlp(x))          in each layer
//   pooled = tanh(W x[0])                                     [B, C]

import { arange, type Tensor, zeros } from "kindling";
import * as nn from "kindling/nn";
import { initialize, mergeHeads, splitHeads } from "./attention.ts";

const { crossEntropy, linear, scaledDotProductAttention } = nn.functional;

export interface BertConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
}

/** BERT-base. */
export const bertBase: BertConfig = {
  vocabSize: 30522,
  hiddenSize: 768,
  numLayers: 12,
  numHeads: 12,
  intermediateSize: 3072,
  maxPositions: 512,
  typeVocabSize: 2,
  layerNormEps: 1e-12,
};

/** MiniLM with 6 layers, as sentence encoders have it. */
export const miniLm: BertConfig = { ...bertBase, hiddenSize: 384, numLayers: 6, intermediateSize: 1536 };

/** Ids and types `[B, T]` to `[B, T, C]`. */
class Embeddings extends nn.Module<[ids: Tensor, types: Tensor], Tensor> {
  readonly word: nn.Embedding;
  readonly position: nn.Embedding;
  readonly type: nn.Embedding;
  readonly norm: nn.LayerNorm;

  constructor({ vocabSize, hiddenSize, maxPositions, typeVocabSize, layerNormEps }: BertConfig) {
    super();
    this.word = new nn.Embedding(vocabSize, hiddenSize);
    this.position = new nn.Embedding(maxPositions, hiddenSize);
    this.type = new nn.Embedding(typeVocabSize, hiddenSize);
    this.norm = new nn.LayerNorm(hiddenSize, { eps: layerNormEps });
  }

  forward(ids: Tensor, types: Tensor): Tensor {
    const positions = arange(ids.size(1)); // [T]
    return this.norm(this.word(ids).add(this.type(types)).add(this.position(positions)));
  }
}

/** One layer, `[B, T, C]` to `[B, T, C]`. */
class Layer extends nn.Module<[x: Tensor, mask: Tensor | undefined], Tensor> {
  readonly qkv: nn.Linear;
  readonly out: nn.Linear;
  readonly attentionNorm: nn.LayerNorm;
  readonly up: nn.Linear;
  readonly down: nn.Linear;
  readonly norm: nn.LayerNorm;
  readonly numHeads: number;

  constructor({ hiddenSize, intermediateSize, numHeads, layerNormEps }: BertConfig) {
    super();
    this.numHeads = numHeads;
    this.qkv = new nn.Linear(hiddenSize, 3 * hiddenSize);
    this.out = new nn.Linear(hiddenSize, hiddenSize);
    this.attentionNorm = new nn.LayerNorm(hiddenSize, { eps: layerNormEps });
    this.up = new nn.Linear(hiddenSize, intermediateSize);
    this.down = new nn.Linear(intermediateSize, hiddenSize);
    this.norm = new nn.LayerNorm(hiddenSize, { eps: layerNormEps });
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const { out, up, down } = this;
    const [q, k, v] = splitHeads(this.qkv(x), this.numHeads); //                              [B, H, T, D]
    const heads = scaledDotProductAttention(q, k, v, { attnMask: mask }); //                  [B, H, T, D]
    const y = this.attentionNorm(linear(mergeHeads(heads), out.weight, out.bias, { residual: x }));
    const wide = linear(y, up.weight, up.bias, { activation: "gelu" }); //                    [B, T, I]
    return this.norm(linear(wide, down.weight, down.bias, { residual: y })); //               [B, T, C]
  }
}

export interface BertOutput {
  /** `[B, T, C]` */
  readonly hidden: Tensor;
  /** What the first token became, `[B, C]`. */
  readonly pooled: Tensor;
}

/** Ids and types `[B, T]`, int32, and a mask `[B, 1, 1, T]`, false where there is padding. */
export class Bert extends nn.Module<[ids: Tensor, types?: Tensor, mask?: Tensor], BertOutput> {
  readonly embeddings: Embeddings;
  readonly layers: nn.ModuleList<Layer>;
  readonly pooler: nn.Linear;

  constructor(config: BertConfig) {
    super();
    this.embeddings = new Embeddings(config);
    this.layers = new nn.ModuleList(Array.from({ length: config.numLayers }, () => new Layer(config)));
    this.pooler = new nn.Linear(config.hiddenSize, config.hiddenSize);
    initialize(this);
  }

  forward(ids: Tensor, types = zeros(ids.shape, { dtype: "int32" }), mask?: Tensor): BertOutput {
    const hidden = this.encode(this.embeddings(ids, types), mask); // [B, T, C]
    return { hidden, pooled: this.pooler(hidden.select(1, 0)).tanh() };
  }

  /** The layers alone, `[B, T, C]` to `[B, T, C]`. */
  encode(x: Tensor, mask?: Tensor): Tensor {
    let hidden = x;
    for (const layer of this.layers) hidden = layer(hidden, mask);
    return hidden;
  }
}

/** BERT with a classifier: ids `[B, T]` to logits `[B, labels]`. */
export class BertClassifier extends nn.Module<[ids: Tensor, types?: Tensor, mask?: Tensor], Tensor> {
  readonly bert: Bert;
  readonly classifier: nn.Linear;

  constructor(config: BertConfig, numLabels = 2) {
    super();
    this.bert = new Bert(config);
    this.classifier = new nn.Linear(config.hiddenSize, numLabels);
    initialize(this.classifier);
  }

  forward(ids: Tensor, types?: Tensor, mask?: Tensor): Tensor {
    return this.classifier(this.bert(ids, types, mask).pooled);
  }
  /** The loss of labels `[B]`, int32. */
  loss(ids: Tensor, labels: Tensor, types?: Tensor, mask?: Tensor): Tensor {
    return crossEntropy(this(ids, types, mask), labels);
  }
}
