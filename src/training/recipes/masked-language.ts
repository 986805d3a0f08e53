// Rows for masked language modelling: texts as pieces of equal length, and a masking for evaluation that is always the same.

import { ArgumentError } from "../../base/errors.ts";
import {
  DataCollatorForLanguageModeling,
  DataCollatorForTokenClassification,
  type LanguageModelingOptions,
} from "../../data/collators.ts";
import type { Row } from "../../text/batch.ts";
import type { PreTrainedTokenizer } from "../../text/pretrained-tokenizer.ts";
import type { Batch } from "../step.ts";

export interface GroupOptions {
  /** Tokens of a row. Default: the tokenizer's own limit, at most 1024. */
  readonly maxLength?: number | undefined;
  /** A row for each text, cut to `maxLength`, in place of all texts one after another cut into rows of that length. */
  readonly lineByLine?: boolean;
  /** Leave out the last row, which is shorter, as Hugging Face's run_mlm does. Default: it is kept. */
  readonly dropLast?: boolean;
}

/** Texts as rows of `maxLength` tokens, the last one shorter; texts of nothing but spaces are left out. With `specialTokensMask` and `wordIds`, as collators want them. */
export function groupTexts(
  texts: readonly string[],
  tokenizer: PreTrainedTokenizer,
  options: GroupOptions = {},
): Row[] {
  const { maxLength = Math.min(tokenizer.modelMaxLength, 1024), lineByLine = false, dropLast = false } = options;
  if (!Number.isInteger(maxLength) || maxLength < 3)
    throw new ArgumentError(`groupTexts: maxLength is ${maxLength}; it is a whole number of at least 3.`, {
      maxLength,
    });
  const kept = texts.filter((text) => text.trim() !== "");
  if (kept.length === 0) throw new ArgumentError("groupTexts: there is no text.", {});
  const columns = { returnSpecialTokensMask: true, returnWordIds: true, returnTokenTypeIds: false } as const;
  const rows = kept.map((text) =>
    tokenizer(text, { ...columns, ...(lineByLine ? { truncation: true, maxLength } : { truncation: false }) }),
  );
  if (lineByLine) return rows;
  const all = { inputIds: [] as number[], special: [] as number[], words: [] as (number | null)[] };
  for (const { inputIds, specialTokensMask = [], wordIds = [] } of rows) {
    for (let t = 0; t < inputIds.length; t++) {
      all.inputIds.push(inputIds[t]!);
      all.special.push(specialTokensMask[t]!);
      all.words.push(wordIds[t]!);
    }
  }
  const whole = dropLast ? Math.floor : Math.ceil;
  return Array.from({ length: whole(all.inputIds.length / maxLength) }, (_, i) => {
    const part = <T>(column: readonly T[]): T[] => column.slice(i * maxLength, (i + 1) * maxLength);
    const inputIds = part(all.inputIds);
    return {
      inputIds,
      attentionMask: inputIds.map(() => 1),
      specialTokensMask: part(all.special),
      wordIds: part(all.words),
    };
  });
}

/** A row whose masked tokens are chosen already. */
export interface MaskedFeature {
  readonly inputIds: readonly number[];
  readonly attentionMask: readonly number[];
  readonly labels: readonly number[];
}

/** Rows masked once, by a seed of their own, so that every evaluation asks for the same words. */
export function maskRows(
  rows: readonly Row[],
  options: Omit<LanguageModelingOptions, "mlm" | "seed"> & { readonly seed?: number },
): MaskedFeature[] {
  const mask = DataCollatorForLanguageModeling({ seed: 42, ...options });
  return rows.map((row) => {
    const batch = mask([row]);
    const [inputIds, labels] = [batch["inputIds"]!, batch["labels"]!].map((t) => (t.tolist() as number[][])[0]!) as [
      number[],
      number[],
    ]; // one row each
    for (const t of Object.values(batch)) t.dispose();
    return { inputIds, attentionMask: row.attentionMask, labels };
  });
}

/** Masks rows that are not masked yet, anew each time; pads those of `maskRows`. */
export function maskedLanguageCollator(
  options: Omit<LanguageModelingOptions, "mlm">,
): (rows: readonly (Row | MaskedFeature)[]) => Batch {
  const [mask, pad] = [DataCollatorForLanguageModeling(options), DataCollatorForTokenClassification(options)];
  return (rows) => (rows.every((row) => "labels" in row) ? pad(rows) : mask(rows));
}
