// ModernBERT: an encoder with rotary places, attention to neighbours in most layers, and gates. https://arxiv.org/abs/2412.13663
//
//   x = norm(word[ids])                                           [B, T, C]
//   x = x + attention(norm(x)), x = x + Wo(act(u) · v)            in each layer, u and v being the halves of Wi norm(x)

import { Identity, ModuleList } from "../nn/container.ts";
import { Dropout } from "../nn/dropout.ts";
import type { Embedding } from "../nn/embedding.ts";
import { truncNormal_, zeros_ } from "../nn/init.ts";
import { activate, callLinear, Linear } from "../nn/linear.ts";
import { type AnyModule, Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/normalization.ts";
import type { Activation } from "../ops/matmul.ts";
import { fromArray } from "../tensor/create.ts";
import { geglu } from "../tensor/functional/activation.ts";
import { cat } from "../tensor/indexing.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { addTo, computable, paddedEmbedding } from "./bert-blocks.ts";
import {
  activationOf,
  addedMask,
  asIds,
  attend,
  attentionMask,
  batchSizes,
  type How,
  howOf,
  type LayerOutput,
  runLayers,
} from "./encoder-blocks.ts";
import { answerQuestions, chooseOne, classifySequences, classifyTokens, maskedLanguage } from "./heads.ts";
import { type LayerType, type ModernBertConfig, modernBertConfig } from "./modernbert-config.ts";
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

export type { ModernBertConfig } from "./modernbert-config.ts";

// ── how weights begin ───────────────────────────────────────────────────────────────────────────────────────────────

/** What a layer is for decides how its weights begin. */
type Role = "in" | "out" | "final";
const roles = new WeakMap<AnyModule, Role>();

function marked<M extends AnyModule>(module: M, role: Role): M {
  roles.set(module, role);
  return module;
}
function deviation(role: Role, { initializerRange, numHiddenLayers, hiddenSize }: ModernBertConfig): number {
  if (role === "final") return hiddenSize ** -0.5;
  return role === "in" ? initializerRange : initializerRange / Math.sqrt(2 * numHiddenLayers);
}

// ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function normOf({ hiddenSize, normEps: eps, normBias: bias }: ModernBertConfig): LayerNorm {
  return new LayerNorm(hiddenSize, { eps, bias });
}

class Embeddings extends Module<[inputs: EncoderInputs], Tensor> {
  readonly tokEmbeddings: Embedding;
  readonly norm: LayerNorm;
  readonly drop: Dropout;

  constructor(config: ModernBertConfig) {
    super();
    this.tokEmbeddings = marked(paddedEmbedding(config.vocabSize, config.hiddenSize, config.padTokenId), "in");
    this.norm = normOf(config);
    this.drop = new Dropout(config.embeddingDropout);
  }

  forward({ inputIds, inputsEmbeds }: EncoderInputs): Tensor {
    return this.drop(this.norm(inputsEmbeds ?? computable(this.tokEmbeddings(asIds(inputIds!))))); // one of them, as checked
  }
}

/** Who is seen, and cosines and sines of places, `[1 or B, T, 1, 1, D]`. */
type ModernShared = readonly [mask: Tensor | undefined, cos: Tensor, sin: Tensor];

class Attention extends Module<[x: Tensor, residual: Tensor, shared: ModernShared, how: How], LayerOutput> {
  readonly Wqkv: Linear;
  readonly Wo: Linear;
  readonly outDrop: Dropout;
  readonly numHeads: number;

  constructor({ hiddenSize: C, numAttentionHeads, attentionBias: bias, attentionDropout }: ModernBertConfig) {
    super();
    this.numHeads = numAttentionHeads;
    this.Wqkv = marked(new Linear(C, 3 * C, { bias }), "in");
    this.Wo = marked(new Linear(C, C, { bias }), "out");
    this.outDrop = new Dropout(attentionDropout);
  }

  /** `residual + attention(x)` */
  forward(x: Tensor, residual: Tensor, [mask, cos, sin]: ModernShared, how: How): LayerOutput {
    const [B, T, C] = x.dims(3, "ModernBERT's attention") as [number, number, number]; // three sizes, as checked
    const H = this.numHeads;
    const qkv = callLinear(this.Wqkv, x).view(B, T, 3, H, C / H);
    const turned = rotate(qkv.narrow(2, 0, 2), cos, sin); //                               [B, T, 2, H, D]
    const [q, k] = [0, 1].map((i) => turned.select(2, i).transpose(1, 2)) as [Tensor, Tensor]; // [B, H, T, D]
    const v = qkv.select(2, 2).transpose(1, 2); //                                         [B, H, T, D]
    const dropoutP = this.training ? this.outDrop.p : 0;
    const [y, weights] = attend(q, k, v, { mask, dropoutP, how });
    return [addTo(residual, y, this.Wo, this.outDrop), weights];
  }
}

/** Turns pairs of numbers, half of the width apart, by the angle of their place. https://arxiv.org/abs/2104.09864 */
function rotate(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  const half = x.size(-1) / 2;
  const across = cat([x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)], -1);
  return x.mul(cos).add(across.mul(sin));
}

/** `residual + Wo(dropout(act(u) · v))`, u and v being the halves of `Wi x`. */
class Mlp extends Module<[x: Tensor, residual: Tensor], Tensor> {
  readonly Wi: Linear;
  readonly drop: Dropout;
  readonly Wo: Linear;
  readonly activation: Activation;

  constructor({ hiddenSize: C, intermediateSize: I, mlpBias: bias, mlpDropout, hiddenActivation }: ModernBertConfig) {
    super();
    this.Wi = marked(new Linear(C, 2 * I, { bias }), "in");
    this.drop = new Dropout(mlpDropout);
    this.Wo = marked(new Linear(I, C, { bias }), "out");
    this.activation = activationOf(hiddenActivation);
  }

  forward(x: Tensor, residual: Tensor): Tensor {
    const [u, v] = callLinear(this.Wi, x).chunk(2, -1) as [Tensor, Tensor]; // [B, T, I] each
    const gated = this.activation === "gelu" ? geglu(u, v) : activate(u, this.activation).mul(v);
    return callLinear(this.Wo, this.drop(gated), { residual });
  }
}

class ModernBertLayer extends Module<[x: Tensor, shared: ModernShared, how: How], LayerOutput> {
  readonly attnNorm: LayerNorm | Identity;
  readonly attn: Attention;
  readonly mlpNorm: LayerNorm;
  readonly mlp: Mlp;

  constructor(config: ModernBertConfig, isFirst: boolean) {
    super();
    this.attnNorm = isFirst ? new Identity() : normOf(config); // the embeddings are normalised
    this.attn = new Attention(config);
    this.mlpNorm = normOf(config);
    this.mlp = new Mlp(config);
  }

  forward(x: Tensor, shared: ModernShared, how: How): LayerOutput {
    const [y, weights] = this.attn(this.attnNorm(x), x, shared, how);
    return [this.mlp(this.mlpNorm(y), y), weights];
  }
}

// ── the base model ──────────────────────────────────────────────────────────────────────────────────────────────────

abstract class ModernBertPreTrainedModel<I, R> extends PretrainedTransformer<ModernBertConfig, I, R> {
  static readonly modelType = "modernbert";
  static readonly baseModelPrefix = "model";
  static readonly configure: typeof modernBertConfig = modernBertConfig;

  constructor(given: Partial<ModernBertConfig>) {
    super({ ...modernBertConfig(given), architectures: [new.target.name] });
  }

  protected override initWeights(module: AnyModule, wanted: Wanted): void {
    const role = roles.get(module);
    if (role === undefined) {
      super.initWeights(module, wanted);
      return;
    }
    const { weight, bias } = module as Linear; // only layers and tables have a role
    const std = deviation(role, this.config);
    const most = this.config.initializerCutoffFactor * std;
    if (wanted(weight)) truncNormal_(weight, 0, std, -most, most);
    if (bias !== undefined && wanted(bias)) zeros_(bias);
  }
}

/** Ids to hidden states. */
export class ModernBertModel extends ModernBertPreTrainedModel<EncoderInputs, BaseModelOutput> {
  readonly embeddings: Embeddings;
  readonly layers: ModuleList<ModernBertLayer>;
  readonly finalNorm: LayerNorm;

  constructor(given: Partial<ModernBertConfig> = {}) {
    super(given);
    const { config } = this;
    this.embeddings = new Embeddings(config);
    this.layers = new ModuleList(config.layerTypes.map((_, i) => new ModernBertLayer(config, i === 0)));
    this.finalNorm = normOf(config);
    this.postInit();
  }

  forward(inputs: EncoderInputs): BaseModelOutput {
    const { layerTypes, maxPositionEmbeddings } = this.config;
    const sizes = batchSizes("ModernBertModel", inputs, maxPositionEmbeddings);
    const mask = attentionMask("ModernBertModel", inputs.attentionMask, sizes);
    const x = this.embeddings(inputs);
    const shared = new Map(
      [...new Set(layerTypes)].map((type): [LayerType, ModernShared] => [
        type,
        this.#shared(type, mask, inputs, sizes[1]),
      ]),
    );
    const how = howOf(inputs, this.attnImplementation);
    const outputs = runLayers(this.layers, x, {
      shared: (i) => shared.get(layerTypes[i]!)!, // each layer's type is in the map
      how,
      checkpointed: this.gradientCheckpointing && this.training,
    });
    const lastHiddenState = this.finalNorm(outputs.lastHiddenState);
    const { hiddenStates } = outputs;
    return {
      ...outputs,
      lastHiddenState,
      ...(hiddenStates && { hiddenStates: [...hiddenStates.slice(0, -1), lastHiddenState] }),
    };
  }

  #shared(
    type: LayerType,
    mask: Tensor | undefined,
    { attentionMask: given, positionIds }: EncoderInputs,
    T: number,
  ): ModernShared {
    const { ropeParameters, hiddenSize, numAttentionHeads, localAttention } = this.config;
    const [cos, sin] = angles(positionIds, T, hiddenSize / numAttentionHeads, ropeParameters[type].rope_theta);
    const isLocal = type === "sliding_attention" && given?.ndim !== 4; // masks of four dimensions say it all
    return [isLocal ? neighbours(mask, T, Math.floor(localAttention / 2), cos) : mask, cos, sin];
  }

  getInputEmbeddings(): Embedding {
    return this.embeddings.tokEmbeddings;
  }
}

/** The mask for those that see at most `reach` tokens to either side. */
function neighbours(mask: Tensor | undefined, T: number, reach: number, like: Tensor): Tensor | undefined {
  if (T - 1 <= reach) return mask;
  const values = Array.from({ length: T * T }, (_, i) => Number(Math.abs(Math.floor(i / T) - (i % T)) <= reach));
  const near = fromArray(values, [1, 1, T, T], { dtype: "bool" });
  // A padding token may see nobody: then it sees all alike, in either implementation.
  return mask === undefined ? near : addedMask(mask.logicalAnd(near), like);
}

/** Cosines and sines of `place · θ^(−2i/D)`, twice in a row, `[1 or B, T, 1, 1, D]`; computed in float32. */
function angles(positionIds: Tensor | undefined, T: number, D: number, theta: number): [cos: Tensor, sin: Tensor] {
  const places =
    positionIds === undefined ? Array.from({ length: T }, (_, t) => t) : Array.from(positionIds.toArray(), Number);
  const frequencies = Array.from({ length: D / 2 }, (_, i) => Math.fround(1 / Math.fround(theta ** ((2 * i) / D))));
  const all = places.flatMap((place) => {
    const row = frequencies.map((f) => Math.fround(place * f));
    return [...row, ...row];
  });
  const shape = [places.length / T, T, 1, 1, D];
  return [fromArray(all.map(Math.cos), shape), fromArray(all.map(Math.sin), shape)];
}

// ── heads ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `norm(act(dense(x)))`, `[…, C]` to the same. */
class PredictionHead extends Module<[x: Tensor], Tensor> {
  readonly dense: Linear;
  readonly norm: LayerNorm;
  readonly activation: Activation;

  constructor(config: ModernBertConfig) {
    super();
    const { hiddenSize: C, classifierBias: bias, classifierActivation } = config;
    this.dense = marked(new Linear(C, C, { bias }), "out");
    this.norm = normOf(config);
    this.activation = activationOf(classifierActivation);
  }

  forward(x: Tensor): Tensor {
    return this.norm(callLinear(this.dense, x, { activation: this.activation }));
  }
}

/** What all models with a head have: the base model, its words, and a layer before the scores. */
abstract class ModernBertWithHead<I, R> extends ModernBertPreTrainedModel<I, R> {
  readonly model: ModernBertModel;
  readonly head: PredictionHead;

  constructor(given: Partial<ModernBertConfig>) {
    super(given);
    this.model = new ModernBertModel(this.config);
    this.head = new PredictionHead(this.config);
  }

  getInputEmbeddings(): Embedding {
    return this.model.getInputEmbeddings();
  }
}

/** Words for masked places. */
export class ModernBertForMaskedLM extends ModernBertWithHead<TokenLabelInputs, MaskedLMOutput> {
  readonly decoder: Linear;

  constructor(given: Partial<ModernBertConfig> = {}) {
    super(given);
    const { hiddenSize, vocabSize, decoderBias: bias } = this.config;
    this.decoder = marked(new Linear(hiddenSize, vocabSize, { bias }), "out");
    this.postInit();
  }

  forward(inputs: TokenLabelInputs): MaskedLMOutput {
    return maskedLanguage(this.config, inputs, (rest) => {
      const outputs = this.model(rest);
      return { logits: callLinear(this.decoder, this.head(outputs.lastHiddenState)), outputs };
    });
  }

  override getOutputEmbeddings(): Linear {
    return this.decoder;
  }
  override tieWeights(): void {
    if (this.config.tieWordEmbeddings) this.decoder.weight = this.getInputEmbeddings().weight;
  }
}

/** A head that ends in `classifier(drop(head(x)))`. */
abstract class ModernBertClassifier<I, R> extends ModernBertWithHead<I, R> {
  readonly drop: Dropout;
  readonly classifier: Linear;

  constructor(given: Partial<ModernBertConfig>, scores: (config: ModernBertConfig) => number) {
    super(given);
    this.drop = new Dropout(this.config.classifierDropout);
    this.classifier = marked(new Linear(this.config.hiddenSize, scores(this.config)), "final");
    this.postInit();
  }

  protected score(x: Tensor): Tensor {
    return this.classifier(this.drop(this.head(x)));
  }
}

/** The mean over the tokens of each text, `[B, T, C]` to `[B, C]`. */
function meanOf(x: Tensor, mask: Tensor | undefined): Tensor {
  if (mask === undefined) return x.mean({ dim: 1 });
  const tokens = mask.ne(0).to(x.dtype).unsqueeze(-1); // [B, T, 1]
  return x
    .mul(tokens)
    .sum({ dim: 1 })
    .div(tokens.sum({ dim: 1 }));
}

/** Classes, labels or numbers for whole texts. */
export class ModernBertForSequenceClassification extends ModernBertClassifier<
  SequenceClassificationInputs,
  SequenceClassifierOutput
> {
  constructor(given: Partial<ModernBertConfig> = {}) {
    super(given, ({ numLabels }) => numLabels);
  }

  forward(inputs: SequenceClassificationInputs): SequenceClassifierOutput {
    return classifySequences(this.config, inputs, (rest) => {
      const outputs = this.model(rest);
      const x = outputs.lastHiddenState;
      const pooled = this.config.classifierPooling === "cls" ? x.select(1, 0) : meanOf(x, rest.attentionMask); // [B, C]
      return { logits: this.score(pooled), outputs };
    });
  }
}

/** One of several texts, judged by the first token that is no padding, or by the mean of all. */
export class ModernBertForMultipleChoice extends ModernBertClassifier<MultipleChoiceInputs, MultipleChoiceModelOutput> {
  constructor(given: Partial<ModernBertConfig> = {}) {
    super(given, () => 1);
  }

  forward(inputs: MultipleChoiceInputs): MultipleChoiceModelOutput {
    return chooseOne(inputs, (rest) => {
      const outputs = this.model(rest);
      const x = outputs.lastHiddenState;
      const pooled =
        this.config.classifierPooling === "cls" ? firstToken(x, rest.attentionMask) : meanOf(x, rest.attentionMask);
      return { logits: this.score(pooled), outputs };
    });
  }
}

/** The first token of each text that is no padding, `[B, T, C]` to `[B, C]`. */
function firstToken(x: Tensor, mask: Tensor | undefined): Tensor {
  if (mask === undefined) return x.select(1, 0);
  const [B, , C] = x.dims(3, "ModernBertForMultipleChoice") as [number, number, number]; // three sizes, as checked
  const first = asIds(mask.ne(0).int().argmax({ dim: -1 })).view(B, 1, 1);
  return x.gather(1, first.expand(B, 1, C)).squeeze(1);
}

/** A class for each token. */
export class ModernBertForTokenClassification extends ModernBertClassifier<TokenLabelInputs, TokenClassifierOutput> {
  constructor(given: Partial<ModernBertConfig> = {}) {
    super(given, ({ numLabels }) => numLabels);
  }

  forward(inputs: TokenLabelInputs): TokenClassifierOutput {
    return classifyTokens(this.config, inputs, (rest) => {
      const outputs = this.model(rest);
      return { logits: this.score(outputs.lastHiddenState), outputs };
    });
  }
}

/** Where in a text the answer begins and ends. */
export class ModernBertForQuestionAnswering extends ModernBertClassifier<
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput
> {
  constructor(given: Partial<ModernBertConfig> = {}) {
    super(given, () => 2);
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringModelOutput {
    return answerQuestions(inputs, (rest) => {
      const outputs = this.model(rest);
      return { logits: this.score(outputs.lastHiddenState), outputs };
    });
  }
}
