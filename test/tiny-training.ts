// Something small to train: rows of ids whose labels are a row of a table that must be learnt, and two models for them.

import { Generator, manualSeed } from "../src/base/random.ts";
import { Seq2SeqRnn } from "../src/models/rnn-seq2seq.ts";
import { Dropout } from "../src/nn/dropout.ts";
import { Embedding } from "../src/nn/embedding.ts";
import { Linear } from "../src/nn/linear.ts";
import { Module } from "../src/nn/module.ts";
import { crossEntropy } from "../src/tensor/functional/losses.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import type { TrainingArguments } from "../src/training/arguments.ts";
import type { TrainerCallback } from "../src/training/callbacks.ts";
import { Trainer, type TrainerOptions } from "../src/training/trainer.ts";

export interface TinyRow {
  readonly inputIds: readonly number[];
  readonly labels: readonly number[];
}

const V = 20;

/** Each label is its id's neighbour; a third of them is not learnt. Ids from 3 to 19, 1 to 8 of them. */
export function tinyRows(count: number, seed = 5): TinyRow[] {
  const g = new Generator(seed);
  return Array.from({ length: count }, () => {
    const inputIds = Array.from({ length: g.integer(1, 9) }, () => g.integer(3, V));
    return { inputIds, labels: inputIds.map((id, i) => (i % 3 === 2 ? -100 : (id + 1) % V)) };
  });
}

/** Rows to generate for: the first two ids again, and the end. */
export function echoRows(count: number, seed = 6): TinyRow[] {
  return tinyRows(count, seed).map(({ inputIds }) => ({
    inputIds: [...inputIds, 2],
    labels: [...inputIds.slice(0, 2), 2],
  }));
}

interface TinyBatch {
  readonly inputIds: Tensor;
  readonly labels: Tensor;
  readonly labelSmoothing?: number;
}

/** Embedding, dropout and a linear layer: [B, T] to the scores of each position's label. */
export class TinyTagger extends Module<[batch: TinyBatch], { readonly loss: Tensor; readonly logits: Tensor }> {
  readonly embedding: Embedding;
  readonly dropout: Dropout;
  readonly output: Linear;

  constructor(dropout = 0.2, hidden = 8) {
    super();
    this.embedding = new Embedding(V, hidden);
    this.dropout = new Dropout(dropout);
    this.output = new Linear(hidden, V);
  }
  forward({ inputIds, labels, labelSmoothing = 0 }: TinyBatch): { loss: Tensor; logits: Tensor } {
    const logits = this.output(this.dropout(this.embedding(inputIds))); // [B, T, V]
    const loss = crossEntropy(logits.reshape(-1, V), labels.reshape(-1), { labelSmoothing });
    return { loss, logits };
  }
}

/** Initialised from `seed`; whatever the default stream held before is gone. */
export function tinyTagger(seed = 0, dropout = 0.2): TinyTagger {
  manualSeed(seed);
  return new TinyTagger(dropout);
}

export function tinySeq2Seq(seed = 0): Seq2SeqRnn {
  manualSeed(seed);
  return new Seq2SeqRnn({ vocabSize: V, embeddingSize: 8, hiddenSize: 12, numLayers: 2, dropout: 0.2 });
}

/** The run of `train-until-killed.ts`, apart from where and when it saves. */
export const killedArgs: TrainingArguments = {
  learningRate: 0.02,
  maxSteps: 100,
  loggingSteps: 1,
  perDeviceTrainBatchSize: 4,
  disableTqdm: true,
};

export const quick: TrainingArguments = { learningRate: 0.02, disableTqdm: true, perDeviceTrainBatchSize: 4 };

/** A trainer of the tiny tagger without dropout, with the losses of its steps. */
export function tinyTrainer(
  args: TrainingArguments,
  more: Partial<TrainerOptions<TinyRow>> = {},
): { trainer: Trainer<TinyRow>; losses: number[] } {
  const losses: number[] = [];
  const watch: TrainerCallback = { onStepEnd: ({ loss }) => void losses.push(loss) };
  const trainer = new Trainer<TinyRow>({
    model: tinyTagger(0, 0),
    trainDataset: tinyRows(33),
    evalDataset: tinyRows(10, 7),
    args: { ...quick, ...args },
    ...more,
    callbacks: [watch, ...(more.callbacks ?? [])],
  });
  return { trainer, losses };
}
