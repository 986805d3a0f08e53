// Architectures, and the tables that find them by name.

export { AutoModelForSeq2SeqLM } from "./models/auto.ts";
export type { PretrainedConfig } from "./models/configuration.ts";
export { Conv1D } from "./models/conv1d.ts";
export { PreTrainedModel } from "./models/pretrained.ts";
export { type RnnSeq2SeqConfig, Seq2SeqRnn } from "./models/rnn-seq2seq.ts";
