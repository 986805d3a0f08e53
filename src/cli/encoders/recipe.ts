// What a task says of itself, so that one command can train any encoder and another evaluate it.

import type { AutoClass } from "../../models/auto.ts";
import type { PretrainedConfig } from "../../models/configuration.ts";
import type { EncoderConfig, LabelConfig } from "../../models/encoder-config.ts";
import type { PretrainedTransformer } from "../../models/pretrained-transformer.ts";
import type { AnyModule } from "../../nn/module.ts";
import type { TaskType } from "../../peft/lora-config.ts";
import type { PreTrainedTokenizer } from "../../text/pretrained-tokenizer.ts";
import type { trainEncoderTokenizer } from "../../text/train-tokenizer.ts";
import type { PredictionOutput, Trainer, TrainerOptions } from "../../training/trainer.ts";

/** Flags of tasks that say how rows are read and encoded; each task has its own of them. */
export interface DataFlags {
  readonly maxLength: number;
  readonly batchSize: number;
  readonly textColumn?: string;
  readonly textPairColumn?: string;
  readonly labelColumn?: string;
  readonly problemType?: "regression" | "single_label_classification" | "multi_label_classification";
  readonly labelAllTokens?: boolean;
  readonly docStride?: number;
  readonly nullAnswers?: boolean;
  readonly mlmProbability?: number;
  readonly wholeWordMask?: boolean;
  readonly lineByLine?: boolean;
  readonly scale?: number;
  readonly ignoreMismatchedSizes?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: an encoder with any head
export type AnyEncoder = PretrainedTransformer<EncoderConfig, any, any>;

/** What rows are encoded and measured with. */
export interface Tools {
  readonly tokenizer: PreTrainedTokenizer;
  readonly config: EncoderConfig;
  readonly flags: DataFlags;
}

/** What is told at the end: figures for programs, text for people, drawings for the folder. */
export interface Report {
  readonly figures: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** Rows of a file with what the model learns from. */
export interface Encoded<R> {
  readonly rows: readonly R[];
  // biome-ignore lint/suspicious/noExplicitAny: each task has features of its own
  readonly features: readonly any[];
}

type TrainerParts = Pick<TrainerOptions<object>, "args" | "callbacks" | "modelCard"> & {
  readonly model: AnyModule;
  readonly trainDataset?: readonly object[];
  readonly evalDataset?: readonly object[];
};

export interface Recipe<R> {
  readonly auto: AutoClass<AnyEncoder>;
  /** How the classes of a checkpoint with this head end; undefined where labels are not chosen. */
  readonly head?: string;
  readonly loraTask?: TaskType;
  /** What the best checkpoint is chosen by. */
  readonly best: string;
  /** Throws DataError for a row that does not fit, with its line. */
  read(file: string, flags: DataFlags): Promise<R[]>;
  /** Texts that a new tokenizer learns from. */
  texts(rows: readonly R[]): Iterable<string>;
  /** How it learns. Default: byte-level BPE. */
  readonly trainTokenizer?: typeof trainEncoderTokenizer;
  /** The labels for the model's configuration. Throws where those of the two files, or of a checkpoint's head, do not fit. */
  labels?(
    train: readonly R[],
    validation: readonly R[],
    flags: DataFlags,
    checkpoint: PretrainedConfig | undefined,
  ): Partial<LabelConfig>;
  features(rows: readonly R[], tools: Tools, isTraining: boolean): readonly object[];
  trainer(parts: TrainerParts, tools: Tools, evaluation: Encoded<R>): Trainer<object>;
  report(trainer: Trainer<object>, evaluation: Encoded<R>, tools: Tools): Promise<Report>;
}

export type Predicted = Pick<PredictionOutput, "predictions" | "labelIds" | "metrics">;

// biome-ignore lint/suspicious/noExplicitAny: a table of tasks holds recipes of all kinds of rows
export type AnyRecipe = Recipe<any>;

/** A recipe as one of any rows: only the recipe itself looks into them. */
export function anyRecipe<R>(recipe: Recipe<R>): AnyRecipe {
  return recipe;
}

/** Names and values under each other; shares as percents would read, to three digits. */
export function figureLines(figures: Readonly<Record<string, number>>): string {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  return Object.entries(figures)
    .map(([name, value]) => `${name.padEnd(width)}  ${Number.isInteger(value) ? value : value.toFixed(4)}`)
    .join("\n");
}

/** The metrics of a prediction without its prefix and its timings. */
export function plainFigures(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics)
      .filter(([name]) => !/runtime|PerSecond/i.test(name))
      .map(([name, value]) => [name.replace(/^(test|eval)(.)/, (_, __, first: string) => first.toLowerCase()), value]),
  );
}
