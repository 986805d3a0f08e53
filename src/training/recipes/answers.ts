// From the logits of all windows of a text back to answers: the likeliest spans, and whether the text says anything. As in Hugging Face's
// run_qa, whose names the options have. https://arxiv.org/abs/1806.03822

import type { QuestionFeature, QuestionRow } from "./question-answering.ts";

export interface AnswerOptions {
  /** Starts and ends of each window that are combined, and answers that are kept; default 20. */
  readonly nBest?: number;
  /** Tokens of an answer; default 30. */
  readonly maxAnswerLength?: number;
  /** Whether "", that the context does not say, may be an answer. */
  readonly nullAnswers?: boolean;
  /** "" is given where its score is so much above the best answer's. Default 0. */
  readonly nullScoreDiffThreshold?: number;
  /** The side of the batches' padding; default "right". */
  readonly paddingSide?: "left" | "right";
}

export interface FoundAnswer {
  readonly id: string;
  readonly answer: string;
  /** The sum of the logits of its start and end. */
  readonly score: number;
  /** `context.slice(start, end)`; 0 and 0 of "". */
  readonly start: number;
  readonly end: number;
}

export interface AnswerCandidate {
  readonly text: string;
  readonly score: number;
  /** Its share among the candidates: softmax of the scores. */
  readonly probability: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The best answer to each row out of its windows' logits, `[start logits, end logits]` each, as `trainer.predict(features)` gives them. The score of
 * "" is the lowest that any window gives it. Where no window has an answer that is short enough, "" with a score of −∞.
 */
export function answersOfLogits(
  rows: readonly QuestionRow[],
  features: readonly QuestionFeature[],
  predictions: readonly unknown[],
  options: AnswerOptions = {},
): FoundAnswer[] {
  const { nullAnswers = false, nullScoreDiffThreshold = 0 } = options;
  return nBestAnswers(rows, features, predictions, options).map((candidates, i) => {
    const { id } = rows[i]!;
    const best = candidates.find(({ text }) => text !== "");
    const none = candidates.find(isNone);
    const nothing = { id, answer: "", score: none?.score ?? Number.NEGATIVE_INFINITY, start: 0, end: 0 };
    if (best === undefined) return nothing;
    if (nullAnswers && none !== undefined && none.score - best.score > nullScoreDiffThreshold) return nothing;
    const { text: answer, score, start, end } = best;
    return { id, answer, score, start, end };
  });
}

/** The `nBest` likeliest answers to each row, the likeliest first. With `nullAnswers` "" is among them, at the end at the latest. */
export function nBestAnswers(
  rows: readonly QuestionRow[],
  features: readonly QuestionFeature[],
  predictions: readonly unknown[],
  options: AnswerOptions = {},
): AnswerCandidate[][] {
  const { nullAnswers = false, nBest = 20 } = options;
  const windows = rows.map((): number[] => []);
  features.forEach(({ row }, i) => windows[row]!.push(i));
  return rows.map(({ context }, row) => {
    const found: Candidate[] = [];
    let none: Candidate = { text: "", score: Number.POSITIVE_INFINITY, start: 0, end: 0 };
    for (const i of windows[row]!) {
      const { spans, nullScore } = spansOf(features[i]!, predictions[i], options);
      if (nullScore < none.score) none = { ...none, score: nullScore };
      for (const { start, end, score } of spans) found.push({ text: context.slice(start, end), score, start, end });
    }
    if (nullAnswers && windows[row]!.length > 0) found.push(none);
    const kept = found.sort((a, b) => b.score - a.score).slice(0, nBest);
    if (nullAnswers && windows[row]!.length > 0 && !kept.some(isNone)) kept.push(none);
    return weighed(kept);
  });
}

type Candidate = Omit<AnswerCandidate, "probability">;

const isNone = ({ start, end }: Candidate): boolean => start === 0 && end === 0;

function weighed(candidates: readonly Candidate[]): AnswerCandidate[] {
  const weights = candidates.map(({ score }) => Math.exp(score - candidates[0]!.score));
  const sum = weights.reduce((a, b) => a + b, 0);
  return candidates.map((candidate, i) => ({ ...candidate, probability: weights[i]! / sum }));
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

function spansOf(
  { offsets, noAnswer, inputIds }: QuestionFeature,
  prediction: unknown,
  { nBest = 20, maxAnswerLength = 30, paddingSide = "right" }: AnswerOptions,
): { spans: Span[]; nullScore: number } {
  const [starts, ends] = (prediction as readonly (readonly number[])[]).map((row) =>
    paddingSide === "right" ? row : row.slice(row.length - inputIds.length),
  ) as [readonly number[], readonly number[]]; // of a QuestionAnswering head
  const likeliest = (logits: readonly number[]): number[] =>
    [...offsets.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, nBest);
  const spans: Span[] = [];
  const lasts = likeliest(ends);
  for (const s of likeliest(starts)) {
    for (const e of lasts) {
      const [from, to] = [offsets[s], offsets[e]];
      if (from == null || to == null || e < s || e - s + 1 > maxAnswerLength) continue;
      spans.push({ start: from[0], end: to[1], score: starts[s]! + ends[e]! });
    }
  }
  return { spans, nullScore: starts[noAnswer]! + ends[noAnswer]! };
}
