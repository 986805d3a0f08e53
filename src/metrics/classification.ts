// Scores of classes: one class a row, or several (rows of 0 and 1, one column a class).

import { ArgumentError } from "../base/errors.ts";
import {
  type Averages,
  averagesOf,
  checkPairs,
  type Fscore,
  type FscoreOptions,
  fscoreOf,
  type Label,
  type LabelCounts,
  LabelTally,
  macroFscore,
  meanFscore,
  microFscore,
  sortedLabels,
  weightedFscore,
} from "./counts.ts";

/** Of one class a row, or of several: 0 or 1 for each class. */
export type ClassRow = Label | readonly (number | boolean)[];

/** "samples", for rows of several classes: the mean over rows. */
export type Average = "binary" | "micro" | "macro" | "weighted" | "samples";

export interface PrecisionRecallOptions extends FscoreOptions {
  /** Default "binary": the scores of `posLabel` alone. */
  readonly average?: Average;
  /** The label that "binary" looks at. Default 1. */
  readonly posLabel?: Label;
  /** The labels that count, in this order. Default: all that occur. Columns for rows of several classes. */
  readonly labels?: readonly Label[];
}

/** The share of rows that are right; of several classes, right in every one. */
export function accuracy(predictions: readonly ClassRow[], references: readonly ClassRow[]): number {
  checkPairs("accuracy", predictions, references);
  const right = predictions.filter((prediction, i) => same(prediction, references[i]!)).length;
  return right / predictions.length;
}

function same(a: ClassRow, b: ClassRow): boolean {
  if (!isRow(a) || !isRow(b)) return a === b;
  return a.length === b.length && a.every((value, i) => Number(value) === Number(b[i]));
}

function isRow(row: ClassRow): row is readonly (number | boolean)[] {
  return typeof row === "object";
}

/** Precision, recall and F of the classes, averaged as wanted. */
export function precisionRecallFscore(
  predictions: readonly ClassRow[],
  references: readonly ClassRow[],
  options: PrecisionRecallOptions = {},
): Fscore {
  checkPairs("precisionRecallFscore", predictions, references);
  const { average = "binary", posLabel = 1 } = options;
  if (average === "samples") return samplesFscore(predictions, references, options);
  const counts = labelCounts(predictions, references, options.labels);
  if (average === "micro") return microFscore([...counts.values()], options);
  if (average === "macro") return macroFscore([...counts.values()], options);
  if (average === "weighted") return weightedFscore([...counts.values()], options);
  return fscoreOf(binaryCount(counts, posLabel), options);
}

/** F1 alone. */
export function f1(
  predictions: readonly ClassRow[],
  references: readonly ClassRow[],
  options: Omit<PrecisionRecallOptions, "beta"> = {},
): number {
  return precisionRecallFscore(predictions, references, options).fscore;
}

function binaryCount(counts: ReadonlyMap<Label, LabelCounts>, posLabel: Label): LabelCounts {
  const count = counts.get(posLabel);
  if (counts.size > 2 || (count === undefined && counts.size > 1)) {
    throw new ArgumentError(
      `precisionRecallFscore: average "binary" wants two labels with ${JSON.stringify(posLabel)} (posLabel) among them, ` +
        `got ${[...counts.keys()].map((label) => JSON.stringify(label)).join(", ")}. ` +
        'Set posLabel, or average to "micro", "macro" or "weighted".',
      { labels: [...counts.keys()], posLabel },
    );
  }
  return count ?? { correct: 0, predicted: 0, wanted: 0 };
}

/** For each label, in order. */
export function labelCounts(
  predictions: readonly ClassRow[],
  references: readonly ClassRow[],
  labels?: readonly Label[],
): Map<Label, LabelCounts> {
  const tally = new LabelTally<Label>();
  predictions.forEach((prediction, i) => {
    const [made, wanted] = [classesOf(prediction, i), classesOf(references[i]!, i)];
    checkRow(prediction, references[i]!, i);
    for (const label of made) tally.of(label).predicted++;
    for (const label of wanted) tally.of(label).wanted++;
    for (const label of made) if (wanted.includes(label)) tally.of(label).correct++;
  });
  const columns = predictions[0];
  const all = columns !== undefined && isRow(columns) ? [...columns.keys()] : sortedLabels(tally.counts.keys());
  return new Map((labels ?? all).map((label) => [label, tally.of(label)]));
}

function classesOf(row: ClassRow, i: number): Label[] {
  if (!isRow(row)) return [row];
  return row.flatMap((value, column) => {
    const flag = Number(value);
    if (flag !== 0 && flag !== 1)
      throw new ArgumentError(`metrics: row ${i} holds ${value} where 0 or 1 says whether class ${column} applies.`, {
        row: i,
        column,
      });
    return flag === 1 ? [column] : [];
  });
}

function checkRow(prediction: ClassRow, reference: ClassRow, i: number): void {
  const widths = [prediction, reference].map((row) => (isRow(row) ? row.length : "one class"));
  if (widths[0] === widths[1]) return;
  throw new ArgumentError(`metrics: row ${i} has ${widths[0]} predictions and ${widths[1]} references of classes.`, {
    row: i,
  });
}

/** Each row's own scores, then their mean. */
function samplesFscore(
  predictions: readonly ClassRow[],
  references: readonly ClassRow[],
  options: PrecisionRecallOptions,
): Fscore {
  const scores = predictions.map((prediction, i) => {
    const reference = references[i]!;
    if (!isRow(prediction))
      throw new ArgumentError('metrics: average "samples" wants rows of 0 and 1, one column a class.', { row: i });
    checkRow(prediction, reference, i);
    const [made, wanted] = [classesOf(prediction, i), classesOf(reference, i)];
    const correct = made.filter((label) => wanted.includes(label)).length;
    return fscoreOf({ correct, predicted: made.length, wanted: wanted.length }, options);
  });
  return meanFscore(
    scores,
    scores.map(() => 1),
  );
}

/** Scores of each label, of all, and the averages; `format()` is a table for terminals and logs. */
export interface ClassificationReport extends Averages {
  readonly labels: ReadonlyMap<Label, Fscore>;
  readonly accuracy: number;
  format(digits?: number): string;
}

/** `names` stand in the table in place of the labels, in their order. */
export function classificationReport(
  predictions: readonly ClassRow[],
  references: readonly ClassRow[],
  options: FscoreOptions & { readonly labels?: readonly Label[]; readonly names?: readonly string[] } = {},
): ClassificationReport {
  checkPairs("classificationReport", predictions, references);
  const counts = labelCounts(predictions, references, options.labels);
  const labels = new Map([...counts].map(([label, count]) => [label, fscoreOf(count, options)]));
  const averages = averagesOf(counts.values(), options);
  const rows: (readonly [string, Fscore])[] = [...labels].map(([label, score], i) => [
    options.names?.[i] ?? String(label),
    score,
  ]);
  for (const [name, score] of Object.entries(averages)) rows.push([`${name} average`, score]);
  return {
    labels,
    accuracy: accuracy(predictions, references),
    ...averages,
    format: (digits = 3) => reportText(rows, digits),
  };
}

/** A line for each row, under a line of heads. */
export function reportText(rows: readonly (readonly [name: string, score: Fscore])[], digits: number): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  const line = (name: string, cells: readonly string[]): string =>
    [name.padEnd(width), ...cells.map((cell) => cell.padStart(9))].join("  ");
  return [
    line("", ["precision", "recall", "f1", "support"]),
    ...rows.map(([name, { precision, recall, fscore, support }]) =>
      line(name, [...[precision, recall, fscore].map((value) => value.toFixed(digits)), String(support)]),
    ),
  ].join("\n");
}

/** Correlation of predictions and references as classes, −1 to 1; 0 where one of them has one class only. */
export function matthewsCorrcoef(predictions: readonly Label[], references: readonly Label[]): number {
  checkPairs("matthewsCorrcoef", predictions, references);
  const counts = [...labelCounts(predictions, references).values()];
  const n = predictions.length;
  const correct = counts.reduce((sum, count) => sum + count.correct, 0);
  const product = (a: "predicted" | "wanted", b: "predicted" | "wanted"): number =>
    counts.reduce((sum, count) => sum + count[a] * count[b], 0);
  const spread = (n * n - product("predicted", "predicted")) * (n * n - product("wanted", "wanted"));
  return spread === 0 ? 0 : (correct * n - product("predicted", "wanted")) / Math.sqrt(spread);
}
