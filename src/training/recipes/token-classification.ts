// Rows for taggers: words with a tag each, from lists, CoNLL files or marked spans, and their tags on the word pieces.
//
//   const rows = [{ tokens: ["Ada", "went"], tags: ["B-PER", "O"] }, …];
//   const labels = labelMap(tagNames(rows));
//   const trainDataset = tokenizeAndAlignLabels(rows, tokenizer, labels);
//   new Trainer({ …, trainDataset, dataCollator: DataCollatorForTokenClassification({ tokenizer }) })

import { ArgumentError, DataError } from "../../base/errors.ts";
import type { Row } from "../../text/batch.ts";
import type { PreTrainedTokenizer } from "../../text/pretrained-tokenizer.ts";
import { type LabelMap, labelId } from "./labels.ts";

export interface TaggedRow {
  readonly tokens: readonly string[];
  readonly tags: readonly string[];
}

/** A marked part of a text: `text.slice(start, end)`. */
export interface MarkedSpan {
  readonly start: number;
  readonly end: number;
  readonly label: string;
}

/** All tags in order of the alphabet, as Hugging Face's scripts number them. */
export function tagNames(rows: readonly TaggedRow[]): string[] {
  return [...new Set(rows.flatMap(({ tags }) => tags))].sort();
}

/**
 * Sentences of a CoNLL file: a word a line, its tag in the last column or in `column` (from 0), blank lines between sentences. Lines that
 * begin with `-DOCSTART-` are left out. Throws DataError with the line that has no tag; `file` is for the message.
 */
export function parseConll(
  content: string,
  options: { readonly column?: number; readonly file?: string } = {},
): TaggedRow[] {
  const { column, file = "the file" } = options;
  const rows: { tokens: string[]; tags: string[] }[] = [];
  let row: { tokens: string[]; tags: string[] } | undefined;
  content.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === "" || line.startsWith("-DOCSTART-")) {
      row = undefined;
      return;
    }
    const fields = line.trim().split(/\s+/);
    const tag = fields.length < 2 ? undefined : fields.at(column ?? -1);
    if (tag === undefined)
      throw new DataError(`read ${file}, line ${i + 1}: "${line.trim()}" is no word with its tag after a space.`, {
        file,
        line: i + 1,
      });
    if (row === undefined) rows.push((row = { tokens: [], tags: [] }));
    row.tokens.push(fields[0]!);
    row.tags.push(tag);
  });
  if (rows.length === 0) throw new DataError(`read ${file}: the file holds no rows. Is it the right one?`, { file });
  return rows;
}

/**
 * A text with marked spans as words and IOB2 tags. Words are runs of letters and digits, or single other signs; a span's edge also ends a
 * word. Throws ArgumentError for a span outside of the text, without a letter, or over another.
 */
export function tagSpans(text: string, spans: readonly MarkedSpan[], place = "tagSpans"): TaggedRow {
  const ordered = [...spans].sort((a, b) => a.start - b.start);
  ordered.forEach(({ start, end, label }, i) => {
    const inside = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= text.length;
    if (!inside || typeof label !== "string" || label === "")
      throw new ArgumentError(
        `${place}: the entity ${JSON.stringify(ordered[i])} is not { start, end, label } within a text of ${text.length} characters.`,
        { start, end, label },
      );
    if (text.slice(start, end).trim() === "")
      throw new ArgumentError(`${place}: the entity from ${start} to ${end} holds no word.`, { start, end });
    if (start < (ordered[i - 1]?.end ?? 0))
      throw new ArgumentError(`${place}: the entities at ${ordered[i - 1]!.start} and ${start} overlap.`, { start });
  });
  const tokens: string[] = [];
  const tags: string[] = [];
  const cut = (from: number, to: number, label?: string): void => {
    let tag = label === undefined ? "O" : `B-${label}`;
    for (const [word] of text.slice(from, to).matchAll(/[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu)) {
      tokens.push(word);
      tags.push(tag);
      if (label !== undefined) tag = `I-${label}`;
    }
  };
  let at = 0;
  for (const { start, end, label } of ordered) {
    cut(at, start);
    cut(start, end, label);
    at = end;
  }
  cut(at, text.length);
  return { tokens, tags };
}

/** A tokenized row with a label for each token. */
export interface TaggedFeature extends Row {
  readonly labels: readonly number[];
}

export interface AlignOptions {
  /** Longer rows are cut. Default: the tokenizer's own limit. */
  readonly maxLength?: number | undefined;
  /** Every piece of a word learns its tag, "B-" becoming "I-" after the first; otherwise only the first piece does. */
  readonly labelAllTokens?: boolean;
}

/**
 * Words to pieces, tags to the first piece of each word; −100, for which nothing is learnt, on the others and on special tokens. Throws
 * ArgumentError for a row without words, with more or fewer tags than words, or with a tag that the model does not have.
 */
export function tokenizeAndAlignLabels(
  rows: readonly TaggedRow[],
  tokenizer: PreTrainedTokenizer,
  labels: Pick<LabelMap, "label2id">,
  { maxLength, labelAllTokens = false }: AlignOptions = {},
): TaggedFeature[] {
  return rows.map(({ tokens, tags }, i) => {
    if (tokens.length === 0) throw new ArgumentError(`row ${i}: it has no words.`, { row: i });
    if (tokens.length !== tags.length)
      throw new ArgumentError(`row ${i}: it has ${tokens.length} words and ${tags.length} tags.`, { row: i });
    const ids = tags.map((tag) => labelId(labels, tag, `row ${i}`));
    const { wordIds = [], ...row } = tokenizer([...tokens], {
      isSplitIntoWords: true,
      truncation: true,
      returnWordIds: true,
      ...(maxLength !== undefined && { maxLength }),
    });
    const inner = (tag: string, id: number): number => labels.label2id[tag.replace(/^B-/, "I-")] ?? id;
    const aligned = wordIds.map((word, t) => {
      if (word === null) return -100;
      if (wordIds[t - 1] !== word) return ids[word]!;
      return labelAllTokens ? inner(tags[word]!, ids[word]!) : -100;
    });
    return { ...row, labels: aligned };
  });
}
