// Scores of numbers: errors and correlations.

import { checkPairs } from "./counts.ts";
import { ranks } from "./ranking.ts";

export function meanSquaredError(predictions: readonly number[], references: readonly number[]): number {
  checkPairs("meanSquaredError", predictions, references);
  return mean(predictions.map((value, i) => (value - references[i]!) ** 2));
}

export function meanAbsoluteError(predictions: readonly number[], references: readonly number[]): number {
  checkPairs("meanAbsoluteError", predictions, references);
  return mean(predictions.map((value, i) => Math.abs(value - references[i]!)));
}

/** The linear correlation, −1 to 1; NaN where one side does not vary. */
export function pearson(predictions: readonly number[], references: readonly number[]): number {
  checkPairs("pearson", predictions, references);
  const [x, y] = [centred(predictions), centred(references)];
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}

/** The linear correlation of the ranks; equal values share a rank. */
export function spearman(predictions: readonly number[], references: readonly number[]): number {
  checkPairs("spearman", predictions, references);
  return pearson(ranks(predictions), ranks(references));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function centred(values: readonly number[]): number[] {
  const middle = mean(values);
  return values.map((value) => value - middle);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
