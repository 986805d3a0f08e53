// From a `model_type` to the class: a literal table, each entry loaded when it is needed.

import { CheckpointError } from "../base/errors.ts";
import type { PretrainedConfig } from "./configuration.ts";
import { loadPretrained } from "./pretrained.ts";
import type { Seq2SeqRnn } from "./rnn-seq2seq.ts";

type Make<M> = (config: PretrainedConfig, file: string) => M;

const seq2SeqModels: { readonly [modelType: string]: (() => Promise<Make<Seq2SeqRnn>>) | undefined } = {
  rnn_seq2seq: async () => (await import("./rnn-seq2seq.ts")).fromConfig,
};

function find<T>(table: { readonly [modelType: string]: T | undefined }, config: PretrainedConfig, file: string): T {
  const entry = Object.hasOwn(table, config.modelType) ? table[config.modelType] : undefined;
  if (entry === undefined) {
    throw new CheckpointError(
      `${file}: the model type "${config.modelType}" is not known here; known are ${Object.keys(table).join(", ")}.`,
      {
        modelType: config.modelType,
      },
    );
  }
  return entry;
}

/** Models that turn a text into another. */
export const AutoModelForSeq2SeqLM = {
  /** The model in a folder, in evaluation mode. */
  fromPretrained(folder: string): Promise<Seq2SeqRnn> {
    return loadPretrained(folder, async (config, file) => (await find(seq2SeqModels, config, file)())(config, file));
  },
};
