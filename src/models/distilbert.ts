// DistilBERT: BERT with half of the layers, without token types and pooler. https://arxiv.org/abs/1910.01108

import { Dropout } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import { callLinear, Linear } from "../nn/linear.ts";
import { type AnyModule, Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import type { Activation } from "../ops/matmul.ts";
import { arange, fromArray } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { addTo, computable, LayerStack, type MaskShared, paddedEmbedding } from "./bert-blocks.ts";
import { flag, probability, size } from "./configuration.ts";
import {
  activationName,
  activationOf,
  asIds,
  attend,
  attentionMask,
  batchSizes,
  type How,
  howOf,
  type LayerOutput,
  splitHeads,
} from "./encoder-blocks.ts";
import { checkHeads, completeConfig, type Defaults, type EncoderConfig } from "./encoder-config.ts";
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
import { PretrainedTransformer, type Wanted } from "./pretrained-transformer.ts";

export interface DistilBertConfig extends EncoderConfig {
  readonly modelType: "distilbert";
  /** The hidden size. */
  readonly dim: number;
  readonly nLayers: number;
  readonly nHeads: number;
  /** The width of the feed-forward blocks. */
  readonly hiddenDim: number;
  readonly activation: string;
  readonly dropout: number;
  readonly attentionDropout: number;
  readonly qaDropout: number;
  readonly seqClassifDropout: number;
  readonly maxPositionEmbeddings: number;
  /** Whether a new model's table of places is of sines. */
  readonly sinusoidalPosEmbds: boolean;
}

export const defaultConfig: Defaults<DistilBertConfig> = {
  modelType: "distilbert",
  vocabSize: 30522,
  maxPositionEmbeddings: 512,
  sinusoidalPosEmbds: false,
  nLayers: 6,
  nHeads: 12,
  dim: 768,
  hiddenDim: 3072,
  dropout: 0.1,
  attentionDropout: 0.1,
  activation: "gelu",
  initializerRange: 0.02,
  qaDropout: 0.1,
  seqClassifDropout: 0.2,
  padTokenId: 0,
  tieWordEmbeddings: true,
};

/** The whole configuration of the given fields. Throws CheckpointError for one that does not make a model. */
export function distilBertConfig(given: Partial<DistilBertConfig>, file = "the configuration"): DistilBertConfig {
  const config = completeConfig<DistilBertConfig>(
    defaultConfig,
    given,
    {
      vocabSize: size,
      maxPositionEmbeddings: size,
      nLayers: size,
      nHeads: size,
      dim: size,
      hiddenDim: size,
      dropout: probability,
      attentionDropout: probability,
      activation: activationName,
      qaDropout: probability,
      seqClassifDropout: probability,
      tieWordEmbeddings: flag,
    },
    file,
  );
  checkHeads(config.dim, config.nHeads, file);
  return config;
}

const normEps = 1e-12;
const sinusoidal = new WeakSet<AnyModule>();

/** `norm(word[ids] + position[0 … T])`, `[B, T, C]`. */
class Embeddings extends Module<[inputs: EncoderInputs], Tensor> {
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: DistilBertConfig) {
    super();
    this.wordEmbeddings = paddedEmbedding(config.vocabSize, config.dim, config.padTokenId);
    this.positionEmbeddings = new Embedding(config.maxPositionEmbeddings, config.dim);
    if (config.sinusoidalPosEmbds) sinusoidal.add(this.positionEmbeddings);
    this.LayerNorm = new LayerNorm(config.dim, { eps: normEps });
    this.dropout = new Dropout(config.dropout);
  }

  forward({ inputIds, inputsEmbeds, positionIds }: EncoderInputs): Tensor {
    const words = inputsEmbeds ?? computable(this.wordEmbeddings(asIds(inputIds!))); // one of them, as checked
    const places = positionIds === undefined ? arange(words.size(1)).unsqueeze(0) : asIds(positionIds); // [1 or B, T]
    return this.dropout(this.LayerNorm(words.add(computable(this.positionEmbeddings(places)))));
  }
}

class Attention extends Module<[x: Tensor, mask: Tensor | undefined, how: How], LayerOutput> {
  readonly qLin: Linear;
  readonly kLin: Linear;
  readonly vLin: Linear;
  readonly outLin: Linear;
  readonly dropout: Dropout;
  readonly numHeads: number;

  constructor({ dim, nHeads, attentionDropout }: DistilBertConfig) {
    super();
    this.numHeads = nHeads;
    this.qLin = new Linear(dim, dim);
    this.kLin = new Linear(dim, dim);
    this.vLin = new Linear(dim, dim);
    this.outLin = new Linear(dim, dim);
    this.dropout = new Dropout(attentionDropout);
  }

  /** `x + attention(x)` */
  forward(x: Tensor, mask: Tensor | undefined, how: How): LayerOutput {
    const heads = (layer: Linear): Tensor => splitHeads(callLinear(layer, x), this.numHeads); // [B, H, T, D]
    const dropoutP = this.training ? this.dropout.p : 0;
    const [y, weights] = attend(heads(this.qLin), heads(this.kLin), heads(this.vLin), { mask, dropoutP, how });
    return [callLinear(this.outLin, y, { residual: x }), weights];
  }
}

class FeedForward extends Module<[x: Tensor], Tensor> {
  readonly dropout: Dropout;
  readonly lin1: Linear;
  readonly lin2: Linear;
  readonly activation: Activation;

  constructor({ dim, hiddenDim, dropout, activation }: DistilBertConfig) {
    super();
    this.dropout = new Dropout(dropout);
    this.lin1 = new Linear(dim, hiddenDim);
    this.lin2 = new Linear(hiddenDim, dim);
    this.activation = activationOf(activation);
  }

  /** `x + dropout(lin2(activation(lin1(x))))` */
  forward(x: Tensor): Tensor {
    const wide = callLinear(this.lin1, x, { activation: this.activation }); // [B, T, I]
    return addTo(x, wide, this.lin2, this.dropout);
  }
}

class TransformerBlock extends Module<[x: Tensor, shared: MaskShared, how: How], LayerOutput> {
  readonly attention: Attention;
  readonly saLayerNorm: LayerNorm;
  readonly ffn: FeedForward;
  readonly outputLayerNorm: LayerNorm;

  constructor(config: DistilBertConfig) {
    super();
    this.attention = new Attention(config);
    this.saLayerNorm = new LayerNorm(config.dim, { eps: normEps });
    this.ffn = new FeedForward(config);
    this.outputLayerNorm = new LayerNorm(config.dim, { eps: normEps });
  }

  forward(x: Tensor, [mask]: MaskShared, how: How): LayerOutput {
    const [sum, weights] = this.attention(x, mask, how);
    return [this.outputLayerNorm(this.ffn(this.saLayerNorm(sum))), weights];
  }
}

abstract class DistilBertPreTrainedModel<I, R> extends PretrainedTransformer<DistilBertConfig, I, R> {
  static readonly modelType = "distilbert";
  static readonly baseModelPrefix = "distilbert";
  static readonly configure: typeof distilBertConfig = distilBertConfig;

  constructor(given: Partial<DistilBertConfig>) {
    super({ ...distilBertConfig(given), architectures: [new.target.name] });
  }

  protected override initWeights(module: AnyModule, wanted: Wanted): void {
    super.initWeights(module, wanted);
    if (module instanceof Embedding && sinusoidal.has(module) && wanted(module.weight)) fillSines(module.weight);
  }
}

/** Sines in even columns, cosines in odd ones, of ever lower frequencies. */
function fillSines(table: Tensor): void {
  const [rows, C] = table.dims(2, "sinusoidal embeddings") as [number, number]; // two sizes, as checked
  const values = Array.from({ length: rows * C }, (_, i) => {
    const [place, j] = [Math.floor(i / C), i % C];
    const angle = place / 10000 ** ((2 * Math.floor(j / 2)) / C);
    return j % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  noGrad(() => table.copy_(fromArray(values, [rows, C])));
}

/** Ids to hidden states. */
export class DistilBertModel extends DistilBertPreTrainedModel<EncoderInputs, BaseModelOutput> {
  readonly embeddings: Embeddings;
  readonly transformer: LayerStack<MaskShared>;

  constructor(given: Partial<DistilBertConfig> = {}) {
    super(given);
    this.embeddings = new Embeddings(this.config);
    this.transformer = new LayerStack(this.config.nLayers, () => new TransformerBlock(this.config));
    this.postInit();
  }

  forward(inputs: EncoderInputs): BaseModelOutput {
    const sizes = batchSizes("DistilBertModel", inputs, this.config.maxPositionEmbeddings);
    const mask = attentionMask("DistilBertModel", inputs.attentionMask, sizes);
    return this.transformer(this.embeddings(inputs), {
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
abstract class DistilBertWithHead<I, R> extends DistilBertPreTrainedModel<I, R> {
  readonly distilbert: DistilBertModel;

  constructor(given: Partial<DistilBertConfig>) {
    super(given);
    this.distilbert = new DistilBertModel(this.config);
  }

  getInputEmbeddings(): Embedding {
    return this.distilbert.getInputEmbeddings();
  }
}

/** Words for masked places. */
export class DistilBertForMaskedLM extends DistilBertWithHead<TokenLabelInputs, MaskedLMOutput> {
  readonly vocabTransform: Linear;
  readonly vocabLayerNorm: LayerNorm;
  readonly vocabProjector: Linear;

  constructor(given: Partial<DistilBertConfig> = {}) {
    super(given);
    const { dim, vocabSize } = this.config;
    this.vocabTransform = new Linear(dim, dim);
    this.vocabLayerNorm = new LayerNorm(dim, { eps: normEps });
    this.vocabProjector = new Linear(dim, vocabSize);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): MaskedLMOutput {
    const activation = activationOf(this.config.activation);
    return maskedLanguage(this.config, inputs, (rest) => {
      const outputs = this.distilbert(rest);
      const x = this.vocabLayerNorm(callLinear(this.vocabTransform, outputs.lastHiddenState, { activation }));
      return { logits: callLinear(this.vocabProjector, x), outputs };
    });
  }

  override getOutputEmbeddings(): Linear {
    return this.vocabProjector;
  }
  override tieWeights(): void {
    if (this.config.tieWordEmbeddings) this.vocabProjector.weight = this.getInputEmbeddings().weight;
  }
}

/** Scores of a text by its first token: `classifier(dropout(relu(preClassifier(x[0]))))`. */
abstract class DistilBertOfText<I, R> extends DistilBertWithHead<I, R> {
  readonly preClassifier: Linear;
  readonly classifier: Linear;
  readonly dropout: Dropout;

  constructor(given: Partial<DistilBertConfig>, scores: (config: DistilBertConfig) => number) {
    super(given);
    const { dim, seqClassifDropout } = this.config;
    this.preClassifier = new Linear(dim, dim);
    this.classifier = new Linear(dim, scores(this.config));
    this.dropout = new Dropout(seqClassifDropout);
  }

  protected score({ lastHiddenState }: BaseModelOutput): Tensor {
    const pooled = callLinear(this.preClassifier, lastHiddenState.select(1, 0), { activation: "relu" }); // [B, C]
    return this.classifier(this.dropout(pooled));
  }
}

/** Classes, labels or numbers for whole texts. */
export class DistilBertForSequenceClassification extends DistilBertOfText<
  SequenceClassificationInputs,
  SequenceClassifierOutput
> {
  constructor(given: Partial<DistilBertConfig> = {}) {
    super(given, ({ numLabels }) => numLabels);
    this.postInit();
  }

  forward(inputs: SequenceClassificationInputs): SequenceClassifierOutput {
    return classifySequences(this.config, inputs, (rest) => {
      const outputs = this.distilbert(rest);
      return { logits: this.score(outputs), outputs };
    });
  }
}

/** One of several texts. */
export class DistilBertForMultipleChoice extends DistilBertOfText<MultipleChoiceInputs, MultipleChoiceModelOutput> {
  constructor(given: Partial<DistilBertConfig> = {}) {
    super(given, () => 1);
    this.postInit();
  }

  forward(inputs: MultipleChoiceInputs): MultipleChoiceModelOutput {
    return chooseOne(inputs, (rest) => {
      const outputs = this.distilbert(rest);
      return { logits: this.score(outputs), outputs };
    });
  }
}

/** A class for each token. */
export class DistilBertForTokenClassification extends DistilBertWithHead<TokenLabelInputs, TokenClassifierOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<DistilBertConfig> = {}) {
    super(given);
    this.dropout = new Dropout(this.config.dropout);
    this.classifier = new Linear(this.config.dim, this.config.numLabels);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): TokenClassifierOutput {
    return classifyTokens(this.config, inputs, (rest) => {
      const outputs = this.distilbert(rest);
      return { logits: this.classifier(this.dropout(outputs.lastHiddenState)), outputs };
    });
  }
}

/** Where in a text the answer begins and ends. */
export class DistilBertForQuestionAnswering extends DistilBertWithHead<
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput
> {
  readonly qaOutputs: Linear;
  readonly dropout: Dropout;

  constructor(given: Partial<DistilBertConfig> = {}) {
    super(given);
    this.qaOutputs = new Linear(this.config.dim, 2);
    this.dropout = new Dropout(this.config.qaDropout);
    this.postInit();
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringModelOutput {
    return answerQuestions(inputs, (rest) => {
      const outputs = this.distilbert(rest);
      return { logits: this.qaOutputs(this.dropout(outputs.lastHiddenState)), outputs };
    });
  }
}
