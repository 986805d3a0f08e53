// Tagging on the command line: words with tags, texts with marked spans, or CoNLL files.

import { DataError } from "../../base/errors.ts";
import { DataCollatorForTokenClassification } from "../../data/collators.ts";
import { seqeval } from "../../metrics/seqeval.ts";
import { seqevalMetrics } from "../../metrics/trainer-metrics.ts";
import { AutoModelForTokenClassification } from "../../models/auto.ts";
import { trainWordPieceTokenizer } from "../../text/train-tokenizer.ts";
import { fittingLabels, labelId, labelNames, labelsOfHead } from "../../training/recipes/labels.ts";
import {
  type MarkedSpan,
  parseConll,
  type TaggedRow,
  tagNames,
  tagSpans,
  tokenizeAndAlignLabels,
} from "../../training/recipes/token-classification.ts";
import { Trainer } from "../../training/trainer.ts";
import { readWhole } from "../texts.ts";
import { type AnyRecipe, anyRecipe, figureLines, plainFigures } from "./recipe.ts";
import { type PlacedRow, readPlaced, textOf } from "./rows.ts";

type Placed = TaggedRow & { readonly place: string };

export const recipe: AnyRecipe = anyRecipe<Placed>({
  auto: AutoModelForTokenClassification,
  head: "ForTokenClassification",
  loraTask: "TOKEN_CLS",
  best: "loss",
  read: async (file) => {
    if (/\.(conll\w*|txt|iob2?|bio)$/i.test(file))
      return parseConll(await readWhole(file), { file }).map((row, i) => ({ ...row, place: `${file}, sentence ${i}` }));
    return (await readPlaced(file)).map(taggedRow);
  },
  texts: (rows) => rows.map(({ tokens }) => tokens.join(" ")),
  trainTokenizer: trainWordPieceTokenizer,
  labels(train, validation, { ignoreMismatchedSizes = false }, checkpoint) {
    const head = checkpoint === undefined ? undefined : labelsOfHead(checkpoint, "ForTokenClassification");
    const labels = fittingLabels(tagNames(train), head, { ignoreMismatchedSizes });
    for (const { tags, place } of validation) for (const tag of tags) labelId(labels, tag, place);
    return labels;
  },
  features: (rows, { tokenizer, config, flags }) =>
    tokenizeAndAlignLabels(rows, tokenizer, config, {
      maxLength: flags.maxLength,
      labelAllTokens: flags.labelAllTokens === true,
    }),
  trainer: (parts, { tokenizer, config }) =>
    new Trainer<object>({
      ...parts,
      tokenizer,
      dataCollator: DataCollatorForTokenClassification({ tokenizer }),
      preprocessLogitsForMetrics: (logits) => logits.argmax({ dim: -1 }),
      computeMetrics: seqevalMetrics(labelNames(config)),
    }),
  report: async (trainer, { features }, { config }) => {
    const { predictions, labelIds, metrics } = await trainer.predict(features);
    const figures = plainFigures(metrics);
    const names = labelNames(config);
    const kept = labelIds as readonly (readonly number[])[]; // a tag a token
    const tags = (rows: readonly (readonly number[])[]): string[][] =>
      rows.map((row, i) => row.filter((_, t) => (kept[i]![t] ?? -100) !== -100).map((id) => names[id]!));
    const scores = seqeval(tags(predictions as readonly number[][]), tags(kept)); // chosen tags, as preprocessed
    return {
      figures: { ...figures, types: Object.fromEntries(scores.types) },
      text: `${scores.format()}\n\n${figureLines(figures)}`,
    };
  },
});

function taggedRow(placed: PlacedRow): Placed {
  const { place, row } = placed;
  const { tokens, entities } = row;
  const tags = row["tags"] ?? row["ner_tags"] ?? row["labels"];
  if (tokens === undefined) {
    if (!Array.isArray(entities))
      throw new DataError(
        `${place}: wants "tokens" and "tags", or a "text" and its "entities"; its keys are ${Object.keys(row).join(", ")}.`,
        {},
      );
    return { ...tagSpans(textOf(placed, "text"), entities as MarkedSpan[], place), place }; // checked there
  }
  if (tags === undefined)
    throw new DataError(`${place}: has "tokens" but no "tags"; its keys are ${Object.keys(row).join(", ")}.`, {});
  const lists = [tokens, tags];
  if (
    !lists.every(
      (list) => Array.isArray(list) && list.every((one) => typeof one === "string" || typeof one === "number"),
    )
  )
    throw new DataError(`${place}: "tokens" and "tags" are lists of texts.`, {});
  const [words, names] = lists.map((list) => (list as unknown[]).map(String)) as [string[], string[]]; // as checked
  if (words.length !== names.length || words.length === 0)
    throw new DataError(`${place}: it has ${words.length} tokens and ${names.length} tags; each token has one.`, {});
  return { tokens: words, tags: names, place };
}
