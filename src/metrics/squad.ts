// Answers against the answers people gave: exact match and the F1 of their words, after lower case, without punctuation and
// articles. The rules are SQuAD's own evaluation script, version 2 of which has questions without an answer.
// https://rajpurkar.github.io/SQuAD-explorer

import { checkPairs } from "./counts.ts";

export interface SquadScores {
  /** In percent, as every paper has it. */
  readonly exactMatch: number;
  readonly f1: number;
}

export interface SquadV2Scores extends SquadScores {
  /** Of the questions with an answer, and of those without; absent where there are none. */
  readonly hasAns?: SquadScores & { readonly total: number };
  readonly noAns?: SquadScores & { readonly total: number };
  readonly total: number;
}

/** Each answer against the best of its references. */
export function squad(predictions: readonly string[], references: readonly (readonly string[])[]): SquadScores {
  const { exactMatch, f1 } = squadV2(predictions, references);
  return { exactMatch, f1 };
}

/** The empty text means that there is no answer; a question without references has none. */
export function squadV2(predictions: readonly string[], references: readonly (readonly string[])[]): SquadV2Scores {
  checkPairs("squad", predictions, references);
  const rows = predictions.map((prediction, i) => {
    const answers = references[i]!.filter((answer) => normalizeAnswer(answer) !== "");
    const wanted = answers.length === 0 ? [""] : answers;
    return {
      hasAnswer: answers.length > 0,
      exact: Math.max(...wanted.map((answer) => Number(normalizeAnswer(answer) === normalizeAnswer(prediction)))),
      f1: Math.max(...wanted.map((answer) => answerF1(prediction, answer))),
    };
  });
  const scores = (chosen: typeof rows): SquadScores & { total: number } => ({
    exactMatch: (100 * chosen.reduce((sum, row) => sum + row.exact, 0)) / chosen.length,
    f1: (100 * chosen.reduce((sum, row) => sum + row.f1, 0)) / chosen.length,
    total: chosen.length,
  });
  const [having, lacking] = [rows.filter((row) => row.hasAnswer), rows.filter((row) => !row.hasAnswer)];
  return {
    ...scores(rows),
    ...(having.length > 0 && { hasAns: scores(having) }),
    ...(lacking.length > 0 && { noAns: scores(lacking) }),
  };
}

/** Lower case; no ASCII punctuation, no "a", "an" or "the"; single spaces. */
export function normalizeAnswer(text: string): string {
  const words = text
    .toLowerCase()
    .replace(/[!-/:-@[-`{-~]/g, "")
    .replace(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, " ");
  return words.split(/\s+/u).filter(Boolean).join(" ");
}

/** The harmonic mean of precision and recall of words; where one side has none, 1 if both have none. */
function answerF1(prediction: string, reference: string): number {
  const [made, wanted] = [prediction, reference].map((text) => normalizeAnswer(text).split(" ").filter(Boolean)) as [
    string[],
    string[],
  ]; // two in, two out
  if (made.length === 0 || wanted.length === 0) return Number(made.length === wanted.length);
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of made) {
    const count = left.get(word) ?? 0;
    if (count > 0) common++;
    left.set(word, count - 1);
  }
  return common === 0 ? 0 : (2 * common) / (made.length + wanted.length);
}
