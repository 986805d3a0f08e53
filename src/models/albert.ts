// ALBERT: BERT with one layer used again and again, and narrow embeddings. https://arxiv.org/abs/1909.11942

import { ModuleList } from "../nn/container.ts";
import { Dropout } from "../nn/dropout.ts";
import type { Embedding } from "../nn/embedding.ts";
import { callLinear, Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { Parameter } from "../nn/parameter.ts";
import type { Activation } from "../ops/matmul.ts";
import { zeros } from "../tensor/create.ts";
import { crossEntropy } from "../tensor/functional/losses.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { addTo, type MaskShared, SummedEmbeddings } from "./bert-blocks.ts";
import { flag, probability, size } from "./configuration.ts";
import {
  activationName,
  activationOf,
  attend,
  attentionMask,
  batchSizes,
  type How,
  howOf,
  type LayerOutput,
  type RunOptions,
  runLayers,
  splitHeads,
} from "./encoder-blocks.ts";
import { checkHeads, completeConfig, type Defaults, type EncoderConfig, positive } from "./encoder-config.ts";
import { tieHead } from "./head-blocks.ts";
import {
  answerQuestions,
  checkClasses,
  checkTokenLabels,
  chooseOne,
  classesOf,
  classifySequences,
  classifyTokens,
  layersOf,
  maskedLanguage,
  tokenLoss,
} from "./heads.ts";
import type {
  BaseModelOutput,
  EncoderInputs,
  MaskedLMOutput,
  MultipleChoiceInputs,
  MultipleChoiceModelOutput,
  PreTrainingInputs,
  PreTrainingOutput,
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput,
  SequenceClassificationInputs,
  SequenceClassifierOutput,
  TokenClassifierOutput,
  TokenLabelInputs,
} from "./outputs.ts";
import { PretrainedTransformer } from "./pretrained-transformer.ts";

export interface AlbertConfig extends EncoderConfig {
  readonly modelType: "albert";
  /** The width of the embeddings. */
  readonly embeddingSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  /** How many groups share weights within themselves. */
  readonly numHiddenGroups: number;
  /** Layers of a group. */
  readonly innerGroupNum: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: string;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
  readonly classifierDropoutProb: number;
}

export const defaultConfig: Defaults<AlbertConfig> = {
  modelType: "albert",
  vocabSize: 30000,
  embeddingSize: 128,
  hiddenSize: 4096,
  numHiddenLayers: 12,
  numHiddenGroups: 1,
  numAttentionHeads: 64,
  intermediateSize: 16384,
  innerGroupNum: 1,
  hiddenAct: "gelu_new",
  hiddenDropoutProb: 0,
  attentionProbsDropoutProb: 0,
  maxPositionEmbeddings: 512,
  typeVocabSize: 2,
  initializerRange: 0.02,
  layerNormEps: 1e-12,
  classifierDropoutProb: 0.1,
  padTokenId: 0,
  tieWordEmbeddings: true,
};

/** The whole configuration of the given fields. Throws CheckpointError for one that does not make a model. */
export function albertConfig(given: Partial<AlbertConfig>, file = "the configuration"): AlbertConfig {
  const config = completeConfig<AlbertConfig>(
    defaultConfig,
    given,
    {
      vocabSize: size,
      embeddingSize: size,
      hiddenSize: size,
      numHiddenLayers: size,
      numHiddenGroups: size,
      numAttentionHeads: size,
      intermediateSize: size,
      innerGroupNum: size,
      hiddenAct: activationName,
      hiddenDropoutProb: probability,
      attentionProbsDropoutProb: probability,
      maxPositionEmbeddings: size,
      typeVocabSize: size,
      layerNormEps: positive,
      classifierDropoutProb: probability,
      tieWordEmbeddings: flag,
    },
    file,
  );
  checkHeads(config.hiddenSize, config.numAttentionHeads, file);
  return config;
}

/** `norm(x + dropout(dense(attention(x))))` */
class Attention extends Module<[x: Tensor, mask: Tensor | undefined, how: How], LayerOutput> {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly attentionDropout: Dropout;
  readonly outputDropout: Dropout;
  readonly numHeads: number;

  constructor(config: AlbertConfig) {
    super();
    const { hiddenSize: C, numAttentionHeads, layerNormEps: eps } = config;
    this.numHeads = numAttentionHeads;
    this.query = new Linear(C, C);
    this.key = new Linear(C, C);
    this.value = new Linear(C, C);
    this.dense = new Linear(C, C);
    this.LayerNorm = new LayerNorm(C, { eps });
    this.attentionDropout = new Dropout(config.attentionProbsDropoutProb);
    this.outputDropout = new Dropout(config.hiddenDropoutProb);
  }

  forward(x: Tensor, mask: Tensor | undefined, how: How): LayerOutput {
    const heads = (layer: Linear): Tensor => splitHeads(callLinear(layer, x), this.numHeads); // [B, H, T, D]
    const dropoutP = this.training ? this.attentionDropout.p : 0;
    const [y, weights] = attend(heads(this.query), heads(this.key), heads(this.value), { mask, dropoutP, how });
    return [this.LayerNorm(addTo(x, y, this.dense, this.outputDropout)), weights];
  }
}

class AlbertLayer extends Module<[x: Tensor, shared: MaskShared, how: How], LayerOutput> {
  readonly fullLayerLayerNorm: LayerNorm;
  readonly attention: Attention;
  readonly ffn: Linear;
  readonly ffnOutput: Linear;
  readonly activation: Activation;

  constructor(config: AlbertConfig) {
    super();
    const { hiddenSize, intermediateSize, layerNormEps: eps, hiddenAct } = config;
    this.fullLayerLayerNorm = new LayerNorm(hiddenSize, { eps });
    this.attention = new Attention(config);
    this.ffn = new Linear(hiddenSize, intermediateSize);
    this.ffnOutput = new Linear(intermediateSize, hiddenSize);
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor, [mask]: MaskShared, how: How): LayerOutput {
    const [y, weights] = this.attention(x, mask, how);
    const wide = callLinear(this.ffn, y, { activation: this.activation }); // [B, T, I]
    return [this.fullLayerLayerNorm(callLinear(this.ffnOutput, wide, { residual: y })), weights];
  }
}

class LayerGroup extends Module<[], never> {
  readonly albertLayers: ModuleList<AlbertLayer>;
  constructor(config: AlbertConfig) {
    super();
    this.albertLayers = new ModuleList(Array.from({ length: config.innerGroupNum }, () => new AlbertLayer(config)));
  }
  forward(): never {
    throw new TypeError("a group of ALBERT's layers is run by its encoder");
  }
}

/** Embeddings `[B, T, E]` to hidden states `[B, T, C]`: each group's layers take their turn several times. */
class AlbertTransformer extends Module<[x: Tensor, options: RunOptions<MaskShared>], BaseModelOutput> {
  readonly embeddingHiddenMappingIn: Linear;
  readonly albertLayerGroups: ModuleList<LayerGroup>;
  readonly numLayers: number;

  constructor(config: AlbertConfig) {
    super();
    this.numLayers = config.numHiddenLayers;
    this.embeddingHiddenMappingIn = new Linear(config.embeddingSize, config.hiddenSize);
    this.albertLayerGroups = new ModuleList(
      Array.from({ length: config.numHiddenGroups }, () => new LayerGroup(config)),
    );
  }

  forward(x: Tensor, options: RunOptions<MaskShared>): BaseModelOutput {
    const { numLayers, albertLayerGroups: groups } = this;
    const layers = Array.from({ length: numLayers }, (_, i) => [
      ...groups.at(Math.floor(i / (numLayers / groups.size))).albertLayers,
    ]).flat();
    return runLayers(layers, callLinear(this.embeddingHiddenMappingIn, x), options);
  }
}

abstract class AlbertPreTrainedModel<I, R> extends PretrainedTransformer<AlbertConfig, I, R> {
  static readonly modelType = "albert";
  static readonly baseModelPrefix = "albert";
  static readonly configure: typeof albertConfig = albertConfig;

  constructor(given: Partial<AlbertConfig>) {
    super({ ...albertConfig(given), architectures: [new.target.name] });
  }
}

/** Ids to hidden states, and a vector for the text unless `addPoolingLayer` is false. */
export class AlbertModel extends AlbertPreTrainedModel<EncoderInputs, BaseModelOutput> {
  readonly embeddings: SummedEmbeddings;
  readonly encoder: AlbertTransformer;
  readonly pooler: Linear | undefined;

  constructor(given: Partial<AlbertConfig> = {}, options: { readonly addPoolingLayer?: boolean } = {}) {
    super(given);
    const { embeddingSize, hiddenSize } = this.config;
    this.embeddings = new SummedEmbeddings(this.config, embeddingSize);
    this.encoder = new AlbertTransformer(this.config);
    if (options.addPoolingLayer ?? true) this.pooler = new Linear(hiddenSize, hiddenSize);
    this.postInit();
  }

  forward(inputs: EncoderInputs): BaseModelOutput {
    const sizes = batchSizes("AlbertModel", inputs, this.config.maxPositionEmbeddings);
    const mask = attentionMask("AlbertModel", inputs.attentionMask, sizes);
    const outputs = this.encoder(this.embeddings(inputs), {
      shared: () => [mask],
      how: howOf(inputs, this.attnImplementation),
      checkpointed: this.gradientCheckpointing && this.training,
    });
    if (this.pooler === undefined) return outputs;
    const first = outputs.lastHiddenState.select(1, 0); // [B, C]
    return { ...outputs, poolerOutput: callLinear(this.pooler, first, { activation: "tanh" }) };
  }

  getInputEmbeddings(): Embedding {
    return this.embeddings.wordEmbeddings;
  }
}

/** What all models with a head have: the base model, and its words. */
abstract class AlbertWithHead<I, R> extends AlbertPreTrainedModel<I, R> {
  readonly albert: AlbertModel;

  constructor(given: Partial<AlbertConfig>, addPoolingLayer: boolean) {
    super(given);
    this.albert = new AlbertModel(this.config, { addPoolingLayer });
  }

  getInputEmbeddings(): Embedding {
    return this.albert.getInputEmbeddings();
  }
}

/** Scores of words: `decoder(norm(activation(dense(x))))`, `[B, T, C]` to `[B, T, V]`. */
class AlbertMLMHead extends Module<[x: Tensor], Tensor> {
  readonly LayerNorm: LayerNorm;
  bias: Parameter;
  readonly dense: Linear;
  readonly decoder: Linear;
  readonly activation: Activation;

  constructor({ hiddenSize, embeddingSize, vocabSize, layerNormEps: eps, hiddenAct }: AlbertConfig) {
    super();
    this.LayerNorm = new LayerNorm(embeddingSize, { eps });
    this.bias = new Parameter(zeros([vocabSize]));
    this.dense = new Linear(hiddenSize, embeddingSize);
    this.decoder = new Linear(embeddingSize, vocabSize);
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor): Tensor {
    return callLinear(this.decoder, this.LayerNorm(callLinear(this.dense, x, { activation: this.activation })));
  }
}

/** Whether two texts are in their order, `[B, C]` to `[B, 2]`. */
class AlbertSOPHead extends Module<[x: Tensor], Tensor> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor({ hiddenSize, classifierDropoutProb }: AlbertConfig) {
    super();
    this.dropout = new Dropout(classifierDropoutProb);
    this.classifier = new Linear(hiddenSize, 2);
  }

  forward(x: Tensor): Tensor {
    return this.classifier(this.dropout(x));
  }
}

/** Words for masked places, and whether the two texts are in their order. */
export class AlbertForPreTraining extends AlbertWithHead<PreTrainingInputs, PreTrainingOutput> {
  readonly predictions: AlbertMLMHead;
  readonly sopClassifier: AlbertSOPHead;

  constructor(given: Partial<AlbertConfig> = {}) {
    super(given, true);
    this.predictions = new AlbertMLMHead(this.config);
    this.sopClassifier = new AlbertSOPHead(this.config);
    this.postInit();
  }

  forward(inputs: PreTrainingInputs): PreTrainingOutput {
    const { labels, sentenceOrderLabel: order } = inputs;
    if (labels !== undefined) checkTokenLabels(labels, this.config.vocabSize, inputs);
    if (order !== undefined) checkClasses(order, 2);
    const outputs = this.albert(inputs);
    const predictionLogits = this.predictions(outputs.lastHiddenState);
    const sopLogits = this.sopClassifier(outputs.poolerOutput!); // made with a pooler
    const loss =
      labels === undefined || order === undefined
        ? {}
        : { loss: tokenLoss(predictionLogits, labels).add(crossEntropy(sopLogits, classesOf(order))) };
    return { ...loss, predictionLogits, sopLogits, ...layersOf(outputs) };
  }

  override getOutputEmbeddings(): Linear {
    return this.predictions.decoder;
  }
  override tieWeights(): void {
    tieHead(this.predictions, this.getInputEmbeddings(), this.config);
  }
}

/** Words for masked places. */
export class AlbertForMaskedLM extends AlbertWithHead<TokenLabelInputs, MaskedLMOutput> {
  readonly predictions: AlbertMLMHead;

  constructor(given: Partial<AlbertConfig> = {}) {
    super(given, false);
    this.predictions = new AlbertMLMHead(this.config);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): MaskedLMOutput {
    return maskedLanguage(this.config, inputs, (rest) => {
      const outputs = this.albert(rest);
      return { logits: this.predictions(outputs.lastHiddenState), outputs };
    });
  }

  override getOutputEmbeddings(): Linear {
    return this.predictions.decoder;
  }
  override tieWeights(): void {
    tieHead(this.predictions, this.getInputEmbeddings(), this.config);
  }
}

/** Classes, labels or numbers for whole texts. */
export class AlbertForSequenceClassification extends AlbertWithHead<
  SequenceClassificationInputs,
  SequenceClassifierOutput
> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<AlbertConfig> = {}) {
    super(given, true);
    this.dropout = new Dropout(this.config.classifierDropoutProb);
    this.classifier = new Linear(this.config.hiddenSize, this.config.numLabels);
    this.postInit();
  }

  forward(inputs: SequenceClassificationInputs): SequenceClassifierOutput {
    return classifySequences(this.config, inputs, (rest) => {
      const outputs = this.albert(rest);
      return { logits: this.classifier(this.dropout(outputs.poolerOutput!)), outputs };
    });
  }
}

/** One of several texts. */
export class AlbertForMultipleChoice extends AlbertWithHead<MultipleChoiceInputs, MultipleChoiceModelOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<AlbertConfig> = {}) {
    super(given, true);
    this.dropout = new Dropout(this.config.classifierDropoutProb);
    this.classifier = new Linear(this.config.hiddenSize, 1);
    this.postInit();
  }

  forward(inputs: MultipleChoiceInputs): MultipleChoiceModelOutput {
    return chooseOne(inputs, (rest) => {
      const outputs = this.albert(rest);
      return { logits: this.classifier(this.dropout(outputs.poolerOutput!)), outputs };
    });
  }
}

/** A class for each token. */
export class AlbertForTokenClassification extends AlbertWithHead<TokenLabelInputs, TokenClassifierOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<AlbertConfig> = {}) {
    super(given, false);
    this.dropout = new Dropout(this.config.classifierDropoutProb);
    this.classifier = new Linear(this.config.hiddenSize, this.config.numLabels);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): TokenClassifierOutput {
    return classifyTokens(this.config, inputs, (rest) => {
      const outputs = this.albert(rest);
      return { logits: this.classifier(this.dropout(outputs.lastHiddenState)), outputs };
    });
  }
}

/** Where in a text the answer begins and ends. */
export class AlbertForQuestionAnswering extends AlbertWithHead<QuestionAnsweringInputs, QuestionAnsweringModelOutput> {
  readonly qaOutputs: Linear;

  constructor(given: Partial<AlbertConfig> = {}) {
    super(given, false);
    this.qaOutputs = new Linear(this.config.hiddenSize, 2);
    this.postInit();
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringModelOutput {
    return answerQuestions(inputs, (rest) => {
      const outputs = this.albert(rest);
      return { logits: this.qaOutputs(outputs.lastHiddenState), outputs };
    });
  }
}
