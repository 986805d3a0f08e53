// From a `model_type` to the class: literal tables, each entry loaded when it is needed.

import { CheckpointError, UnsupportedError } from "../base/errors.ts";
import type { PretrainedOptions } from "../hub/pretrained-folder.ts";
import type { AnyModule } from "../nn/module.ts";
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
  PretrainedTransformer,
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
const distilbert = () => import("./distilbert.ts");
const roberta = () => import("./roberta.ts");
const xlmRoberta = () => import("./xlm-roberta.ts");
const camembert = () => import("./camembert.ts");
const electra = () => import("./electra.ts");
const albert = () => import("./albert.ts");
const mpnet = () => import("./mpnet.ts");
const debertaV2 = () => import("./deberta-v2.ts");
const modernbert = () => import("./modernbert.ts");

const baseModels: Classes<EncoderInputs, BaseModelOutput> = {
  bert: async () => (await bert()).BertModel,
  distilbert: async () => (await distilbert()).DistilBertModel,
  roberta: async () => (await roberta()).RobertaModel,
  "xlm-roberta": async () => (await xlmRoberta()).XLMRobertaModel,
  camembert: async () => (await camembert()).CamembertModel,
  electra: async () => (await electra()).ElectraModel,
  albert: async () => (await albert()).AlbertModel,
  mpnet: async () => (await mpnet()).MPNetModel,
  "deberta-v2": async () => (await debertaV2()).DebertaV2Model,
  modernbert: async () => (await modernbert()).ModernBertModel,
};
const maskedLMs: Classes<TokenLabelInputs, MaskedLMOutput> = {
  bert: async () => (await bert()).BertForMaskedLM,
  distilbert: async () => (await distilbert()).DistilBertForMaskedLM,
  roberta: async () => (await roberta()).RobertaForMaskedLM,
  "xlm-roberta": async () => (await xlmRoberta()).XLMRobertaForMaskedLM,
  camembert: async () => (await camembert()).CamembertForMaskedLM,
  electra: async () => (await electra()).ElectraForMaskedLM,
  albert: async () => (await albert()).AlbertForMaskedLM,
  mpnet: async () => (await mpnet()).MPNetForMaskedLM,
  "deberta-v2": async () => (await debertaV2()).DebertaV2ForMaskedLM,
  modernbert: async () => (await modernbert()).ModernBertForMaskedLM,
};
const sequenceClassifiers: Classes<SequenceClassificationInputs, SequenceClassifierOutput> = {
  bert: async () => (await bert()).BertForSequenceClassification,
  distilbert: async () => (await distilbert()).DistilBertForSequenceClassification,
  roberta: async () => (await roberta()).RobertaForSequenceClassification,
  "xlm-roberta": async () => (await xlmRoberta()).XLMRobertaForSequenceClassification,
  camembert: async () => (await camembert()).CamembertForSequenceClassification,
  electra: async () => (await electra()).ElectraForSequenceClassification,
  albert: async () => (await albert()).AlbertForSequenceClassification,
  mpnet: async () => (await mpnet()).MPNetForSequenceClassification,
  "deberta-v2": async () => (await debertaV2()).DebertaV2ForSequenceClassification,
  modernbert: async () => (await modernbert()).ModernBertForSequenceClassification,
};
const tokenClassifiers: Classes<TokenLabelInputs, TokenClassifierOutput> = {
  bert: async () => (await bert()).BertForTokenClassification,
  distilbert: async () => (await distilbert()).DistilBertForTokenClassification,
  roberta: async () => (await roberta()).RobertaForTokenClassification,
  "xlm-roberta": async () => (await xlmRoberta()).XLMRobertaForTokenClassification,
  camembert: async () => (await camembert()).CamembertForTokenClassification,
  electra: async () => (await electra()).ElectraForTokenClassification,
  albert: async () => (await albert()).AlbertForTokenClassification,
  mpnet: async () => (await mpnet()).MPNetForTokenClassification,
  "deberta-v2": async () => (await debertaV2()).DebertaV2ForTokenClassification,
  modernbert: async () => (await modernbert()).ModernBertForTokenClassification,
};
const questionAnswerers: Classes<QuestionAnsweringInputs, QuestionAnsweringModelOutput> = {
  bert: async () => (await bert()).BertForQuestionAnswering,
  distilbert: async () => (await distilbert()).DistilBertForQuestionAnswering,
  roberta: async () => (await roberta()).RobertaForQuestionAnswering,
  "xlm-roberta": async () => (await xlmRoberta()).XLMRobertaForQuestionAnswering,
  camembert: async () => (await camembert()).CamembertForQuestionAnswering,
  electra: async () => (await electra()).ElectraForQuestionAnswering,
  albert: async () => (await albert()).AlbertForQuestionAnswering,
  mpnet: async () => (await mpnet()).MPNetForQuestionAnswering,
  "deberta-v2": async () => (await debertaV2()).DebertaV2ForQuestionAnswering,
  modernbert: async () => (await modernbert()).ModernBertForQuestionAnswering,
};
const choosers: Classes<MultipleChoiceInputs, MultipleChoiceModelOutput> = {
  bert: async () => (await bert()).BertForMultipleChoice,
  distilbert: async () => (await distilbert()).DistilBertForMultipleChoice,
  roberta: async () => (await roberta()).RobertaForMultipleChoice,
  "xlm-roberta": async () => (await xlmRoberta()).XLMRobertaForMultipleChoice,
  camembert: async () => (await camembert()).CamembertForMultipleChoice,
  electra: async () => (await electra()).ElectraForMultipleChoice,
  albert: async () => (await albert()).AlbertForMultipleChoice,
  mpnet: async () => (await mpnet()).MPNetForMultipleChoice,
  "deberta-v2": async () => (await debertaV2()).DebertaV2ForMultipleChoice,
  modernbert: async () => (await modernbert()).ModernBertForMultipleChoice,
};
const nextSentencePredictors: Classes<SequenceClassificationInputs, NextSentencePredictorOutput> = {
  bert: async () => (await bert()).BertForNextSentencePrediction,
};
const preTrainers: Classes<PreTrainingInputs, PreTrainingOutput> = {
  bert: async () => (await bert()).BertForPreTraining,
  electra: async () => (await electra()).ElectraForPreTraining,
  albert: async () => (await albert()).AlbertForPreTraining,
};

const encoders: readonly Table<ModelClass<AnyTransformer>>[] = [
  baseModels,
  maskedLMs,
  sequenceClassifiers,
  tokenClassifiers,
  questionAnswerers,
  choosers,
  nextSentencePredictors,
  preTrainers,
];

/** How the classes of a type begin, for files that name only the class. */
const families: { readonly [family: string]: string | undefined } = {
  Bert: "bert",
  DistilBert: "distilbert",
  Roberta: "roberta",
  XLMRoberta: "xlm-roberta",
  Camembert: "camembert",
  Electra: "electra",
  Albert: "albert",
  MPNet: "mpnet",
  DebertaV2: "deberta-v2",
  ModernBert: "modernbert",
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
  /** Throws UnsupportedError for one of this package's models that has another head; others may give what is wanted. `user` is for the message. */
  checkHead(model: AnyModule, user: string): Promise<void>;
}

function auto<M extends AnyTransformer>(table: Table<ModelClass<M>>): AutoClass<M> {
  const chooser: Chooser<M> = { choose: (config, file) => find(table, config, file), modelTypeOf };
  return {
    fromPretrained: (folder, options = {}) => loadTransformer(folder, chooser, options),
    fromConfig: async (config) => {
      const found = await find(table, config, "the configuration");
      return new found(found.configure(config as never) as never); // its own function checks the fields
    },
    checkHead: async (model, user) => {
      if (!(model instanceof PretrainedTransformer)) return;
      const { modelType } = model.config as PretrainedConfig; // every transformer has one
      const of = async (classes: Table<ModelClass<AnyTransformer>>) =>
        Object.hasOwn(classes, modelType) ? classes[modelType]?.() : undefined;
      const wanted = await of(table);
      if (wanted !== undefined && model instanceof wanted) return;
      const own = await Promise.all(encoders.map((classes) => of(classes)));
      if (!own.some((each) => each === model.constructor)) return;
      const { name } = model.constructor;
      throw new UnsupportedError(
        `${user}: ${name} has another head${wanted ? `; wants a ${wanted.name}: ${wanted.name}.fromPretrained(folder)` : `, and ${modelType} has none for it`}.`,
        { model: name, ...(wanted && { wanted: wanted.name }) },
      );
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
