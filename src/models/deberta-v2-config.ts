// The configuration of DeBERTa v2 and v3, whose files leave much unsaid.

import { flag, probability, size } from "./configuration.ts";
import { activationName } from "./encoder-blocks.ts";
import {
  checkHeads,
  completeConfig,
  count,
  type Defaults,
  type EncoderConfig,
  optional,
  positive,
} from "./encoder-config.ts";

export interface DebertaV2Config extends EncoderConfig {
  readonly modelType: "deberta-v2";
  readonly hiddenSize: number;
  /** The width of the embeddings; the hidden size if left out. */
  readonly embeddingSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly attentionHeadSize: number;
  readonly intermediateSize: number;
  readonly hiddenAct: string;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
  /** Whether distances take part in attention. */
  readonly relativeAttention: boolean;
  /** From where on distances are all one; `maxPositionEmbeddings` if below 1. */
  readonly maxRelativePositions: number;
  /** How many buckets distances fall into; below 1, each has its own. */
  readonly positionBuckets: number;
  /** "c2p" (what a token says of places) and "p2c" (what places say of a token). */
  readonly posAttType: readonly string[];
  /** Whether places are added to the embeddings. */
  readonly positionBiasedInput: boolean;
  /** Whether distances go through the projections of the tokens. */
  readonly shareAttKey: boolean;
  /** "layer_norm" normalises the table of distances, "none" does not. */
  readonly normRelEbd: string;
  /** Above 0: a convolution after the first layer. */
  readonly convKernelSize: number;
  readonly convGroups: number;
  readonly convAct: string;
  readonly poolerDropout: number;
  readonly poolerHiddenAct: string;
  /** Before a classifier; `hiddenDropoutProb` if null. */
  readonly clsDropout: number | null;
  /** Whether the head of masked language modelling is that of the first files, which hold it untrained. */
  readonly legacy: boolean;
}

type Derived = "embeddingSize" | "attentionHeadSize";

const defaultConfig: Omit<Defaults<DebertaV2Config>, Derived> = {
  modelType: "deberta-v2",
  vocabSize: 128100,
  hiddenSize: 1536,
  numHiddenLayers: 24,
  numAttentionHeads: 24,
  intermediateSize: 6144,
  hiddenAct: "gelu",
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  maxPositionEmbeddings: 512,
  typeVocabSize: 0,
  initializerRange: 0.02,
  layerNormEps: 1e-7,
  relativeAttention: false,
  maxRelativePositions: -1,
  positionBuckets: -1,
  posAttType: [],
  positionBiasedInput: true,
  shareAttKey: false,
  normRelEbd: "none",
  convKernelSize: 0,
  convGroups: 1,
  convAct: "tanh",
  poolerDropout: 0,
  poolerHiddenAct: "gelu",
  clsDropout: null,
  legacy: true,
  padTokenId: 0,
  tieWordEmbeddings: true,
};

/** A list that old files write as "p2c|c2p". */
export function listed(value: unknown): readonly string[] {
  const words = typeof value === "string" ? value.toLowerCase().split("|") : Array.isArray(value) ? value : [];
  return words.map((word) => String(word).trim()).filter((word) => word !== "" && word !== "none");
}

/** The whole configuration of the given fields. Throws CheckpointError for one that does not make a model. */
export function debertaV2Config(given: Partial<DebertaV2Config>, file = "the configuration"): DebertaV2Config {
  const merged = { ...defaultConfig, ...given };
  const { hiddenSize, numAttentionHeads, maxRelativePositions, maxPositionEmbeddings } = merged;
  const config = completeConfig<DebertaV2Config>(
    {
      ...defaultConfig,
      embeddingSize: hiddenSize,
      attentionHeadSize: Math.floor(hiddenSize / numAttentionHeads),
    },
    {
      ...given,
      posAttType: listed(merged.posAttType),
      maxRelativePositions: maxRelativePositions < 1 ? maxPositionEmbeddings : maxRelativePositions,
    },
    {
      vocabSize: size,
      hiddenSize: size,
      embeddingSize: size,
      numHiddenLayers: size,
      numAttentionHeads: size,
      attentionHeadSize: size,
      intermediateSize: size,
      hiddenAct: activationName,
      hiddenDropoutProb: probability,
      attentionProbsDropoutProb: probability,
      maxPositionEmbeddings: size,
      typeVocabSize: count,
      layerNormEps: positive,
      relativeAttention: flag,
      positionBiasedInput: flag,
      shareAttKey: flag,
      convKernelSize: count,
      convAct: activationName,
      poolerDropout: probability,
      poolerHiddenAct: activationName,
      clsDropout: optional(probability),
      legacy: flag,
      tieWordEmbeddings: flag,
    },
    file,
  );
  checkHeads(config.hiddenSize, config.numAttentionHeads, file);
  return config;
}

/** Half of the rows of the table of distances. */
export function positionSpan({ positionBuckets, maxRelativePositions }: DebertaV2Config): number {
  return positionBuckets > 0 ? positionBuckets : maxRelativePositions;
}
