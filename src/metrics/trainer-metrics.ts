// Metrics as a Trainer's `computeMetrics`: from the logits and labels of all rows to numbers by name.

import { argmax } from "../base/argmax.ts";
import { ArgumentError } from "../base/errors.ts";
import { accuracy, type PrecisionRecallOptions, precisionRecallFscore } from "./classification.ts";
import { averagePrecision, rocAuc } from "./ranking.ts";
import { meanAbsoluteError, meanSquaredError, pearson, spearman } from "./regression.ts";
import { type SeqevalOptions, seqeval } from "./seqeval.ts";

/** What a Trainer hands over; each row's values as deep as its tensor had dimensions. */
export interface Measured {
  readonly predictions: readonly unknown[];
  readonly labelIds: readonly unknown[];
}
export type ComputedMetrics = (measured: Measured) => Record<string, number>;

const ignored = -100;

/**
 * Accuracy, precision, recall and F1 of one class a row, from logits or, where `preprocessLogitsForMetrics` has chosen, from classes.
 * `average`: "macro" unless told; "binary" looks at class 1. From logits of two classes also `rocAuc`, where both occur.
 */
export function classificationMetrics(
  options: Pick<PrecisionRecallOptions, "average" | "posLabel"> = {},
): ComputedMetrics {
  return ({ predictions, labelIds }) => {
    const rows = predictions.map((row, i) => logitsOrClass(row, "classificationMetrics", i));
    const classes = rows.map((row) => (typeof row === "number" ? row : argmax(row)));
    const wanted = labelIds.map((label, i) => number(label, "classificationMetrics", i));
    const { precision, recall, fscore } = precisionRecallFscore(classes, wanted, { average: "macro", ...options });
    const margins = rows.flatMap((row) => (typeof row !== "number" && row.length === 2 ? [row[1]! - row[0]!] : []));
    const both = new Set(wanted).size === 2 && margins.length === rows.length;
    return {
      accuracy: accuracy(classes, wanted),
      precision,
      recall,
      f1: fscore,
      ...(both && { rocAuc: rocAuc(margins, wanted) }),
    };
  };
}

/** Several classes a row: a class applies where its probability reaches `threshold` (default 0.5). */
export function multiLabelMetrics({ threshold = 0.5 }: { readonly threshold?: number } = {}): ComputedMetrics {
  const least = Math.log(threshold / (1 - threshold)); // the logit of that probability
  return ({ predictions, labelIds }) => {
    const logits = predictions.map((row, i) => numbers(row, "multiLabelMetrics", i));
    const made = logits.map((row) => row.map((logit) => Number(logit >= least)));
    const wanted = labelIds.map((row, i) => numbers(row, "multiLabelMetrics", i));
    const micro = precisionRecallFscore(made, wanted, { average: "micro" });
    const macro = precisionRecallFscore(made, wanted, { average: "macro" });
    return {
      accuracy: accuracy(made, wanted),
      precision: micro.precision,
      recall: micro.recall,
      f1: micro.fscore,
      f1Macro: macro.fscore,
      averagePrecision: averagePrecision(logits.flat(), wanted.flat()),
    };
  };
}

/** Of one number a row. */
export function regressionMetrics(): ComputedMetrics {
  return ({ predictions, labelIds }) => {
    const made = predictions.map((row, i) => number(row, "regressionMetrics", i));
    const wanted = labelIds.map((label, i) => number(label, "regressionMetrics", i));
    return {
      mse: meanSquaredError(made, wanted),
      mae: meanAbsoluteError(made, wanted),
      pearson: pearson(made, wanted),
      spearman: spearman(made, wanted),
    };
  };
}

/** Entities of tagged tokens; `names` are the tags by number. Tokens labelled −100 are left out. */
export function seqevalMetrics(names: readonly string[], options: SeqevalOptions = {}): ComputedMetrics {
  const name = (id: number): string => {
    const tag = names[id];
    if (tag === undefined)
      throw new ArgumentError(`seqevalMetrics: label ${id} has no name; there are ${names.length}.`, { id });
    return tag;
  };
  return ({ predictions, labelIds }) => {
    const kept = labelIds.map((row, i) => numbers(row, "seqevalMetrics", i));
    const wanted = kept.map((row) => row.filter((id) => id !== ignored).map(name));
    const made = predictions.map((row, i) => {
      const tokens = row as readonly unknown[]; // logits of each token
      return kept[i]!.flatMap((id, t) => (id === ignored ? [] : [name(tagOf(tokens[t], i))]));
    });
    const { micro, accuracy: share } = seqeval(made, wanted, options);
    return { precision: micro.precision, recall: micro.recall, f1: micro.fscore, accuracy: share };
  };
}

/** The share of labelled tokens whose likeliest token is the label: masked language modelling. */
export function tokenAccuracy(): ComputedMetrics {
  return ({ predictions, labelIds }) => {
    let [right, all] = [0, 0];
    labelIds.forEach((row, i) => {
      numbers(row, "tokenAccuracy", i).forEach((label, t) => {
        if (label === ignored) return;
        all++;
        right += Number(tagOf((predictions[i] as readonly unknown[])[t], i) === label); // a list, as its labels are
      });
    });
    return { accuracy: all === 0 ? 0 : right / all };
  };
}

/** What a mean loss of natural logarithms a token says: among how many equally likely tokens the model wavers. */
export function perplexity(meanLoss: number): number {
  return Math.exp(meanLoss);
}

/** A token's prediction: its logits, or the number already chosen by `preprocessLogitsForMetrics`. */
function tagOf(token: unknown, row: number): number {
  return typeof token === "number" ? token : argmax(numbers(token, "metrics", row));
}

/** A row of logits, or the class that was already chosen. */
function logitsOrClass(row: unknown, name: string, i: number): number | number[] {
  if (typeof row !== "number") return numbers(row, name, i);
  if (Number.isInteger(row) && row >= 0) return row;
  throw new ArgumentError(`${name}: row ${i} is ${row}; wants logits, or the number of a class.`, { row: i });
}

function numbers(row: unknown, name: string, i: number): number[] {
  const isNumbers = Array.isArray(row) && row.every((value) => typeof value === "number" || typeof value === "boolean");
  if (isNumbers) return (row as (number | boolean)[]).map(Number);
  throw new ArgumentError(`${name}: row ${i} is ${describe(row)}; wants a list of numbers.`, { row: i });
}

function number(value: unknown, name: string, i: number): number {
  const single: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof single === "number") return single;
  throw new ArgumentError(`${name}: row ${i} is ${describe(value)}; wants one number.`, { row: i });
}

function describe(value: unknown): string {
  return Array.isArray(value) ? `a list of ${value.length}` : typeof value;
}
