// What the heads of several encoders are made of: scores of words, and of texts by their first token.

import { Dropout } from "../nn/dropout.ts";
import type { Embedding } from "../nn/embedding.ts";
import { callLinear, Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { Parameter } from "../nn/parameter.ts";
import type { Activation } from "../ops/matmul.ts";
import { zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { activationOf } from "./encoder-blocks.ts";

/** What a head is made from. */
export interface HeadConfig {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly hiddenAct: string;
  readonly layerNormEps: number;
}

/** `norm(activation(dense(x)))`: what stands between a model and the scores of words, `[B, T, C]` to `[B, T, E]`. */
export class PredictionTransform extends Module<[x: Tensor], Tensor> {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly activation: Activation;

  constructor({ hiddenSize, hiddenAct, layerNormEps: eps }: HeadConfig, width: number = hiddenSize) {
    super();
    this.dense = new Linear(hiddenSize, width);
    this.LayerNorm = new LayerNorm(width, { eps });
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor): Tensor {
    return this.LayerNorm(callLinear(this.dense, x, { activation: this.activation }));
  }
}

/** Scores of words, `[B, T, C]` to `[B, T, V]`. Its weight is most often the table of words, and its bias has two names. */
export class LMPredictionHead extends Module<[x: Tensor], Tensor> {
  readonly transform: PredictionTransform;
  readonly decoder: Linear;
  bias: Parameter;

  constructor(config: HeadConfig, width: number = config.hiddenSize) {
    super();
    this.transform = new PredictionTransform(config, width);
    this.decoder = new Linear(width, config.vocabSize);
    this.bias = new Parameter(zeros([config.vocabSize]));
  }

  forward(x: Tensor): Tensor {
    return callLinear(this.decoder, this.transform(x));
  }
}

/** Makes a head's weight the table of words, and the bias beside it the decoder's. */
export function tieHead(
  head: { readonly decoder: Linear; bias: Parameter },
  words: Embedding,
  { tieWordEmbeddings }: { readonly tieWordEmbeddings: boolean },
): void {
  if (tieWordEmbeddings) head.decoder.weight = words.weight;
  const { bias } = head.decoder;
  if (bias !== undefined && (tieWordEmbeddings || bias.numel !== head.bias.numel)) head.bias = bias;
}

/** RoBERTa's scores of words: as BERT's, in one module and with gelu, `[B, T, C]` to `[B, T, V]`. */
export class LMHead extends Module<[x: Tensor], Tensor> {
  readonly dense: Linear;
  readonly layerNorm: LayerNorm;
  readonly decoder: Linear;
  bias: Parameter;

  constructor({ hiddenSize, vocabSize, layerNormEps: eps }: HeadConfig) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize);
    this.layerNorm = new LayerNorm(hiddenSize, { eps });
    this.decoder = new Linear(hiddenSize, vocabSize);
    this.bias = new Parameter(zeros([vocabSize]));
  }

  forward(x: Tensor): Tensor {
    return callLinear(this.decoder, this.layerNorm(callLinear(this.dense, x, { activation: "gelu" })));
  }
}

/** `outProj(dropout(activation(dense(dropout(x[0])))))`, `[B, T, C]` to `[B, labels]`. */
export class ClassificationHead extends Module<[x: Tensor], Tensor> {
  readonly dense: Linear;
  readonly dropout: Dropout;
  readonly outProj: Linear;
  readonly activation: Activation;

  constructor(hiddenSize: number, numLabels: number, options: { readonly activation: Activation; readonly p: number }) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize);
    this.dropout = new Dropout(options.p);
    this.outProj = new Linear(hiddenSize, numLabels);
    this.activation = options.activation;
  }

  forward(x: Tensor): Tensor {
    const first = this.dropout(x.select(1, 0)); // [B, C]
    return this.outProj(this.dropout(callLinear(this.dense, first, { activation: this.activation })));
  }
}
