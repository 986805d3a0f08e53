// How well scores put the rows that count before those that do not: the area under the ROC curve, and average precision.
// The rules are scikit-learn's `roc_auc_score` and `average_precision_score`; equal scores are one step.

import { ArgumentError } from "../base/errors.ts";
import { checkPairs } from "./counts.ts";

export interface RocAucOptions {
  /** Of several classes: each against the rest ("ovr") or every pair ("ovo"). Default "ovr". */
  readonly multiClass?: "ovr" | "ovo";
  /** Over classes: the plain mean, or by how often each is wanted. Default "macro". */
  readonly average?: "macro" | "weighted";
}

/**
 * The chance that a row of the class has a higher score than one without it. `scores`: one number a row with references of 0
 * and 1; or a row of probabilities with the number of the class as reference, or with 0 and 1 for each class.
 */
export function rocAuc(
  scores: readonly number[] | readonly (readonly number[])[],
  references: readonly number[] | readonly (readonly number[])[],
  { multiClass = "ovr", average = "macro" }: RocAucOptions = {},
): number {
  checkPairs("rocAuc", scores, references);
  if (!isRows(scores)) return binaryAuc(scores, flat(references, "rocAuc"));
  const classes = scores[0]!.length;
  const column = (c: number): number[] => scores.map((row) => row[c]!);
  if (isRows(references)) {
    const flags = (c: number): number[] => references.map((row) => row[c]!);
    return mean(
      Array.from({ length: classes }, (_, c) => binaryAuc(column(c), flags(c))),
      Array.from({ length: classes }, (_, c) => (average === "macro" ? 1 : sum(flags(c)))),
    );
  }
  const wanted = references;
  const share = (c: number): number => wanted.filter((label) => label === c).length;
  if (multiClass === "ovo") return pairsAuc(scores, wanted, average);
  return mean(
    Array.from({ length: classes }, (_, c) =>
      binaryAuc(
        column(c),
        wanted.map((label) => Number(label === c)),
      ),
    ),
    Array.from({ length: classes }, (_, c) => (average === "macro" ? 1 : share(c))),
  );
}

/** Of each pair of classes among its own rows only, both ways. */
function pairsAuc(
  scores: readonly (readonly number[])[],
  wanted: readonly number[],
  average: "macro" | "weighted",
): number {
  const classes = scores[0]!.length;
  const [values, weights]: [number[], number[]] = [[], []];
  for (let a = 0; a < classes; a++) {
    for (let b = a + 1; b < classes; b++) {
      const rows = wanted.flatMap((label, i) => (label === a || label === b ? [i] : []));
      const one = (c: number): number =>
        binaryAuc(
          rows.map((i) => scores[i]![c]!),
          rows.map((i) => Number(wanted[i] === c)),
        );
      values.push((one(a) + one(b)) / 2);
      weights.push(average === "macro" ? 1 : rows.length);
    }
  }
  return mean(values, weights);
}

/** By ranks (Mann and Whitney): equal scores share the mean of their ranks. */
function binaryAuc(scores: readonly number[], references: readonly number[]): number {
  const positives = sum(references);
  const negatives = references.length - positives;
  if (positives === 0 || negatives === 0)
    throw new ArgumentError(`rocAuc: of ${references.length} references ${positives} are 1; wants both 0 and 1.`, {
      positives,
      negatives,
    });
  const rank = ranks(scores);
  const rankSum = references.reduce((total, flag, i) => total + (flag === 1 ? rank[i]! : 0), 0);
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** From 1 upward by size; equal values share the mean of their ranks. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const rank = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let k = start; k < end; k++) rank[order[k]!] = (start + 1 + end) / 2;
    start = end;
  }
  return rank;
}

/** The precision at each row that counts, averaged: Σ (recall gained) · precision over falling scores. */
export function averagePrecision(scores: readonly number[], references: readonly number[]): number {
  checkPairs("averagePrecision", scores, references);
  const flags = flat(references, "averagePrecision");
  const positives = sum(flags);
  if (positives === 0) return 0;
  const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  let [found, total] = [0, 0];
  for (let start = 0; start < order.length; ) {
    let [end, gained] = [start, 0];
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) gained += flags[order[end++]!]!;
    found += gained;
    total += (gained / positives) * (found / end);
    start = end;
  }
  return total;
}

function flat(references: readonly number[] | readonly (readonly number[])[], name: string): readonly number[] {
  const wrong = references.findIndex((flag) => flag !== 0 && flag !== 1);
  if (wrong === -1) return references as readonly number[]; // each is 0 or 1
  throw new ArgumentError(`${name}: reference ${wrong} is ${references[wrong]}; wants 0 or 1 for one score a row.`, {
    row: wrong,
  });
}

function isRows(values: readonly number[] | readonly (readonly number[])[]): values is readonly (readonly number[])[] {
  return typeof values[0] === "object";
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function mean(values: readonly number[], weights: readonly number[]): number {
  return values.reduce((total, value, i) => total + value * weights[i]!, 0) / sum(weights);
}
