// ROUGE as a Trainer's `computeMetrics`.

import { ArgumentError } from "../base/errors.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { rouge } from "./rouge.ts";

/** What a Trainer with `predictWithGenerate` measures: ids by row, and their texts if it has a tokenizer. */
export interface GeneratedTexts {
  readonly predictions: readonly unknown[];
  readonly labelIds: readonly unknown[];
  readonly decodedPredictions?: readonly string[];
  readonly decodedLabels?: readonly string[];
}

/** F-measures from 0 to 1 and `genLen`, the mean number of generated tokens. The tokenizer decodes where the Trainer has none. */
export function rougeMetrics(tokenizer?: PreTrainedTokenizer): (generated: GeneratedTexts) => Record<string, number> {
  const decode = (rows: readonly unknown[]): string[] => {
    if (tokenizer === undefined)
      throw new ArgumentError("rougeMetrics: there are no texts; give the Trainer or rougeMetrics a tokenizer.", {});
    return rows.map((row) => tokenizer.decode(idsOf(row), { skipSpecialTokens: true }).trim());
  };
  return ({ predictions, labelIds, decodedPredictions, decodedLabels }) => {
    const scores = rouge(decodedPredictions ?? decode(predictions), decodedLabels ?? decode(labelIds));
    const generated = predictions.reduce((sum: number, row) => sum + idsOf(row).length, 0);
    return {
      rouge1: scores.rouge1.fmeasure,
      rouge2: scores.rouge2.fmeasure,
      rougeL: scores.rougeL.fmeasure,
      rougeLsum: scores.rougeLsum.fmeasure,
      genLen: generated / predictions.length,
    };
  };
}

/** The ids of a row, without the negative ones that stand for no label. */
function idsOf(row: unknown): number[] {
  const isIds = Array.isArray(row) && row.every((id) => typeof id === "number");
  if (!isIds) throw new ArgumentError("rougeMetrics: a prediction is no list of ids; set predictWithGenerate.", {});
  return (row as number[]).filter((id) => id >= 0);
}
