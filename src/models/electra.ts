// ELECTRA: an encoder that was trained to tell which words a small generator replaced. https://arxiv.org/abs/2003.10555
//
//   x = norm(word[ids] + type[types] + position[0 … T])       [B, T, E], brought to [B, T, C]; then BERT's layers

import { Dropout } from "../nn/dropout.ts";
import type { Embedding } from "../nn/embedding.ts";
import { activate, callLinear, Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import type { Activation } from "../ops/matmul.ts";
import { binaryCrossEntropyWithLogits } from "../tensor/functional/losses.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BertLayer, LayerStack, type MaskShared, SummedEmbeddings } from "./bert-blocks.ts";
import { flag, oneOf, probability, size } from "./configuration.ts";
import { activationName, activationOf, attentionMask, batchSizes, howOf } from "./encoder-blocks.ts";
import { checkHeads, completeConfig, type Defaults, type EncoderConfig, optional, positive } from "./encoder-config.ts";
import { ClassificationHead } from "./head-blocks.ts";
import {
  answerQuestions,
  checkTokenLabels,
  chooseOne,
  classifySequences,
  classifyTokens,
  layersOf,
  maskedLanguage,
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

export interface ElectraConfig extends EncoderConfig {
  readonly modelType: "electra";
  /** The width of the embeddings. */
  readonly embeddingSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: string;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
  /** Before a classifier; `hiddenDropoutProb` if null. */
  readonly classifierDropout: number | null;
  /** What of a text a choice is judged by. */
  readonly summaryType: "first" | "last" | "mean";
  readonly summaryUseProj: boolean;
  readonly summaryActivation: string | null;
  readonly summaryLastDropout: number;
}

export const defaultConfig: Defaults<ElectraConfig> = {
  modelType: "electra",
  vocabSize: 30522,
  embeddingSize: 128,
  hiddenSize: 256,
  numHiddenLayers: 12,
  numAttentionHeads: 4,
  intermediateSize: 1024,
  hiddenAct: "gelu",
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  maxPositionEmbeddings: 512,
  typeVocabSize: 2,
  initializerRange: 0.02,
  layerNormEps: 1e-12,
  summaryType: "first",
  summaryUseProj: true,
  summaryActivation: "gelu",
  summaryLastDropout: 0.1,
  padTokenId: 0,
  tieWordEmbeddings: true,
  classifierDropout: null,
};

/** The whole configuration of the given fields. Throws CheckpointError for one that does not make a model. */
export function electraConfig(given: Partial<ElectraConfig>, file = "the configuration"): ElectraConfig {
  const config = completeConfig<ElectraConfig>(
    defaultConfig,
    given,
    {
      vocabSize: size,
      embeddingSize: size,
      hiddenSize: size,
      numHiddenLayers: size,
      numAttentionHeads: size,
      intermediateSize: size,
      hiddenAct: activationName,
      hiddenDropoutProb: probability,
      attentionProbsDropoutProb: probability,
      maxPositionEmbeddings: size,
      typeVocabSize: size,
      layerNormEps: positive,
      classifierDropout: optional(probability),
      summaryType: oneOf("first", "last", "mean"),
      summaryUseProj: flag,
      summaryActivation: optional(activationName),
      summaryLastDropout: probability,
      tieWordEmbeddings: flag,
    },
    file,
  );
  checkHeads(config.hiddenSize, config.numAttentionHeads, file);
  return config;
}

abstract class ElectraPreTrainedModel<I, R> extends PretrainedTransformer<ElectraConfig, I, R> {
  static readonly modelType = "electra";
  static readonly baseModelPrefix = "electra";
  static readonly configure: typeof electraConfig = electraConfig;

  constructor(given: Partial<ElectraConfig>) {
    super({ ...electraConfig(given), architectures: [new.target.name] });
  }
}

/** Ids to hidden states. */
export class ElectraModel extends ElectraPreTrainedModel<EncoderInputs, BaseModelOutput> {
  readonly embeddings: SummedEmbeddings;
  readonly embeddingsProject: Linear | undefined;
  readonly encoder: LayerStack<MaskShared>;

  constructor(given: Partial<ElectraConfig> = {}) {
    super(given);
    const { config } = this;
    const { embeddingSize, hiddenSize, numHiddenLayers } = config;
    this.embeddings = new SummedEmbeddings(config, embeddingSize);
    if (embeddingSize !== hiddenSize) this.embeddingsProject = new Linear(embeddingSize, hiddenSize);
    this.encoder = new LayerStack(numHiddenLayers, () => new BertLayer(config));
    this.postInit();
  }

  forward(inputs: EncoderInputs): BaseModelOutput {
    const sizes = batchSizes("ElectraModel", inputs, this.config.maxPositionEmbeddings);
    const mask = attentionMask("ElectraModel", inputs.attentionMask, sizes);
    const embedded = this.embeddings(inputs); // [B, T, E]
    const x = this.embeddingsProject === undefined ? embedded : callLinear(this.embeddingsProject, embedded);
    return this.encoder(x, {
      shared: () => [mask],
      how: howOf(inputs, this.attnImplementation),
      checkpointed: this.gradientCheckpointing && this.training,
    });
  }

  getInputEmbeddings(): Embedding {
    return this.embeddings.wordEmbeddings;
  }
}

/** What all models with a head have: the base model, and its words. */
abstract class ElectraWithHead<I, R> extends ElectraPreTrainedModel<I, R> {
  readonly electra: ElectraModel;

  constructor(given: Partial<ElectraConfig>) {
    super(given);
    this.electra = new ElectraModel(this.config);
  }

  getInputEmbeddings(): Embedding {
    return this.electra.getInputEmbeddings();
  }
}

/** Whether each token was replaced, `[B, T, C]` to `[B, T]`. */
class DiscriminatorPredictions extends Module<[x: Tensor], Tensor> {
  readonly dense: Linear;
  readonly densePrediction: Linear;
  readonly activation: Activation;

  constructor({ hiddenSize, hiddenAct }: ElectraConfig) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize);
    this.densePrediction = new Linear(hiddenSize, 1);
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor): Tensor {
    return this.densePrediction(callLinear(this.dense, x, { activation: this.activation })).squeeze(-1);
  }
}

/** The discriminator: which tokens were replaced. Labels `[B, T]` are 1 for those that were; padding is not learnt. */
export class ElectraForPreTraining extends ElectraWithHead<PreTrainingInputs, PreTrainingOutput> {
  readonly discriminatorPredictions: DiscriminatorPredictions;

  constructor(given: Partial<ElectraConfig> = {}) {
    super(given);
    this.discriminatorPredictions = new DiscriminatorPredictions(this.config);
    this.postInit();
  }

  forward(inputs: PreTrainingInputs): PreTrainingOutput {
    const { labels, attentionMask: mask } = inputs;
    if (labels !== undefined) checkTokenLabels(labels, 2, inputs);
    const outputs = this.electra(inputs);
    const logits = this.discriminatorPredictions(outputs.lastHiddenState); // [B, T]
    const loss = labels === undefined ? {} : { loss: replacedLoss(logits, labels.to(logits.dtype), mask) };
    return { ...loss, logits, ...layersOf(outputs) };
  }
}

/** The mean over the tokens that are no padding. */
function replacedLoss(logits: Tensor, target: Tensor, mask: Tensor | undefined): Tensor {
  if (mask === undefined) return binaryCrossEntropyWithLogits(logits, target);
  const weight = mask.eq(1).to(logits.dtype); // [B, T]
  return binaryCrossEntropyWithLogits(logits, target, { weight, reduction: "sum" }).div(weight.sum());
}

/** `norm(gelu(dense(x)))`, `[B, T, C]` to `[B, T, E]`. */
class GeneratorPredictions extends Module<[x: Tensor], Tensor> {
  readonly LayerNorm: LayerNorm;
  readonly dense: Linear;

  constructor({ hiddenSize, embeddingSize, layerNormEps: eps }: ElectraConfig) {
    super();
    this.LayerNorm = new LayerNorm(embeddingSize, { eps });
    this.dense = new Linear(hiddenSize, embeddingSize);
  }

  forward(x: Tensor): Tensor {
    return this.LayerNorm(callLinear(this.dense, x, { activation: "gelu" }));
  }
}

/** The generator: words for masked places. */
export class ElectraForMaskedLM extends ElectraWithHead<TokenLabelInputs, MaskedLMOutput> {
  readonly generatorPredictions: GeneratorPredictions;
  readonly generatorLmHead: Linear;

  constructor(given: Partial<ElectraConfig> = {}) {
    super(given);
    this.generatorPredictions = new GeneratorPredictions(this.config);
    this.generatorLmHead = new Linear(this.config.embeddingSize, this.config.vocabSize);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): MaskedLMOutput {
    return maskedLanguage(this.config, inputs, (rest) => {
      const outputs = this.electra(rest);
      return { logits: callLinear(this.generatorLmHead, this.generatorPredictions(outputs.lastHiddenState)), outputs };
    });
  }

  override getOutputEmbeddings(): Linear {
    return this.generatorLmHead;
  }
  override tieWeights(): void {
    if (this.config.tieWordEmbeddings) this.generatorLmHead.weight = this.getInputEmbeddings().weight;
  }
}

function classifierDropout({ classifierDropout: p, hiddenDropoutProb }: ElectraConfig): number {
  return p ?? hiddenDropoutProb;
}

/** Classes, labels or numbers for whole texts. */
export class ElectraForSequenceClassification extends ElectraWithHead<
  SequenceClassificationInputs,
  SequenceClassifierOutput
> {
  readonly classifier: ClassificationHead;

  constructor(given: Partial<ElectraConfig> = {}) {
    super(given);
    const { hiddenSize, numLabels } = this.config;
    const p = classifierDropout(this.config);
    this.classifier = new ClassificationHead(hiddenSize, numLabels, { activation: "gelu", p });
    this.postInit();
  }

  forward(inputs: SequenceClassificationInputs): SequenceClassifierOutput {
    return classifySequences(this.config, inputs, (rest) => {
      const outputs = this.electra(rest);
      return { logits: this.classifier(outputs.lastHiddenState), outputs };
    });
  }
}

/** One vector of a text, `[B, T, C]` to `[B, C]`. */
class SequenceSummary extends Module<[x: Tensor], Tensor> {
  readonly summary: Linear | undefined;
  readonly lastDropout: Dropout;
  readonly type: ElectraConfig["summaryType"];
  readonly activation: Activation | undefined;

  constructor({ hiddenSize, summaryType, summaryUseProj, summaryActivation, summaryLastDropout }: ElectraConfig) {
    super();
    if (summaryUseProj) this.summary = new Linear(hiddenSize, hiddenSize);
    this.lastDropout = new Dropout(summaryLastDropout);
    this.type = summaryType;
    this.activation = summaryActivation === null ? undefined : activationOf(summaryActivation);
  }

  forward(x: Tensor): Tensor {
    const one = this.type === "mean" ? x.mean({ dim: 1 }) : x.select(1, this.type === "first" ? 0 : -1); // [B, C]
    const { summary, activation } = this;
    const projected = summary === undefined ? one : callLinear(summary, one);
    return this.lastDropout(activation === undefined ? projected : activate(projected, activation));
  }
}

/** One of several texts. */
export class ElectraForMultipleChoice extends ElectraWithHead<MultipleChoiceInputs, MultipleChoiceModelOutput> {
  readonly sequenceSummary: SequenceSummary;
  readonly classifier: Linear;

  constructor(given: Partial<ElectraConfig> = {}) {
    super(given);
    this.sequenceSummary = new SequenceSummary(this.config);
    this.classifier = new Linear(this.config.hiddenSize, 1);
    this.postInit();
  }

  forward(inputs: MultipleChoiceInputs): MultipleChoiceModelOutput {
    return chooseOne(inputs, (rest) => {
      const outputs = this.electra(rest);
      return { logits: this.classifier(this.sequenceSummary(outputs.lastHiddenState)), outputs };
    });
  }
}

/** A class for each token. */
export class ElectraForTokenClassification extends ElectraWithHead<TokenLabelInputs, TokenClassifierOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<ElectraConfig> = {}) {
    super(given);
    this.dropout = new Dropout(classifierDropout(this.config));
    this.classifier = new Linear(this.config.hiddenSize, this.config.numLabels);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): TokenClassifierOutput {
    return classifyTokens(this.config, inputs, (rest) => {
      const outputs = this.electra(rest);
      return { logits: this.classifier(this.dropout(outputs.lastHiddenState)), outputs };
    });
  }
}

/** Where in a text the answer begins and ends. */
export class ElectraForQuestionAnswering extends ElectraWithHead<
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput
> {
  readonly qaOutputs: Linear;

  constructor(given: Partial<ElectraConfig> = {}) {
    super(given);
    this.qaOutputs = new Linear(this.config.hiddenSize, 2);
    this.postInit();
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringModelOutput {
    return answerQuestions(inputs, (rest) => {
      const outputs = this.electra(rest);
      return { logits: this.qaOutputs(outputs.lastHiddenState), outputs };
    });
  }
}
