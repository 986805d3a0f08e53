// From a `model_type` to the class: literal tables, each entry loaded when it is needed.

import { CheckpointError } from "../base/errors.ts";
import type { PretrainedOptions } from "../hub/pretrained-folder.ts";
import type { PretrainedConfig } from "./configuration.ts";
import type { EncoderConfig } from "./encoder-config.ts";
import type {
  BaseModelOutput,
  EncoderInputs,
  MaskedLMOutput,
  MultipleChoiceInputs,
  MultipleChoiceModelOutput,
  NextSentencePredictorOutput,
  PreTrainingInputs,
  PreTrainingOutput,
  QuestionAnsweringInputs,
  QuestionAnsweringModelOutput,
  SequenceClassificationInputs,
  SequenceClassifierOutput,
  TokenClassifierOutput,
  TokenLabelInputs,
} from "./outputs.ts";
import { loadPretrained } from "./pretrained.ts";
import {
  type AnyTransformer,
  type Chooser,
  type FromPretrainedOptions,
  loadConfig,
  loadTransformer,
  type ModelClass,
  type PretrainedTransformer,
} from "./pretrained-transformer.ts";
import type { Seq2SeqRnn } from "./rnn-seq2seq.ts";

type Make<M> = (config: PretrainedConfig, file: string) => M;
type Encoder<I, R> = PretrainedTransformer<EncoderConfig, I, R>;
type Table<T> = { readonly [modelType: string]: (() => Promise<T>) | undefined };
type Classes<I, R> = Table<ModelClass<Encoder<I, R>>>;

const seq2SeqModels: Table<Make<Seq2SeqRnn>> = {
  rnn_seq2seq: async () => (await import("./rnn-seq2seq.ts")).fromConfig,
};

const bert = () => import("./bert.ts");

const baseModels: Classes<EncoderInputs, BaseModelOutput> = {
  bert: async () => (await bert()).BertModel,
};
const maskedLMs: Classes<TokenLabelInputs, MaskedLMOutput> = {
  bert: async () => (await bert()).BertForMaskedLM,
};
const sequenceClassifiers: Classes<SequenceClassificationInputs, SequenceClassifierOutput> = {
  bert: async () => (await bert()).BertForSequenceClassification,
};
const tokenClassifiers: Classes<TokenLabelInputs, TokenClassifierOutput> = {
  bert: async () => (await bert()).BertForTokenClassification,
};
const questionAnswerers: Classes<QuestionAnsweringInputs, QuestionAnsweringModelOutput> = {
  bert: async () => (await bert()).BertForQuestionAnswering,
};
const choosers: Classes<MultipleChoiceInputs, MultipleChoiceModelOutput> = {
  bert: async () => (await bert()).BertForMultipleChoice,
};
const nextSentencePredictors: Classes<SequenceClassificationInputs, NextSentencePredictorOutput> = {
  bert: async () => (await bert()).BertForNextSentencePrediction,
};
const preTrainers: Classes<PreTrainingInputs, PreTrainingOutput> = {
  bert: async () => (await bert()).BertForPreTraining,
};

/** How the classes of a type begin, for files that name only the class. */
const families: { readonly [family: string]: string | undefined } = {
  Bert: "bert",
};

function modelTypeOf(architecture: string | undefined): string | undefined {
  const family = architecture?.replace(/(For[A-Z]\w*|Model|LMHeadModel)$/, "") ?? "";
  return Object.hasOwn(families, family) ? families[family] : undefined;
}

function find<T>(table: Table<T>, { modelType }: PretrainedConfig, file: string): Promise<T> {
  const entry = Object.hasOwn(table, modelType) ? table[modelType] : undefined;
  if (entry !== undefined) return entry();
  const known = Object.keys(table);
  const isElsewhere = Object.hasOwn({ ...baseModels, ...seq2SeqModels }, modelType);
  const near = isElsewhere ? undefined : nearest(modelType, known);
  throw new CheckpointError(
    `${file}: the model type "${modelType}" ${isElsewhere ? "has no such head here" : "is not known here"}; known are ${known.join(", ")}.` +
      (near === undefined ? "" : ` Did you mean ${near}?`),
    { modelType, known, nearest: near },
  );
}

/** The name that takes the fewest changes, if they are less than half of it. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known.map((each) => ({ each, changes: distance(name.toLowerCase(), each) }));
  const best = ranked.sort((a, b) => a.changes - b.changes)[0];
  return best !== undefined && best.changes * 2 <= best.each.length ? best.each : undefined;
}

/** Letters to insert, remove or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1])));
    }
    row = next;
  }
  return row[b.length]!;
}

export interface AutoClass<M> {
  /** The model in a folder or of a repository, in evaluation mode, of the class that its `config.json` leads to. Throws CheckpointError. */
  fromPretrained(name: string, options?: FromPretrainedOptions): Promise<M>;
  /** A new model of a configuration, its weights drawn. */
  fromConfig(config: PretrainedConfig): Promise<M>;
}

function auto<M extends AnyTransformer>(table: Table<ModelClass<M>>): AutoClass<M> {
  const chooser: Chooser<M> = { choose: (config, file) => find(table, config, file), modelTypeOf };
  return {
    fromPretrained: (folder, options = {}) => loadTransformer(folder, chooser, options),
    fromConfig: async (config) => {
      const found = await find(table, config, "the configuration");
      return new found(found.configure(config as never) as never); // its own function checks the fields
    },
  };
}

/** Configurations, whole: `(await AutoConfig.fromPretrained(folder)).modelType`. */
export const AutoConfig = {
  fromPretrained(name: string, options: PretrainedOptions = {}): Promise<PretrainedConfig> {
    return loadConfig(name, { choose: (config, file) => find(baseModels, config, file), modelTypeOf }, options);
  },
};

/** Models without a head: hidden states, and a vector for the text where there is a pooler. */
export const AutoModel: AutoClass<Encoder<EncoderInputs, BaseModelOutput>> = auto(baseModels);
/** Models that fill in masked words. */
export const AutoModelForMaskedLM: AutoClass<Encoder<TokenLabelInputs, MaskedLMOutput>> = auto(maskedLMs);
/** Models that classify texts. */
export const AutoModelForSequenceClassification: AutoClass<
  Encoder<SequenceClassificationInputs, SequenceClassifierOutput>
> = auto(sequenceClassifiers);
/** Models that classify tokens. */
export const AutoModelForTokenClassification: AutoClass<Encoder<TokenLabelInputs, TokenClassifierOutput>> =
  auto(tokenClassifiers);
/** Models that find the answer to a question in a text. */
export const AutoModelForQuestionAnswering: AutoClass<Encoder<QuestionAnsweringInputs, QuestionAnsweringModelOutput>> =
  auto(questionAnswerers);
/** Models that choose one of several texts. */
export const AutoModelForMultipleChoice: AutoClass<Encoder<MultipleChoiceInputs, MultipleChoiceModelOutput>> =
  auto(choosers);
/** Models that say whether a text follows another. */
export const AutoModelForNextSentencePrediction: AutoClass<
  Encoder<SequenceClassificationInputs, NextSentencePredictorOutput>
> = auto(nextSentencePredictors);
/** Models with the heads that they were pre-trained with. */
export const AutoModelForPreTraining: AutoClass<Encoder<PreTrainingInputs, PreTrainingOutput>> = auto(preTrainers);

/** Models that turn a text into another. */
export const AutoModelForSeq2SeqLM = {
  /** The model in a folder, or of a repository of the hub, in evaluation mode. */
  fromPretrained(name: string, options: PretrainedOptions = {}): Promise<Seq2SeqRnn> {
    const make = async (config: PretrainedConfig, file: string) =>
      (await find(seq2SeqModels, config, file))(config, file);
    return loadPretrained(name, make, options);
  },
};
