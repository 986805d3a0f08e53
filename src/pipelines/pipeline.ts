// From a task's name to its pipeline: a literal table, each entry loaded when it is needed.

import { UnsupportedError } from "../base/errors.ts";
import { type PretrainedOptions, pretrainedOptions } from "../hub/pretrained-folder.ts";
import {
  type AutoClass,
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from "../models/auto.ts";
import type { EncoderConfig } from "../models/encoder-config.ts";
import { AutoTokenizer } from "../models/pretrained-files.ts";
import type { FromPretrainedOptions } from "../models/pretrained-transformer.ts";
import type { AnyModule } from "../nn/module.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { bareModel, loadAdapted } from "./auto-peft.ts";
import type { Encoder } from "./encoder.ts";
import type { FeatureExtractionPipeline } from "./feature-extraction.ts";
import type { FillMaskPipeline } from "./fill-mask.ts";
import type { QuestionAnsweringPipeline } from "./question-answering.ts";
import type { SummarizationPipeline } from "./summarization.ts";
import type { TextClassificationPipeline } from "./text-classification.ts";
import type { TokenClassificationPipeline } from "./token-classification.ts";
import type { ZeroShotClassificationPipeline } from "./zero-shot-classification.ts";

export interface Pipelines {
  readonly summarization: SummarizationPipeline;
  readonly "text-classification": TextClassificationPipeline;
  readonly "token-classification": TokenClassificationPipeline;
  readonly "question-answering": QuestionAnsweringPipeline;
  readonly "fill-mask": FillMaskPipeline;
  readonly "zero-shot-classification": ZeroShotClassificationPipeline;
  readonly "feature-extraction": FeatureExtractionPipeline;
  /** text-classification */
  readonly "sentiment-analysis": TextClassificationPipeline;
  /** token-classification */
  readonly ner: TokenClassificationPipeline;
}
export type Task = keyof Pipelines;

/** A model that is there already, with its tokenizer. */
export interface LoadedModel {
  readonly model: AnyModule;
  readonly tokenizer: PreTrainedTokenizer;
}
/** A folder, the name of a repository on the hub (of a model, or of an adapter that names its base model), or a model that is there already. */
export type ModelSource = string | LoadedModel;
/** How the model of a folder or repository is loaded. */
export type PipelineLoadOptions = PretrainedOptions & Pick<FromPretrainedOptions, "dtype">;

type Load<P> = (source: ModelSource, options: PipelineLoadOptions) => Promise<P>;

const textClassification: Load<TextClassificationPipeline> = async (source, options) =>
  (await import("./text-classification.ts")).textClassification(
    await encoder("text-classification", AutoModelForSequenceClassification, source, options),
  );
const tokenClassification: Load<TokenClassificationPipeline> = async (source, options) =>
  (await import("./token-classification.ts")).tokenClassification(
    await encoder("token-classification", AutoModelForTokenClassification, source, options),
  );

const tasks: { readonly [task in Task]: Load<Pipelines[task]> } = {
  summarization: async (source, options) => (await import("./summarization.ts")).loadSummarization(source, options),
  "text-classification": textClassification,
  "token-classification": tokenClassification,
  "question-answering": async (source, options) =>
    (await import("./question-answering.ts")).questionAnswering(
      await encoder("question-answering", AutoModelForQuestionAnswering, source, options),
    ),
  "fill-mask": async (source, options) =>
    (await import("./fill-mask.ts")).fillMask(await encoder("fill-mask", AutoModelForMaskedLM, source, options)),
  "zero-shot-classification": async (source, options) =>
    (await import("./zero-shot-classification.ts")).zeroShotClassification(
      await encoder("zero-shot-classification", AutoModelForSequenceClassification, source, options),
    ),
  "feature-extraction": async (source, options) =>
    (await import("./feature-extraction.ts")).featureExtraction(
      await encoder("feature-extraction", AutoModel, source, options),
    ),
  "sentiment-analysis": textClassification,
  ner: tokenClassification,
};

/** The model and tokenizer of a source. */
async function encoder<I, R>(
  task: Task,
  auto: AutoClass<AnyModule & { readonly config: EncoderConfig; forward(inputs: I): R }>,
  source: ModelSource,
  options: PipelineLoadOptions,
): Promise<Encoder<R>> {
  if (typeof source !== "string") {
    const { tokenizer } = source;
    const model = bareModel(source.model);
    if (!("config" in model))
      throw new UnsupportedError(`pipeline: ${model.constructor.name} has no config; wants a pretrained model.`, {
        task,
      });
    await auto.checkHead(model, task);
    return { task, model: model as AnyModule & { readonly config: EncoderConfig }, tokenizer }; // the forward of its class says the rest
  }
  const [model, tokenizer] = await Promise.all([
    loadAdapted(auto, source, options),
    AutoTokenizer.fromPretrained(source, pretrainedOptions(options)),
  ]);
  return { task, model, tokenizer };
}

/**
 * A task's pipeline, with a model from a folder, from the hub, or there already:
 * `const classify = await pipeline("text-classification", "runs/topics")`. Throws UnsupportedError for a task that is not here.
 */
export async function pipeline<T extends Task>(
  task: T,
  source: ModelSource,
  options: PipelineLoadOptions = {},
): Promise<Pipelines[T]> {
  if (!Object.hasOwn(tasks, task)) {
    throw new UnsupportedError(`pipeline: no task "${task}"; there are ${Object.keys(tasks).join(", ")}.`, { task });
  }
  return tasks[task](source, options);
}
