// The configuration of ModernBERT, whose files say which layers look how far in two ways.

import { CheckpointError, UnsupportedError } from "../base/errors.ts";
import { flag, oneOf, probability, size } from "./configuration.ts";
import { activationName } from "./encoder-blocks.ts";
import { checkHeads, completeConfig, type Defaults, type EncoderConfig, positive } from "./encoder-config.ts";

/** Whether a layer looks at all tokens or at neighbours. */
export type LayerType = "full_attention" | "sliding_attention";
/** In the spelling of the file. */
export interface RopeParameters {
  readonly rope_type: string;
  readonly rope_theta: number;
}

export interface ModernBertConfig extends EncoderConfig {
  readonly modelType: "modernbert";
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly hiddenActivation: string;
  readonly maxPositionEmbeddings: number;
  /** Weights begin within so many deviations. */
  readonly initializerCutoffFactor: number;
  readonly normEps: number;
  readonly normBias: boolean;
  readonly attentionBias: boolean;
  readonly attentionDropout: number;
  /** Each layer's; in older files every `globalAttnEveryNLayers`-th looks at all tokens. */
  readonly layerTypes: readonly LayerType[];
  /** How fast places turn, by the layer's type; in older files `globalRopeTheta` and `localRopeTheta`. */
  readonly ropeParameters: Readonly<Record<LayerType, RopeParameters>>;
  /** How many tokens a layer of the second type looks at, half of them to each side. */
  readonly localAttention: number;
  readonly embeddingDropout: number;
  readonly mlpBias: boolean;
  readonly mlpDropout: number;
  readonly decoderBias: boolean;
  readonly classifierPooling: "cls" | "mean";
  readonly classifierDropout: number;
  readonly classifierBias: boolean;
  readonly classifierActivation: string;
}

type Derived = "layerTypes" | "ropeParameters";

const defaultConfig: Omit<Defaults<ModernBertConfig>, Derived> = {
  modelType: "modernbert",
  vocabSize: 50368,
  hiddenSize: 768,
  intermediateSize: 1152,
  numHiddenLayers: 22,
  numAttentionHeads: 12,
  hiddenActivation: "gelu",
  maxPositionEmbeddings: 8192,
  initializerRange: 0.02,
  initializerCutoffFactor: 2,
  normEps: 1e-5,
  normBias: false,
  padTokenId: 50283,
  attentionBias: false,
  attentionDropout: 0,
  localAttention: 128,
  embeddingDropout: 0,
  mlpBias: false,
  mlpDropout: 0,
  decoderBias: true,
  classifierPooling: "cls",
  classifierDropout: 0,
  classifierBias: false,
  classifierActivation: "gelu",
  tieWordEmbeddings: true,
};

const thetas: { readonly [type in LayerType]: number } = { full_attention: 160_000, sliding_attention: 10_000 };

/** What older files say instead. */
interface Older {
  readonly globalAttnEveryNLayers?: number;
  readonly globalRopeTheta?: number;
  readonly localRopeTheta?: number;
}

/** The whole configuration of the given fields. Throws CheckpointError for one that does not make a model. */
export function modernBertConfig(given: Partial<ModernBertConfig>, file = "the configuration"): ModernBertConfig {
  const older: Older = given as Older; // fields that only files have
  const { numHiddenLayers = defaultConfig.numHiddenLayers } = given;
  const every = older.globalAttnEveryNLayers ?? 3;
  const layerTypes =
    given.layerTypes ??
    Array.from(
      { length: numHiddenLayers },
      (_, i): LayerType => (i % every === 0 ? "full_attention" : "sliding_attention"),
    );
  const config = completeConfig<ModernBertConfig>(
    { ...defaultConfig, layerTypes, ropeParameters: ropeOf(given.ropeParameters, older) },
    { ...given, layerTypes, ropeParameters: ropeOf(given.ropeParameters, older) },
    {
      vocabSize: size,
      hiddenSize: size,
      intermediateSize: size,
      numHiddenLayers: size,
      numAttentionHeads: size,
      hiddenActivation: activationName,
      maxPositionEmbeddings: size,
      initializerCutoffFactor: positive,
      normEps: positive,
      normBias: flag,
      attentionBias: flag,
      attentionDropout: probability,
      localAttention: size,
      embeddingDropout: probability,
      mlpBias: flag,
      mlpDropout: probability,
      decoderBias: flag,
      classifierPooling: oneOf("cls", "mean"),
      classifierDropout: probability,
      classifierBias: flag,
      classifierActivation: activationName,
      tieWordEmbeddings: flag,
    },
    file,
  );
  checkHeads(config.hiddenSize, config.numAttentionHeads, file);
  checkLayers(config, file);
  return config;
}

function ropeOf(given: Partial<Record<LayerType, Partial<RopeParameters> | null>> | null | undefined, older: Older) {
  const base = { full_attention: older.globalRopeTheta, sliding_attention: older.localRopeTheta };
  const of = (type: LayerType): RopeParameters => ({
    rope_type: "default",
    rope_theta: base[type] ?? thetas[type],
    ...given?.[type],
  });
  return { full_attention: of("full_attention"), sliding_attention: of("sliding_attention") };
}

function checkLayers({ layerTypes, numHiddenLayers, ropeParameters }: ModernBertConfig, file: string): void {
  const known: readonly string[] = Object.keys(thetas);
  if (layerTypes.length !== numHiddenLayers || layerTypes.some((type) => !known.includes(type))) {
    throw new CheckpointError(
      `${file}: "layer_types" are ${layerTypes.length} for ${numHiddenLayers} layers; wants one for each, of ${known.join(", ")}.`,
      { file, layerTypes, numHiddenLayers },
    );
  }
  const other = Object.values(ropeParameters).find(({ rope_type }) => rope_type !== "default");
  if (other === undefined) return;
  throw new UnsupportedError(`${file}: places of the type "${other.rope_type}" are not here; only "default" is.`, {
    file,
    ropeType: other.rope_type,
  });
}
