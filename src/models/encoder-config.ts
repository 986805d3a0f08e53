// What the configurations of the encoders share: labels, the kind of problem they are for, and how a given part becomes whole.

import { CheckpointError } from "../base/errors.ts";
import { checkFields, type FieldKind, type PretrainedConfig } from "./configuration.ts";

/** What a classifier's labels are, which chooses its loss. */
export type ProblemType = "regression" | "single_label_classification" | "multi_label_classification";

export interface LabelConfig {
  readonly numLabels: number;
  /** Names of the classes by their numbers, which JSON writes as strings. */
  readonly id2label: Readonly<Record<string, string>>;
  readonly label2id: Readonly<Record<string, number>>;
  /** Without it, one label is regression, whole numbers are classes, and other numbers are several labels at once. */
  readonly problemType?: ProblemType | null;
}

/** What every encoder's configuration has. */
export interface EncoderConfig extends PretrainedConfig, LabelConfig {
  readonly vocabSize: number;
  readonly initializerRange: number;
  readonly padTokenId: number | null;
  /** Whether the head of masked language modelling is the table of word embeddings. */
  readonly tieWordEmbeddings: boolean;
}

/** What an architecture gives as defaults: all but the labels. */
export type Defaults<C extends EncoderConfig> = Omit<C, keyof LabelConfig>;

/** Whole numbers from 0. */
export const count: FieldKind = {
  wanted: "a whole number of at least 0",
  holds: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
};
export const positive: FieldKind = {
  wanted: "a number above 0",
  holds: (value) => typeof value === "number" && value > 0 && Number.isFinite(value),
};
/** A kind that may also be absent or null. */
export function optional(kind: FieldKind): FieldKind {
  return {
    wanted: `${kind.wanted}, or null`,
    holds: (value) => value === undefined || value === null || kind.holds(value),
  };
}

/** The given fields over the defaults, the labels made whole. Throws CheckpointError for a field that holds something else. */
export function completeConfig<C extends EncoderConfig>(
  defaults: Defaults<C>,
  given: Partial<C>,
  kinds: { readonly [field in keyof C]?: FieldKind },
  file: string,
): C {
  const whole = { ...defaults, ...given, ...labelsOf(given, file) } as unknown as C; // defaults have all but the labels
  if (whole.modelType !== defaults.modelType) {
    throw new CheckpointError(
      `${file}: it is of the model type "${whole.modelType}", this model is "${defaults.modelType}". The Auto classes choose by it.`,
      { file, modelType: whole.modelType },
    );
  }
  checkFields(whole, kinds, file);
  return whole;
}

/** Throws unless attention's heads divide the hidden size. */
export function checkHeads(hiddenSize: number, heads: number, file: string): void {
  if (hiddenSize % heads === 0) return;
  throw new CheckpointError(
    `${file}: a hidden size of ${hiddenSize} does not divide into ${heads} heads of attention.`,
    {
      file,
      hiddenSize,
      heads,
    },
  );
}

function labelsOf(given: Partial<LabelConfig>, file: string): LabelConfig {
  const { numLabels, id2label, problemType } = given;
  const names = id2label ?? numbered(numLabels ?? 2);
  const size = Object.keys(names).length;
  if (numLabels !== undefined && numLabels !== size) {
    throw new CheckpointError(`${file}: ${numLabels} labels, but id2label names ${size}. Leave one of them out.`, {
      file,
      numLabels,
      id2label,
    });
  }
  if (size === 0) throw new CheckpointError(`${file}: it has no labels.`, { file });
  const label2id =
    given.label2id ?? Object.fromEntries(Object.entries(names).map(([id, label]) => [label, Number(id)]));
  return { numLabels: size, id2label: names, label2id, ...(problemType === undefined ? {} : { problemType }) };
}

function numbered(numLabels: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: numLabels }, (_, i) => [String(i), `LABEL_${i}`]));
}
