// What scores of classes are made of: for each label how often it was predicted, how often it was right to, and how often it
// was wanted; and the ways to make one number of them. The rules are scikit-learn's `precision_recall_fscore_support`.
// https://scikit-learn.org/stable/modules/model_evaluation.html#precision-recall-and-f-measures

import { ArgumentError } from "../base/errors.ts";

export type Label = string | number | boolean;

export interface LabelCounts {
  /** Predicted and wanted. */
  readonly correct: number;
  readonly predicted: number;
  readonly wanted: number;
}

type Growing = { -readonly [key in keyof LabelCounts]: LabelCounts[key] };

/** Counts by label, each begun at 0 where it is first asked for. */
export class LabelTally<L extends Label> {
  readonly counts: Map<L, Growing> = new Map();

  of(label: L): Growing {
    const known = this.counts.get(label) ?? { correct: 0, predicted: 0, wanted: 0 };
    this.counts.set(label, known);
    return known;
  }
}

export interface Fscore {
  readonly precision: number;
  readonly recall: number;
  /** The harmonic mean of both, recall weighing `beta` times as much. */
  readonly fscore: number;
  /** How often the label is wanted. */
  readonly support: number;
}

export interface FscoreOptions {
  /** Default 1. */
  readonly beta?: number;
  /** What a quotient by 0 is. Default 0. */
  readonly zeroDivision?: 0 | 1;
}

export function fscoreOf({ correct, predicted, wanted }: LabelCounts, options: FscoreOptions = {}): Fscore {
  const { beta = 1, zeroDivision = 0 } = options;
  const ratio = (part: number, whole: number): number => (whole === 0 ? zeroDivision : part / whole);
  const [precision, recall] = [ratio(correct, predicted), ratio(correct, wanted)];
  if (beta === Number.POSITIVE_INFINITY) return { precision, recall, fscore: recall, support: wanted };
  const fscore = ratio((1 + beta ** 2) * correct, beta ** 2 * wanted + predicted);
  return { precision, recall, fscore, support: wanted };
}

/** Over all labels together, so that a frequent label weighs more. */
export function microFscore(counts: readonly LabelCounts[], options?: FscoreOptions): Fscore {
  const sum = (key: keyof LabelCounts): number => counts.reduce((total, count) => total + count[key], 0);
  return fscoreOf({ correct: sum("correct"), predicted: sum("predicted"), wanted: sum("wanted") }, options);
}

/** The plain mean over labels. */
export function macroFscore(counts: readonly LabelCounts[], options?: FscoreOptions): Fscore {
  return meanFscore(
    counts.map((count) => fscoreOf(count, options)),
    counts.map(() => 1),
  );
}

/** The mean over labels, each weighing as often as it is wanted. */
export function weightedFscore(counts: readonly LabelCounts[], options?: FscoreOptions): Fscore {
  return meanFscore(
    counts.map((count) => fscoreOf(count, options)),
    counts.map((count) => count.wanted),
  );
}

export interface Averages {
  readonly micro: Fscore;
  readonly macro: Fscore;
  readonly weighted: Fscore;
}

/** All three ways to make one score of many. */
export function averagesOf(counts: Iterable<LabelCounts>, options?: FscoreOptions): Averages {
  const all = [...counts];
  return {
    micro: microFscore(all, options),
    macro: macroFscore(all, options),
    weighted: weightedFscore(all, options),
  };
}

/** Where nothing has a weight, the plain mean, as in scikit-learn. */
export function meanFscore(scores: readonly Fscore[], weights: readonly number[]): Fscore {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (key: keyof Fscore): number =>
    scores.reduce((sum, score, i) => sum + score[key] * (total === 0 ? 1 : weights[i]!), 0) /
    (total === 0 ? Math.max(scores.length, 1) : total);
  const support = scores.reduce((sum, score) => sum + score.support, 0);
  return { precision: mean("precision"), recall: mean("recall"), fscore: mean("fscore"), support };
}

/** Refuses lists that do not go together, before anything is counted. */
export function checkPairs(name: string, predictions: readonly unknown[], references: readonly unknown[]): void {
  if (predictions.length === references.length && predictions.length > 0) return;
  throw new ArgumentError(
    `${name}: got ${predictions.length} predictions and ${references.length} references, ` +
      "wants one reference for each prediction and at least one pair.",
    { predictions: predictions.length, references: references.length },
  );
}

/** Numbers by size, everything else as text. */
export function sortedLabels(labels: Iterable<Label>): Label[] {
  const order = (a: Label, b: Label): number =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : 1;
  return [...new Set(labels)].sort(order);
}
