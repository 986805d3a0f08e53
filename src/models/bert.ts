// BERT: a transformer that reads in both directions. https://arxiv.org/abs/1810.04805
//
//   x = norm(word[ids] + type[types] + position[0 … T])       [B, T, C]
//   x = norm(x + attention(x)), x = norm(x + mlp(x))          in each layer
//   pooled = tanh(W x[0])                                     [B, C]

import { Dropout } from "../nn/dropout.ts";
import type { Embedding } from "../nn/embedding.ts";
import { callLinear, Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { crossEntropy } from "../tensor/functional/losses.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BertLayer, BertPooler, LayerStack, type MaskShared, SummedEmbeddings } from "./bert-blocks.ts";
import { flag, probability, size } from "./configuration.ts";
import { activationName, attentionMask, batchSizes, howOf } from "./encoder-blocks.ts";
import { checkHeads, completeConfig, type Defaults, type EncoderConfig, optional, positive } from "./encoder-config.ts";
import { LMPredictionHead, tieHead } from "./head-blocks.ts";
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
  NextSentencePredictorOutput,
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

export interface BertConfig extends EncoderConfig {
  readonly modelType: "bert";
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
}

/** BERT-base. */
export const defaultConfig: Defaults<BertConfig> = {
  modelType: "bert",
  vocabSize: 30522,
  hiddenSize: 768,
  numHiddenLayers: 12,
  numAttentionHeads: 12,
  intermediateSize: 3072,
  hiddenAct: "gelu",
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  maxPositionEmbeddings: 512,
  typeVocabSize: 2,
  initializerRange: 0.02,
  layerNormEps: 1e-12,
  padTokenId: 0,
  tieWordEmbeddings: true,
  classifierDropout: null,
};

/** The whole configuration of the given fields. Throws CheckpointError for one that does not make a model. */
export function bertConfig(given: Partial<BertConfig>, file = "the configuration"): BertConfig {
  const config = completeConfig<BertConfig>(
    defaultConfig,
    given,
    {
      vocabSize: size,
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
      tieWordEmbeddings: flag,
    },
    file,
  );
  checkHeads(config.hiddenSize, config.numAttentionHeads, file);
  return config;
}

abstract class BertPreTrainedModel<I, R> extends PretrainedTransformer<BertConfig, I, R> {
  static readonly modelType = "bert";
  static readonly baseModelPrefix = "bert";
  static readonly configure: typeof bertConfig = bertConfig;

  constructor(given: Partial<BertConfig>) {
    super({ ...bertConfig(given), architectures: [new.target.name] });
  }
}

/** Ids to hidden states, and a vector for the text unless `addPoolingLayer` is false. */
export class BertModel extends BertPreTrainedModel<EncoderInputs, BaseModelOutput> {
  readonly embeddings: SummedEmbeddings;
  readonly encoder: LayerStack<MaskShared>;
  readonly pooler: BertPooler | undefined;

  constructor(given: Partial<BertConfig> = {}, options: { readonly addPoolingLayer?: boolean } = {}) {
    super(given);
    const { config } = this;
    this.embeddings = new SummedEmbeddings(config, config.hiddenSize);
    this.encoder = new LayerStack(config.numHiddenLayers, () => new BertLayer(config));
    if (options.addPoolingLayer ?? true) this.pooler = new BertPooler(config.hiddenSize);
    this.postInit();
  }

  forward(inputs: EncoderInputs): BaseModelOutput {
    const sizes = batchSizes("BertModel", inputs, this.config.maxPositionEmbeddings);
    const mask = attentionMask("BertModel", inputs.attentionMask, sizes);
    const outputs = this.encoder(this.embeddings(inputs), {
      shared: () => [mask],
      how: howOf(inputs, this.attnImplementation),
      checkpointed: this.gradientCheckpointing && this.training,
    });
    return this.pooler === undefined ? outputs : { ...outputs, poolerOutput: this.pooler(outputs.lastHiddenState) };
  }

  getInputEmbeddings(): Embedding {
    return this.embeddings.wordEmbeddings;
  }
}

/** What all models with a head have: the base model, and its words. */
abstract class BertWithHead<I, R> extends BertPreTrainedModel<I, R> {
  readonly bert: BertModel;

  constructor(given: Partial<BertConfig>, addPoolingLayer: boolean) {
    super(given);
    this.bert = new BertModel(this.config, { addPoolingLayer });
  }

  getInputEmbeddings(): Embedding {
    return this.bert.getInputEmbeddings();
  }
}

function classifierDropout({ classifierDropout: p, hiddenDropoutProb }: BertConfig): Dropout {
  return new Dropout(p ?? hiddenDropoutProb);
}

/** The heads of pre-training: words, and whether the second text follows the first. */
class PreTrainingHeads extends Module<[x: Tensor], Tensor> {
  readonly predictions: LMPredictionHead | undefined;
  readonly seqRelationship: Linear | undefined;

  constructor(config: BertConfig, { words, next }: { readonly words: boolean; readonly next: boolean }) {
    super();
    if (words) this.predictions = new LMPredictionHead(config);
    if (next) this.seqRelationship = new Linear(config.hiddenSize, 2);
  }

  forward(x: Tensor): Tensor {
    return this.predictions === undefined ? callLinear(this.seqRelationship!, x) : this.predictions(x); // one of them at least
  }
}

/** Words for masked places, and whether the second text follows the first. */
export class BertForPreTraining extends BertWithHead<PreTrainingInputs, PreTrainingOutput> {
  readonly cls: PreTrainingHeads;

  constructor(given: Partial<BertConfig> = {}) {
    super(given, true);
    this.cls = new PreTrainingHeads(this.config, { words: true, next: true });
    this.postInit();
  }

  forward(inputs: PreTrainingInputs): PreTrainingOutput {
    const { labels, nextSentenceLabel } = inputs;
    if (labels !== undefined) checkTokenLabels(labels, this.config.vocabSize, inputs);
    if (nextSentenceLabel !== undefined) checkClasses(nextSentenceLabel, 2);
    const outputs = this.bert(inputs);
    const predictionLogits = this.cls(outputs.lastHiddenState);
    const seqRelationshipLogits = callLinear(this.cls.seqRelationship!, outputs.poolerOutput!); // made with both
    const loss =
      labels === undefined || nextSentenceLabel === undefined
        ? {}
        : {
            loss: tokenLoss(predictionLogits, labels).add(
              crossEntropy(seqRelationshipLogits, classesOf(nextSentenceLabel)),
            ),
          };
    return { ...loss, predictionLogits, seqRelationshipLogits, ...layersOf(outputs) };
  }

  override getOutputEmbeddings(): Linear {
    return this.cls.predictions!.decoder; // made with it
  }
  override tieWeights(): void {
    tieHead(this.cls.predictions!, this.getInputEmbeddings(), this.config); // made with it
  }
}

/** Words for masked places. */
export class BertForMaskedLM extends BertWithHead<TokenLabelInputs, MaskedLMOutput> {
  readonly cls: PreTrainingHeads;

  constructor(given: Partial<BertConfig> = {}) {
    super(given, false);
    this.cls = new PreTrainingHeads(this.config, { words: true, next: false });
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): MaskedLMOutput {
    return maskedLanguage(this.config, inputs, (rest) => {
      const outputs = this.bert(rest);
      return { logits: this.cls(outputs.lastHiddenState), outputs };
    });
  }

  override getOutputEmbeddings(): Linear {
    return this.cls.predictions!.decoder; // made with it
  }
  override tieWeights(): void {
    tieHead(this.cls.predictions!, this.getInputEmbeddings(), this.config); // made with it
  }
}

/** Whether the second text follows the first: class 0 if it does. */
export class BertForNextSentencePrediction extends BertWithHead<
  SequenceClassificationInputs,
  NextSentencePredictorOutput
> {
  readonly cls: PreTrainingHeads;

  constructor(given: Partial<BertConfig> = {}) {
    super(given, true);
    this.cls = new PreTrainingHeads(this.config, { words: false, next: true });
    this.postInit();
  }

  forward(inputs: SequenceClassificationInputs): NextSentencePredictorOutput {
    const two = { ...this.config, numLabels: 2, problemType: "single_label_classification" } as const;
    return classifySequences(two, inputs, (rest) => {
      const outputs = this.bert(rest);
      return { logits: this.cls(outputs.poolerOutput!), outputs };
    });
  }
}

/** Classes, labels or numbers for whole texts. */
export class BertForSequenceClassification extends BertWithHead<
  SequenceClassificationInputs,
  SequenceClassifierOutput
> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<BertConfig> = {}) {
    super(given, true);
    this.dropout = classifierDropout(this.config);
    this.classifier = new Linear(this.config.hiddenSize, this.config.numLabels);
    this.postInit();
  }

  forward(inputs: SequenceClassificationInputs): SequenceClassifierOutput {
    return classifySequences(this.config, inputs, (rest) => {
      const outputs = this.bert(rest);
      return { logits: this.classifier(this.dropout(outputs.poolerOutput!)), outputs };
    });
  }
}

/** One of several texts. */
export class BertForMultipleChoice extends BertWithHead<MultipleChoiceInputs, MultipleChoiceModelOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<BertConfig> = {}) {
    super(given, true);
    this.dropout = classifierDropout(this.config);
    this.classifier = new Linear(this.config.hiddenSize, 1);
    this.postInit();
  }

  forward(inputs: MultipleChoiceInputs): MultipleChoiceModelOutput {
    return chooseOne(inputs, (rest) => {
      const outputs = this.bert(rest);
      return { logits: this.classifier(this.dropout(outputs.poolerOutput!)), outputs };
    });
  }
}

/** A class for each token. */
export class BertForTokenClassification extends BertWithHead<TokenLabelInputs, TokenClassifierOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<BertConfig> = {}) {
    super(given, false);
    this.dropout = classifierDropout(this.config);
    this.classifier = new Linear(this.config.hiddenSize, this.config.numLabels);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): TokenClassifierOutput {
    return classifyTokens(this.config, inputs, (rest) => {
      const outputs = this.bert(rest);
      return { logits: this.classifier(this.dropout(outputs.lastHiddenState)), outputs };
    });
  }
}

/** Where in a text the answer begins and ends. */
export class BertForQuestionAnswering extends BertWithHead<QuestionAnsweringInputs, QuestionAnsweringModelOutput> {
  readonly qaOutputs: Linear;

  constructor(given: Partial<BertConfig> = {}) {
    super(given, false);
    this.qaOutputs = new Linear(this.config.hiddenSize, 2);
    this.postInit();
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringModelOutput {
    return answerQuestions(inputs, (rest) => {
      const outputs = this.bert(rest);
      return { logits: this.qaOutputs(outputs.lastHiddenState), outputs };
    });
  }
}
