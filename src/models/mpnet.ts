// MPNet: masked and permuted words, with distances between tokens beside their places. https://arxiv.org/abs/2004.09297
//
//   scores = q kᵀ / √D + bias[bucket(k − q)], one table of biases for all layers

import { ModuleList } from "../nn/container.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import { callLinear, Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  addTo,
  BertPooler,
  computable,
  Intermediate,
  type MaskShared,
  paddedEmbedding,
  ResidualOutput,
} from "./bert-blocks.ts";
import { flag, probability, size } from "./configuration.ts";
import {
  activationName,
  addedMask,
  asIds,
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
import { placesOf } from "./roberta.ts";

export interface MPNetConfig extends EncoderConfig {
  readonly modelType: "mpnet";
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: string;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  /** Rows of the table of places: the longest text and 2 more. */
  readonly maxPositionEmbeddings: number;
  readonly layerNormEps: number;
  /** Rows of the table of distances. */
  readonly relativeAttentionNumBuckets: number;
}

export const defaultConfig: Defaults<MPNetConfig> = {
  modelType: "mpnet",
  vocabSize: 30527,
  hiddenSize: 768,
  numHiddenLayers: 12,
  numAttentionHeads: 12,
  intermediateSize: 3072,
  hiddenAct: "gelu",
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  maxPositionEmbeddings: 512,
  initializerRange: 0.02,
  layerNormEps: 1e-12,
  relativeAttentionNumBuckets: 32,
  padTokenId: 1,
  tieWordEmbeddings: true,
};

/** The whole configuration of the given fields. Throws CheckpointError for one that does not make a model. */
export function mpnetConfig(given: Partial<MPNetConfig>, file = "the configuration"): MPNetConfig {
  const config = completeConfig<MPNetConfig>(
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
      layerNormEps: positive,
      relativeAttentionNumBuckets: size,
      tieWordEmbeddings: flag,
    },
    file,
  );
  checkHeads(config.hiddenSize, config.numAttentionHeads, file);
  return config;
}

/** The id of padding, whatever the configuration says. */
const padding = 1;
/** How many distances are told apart, half of them backwards, and from where on they are all one. */
const [buckets, farthest] = [32, 128];

/** `norm(word[ids] + position[places])`, `[B, T, C]`. */
class Embeddings extends Module<[inputs: EncoderInputs], Tensor> {
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor({ vocabSize, hiddenSize, maxPositionEmbeddings, layerNormEps: eps, hiddenDropoutProb }: MPNetConfig) {
    super();
    this.wordEmbeddings = paddedEmbedding(vocabSize, hiddenSize, padding);
    this.positionEmbeddings = paddedEmbedding(maxPositionEmbeddings, hiddenSize, padding);
    this.LayerNorm = new LayerNorm(hiddenSize, { eps });
    this.dropout = new Dropout(hiddenDropoutProb);
  }

  forward(inputs: EncoderInputs): Tensor {
    const words = inputs.inputsEmbeds ?? computable(this.wordEmbeddings(asIds(inputs.inputIds!))); // one of them, as checked
    const places = inputs.positionIds ?? placesOf(inputs, padding); // [1 or B, T]
    return this.dropout(this.LayerNorm(words.add(computable(this.positionEmbeddings(asIds(places))))));
  }
}

/** `x + dropout(o(attention(x)))`, the dropout being that of the module around it. */
class SelfAttention extends Module<[x: Tensor, mask: Tensor | undefined, how: How], LayerOutput> {
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  readonly dropout: Dropout;
  readonly numHeads: number;

  constructor({ hiddenSize: C, numAttentionHeads, attentionProbsDropoutProb }: MPNetConfig) {
    super();
    this.numHeads = numAttentionHeads;
    this.q = new Linear(C, C);
    this.k = new Linear(C, C);
    this.v = new Linear(C, C);
    this.o = new Linear(C, C);
    this.dropout = new Dropout(attentionProbsDropoutProb);
  }

  forward(x: Tensor, mask: Tensor | undefined, how: How): LayerOutput {
    const heads = (layer: Linear): Tensor => splitHeads(callLinear(layer, x), this.numHeads); // [B, H, T, D]
    const dropoutP = this.training ? this.dropout.p : 0;
    return attend(heads(this.q), heads(this.k), heads(this.v), { mask, dropoutP, how });
  }
}

class Attention extends Module<[x: Tensor, mask: Tensor | undefined, how: How], LayerOutput> {
  readonly attn: SelfAttention;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: MPNetConfig) {
    super();
    this.attn = new SelfAttention(config);
    this.LayerNorm = new LayerNorm(config.hiddenSize, { eps: config.layerNormEps });
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  forward(x: Tensor, mask: Tensor | undefined, how: How): LayerOutput {
    const [y, weights] = this.attn(x, mask, how);
    return [this.LayerNorm(addTo(x, y, this.attn.o, this.dropout)), weights];
  }
}

class MPNetLayer extends Module<[x: Tensor, shared: MaskShared, how: How], LayerOutput> {
  readonly attention: Attention;
  readonly intermediate: Intermediate;
  readonly output: ResidualOutput;

  constructor(config: MPNetConfig) {
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

/** The layers, and what attention adds for the distance of two tokens. */
class Encoder extends Module<[x: Tensor, options: RunOptions<MaskShared>], BaseModelOutput> {
  readonly layer: ModuleList<MPNetLayer>;
  readonly relativeAttentionBias: Embedding;

  constructor(config: MPNetConfig) {
    super();
    const { numHiddenLayers, relativeAttentionNumBuckets, numAttentionHeads } = config;
    this.layer = new ModuleList(Array.from({ length: numHiddenLayers }, () => new MPNetLayer(config)));
    this.relativeAttentionBias = new Embedding(relativeAttentionNumBuckets, numAttentionHeads);
  }

  forward(x: Tensor, options: RunOptions<MaskShared>): BaseModelOutput {
    const T = x.size(1);
    const [mask] = options.shared(0);
    const bias = computable(this.relativeAttentionBias(distances(T)))
      .permute(2, 0, 1)
      .unsqueeze(0); // [1, H, T, T]
    const all: Tensor = mask === undefined ? bias : bias.add(addedMask(mask, bias)); // [1 or B, H, T, T]
    return runLayers(this.layer, x, { ...options, shared: (): MaskShared => [all] });
  }
}

/** The bucket of each key's distance from each query, `[T, T]`: T5's rule for both directions. */
function distances(T: number): Tensor {
  const half = buckets / 2;
  const exact = half / 2;
  const bucket = (distance: number): number => {
    const n = Math.abs(distance);
    const far = Math.fround(Math.log(n / exact) / Math.log(farthest / exact)) * (half - exact);
    return (distance > 0 ? half : 0) + (n < exact ? n : Math.min(exact + Math.trunc(far), half - 1));
  };
  const byDistance = Array.from({ length: 2 * T - 1 }, (_, i) => bucket(i - (T - 1)));
  const values = Array.from({ length: T * T }, (_, i) => byDistance[(i % T) - Math.floor(i / T) + T - 1]!);
  return fromArray(values, [T, T], { dtype: "int32" });
}

abstract class MPNetPreTrainedModel<I, R> extends PretrainedTransformer<MPNetConfig, I, R> {
  static readonly modelType = "mpnet";
  static readonly baseModelPrefix = "mpnet";
  static readonly configure: typeof mpnetConfig = mpnetConfig;

  constructor(given: Partial<MPNetConfig>) {
    super({ ...mpnetConfig(given), architectures: [new.target.name] });
  }
  /** The first places of the table are padding's. */
  override get longestText(): number {
    return this.config.maxPositionEmbeddings - padding - 1;
  }
}

/** Ids to hidden states, and a vector for the text unless `addPoolingLayer` is false. */
export class MPNetModel extends MPNetPreTrainedModel<EncoderInputs, BaseModelOutput> {
  readonly embeddings: Embeddings;
  readonly encoder: Encoder;
  readonly pooler: BertPooler | undefined;

  constructor(given: Partial<MPNetConfig> = {}, options: { readonly addPoolingLayer?: boolean } = {}) {
    super(given);
    this.embeddings = new Embeddings(this.config);
    this.encoder = new Encoder(this.config);
    if (options.addPoolingLayer ?? true) this.pooler = new BertPooler(this.config.hiddenSize);
    this.postInit();
  }

  forward(inputs: EncoderInputs): BaseModelOutput {
    const sizes = batchSizes("MPNetModel", inputs, this.longestText);
    const mask = attentionMask("MPNetModel", inputs.attentionMask, sizes);
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
abstract class MPNetWithHead<I, R> extends MPNetPreTrainedModel<I, R> {
  readonly mpnet: MPNetModel;

  constructor(given: Partial<MPNetConfig>, addPoolingLayer: boolean) {
    super(given);
    this.mpnet = new MPNetModel(this.config, { addPoolingLayer });
  }

  getInputEmbeddings(): Embedding {
    return this.mpnet.getInputEmbeddings();
  }
}

/** Words for masked places. */
export class MPNetForMaskedLM extends MPNetWithHead<TokenLabelInputs, MaskedLMOutput> {
  readonly lmHead: LMHead;

  constructor(given: Partial<MPNetConfig> = {}) {
    super(given, false);
    this.lmHead = new LMHead(this.config);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): MaskedLMOutput {
    return maskedLanguage(this.config, inputs, (rest) => {
      const outputs = this.mpnet(rest);
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
export class MPNetForSequenceClassification extends MPNetWithHead<
  SequenceClassificationInputs,
  SequenceClassifierOutput
> {
  readonly classifier: ClassificationHead;

  constructor(given: Partial<MPNetConfig> = {}) {
    super(given, false);
    const { hiddenSize, numLabels, hiddenDropoutProb: p } = this.config;
    this.classifier = new ClassificationHead(hiddenSize, numLabels, { activation: "tanh", p });
    this.postInit();
  }

  forward(inputs: SequenceClassificationInputs): SequenceClassifierOutput {
    return classifySequences(this.config, inputs, (rest) => {
      const outputs = this.mpnet(rest);
      return { logits: this.classifier(outputs.lastHiddenState), outputs };
    });
  }
}

/** One of several texts. */
export class MPNetForMultipleChoice extends MPNetWithHead<MultipleChoiceInputs, MultipleChoiceModelOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<MPNetConfig> = {}) {
    super(given, true);
    this.dropout = new Dropout(this.config.hiddenDropoutProb);
    this.classifier = new Linear(this.config.hiddenSize, 1);
    this.postInit();
  }

  forward(inputs: MultipleChoiceInputs): MultipleChoiceModelOutput {
    return chooseOne(inputs, (rest) => {
      const outputs = this.mpnet(rest);
      return { logits: this.classifier(this.dropout(outputs.poolerOutput!)), outputs };
    });
  }
}

/** A class for each token. */
export class MPNetForTokenClassification extends MPNetWithHead<TokenLabelInputs, TokenClassifierOutput> {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<MPNetConfig> = {}) {
    super(given, false);
    const { hiddenSize, numLabels, hiddenDropoutProb } = this.config;
    this.dropout = new Dropout(hiddenDropoutProb);
    this.classifier = new Linear(hiddenSize, numLabels);
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): TokenClassifierOutput {
    return classifyTokens(this.config, inputs, (rest) => {
      const outputs = this.mpnet(rest);
      return { logits: this.classifier(this.dropout(outputs.lastHiddenState)), outputs };
    });
  }
}

/** Where in a text the answer begins and ends. */
export class MPNetForQuestionAnswering extends MPNetWithHead<QuestionAnsweringInputs, QuestionAnsweringModelOutput> {
  readonly qaOutputs: Linear;

  constructor(given: Partial<MPNetConfig> = {}) {
    super(given, false);
    this.qaOutputs = new Linear(this.config.hiddenSize, 2);
    this.postInit();
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringModelOutput {
    return answerQuestions(inputs, (rest) => {
      const outputs = this.mpnet(rest);
      return { logits: this.qaOutputs(outputs.lastHiddenState), outputs };
    });
  }
}
