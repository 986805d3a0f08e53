// The sizes at which BERT is measured. Without dropout, as on the peers' side.

import type { BertConfig } from "kindling/models";

/** BERT-base. */
export const bertBase: Partial<BertConfig> = { hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };

/** MiniLM with 6 layers, as sentence encoders have it. */
export const miniLm: Partial<BertConfig> = { ...bertBase, hiddenSize: 384, numHiddenLayers: 6, intermediateSize: 1536 };
