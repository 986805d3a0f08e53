// Sentence embeddings on the command line: pairs, contrast, and how well partners are found.

import { AutoModel } from "../../models/auto.ts";
import { PeftModel } from "../../peft/peft-model.ts";
import { evaluatePairs, type SentencePair, SentenceTransformerTrainer } from "../../pipelines/sentence-training.ts";
import { SentenceTransformer } from "../../pipelines/sentence-transformer.ts";
import { type AnyEncoder, type AnyRecipe, anyRecipe, figureLines } from "./recipe.ts";
import { readPlaced, textOf } from "./rows.ts";

export const recipe: AnyRecipe = anyRecipe<SentencePair>({
  auto: AutoModel,
  loraTask: "FEATURE_EXTRACTION",
  best: "loss",
  read: async (file) =>
    (await readPlaced(file)).map((placed) => ({
      anchor: textOf(placed, "anchor"),
      positive: textOf(placed, "positive"),
      ...(placed.row["negative"] !== undefined && { negative: textOf(placed, "negative") }),
    })),
  texts: (rows) =>
    rows.flatMap(({ anchor, positive, negative }) => [anchor, positive, ...(negative ? [negative] : [])]),
  features: (rows) => rows,
  trainer: ({ model, trainDataset, evalDataset, ...parts }, { tokenizer, flags }) => {
    const adapter = model instanceof PeftModel ? model : undefined;
    const inner = (adapter?.model ?? model) as AnyEncoder; // of AutoModel
    const sentences = new SentenceTransformer({ model: inner, tokenizer, maxSeqLength: flags.maxLength });
    const trainer: unknown = new SentenceTransformerTrainer({
      ...parts,
      sentences,
      ...(adapter && { adapter }),
      ...(trainDataset && { trainDataset: trainDataset as readonly SentencePair[] }), // rows are the features
      ...(evalDataset && { evalDataset: evalDataset as readonly SentencePair[] }),
      ...(flags.scale !== undefined && { scale: flags.scale }),
    });
    return trainer as ReturnType<AnyRecipe["trainer"]>; // of features that it makes itself
  },
  report: async (trainer, { rows }, { flags }) => {
    const { sentences } = trainer as unknown as SentenceTransformerTrainer; // made above
    const figures = { ...(await evaluatePairs(sentences, rows, { batchSize: flags.batchSize })) };
    return { figures, text: figureLines(figures) };
  },
});
