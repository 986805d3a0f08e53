// Rows for classifiers of texts: one class a text, several at once, or numbers.
//
//   const labels = classificationLabels(rows);                            { problemType, numLabels, id2label, label2id }
//   const model = await AutoModelForSequenceClassification.fromPretrained("…", labels);
//   const trainDataset = tokenizeClassification(rows, tokenizer, labels);
//   new Trainer({ model, tokenizer, trainDataset, dataCollator: classificationCollator(tokenizer, labels), … })

import { ArgumentError } from "../../base/errors.ts";
import { DataCollatorWithPadding } from "../../data/collators.ts";
import type { LabelConfig, ProblemType } from "../../models/encoder-config.ts";
import { fromArray } from "../../tensor/create.ts";
import type { Row } from "../../text/batch.ts";
import type { PreTrainedTokenizer } from "../../text/pretrained-tokenizer.ts";
import type { Batch } from "../step.ts";
import { labelId, labelMap } from "./labels.ts";

/** A text, or two that are read together, with its label: a class, the classes that apply, or a number. */
export interface ClassificationRow {
  readonly text: string;
  readonly textPair?: string | undefined;
  readonly label: string | number | readonly (string | number)[];
}

export interface ClassificationLabels extends LabelConfig {
  readonly problemType: ProblemType;
}

/**
 * What kind of problem the rows are, and their classes in order. Lists of labels are several at once; numbers with a fraction are
 * regression; whole numbers are classes, as Hugging Face takes them, unless `problemType` says otherwise. Throws ArgumentError for
 * rows that do not go together.
 */
export function classificationLabels(
  rows: readonly ClassificationRow[],
  options: { readonly problemType?: ProblemType | undefined } = {},
): ClassificationLabels {
  const { problemType = problemOf(rows) } = options;
  rows.forEach((row, i) => checkLabel(row.label, problemType, i));
  if (problemType === "regression") return { problemType, ...labelMap(["LABEL_0"]) };
  const all = new Set(rows.flatMap(({ label }) => label as string | number | (string | number)[])); // each kind is a class or a list
  const names = [...all].every((label) => typeof label === "number")
    ? [...all].sort((a, b) => Number(a) - Number(b)).map(String)
    : [...all].map(String).sort();
  if (problemType === "single_label_classification" && names.length < 2)
    throw new ArgumentError(
      `classificationLabels: all rows have the label "${names[0]}"; there are no classes to tell.`,
      {
        names,
      },
    );
  return { problemType, ...labelMap([...new Set(names)]) };
}

function problemOf(rows: readonly ClassificationRow[]): ProblemType {
  if (rows.length === 0) throw new ArgumentError("classificationLabels: there are no rows.", {});
  if (Array.isArray(rows[0]!.label)) return "multi_label_classification";
  const areNumbers = rows.every(({ label }) => typeof label === "number");
  return areNumbers && rows.some(({ label }) => !Number.isInteger(label))
    ? "regression"
    : "single_label_classification";
}

function checkLabel(label: ClassificationRow["label"], problem: ProblemType, row: number): void {
  const wanted = {
    regression: "a finite number",
    single_label_classification: "one label",
    multi_label_classification: "a list of labels",
  }[problem];
  const isList = Array.isArray(label);
  const isOne = typeof label === "string" ? label !== "" : Number.isFinite(label);
  const fits =
    problem === "multi_label_classification"
      ? isList
      : problem === "regression"
        ? typeof label === "number" && isOne
        : !isList && isOne;
  if (fits) return;
  const got = label === undefined || label === null || label === "" ? "no label" : JSON.stringify(label);
  throw new ArgumentError(`row ${row}: it has ${got}; for ${problem} it is ${wanted}.`, { row, label });
}

/** A tokenized row; `labels` is a class, a number, or 0 and 1 for each class. */
export interface ClassificationFeature extends Row {
  readonly labels: number | readonly number[];
}

/** Texts cut to `maxLength` (the tokenizer's own if left out). Throws ArgumentError for an empty text or a label the model has not. */
export function tokenizeClassification(
  rows: readonly ClassificationRow[],
  tokenizer: PreTrainedTokenizer,
  labels: ClassificationLabels,
  options: { readonly maxLength?: number | undefined } = {},
): ClassificationFeature[] {
  const { maxLength } = options;
  return rows.map(({ text, textPair, label }, i) => {
    if (typeof text !== "string" || text.trim() === "")
      throw new ArgumentError(`row ${i}: its text is empty. Give it one, or leave the row out.`, { row: i });
    checkLabel(label, labels.problemType, i);
    const encoded = tokenizer(text, {
      truncation: true,
      ...(maxLength !== undefined && { maxLength }),
      ...(textPair !== undefined && { textPair }),
    });
    return { ...encoded, labels: target(label, labels, i) };
  });
}

function target(label: ClassificationRow["label"], labels: ClassificationLabels, i: number): number | number[] {
  if (labels.problemType === "regression") return label as number; // as checked
  const id = (name: unknown): number => labelId(labels, String(name), `row ${i}`);
  if (labels.problemType === "single_label_classification") return id(label);
  const ids = new Set((label as readonly (string | number)[]).map(id)); // as checked
  return Array.from({ length: labels.numLabels }, (_, c) => Number(ids.has(c)));
}

/** Batches with labels of the type that the loss wants: classes as whole numbers `[B]`, the others as float32 `[B]` or `[B, C]`. */
export function classificationCollator(
  tokenizer: PreTrainedTokenizer,
  { problemType }: Pick<ClassificationLabels, "problemType">,
): (rows: readonly ClassificationFeature[]) => Batch {
  const pad = DataCollatorWithPadding({ tokenizer });
  return (rows) => {
    const targets = rows.map(({ labels }) => labels);
    const C = Array.isArray(targets[0]) ? [targets[0].length] : [];
    const dtype = problemType === "single_label_classification" ? "int32" : "float32";
    const labels = fromArray(targets.flat(), [rows.length, ...C], { dtype });
    return { ...pad(rows.map(({ labels: _, ...row }) => row)), labels };
  };
}
