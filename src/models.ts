// Architectures, and the tables that find them by name.

export {
  type AlbertConfig,
  AlbertForMaskedLM,
  AlbertForMultipleChoice,
  AlbertForPreTraining,
  AlbertForQuestionAnswering,
  AlbertForSequenceClassification,
  AlbertForTokenClassification,
  AlbertModel,
} from "./models/albert.ts";
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
export {
  CamembertForMaskedLM,
  CamembertForMultipleChoice,
  CamembertForQuestionAnswering,
  CamembertForSequenceClassification,
  CamembertForTokenClassification,
  CamembertModel,
} from "./models/camembert.ts";
export type { PretrainedConfig } from "./models/configuration.ts";
export { Conv1D } from "./models/conv1d.ts";
export {
  type DebertaV2Config,
  DebertaV2ForMaskedLM,
  DebertaV2ForMultipleChoice,
  DebertaV2ForQuestionAnswering,
  DebertaV2ForSequenceClassification,
  DebertaV2ForTokenClassification,
  DebertaV2Model,
} from "./models/deberta-v2.ts";
export {
  type DistilBertConfig,
  DistilBertForMaskedLM,
  DistilBertForMultipleChoice,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
} from "./models/distilbert.ts";
export {
  type ElectraConfig,
  ElectraForMaskedLM,
  ElectraForMultipleChoice,
  ElectraForPreTraining,
  ElectraForQuestionAnswering,
  ElectraForSequenceClassification,
  ElectraForTokenClassification,
  ElectraModel,
} from "./models/electra.ts";
export type { AttentionImplementation } from "./models/encoder-blocks.ts";
export type { EncoderConfig, LabelConfig, ProblemType } from "./models/encoder-config.ts";
export type { LoadingInfo } from "./models/loading.ts";
export {
  type ModernBertConfig,
  ModernBertForMaskedLM,
  ModernBertForMultipleChoice,
  ModernBertForQuestionAnswering,
  ModernBertForSequenceClassification,
  ModernBertForTokenClassification,
  ModernBertModel,
} from "./models/modernbert.ts";
export {
  type MPNetConfig,
  MPNetForMaskedLM,
  MPNetForMultipleChoice,
  MPNetForQuestionAnswering,
  MPNetForSequenceClassification,
  MPNetForTokenClassification,
  MPNetModel,
} from "./models/mpnet.ts";
export type * from "./models/outputs.ts";
export { PreTrainedModel } from "./models/pretrained.ts";
export { type FromPretrainedOptions, PretrainedTransformer } from "./models/pretrained-transformer.ts";
export { type RnnSeq2SeqConfig, Seq2SeqRnn } from "./models/rnn-seq2seq.ts";
export {
  type RobertaConfig,
  RobertaForMaskedLM,
  RobertaForMultipleChoice,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaModel,
} from "./models/roberta.ts";
export {
  XLMRobertaForMaskedLM,
  XLMRobertaForMultipleChoice,
  XLMRobertaForQuestionAnswering,
  XLMRobertaForSequenceClassification,
  XLMRobertaForTokenClassification,
  XLMRobertaModel,
} from "./models/xlm-roberta.ts";
