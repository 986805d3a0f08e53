// Layers, losses and what models are built from.

export * from "./nn/activation.ts";
export { AdditiveAttention, type Attended, DotAttention } from "./nn/attention.ts";
export { BatchNorm1d, BatchNorm2d, type BatchNormLayerOptions } from "./nn/batch-norm.ts";
export { Flatten, Identity, ModuleDict, ModuleList, Sequential } from "./nn/container.ts";
export {
  Conv1d,
  Conv2d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  type ConvTransposeLayerOptions,
} from "./nn/convolution.ts";
export { CosineSimilarity, PairwiseDistance } from "./nn/distance.ts";
export { Dropout, Dropout1d, Dropout2d } from "./nn/dropout.ts";
export { Embedding, EmbeddingBag, type EmbeddingBagLayerOptions, type EmbeddingOptions } from "./nn/embedding.ts";
export * as functional from "./nn/functional.ts";
export { type FunctionalCallOptions, functionalCall } from "./nn/functional-call.ts";
export * as init from "./nn/init.ts";
export { Bilinear, Linear } from "./nn/linear.ts";
export * from "./nn/loss.ts";
export { type AnyModule, type LoadReport, Module, type NamedOptions, type StateDict } from "./nn/module.ts";
export type {
  CallGradients,
  ForwardHook,
  ForwardPreHook,
  FullBackwardHook,
  FullBackwardPreHook,
  LoadStateDictPostHook,
  LoadStateDictPreHook,
  StateDictHook,
  StateDictPreHook,
} from "./nn/module-hooks.ts";
export type { LoadOptions } from "./nn/module-state.ts";
export {
  MultiheadAttention,
  type MultiheadAttentionCall,
  type MultiheadAttentionOptions,
} from "./nn/multihead-attention.ts";
export { GroupNorm, LayerNorm, RMSNorm } from "./nn/normalization.ts";
export {
  type PackedSequence,
  packPaddedSequence,
  padPackedSequence,
} from "./nn/packed-sequence.ts";
export { Buffer, Parameter } from "./nn/parameter.ts";
export { ParameterDict, ParameterList } from "./nn/parameter-container.ts";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AvgPool1d,
  AvgPool2d,
  MaxPool1d,
  MaxPool2d,
} from "./nn/pooling.ts";
export { GRU, LSTM, type LstmOptions, type LstmState, RNN, type RnnOptions, type SequenceOptions } from "./nn/rnn.ts";
export { type CellOptions, GRUCell, LSTMCell, RNNCell } from "./nn/rnn-cells.ts";
export {
  type DecoderMasks,
  type EncoderLayerMasks,
  type EncoderMasks,
  Transformer,
  type TransformerActivation,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
  type TransformerMasks,
  type TransformerOptions,
} from "./nn/transformer.ts";
export * as utils from "./nn/utils.ts";
