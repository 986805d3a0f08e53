// Training of sentence embeddings by contrast: a text's partner is to be closer to it than the partners of the batch's other texts.
// https://arxiv.org/abs/1705.00652, https://arxiv.org/abs/1807.03748
//
//   loss = mean over i of −log softmax(scale · sim(anchorᵢ, documents))[i]     documents: positives, then negatives
//
//   const sentences = await SentenceTransformer.fromPretrained("…");
//   const trainer = new SentenceTransformerTrainer({ sentences, args, trainDataset: [{ anchor: "…", positive: "…" }, …] });
//   await trainer.train();                       // the folder of a SentenceTransformer is in args.outputDir

import { writeFiles } from "#runtime/training/run-folder";
import { ArgumentError } from "../base/errors.ts";
import { DataCollatorWithPadding } from "../data/collators.ts";
import type { BaseModelOutput, EncoderInputs } from "../models/outputs.ts";
import type { PeftModel } from "../peft/peft-model.ts";
import { arange } from "../tensor/create.ts";
import { crossEntropy } from "../tensor/functional/losses.ts";
import { cat } from "../tensor/indexing.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Row } from "../text/batch.ts";
import type { Batch, ModelOutput } from "../training/step.ts";
import { Trainer, type TrainerOptions } from "../training/trainer.ts";
import { applyModule, pool, type SentenceModule } from "./pooling.ts";
import { type Similarity, semanticSearch, similarities } from "./semantic-search.ts";
import { moduleFolders, sentenceSettings } from "./sentence-folder.ts";
import type { SentenceTransformer } from "./sentence-transformer.ts";

/** Two texts that belong together, and one that does not, if there is one. */
export interface SentencePair {
  readonly anchor: string;
  readonly positive: string;
  readonly negative?: string | undefined;
}

/**
 * How well each anchor `[B, D]` finds its own among the documents `[N, D]`, of which the first B are the positives, in order: the cross
 * entropy over scaled similarities.
 */
export function multipleNegativesRankingLoss(
  anchors: Tensor,
  documents: Tensor,
  options: { readonly scale?: number; readonly similarity?: Similarity } = {},
): Tensor {
  const { scale = 20, similarity = "cosine" } = options;
  const scores = similarities[similarity](anchors, documents).mul(scale); // [B, N]
  return crossEntropy(scores, arange(0, anchors.size(0), 1, { dtype: "int32" }));
}

/** The texts of a row as tokens: anchor, positive and perhaps negative. */
export interface SentenceFeature {
  /** The anchor's, by which the row's length is known. */
  readonly inputIds: readonly number[];
  readonly texts: readonly Row[];
}

export interface SentenceTransformerTrainerOptions
  extends Omit<
    TrainerOptions<SentenceFeature>,
    "model" | "tokenizer" | "dataCollator" | "trainDataset" | "evalDataset" | "computeMetrics"
  > {
  readonly sentences: SentenceTransformer;
  /** Adapters on the model of `sentences`, which alone are trained and saved. */
  readonly adapter?: PeftModel;
  readonly trainDataset?: readonly SentencePair[];
  readonly evalDataset?: readonly SentencePair[];
  /** Similarities are multiplied by it. Default 20. */
  readonly scale?: number;
}

/** A Trainer of pairs, with the other pairs of a batch as what does not belong together. */
export class SentenceTransformerTrainer extends Trainer<SentenceFeature> {
  readonly sentences: SentenceTransformer;
  readonly scale: number;

  constructor({
    sentences,
    adapter,
    trainDataset,
    evalDataset,
    scale = 20,
    ...options
  }: SentenceTransformerTrainerOptions) {
    const pad = DataCollatorWithPadding({ tokenizer: sentences.tokenizer });
    super({
      ...options,
      model: adapter ?? sentences.model,
      tokenizer: sentences.tokenizer,
      ...(trainDataset !== undefined && { trainDataset: pairFeatures(trainDataset, sentences) }),
      ...(evalDataset !== undefined && { evalDataset: pairFeatures(evalDataset, sentences) }),
      dataCollator: (rows) => ({ columns: rows[0]!.texts.map((_, c) => pad(rows.map(({ texts }) => texts[c]!))) }),
    });
    this.sentences = sentences;
    this.scale = scale;
  }

  override computeLoss(_model: unknown, { columns }: Batch): ModelOutput {
    const [anchors, ...documents] = (columns as readonly EncoderInputs[]).map((inputs) =>
      embed(this.sentences, inputs),
    ) as [Tensor, ...Tensor[]]; // as the collator makes them
    const all = documents.length === 1 ? documents[0]! : cat(documents, 0);
    const { similarityFnName: similarity } = this.sentences;
    return { loss: multipleNegativesRankingLoss(anchors, all, { scale: this.scale, similarity }) };
  }

  /** Also writes what makes the folder one of sentence-transformers. */
  override async saveModel(folder: string | undefined = this.args.outputDir): Promise<void> {
    await super.saveModel(folder);
    if (folder !== undefined) await writeSentenceFiles(this.sentences, folder);
  }
}

/** `modules.json` and the like, beside a model that is there. */
export async function writeSentenceFiles(sentences: SentenceTransformer, folder: string): Promise<void> {
  for (const [path, files] of moduleFolders(sentences.modules, sentences.tokenDimension))
    await writeFiles(`${folder}/${path}`, files);
  await writeFiles(folder, sentenceSettings(sentences));
}

/** Vectors `[B, D]` of a batch, that gradients go through. */
function embed(sentences: SentenceTransformer, inputs: EncoderInputs): Tensor {
  const { lastHiddenState } = sentences.model(inputs) as BaseModelOutput; // an encoder without a head
  const [pooling, ...after] = sentences.modules as [
    SentenceModule & { kind: "pooling" },
    ...Exclude<SentenceModule, { kind: "pooling" }>[],
  ]; // as the constructor checked
  return after.reduce(applyModule, pool(lastHiddenState.float(), inputs.attentionMask!, pooling.modes));
}

function pairFeatures(
  pairs: readonly SentencePair[],
  { tokenizer, maxSeqLength }: SentenceTransformer,
): SentenceFeature[] {
  const names =
    pairs[0]?.negative === undefined
      ? (["anchor", "positive"] as const)
      : (["anchor", "positive", "negative"] as const);
  const cut = Number.isFinite(maxSeqLength) ? { truncation: true, maxLength: maxSeqLength } : { truncation: false };
  return pairs.map((pair, i) => {
    if ((pair.negative === undefined) !== (pairs[0]!.negative === undefined))
      throw new ArgumentError(`row ${i}: all rows have a "negative", or none.`, { row: i });
    const texts = names.map((name) => {
      const text = pair[name];
      if (typeof text === "string" && text.trim() !== "") return tokenizer(text, cut);
      throw new ArgumentError(`row ${i}: its "${name}" is ${text === undefined ? "missing" : "no text"}.`, { row: i });
    });
    return { inputIds: texts[0]!.inputIds, texts };
  });
}

// ── how well partners are found ───────────────────────────────────────────────────────────────────────────────────

export interface RetrievalScores {
  /** The share of queries with something relevant among the first 1, 5 and 10. */
  readonly accuracyAt1: number;
  readonly accuracyAt5: number;
  readonly accuracyAt10: number;
  /** The mean of 1 / place of the first relevant one, 0 beyond the tenth. */
  readonly mrrAt10: number;
  /** https://en.wikipedia.org/wiki/Discounted_cumulative_gain */
  readonly ndcgAt10: number;
}

/** Searches for each query `[Q, D]` in the corpus `[N, D]`; `relevant` holds the places in the corpus that are right. */
export function retrievalScores(
  queries: Tensor,
  corpus: Tensor,
  relevant: readonly (readonly number[])[],
  options: { readonly scoreFunction?: Similarity } = {},
): RetrievalScores {
  const hits = semanticSearch(queries, corpus, { ...options, topK: 10 }).map((found, q) =>
    found.map(({ corpus_id: place }) => relevant[q]!.includes(place)),
  );
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  const accuracyAt = (k: number): number => mean(hits.map((found) => Number(found.slice(0, k).includes(true))));
  const gain = (found: readonly boolean[]): number =>
    found.reduce((sum, isHit, i) => sum + (isHit ? 1 / Math.log2(i + 2) : 0), 0);
  return {
    accuracyAt1: accuracyAt(1),
    accuracyAt5: accuracyAt(5),
    accuracyAt10: accuracyAt(10),
    mrrAt10: mean(hits.map((found) => (found.includes(true) ? 1 / (found.indexOf(true) + 1) : 0))),
    ndcgAt10: mean(
      hits.map((found, q) => {
        const best = gain(new Array<boolean>(Math.min(10, relevant[q]!.length)).fill(true));
        return best === 0 ? 0 : gain(found) / best;
      }),
    ),
  };
}

/** Each anchor among all positives of the rows; equal texts count as one. */
export async function evaluatePairs(
  sentences: SentenceTransformer,
  pairs: readonly SentencePair[],
  options: { readonly batchSize?: number } = {},
): Promise<RetrievalScores> {
  const corpus = [...new Set(pairs.map(({ positive }) => positive))];
  const place = new Map(corpus.map((text, i) => [text, i]));
  const anchors = [...new Set(pairs.map(({ anchor }) => anchor))];
  const relevant = new Map(anchors.map((anchor): [string, Set<number>] => [anchor, new Set()]));
  for (const { anchor, positive } of pairs) relevant.get(anchor)!.add(place.get(positive)!);
  const [queries, documents] = [await sentences.encode(anchors, options), await sentences.encode(corpus, options)];
  try {
    return retrievalScores(
      queries,
      documents,
      anchors.map((anchor) => [...relevant.get(anchor)!]),
      {
        scoreFunction: sentences.similarityFnName,
      },
    );
  } finally {
    queries.dispose();
    documents.dispose();
  }
}
