// RoBERTa: BERT trained longer, without the second task. https://arxiv.org/abs/1907.11692 XLM-RoBERTa and CamemBERT are the same
// model with other words: https://arxiv.org/abs/1911.02116, https://arxiv.org/abs/1911.03894
//
//   Places count the tokens that are no padding, from padTokenId + 1: the table has so many rows more than texts have tokens.

import { Dropout } from "../nn/dropout.ts";
import type { Embedding } from "../nn/embedding.ts";
import { Linear } from "../nn/linear.ts";
import { arange } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BertLayer, BertPooler, LayerStack, type MaskShared, SummedEmbeddings } from "./bert-blocks.ts";
import { flag, idBelow, probability, size } from "./configuration.ts";
import { activationName, asIds, attentionMask, batchSizes, howOf } from "./encoder-blocks.ts";
import { checkHeads, completeConfig, type Defaults, type EncoderConfig, optional, positive } from "./encoder-config.ts";
import { ClassificationHead, LMHead, tieHead } from "./head-blocks.ts";
import { answerQuestions, chooseOne, classifySequences, classifyTokens, maskedLanguage } from "./heads.ts";
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
import { PretrainedTransformer } from "./pretrained-transformer.ts";

export interface RobertaConfig extends EncoderConfig {
  readonly modelType: "roberta" | "xlm-roberta" | "camembert";
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: string;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  /** Rows of the table of places: the longest text and `padTokenId + 1` more. */
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
  readonly padTokenId: number;
  /** Before a classifier; `hiddenDropoutProb` if null. */
  readonly classifierDropout: number | null;
}

export const defaultConfig: Defaults<RobertaConfig> = {
  modelType: "roberta",
  vocabSize: 50265,
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
  padTokenId: 1,
  tieWordEmbeddings: true,
  classifierDropout: null,
};

const modelTypes: readonly string[] = ["roberta", "xlm-roberta", "camembert"] satisfies RobertaConfig["modelType"][];

/** The whole configuration of the given fields. Throws CheckpointError for one that does not make a model. */
export function robertaConfig(given: Partial<RobertaConfig>, file = "the configuration"): RobertaConfig {
  const { modelType = "roberta" } = given;
  const config = completeConfig<RobertaConfig>(
    { ...defaultConfig, modelType: modelTypes.includes(modelType) ? modelType : "roberta" },
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
      padTokenId: idBelow(given.vocabSize ?? defaultConfig.vocabSize),
      classifierDropout: optional(probability),
      tieWordEmbeddings: flag,
    },
    file,
  );
  checkHeads(config.hiddenSize, config.numAttentionHeads, file);
  return config;
}

/** The places of ids `[B, T]`: tokens that are no padding count from `padding + 1`, padding stands at `padding`. */
export function placesOf({ inputIds, inputsEmbeds }: EncoderInputs, padding: number): Tensor {
  if (inputIds === undefined) {
    const T = inputsEmbeds!.size(1); // one of them, as checked
    return arange(padding + 1, padding + 1 + T).unsqueeze(0);
  }
  const tokens = asIds(inputIds).ne(padding).int(); // [B, T]
  return asIds(tokens.cumsum(1)).mul(tokens).add(padding);
}

abstract class RobertaPreTrainedModel<I, R> extends PretrainedTransformer<RobertaConfig, I, R> {
  static readonly modelType: RobertaConfig["modelType"] = "roberta";
  static readonly baseModelPrefix = "roberta";
  static readonly configure: typeof robertaConfig = robertaConfig;

  constructor(given: Partial<RobertaConfig>) {
    const { modelType = new.target.modelType } = given;
    super({ ...robertaConfig({ ...given, modelType }), architectures: [new.target.name] });
  }
  /** The first places of the table are padding's. */
  override get longestText(): number {
    return this.config.maxPositionEmbeddings - this.config.padTokenId - 1;
  }
}

/** Ids to hidden states, and a vector for the text unless `addPoolingLayer` is false. */
export class RobertaModel extends RobertaPreTrainedModel<EncoderInputs, BaseModelOutput> {
  readonly embeddings: SummedEmbeddings;
  readonly encoder: LayerStack<MaskShared>;
  readonly pooler: BertPooler | undefined;

  constructor(given: Partial<RobertaConfig> = {}, options: { readonly addPoolingLayer?: boolean } = {}) {
    super(given);
    const { config } = this;
    this.embeddings = new SummedEmbeddings(config, config.hiddenSize, config.padTokenId);
    this.encoder = new LayerStack(config.numHiddenLayers, () => new BertLayer(config));
    if (options.addPoolingLayer ?? true) this.pooler = new BertPooler(config.hiddenSize);
    this.postInit();
  }

  forward(inputs: EncoderInputs): BaseModelOutput {
    const { padTokenId } = this.config;
    const sizes = batchSizes("RobertaModel", inputs, this.longestText);
    const mask = attentionMask("RobertaModel", inputs.attentionMask, sizes);
    const { positionIds = placesOf(inputs, padTokenId) } = inputs;
    const outputs = this.encoder(this.embeddings({ ...inputs, positionIds }), {
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
abstract class RobertaWithHead<I, R> extends RobertaPreTrainedModel<I, R> {
  readonly roberta: RobertaModel;

  constructor(given: Partial<RobertaConfig>, addPoolingLayer: boolean) {
    super(given);
    this.roberta = new RobertaModel(this.config, { addPoolingLayer });
  }

  getInputEmbeddings(): Embedding {
    return this.roberta.getInputEmbeddings();
  }
}

/** Words for masked places. */
export class RobertaForMaskedLM extends RobertaWithHead<TokenLabelInputs, MaskedLMOutput> {
  readonly lmHead: LMHead;

  constructor(given: Partial<RobertaConfig> = {}) {
    super(given, false);
    this.lmHead = new LMHead(this.config);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): MaskedLMOutput {
    return maskedLanguage(this.config, inputs, (rest) => {
      const outputs = this.roberta(rest);
      return { logits: this.lmHead(outputs.lastHiddenState), outputs };
    });
  }

  override getOutputEmbeddings(): Linear {
    return this.lmHead.decoder;
  }
  override tieWeights(): void {
    tieHead(this.lmHead, this.getInputEmbeddings(), this.config);
  }
}

/** Classes, labels or numbers for whole texts. */
export class RobertaForSequenceClassification extends RobertaWithHead<
  SequenceClassificationInputs,
  SequenceClassifierOutput
> {
  readonly classifier: ClassificationHead;

  constructor(given: Partial<RobertaConfig> = {}) {
    super(given, false);
    const { hiddenSize, numLabels, classifierDropout, hiddenDropoutProb } = this.config;
    const p = classifierDropout ?? hiddenDropoutProb;
    this.classifier = new ClassificationHead(hiddenSize, numLabels, { activation: "tanh", p });
    this.postInit();
  }

  forward(inputs: SequenceClassificationInputs): SequenceClassifierOutput {
    return classifySequences(this.config, inputs, (rest) => {
      const outputs = this.roberta(rest);
      return { logits: this.classifier(outputs.lastHiddenState), outputs };
    });
  }
}

/** One of several texts. */
export class RobertaForMultipleChoice extends RobertaWithHead<MultipleChoiceInputs, MultipleChoiceModelOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<RobertaConfig> = {}) {
    super(given, true);
    this.dropout = new Dropout(this.config.hiddenDropoutProb);
    this.classifier = new Linear(this.config.hiddenSize, 1);
    this.postInit();
  }

  forward(inputs: MultipleChoiceInputs): MultipleChoiceModelOutput {
    return chooseOne(inputs, (rest) => {
      const outputs = this.roberta(rest);
      return { logits: this.classifier(this.dropout(outputs.poolerOutput!)), outputs };
    });
  }
}

/** A class for each token. */
export class RobertaForTokenClassification extends RobertaWithHead<TokenLabelInputs, TokenClassifierOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<RobertaConfig> = {}) {
    super(given, false);
    const { hiddenSize, numLabels, classifierDropout, hiddenDropoutProb } = this.config;
    this.dropout = new Dropout(classifierDropout ?? hiddenDropoutProb);
    this.classifier = new Linear(hiddenSize, numLabels);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): TokenClassifierOutput {
    return classifyTokens(this.config, inputs, (rest) => {
      const outputs = this.roberta(rest);
      return { logits: this.classifier(this.dropout(outputs.lastHiddenState)), outputs };
    });
  }
}

/** Where in a text the answer begins and ends. */
export class RobertaForQuestionAnswering extends RobertaWithHead<
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput
> {
  readonly qaOutputs: Linear;

  constructor(given: Partial<RobertaConfig> = {}) {
    super(given, false);
    this.qaOutputs = new Linear(this.config.hiddenSize, 2);
    this.postInit();
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringModelOutput {
    return answerQuestions(inputs, (rest) => {
      const outputs = this.roberta(rest);
      return { logits: this.qaOutputs(outputs.lastHiddenState), outputs };
    });
  }
}
