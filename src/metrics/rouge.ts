// ROUGE: how much of a reference summary a prediction covers, in words (1), pairs of words (2) and longest common
// subsequences (L, and Lsum for texts of several lines). The rules are those of Google's `rouge-score`, which papers
// quote, without its stemmer: https://github.com/google-research/google-research/tree/master/rouge

import { ArgumentError } from "../base/errors.ts";

/** Overlap divided by the prediction's size, by the reference's size, and their harmonic mean; each in 0..1. */
export interface RougeValue {
  readonly precision: number;
  readonly recall: number;
  readonly fmeasure: number;
}

export interface RougeScores {
  readonly rouge1: RougeValue;
  readonly rouge2: RougeValue;
  readonly rougeL: RougeValue;
  readonly rougeLsum: RougeValue;
}

/** The plain mean of `rougeScore` over all pairs. */
export function rouge(predictions: readonly string[], references: readonly string[]): RougeScores {
  if (predictions.length !== references.length || predictions.length === 0) {
    throw new ArgumentError(
      `rouge: got ${predictions.length} predictions and ${references.length} references, ` +
        "wants one reference for each prediction and at least one pair.",
      { predictions: predictions.length, references: references.length },
    );
  }
  const scores = predictions.map((prediction, i) => rougeScore(prediction, references[i] ?? ""));
  const mean = (kind: keyof RougeScores): RougeValue => ({
    precision: scores.reduce((sum, s) => sum + s[kind].precision, 0) / scores.length,
    recall: scores.reduce((sum, s) => sum + s[kind].recall, 0) / scores.length,
    fmeasure: scores.reduce((sum, s) => sum + s[kind].fmeasure, 0) / scores.length,
  });
  return { rouge1: mean("rouge1"), rouge2: mean("rouge2"), rougeL: mean("rougeL"), rougeLsum: mean("rougeLsum") };
}

/** One pair. Two texts that share no word, or of which one has no word at all, score 0. */
export function rougeScore(prediction: string, reference: string): RougeScores {
  const [p, r] = [words(prediction), words(reference)];
  return {
    rouge1: ngramScore(p, r, 1),
    rouge2: ngramScore(p, r, 2),
    rougeL: score(commonIndices(r, p).length, p.length, r.length),
    rougeLsum: summaryScore(lines(prediction), lines(reference)),
  };
}

/** Lower-case runs of ASCII letters and digits; every other character separates. */
function words(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

function lines(text: string): string[][] {
  return text.split("\n").map(words);
}

function score(overlap: number, predicted: number, wanted: number): RougeValue {
  const precision = overlap / Math.max(predicted, 1);
  const recall = overlap / Math.max(wanted, 1);
  return { precision, recall, fmeasure: overlap === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

function counts(items: Iterable<string>): Map<string, number> {
  const count = new Map<string, number>();
  for (const item of items) count.set(item, (count.get(item) ?? 0) + 1);
  return count;
}

function ngrams(tokens: readonly string[], n: number): string[] {
  return tokens.slice(n - 1).map((_, i) => tokens.slice(i, i + n).join(" "));
}

/** An n-gram counts as often as both texts have it. */
function ngramScore(prediction: readonly string[], reference: readonly string[], n: number): RougeValue {
  const [p, r] = [ngrams(prediction, n), ngrams(reference, n)];
  const predicted = counts(p);
  let overlap = 0;
  for (const [ngram, wanted] of counts(r)) overlap += Math.min(wanted, predicted.get(ngram) ?? 0);
  return score(overlap, p.length, r.length);
}

/**
 * Lsum: each reference line takes the union of what it has in common with every predicted line, and no word counts more
 * often than each text has it.
 */
function summaryScore(prediction: readonly string[][], reference: readonly string[][]): RougeValue {
  const [unusedP, unusedR] = [counts(prediction.flat()), counts(reference.flat())];
  let hits = 0;
  for (const line of reference) {
    const union = new Set(prediction.flatMap((predicted) => commonIndices(line, predicted)));
    for (const i of union) {
      const word = line[i] ?? "";
      const [leftP, leftR] = [unusedP.get(word) ?? 0, unusedR.get(word) ?? 0];
      if (leftP === 0 || leftR === 0) continue;
      hits++;
      unusedP.set(word, leftP - 1);
      unusedR.set(word, leftR - 1);
    }
  }
  return score(hits, prediction.flat().length, reference.flat().length);
}

/**
 * The places in `reference` of one longest subsequence that it shares with `prediction`. Which of several equally long
 * ones decides Lsum, so the walk back prefers what rouge-score prefers: a step up in the reference.
 */
function commonIndices(reference: readonly string[], prediction: readonly string[]): number[] {
  const [R, P] = [reference.length, prediction.length];
  const stride = P + 1;
  const longest = new Int32Array((R + 1) * stride); // [i, j]: of the first i and j words
  const at = (i: number, j: number): number => longest[i * stride + j] ?? 0;
  for (let i = 1; i <= R; i++) {
    for (let j = 1; j <= P; j++) {
      longest[i * stride + j] =
        reference[i - 1] === prediction[j - 1] ? at(i - 1, j - 1) + 1 : Math.max(at(i - 1, j), at(i, j - 1));
    }
  }
  const indices: number[] = [];
  let [i, j] = [R, P];
  while (i > 0 && j > 0) {
    if (reference[i - 1] === prediction[j - 1]) {
      indices.push(i - 1);
      i--;
      j--;
    } else if (at(i, j - 1) > at(i - 1, j)) j--;
    else i--;
  }
  return indices.reverse();
}
