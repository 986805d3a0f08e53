// DeBERTa v2 and v3: what a token is and how far away it is are looked at apart. https://arxiv.org/abs/2006.03654,
// https://arxiv.org/abs/2111.09543

import { Dropout } from "../nn/dropout.ts";
import type { Embedding } from "../nn/embedding.ts";
import { callLinear, Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { Parameter } from "../nn/parameter.ts";
import type { Activation } from "../ops/matmul.ts";
import { zeros } from "../tensor/create.ts";
import { linear } from "../tensor/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { DebertaV2Embeddings, DebertaV2Encoder } from "./deberta-v2-blocks.ts";
import { type DebertaV2Config, debertaV2Config } from "./deberta-v2-config.ts";
import { activationOf, attentionMask, batchSizes, howOf } from "./encoder-blocks.ts";
import { LMPredictionHead, tieHead } from "./head-blocks.ts";
import {
  answerQuestions,
  chooseOne,
  classifySequences,
  classifyTokens,
  type Headed,
  maskedLanguage,
  shareSequences,
} from "./heads.ts";
import type {
  BaseModelOutput,
  EncoderInputs,
  MaskedLMOutput,
  MultipleChoiceInputs,
  MultipleChoiceModelOutput,
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput,
  SequenceClassificationInputs,
  SequenceClassifierOutput,
  TokenClassifierOutput,
  TokenLabelInputs,
} from "./outputs.ts";
import { type AnyTransformer, PretrainedTransformer, replaceRows } from "./pretrained-transformer.ts";

export type { DebertaV2Config } from "./deberta-v2-config.ts";

abstract class DebertaV2PreTrainedModel<I, R> extends PretrainedTransformer<DebertaV2Config, I, R> {
  static readonly modelType = "deberta-v2";
  static readonly baseModelPrefix = "deberta";
  static readonly configure: typeof debertaV2Config = debertaV2Config;

  constructor(given: Partial<DebertaV2Config>) {
    super({ ...debertaV2Config(given), architectures: [new.target.name] });
  }
  /** Without a table of places there is no longest text: distances have no end. */
  override get longestText(): number {
    return this.config.positionBiasedInput ? this.config.maxPositionEmbeddings : Number.POSITIVE_INFINITY;
  }

  override ignoredOnLoad(): readonly RegExp[] {
    return [/position_embeddings/, /mask_predictions/];
  }
}

/** Ids to hidden states. */
export class DebertaV2Model extends DebertaV2PreTrainedModel<EncoderInputs, BaseModelOutput> {
  readonly embeddings: DebertaV2Embeddings;
  readonly encoder: DebertaV2Encoder;

  constructor(given: Partial<DebertaV2Config> = {}) {
    super(given);
    this.embeddings = new DebertaV2Embeddings(this.config);
    this.encoder = new DebertaV2Encoder(this.config);
    this.postInit();
  }

  forward(inputs: EncoderInputs): BaseModelOutput {
    const sizes = batchSizes("DebertaV2Model", inputs, this.longestText);
    const pairs = attentionMask("DebertaV2Model", inputs.attentionMask, sizes);
    const tokens = inputs.attentionMask?.ndim === 2 && pairs !== undefined ? inputs.attentionMask.ne(0) : undefined; // [B, T]
    const [B, T] = sizes;
    const mask = tokens === undefined ? pairs : pairs!.logicalAnd(tokens.view(B, 1, T, 1)); // padding sees nobody
    const ones = tokens?.float();
    return this.encoder(this.embeddings(inputs, ones), {
      mask,
      tokens: ones,
      how: howOf(inputs, this.attnImplementation),
      checkpointed: this.gradientCheckpointing && this.training,
    });
  }

  getInputEmbeddings(): Embedding {
    return this.embeddings.wordEmbeddings;
  }
}

/** `activation(dense(dropout(x[0])))`, `[B, T, C]` to `[B, C]`. */
class ContextPooler extends Module<[x: Tensor], Tensor> {
  readonly dense: Linear;
  readonly dropout: Dropout;
  readonly activation: Activation;

  constructor({ hiddenSize, poolerDropout, poolerHiddenAct }: DebertaV2Config) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize);
    this.dropout = new Dropout(poolerDropout);
    this.activation = activationOf(poolerHiddenAct);
  }

  forward(x: Tensor): Tensor {
    return callLinear(this.dense, this.dropout(x.select(1, 0)), { activation: this.activation });
  }
}

/** What all models with a head have: the base model, and its words. */
abstract class DebertaV2WithHead<I, R> extends DebertaV2PreTrainedModel<I, R> {
  readonly deberta: DebertaV2Model;

  constructor(given: Partial<DebertaV2Config>) {
    super(given);
    this.deberta = new DebertaV2Model(this.config);
  }

  getInputEmbeddings(): Embedding {
    return this.deberta.getInputEmbeddings();
  }
}

/** Scores of words by the table itself, `[B, T, C]` to `[B, T, V]`. */
class LMPredictions extends Module<[x: Tensor, words: Tensor], Tensor> {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  bias: Parameter;
  readonly activation: Activation;

  constructor({ hiddenSize, hiddenAct, layerNormEps: eps, vocabSize }: DebertaV2Config) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize);
    this.LayerNorm = new LayerNorm(hiddenSize, { eps });
    this.bias = new Parameter(zeros([vocabSize]));
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor, words: Tensor): Tensor {
    return linear(this.LayerNorm(callLinear(this.dense, x, { activation: this.activation })), words, this.bias);
  }
}

/** Holds the head under the name that files have for it. */
class OnlyMLMHead extends Module<[x: Tensor, words: Tensor], Tensor> {
  readonly lmHead: LMPredictions;
  constructor(config: DebertaV2Config) {
    super();
    this.lmHead = new LMPredictions(config);
  }
  forward(x: Tensor, words: Tensor): Tensor {
    return this.lmHead(x, words);
  }
}

/** As BERT's head, under the name that the first files have for it. */
class LegacyMLMHead extends Module<[x: Tensor], Tensor> {
  readonly predictions: LMPredictionHead;
  constructor(config: DebertaV2Config) {
    super();
    this.predictions = new LMPredictionHead(config, config.embeddingSize);
  }
  forward(x: Tensor): Tensor {
    return this.predictions(x);
  }
}

/** Words for masked places. Files of before 2024 hold the `legacy` head untrained. */
export class DebertaV2ForMaskedLM extends DebertaV2WithHead<TokenLabelInputs, MaskedLMOutput> {
  readonly cls: LegacyMLMHead | undefined;
  readonly lmPredictions: OnlyMLMHead | undefined;

  constructor(given: Partial<DebertaV2Config> = {}) {
    super(given);
    if (this.config.legacy) this.cls = new LegacyMLMHead(this.config);
    else this.lmPredictions = new OnlyMLMHead(this.config);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): MaskedLMOutput {
    return maskedLanguage(this.config, inputs, (rest) => {
      const outputs = this.deberta(rest);
      const x = outputs.lastHiddenState;
      const logits = this.cls?.(x) ?? this.lmPredictions!(x, this.getInputEmbeddings().weight); // one of them
      return { logits, outputs };
    });
  }

  override getOutputEmbeddings(): Linear | undefined {
    return this.cls?.predictions.decoder;
  }
  override tieWeights(): void {
    if (this.cls !== undefined) tieHead(this.cls.predictions, this.getInputEmbeddings(), this.config);
  }
  override resizeTokenEmbeddings(...args: Parameters<AnyTransformer["resizeTokenEmbeddings"]>): Embedding {
    const words = super.resizeTokenEmbeddings(...args);
    const head = this.lmPredictions?.lmHead;
    if (head !== undefined) replaceRows(head, "bias", words.numEmbeddings, undefined);
    return words;
  }
}

/** Classes, labels or numbers for whole texts. */
export class DebertaV2ForSequenceClassification extends DebertaV2WithHead<
  SequenceClassificationInputs,
  SequenceClassifierOutput
> {
  readonly pooler: ContextPooler;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<DebertaV2Config> = {}) {
    super(given);
    const { hiddenSize, numLabels, clsDropout, hiddenDropoutProb } = this.config;
    this.pooler = new ContextPooler(this.config);
    this.dropout = new Dropout(clsDropout ?? hiddenDropoutProb);
    this.classifier = new Linear(hiddenSize, numLabels);
    this.postInit();
  }

  /** Rows of numbers as labels are shares of the classes, unless the configuration says what kind of problem it is. */
  forward(inputs: SequenceClassificationInputs): SequenceClassifierOutput {
    const run = (rest: EncoderInputs): Headed => {
      const outputs = this.deberta(rest);
      return { logits: this.classifier(this.dropout(this.pooler(outputs.lastHiddenState))), outputs };
    };
    const { problemType = null, numLabels } = this.config;
    const isRow = inputs.labels !== undefined && inputs.labels.ndim > 1 && inputs.labels.size(-1) > 1;
    return problemType === null && numLabels > 1 && isRow
      ? shareSequences(this.config, inputs, run)
      : classifySequences(this.config, inputs, run);
  }
}

/** One of several texts. */
export class DebertaV2ForMultipleChoice extends DebertaV2WithHead<MultipleChoiceInputs, MultipleChoiceModelOutput> {
  readonly pooler: ContextPooler;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<DebertaV2Config> = {}) {
    super(given);
    const { hiddenSize, clsDropout, hiddenDropoutProb } = this.config;
    this.pooler = new ContextPooler(this.config);
    this.dropout = new Dropout(clsDropout ?? hiddenDropoutProb);
    this.classifier = new Linear(hiddenSize, 1);
    this.postInit();
  }

  forward(inputs: MultipleChoiceInputs): MultipleChoiceModelOutput {
    return chooseOne(inputs, (rest) => {
      const outputs = this.deberta(rest);
      return { logits: this.classifier(this.dropout(this.pooler(outputs.lastHiddenState))), outputs };
    });
  }
}

/** A class for each token. */
export class DebertaV2ForTokenClassification extends DebertaV2WithHead<TokenLabelInputs, TokenClassifierOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<DebertaV2Config> = {}) {
    super(given);
    const { hiddenSize, numLabels, hiddenDropoutProb } = this.config;
    this.dropout = new Dropout(hiddenDropoutProb);
    this.classifier = new Linear(hiddenSize, numLabels);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): TokenClassifierOutput {
    return classifyTokens(this.config, inputs, (rest) => {
      const outputs = this.deberta(rest);
      return { logits: this.classifier(this.dropout(outputs.lastHiddenState)), outputs };
    });
  }
}

/** Where in a text the answer begins and ends. */
export class DebertaV2ForQuestionAnswering extends DebertaV2WithHead<
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput
> {
  readonly qaOutputs: Linear;

  constructor(given: Partial<DebertaV2Config> = {}) {
    super(given);
    this.qaOutputs = new Linear(this.config.hiddenSize, 2);
    this.postInit();
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringModelOutput {
    return answerQuestions(inputs, (rest) => {
      const outputs = this.deberta(rest);
      return { logits: this.qaOutputs(outputs.lastHiddenState), outputs };
    });
  }
}
