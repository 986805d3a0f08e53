// Architectures, and the tables that find them by name.

export * from "./models/auto.ts";
export {
  type BertConfig,
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
} from "./models/bert.ts";
export type { PretrainedConfig } from "./models/configuration.ts";
export { Conv1D } from "./models/conv1d.ts";
export type { AttentionImplementation } from "./models/encoder-blocks.ts";
export type { EncoderConfig, LabelConfig, ProblemType } from "./models/encoder-config.ts";
export type { LoadingInfo } from "./models/loading.ts";
export type * from "./models/outputs.ts";
export { PreTrainedModel } from "./models/pretrained.ts";
export { type FromPretrainedOptions, PretrainedTransformer } from "./models/pretrained-transformer.ts";
export { type RnnSeq2SeqConfig, Seq2SeqRnn } from "./models/rnn-seq2seq.ts";
