// A trainer learns a model's vocabulary from counted words. This is what every kind of trainer offers to
// `tokenizer.trainFromIterator`.

import { ArgumentError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { Model } from "./model.ts";
import type { WordCounts } from "./train-words.ts";

/** Called now and then with how much is done, of how much in all: tokens, or steps of Unigram, whose total is an estimate. */
export type TrainerProgress = (done: number, total: number) => void;

export interface TokenizerTrainer {
  /** They take the first ids, and become special tokens of the tokenizer. */
  readonly specialTokens: readonly AddedToken[];
  /** A model of the same kind and settings as `model`, with the vocabulary of the words. */
  train(words: WordCounts, model: Model): Model;
}

/** The model, if it is of the kind that the trainer makes. */
export function ofKind<M extends Model>(model: Model, kind: abstract new (...args: never) => M, trainer: string): M {
  if (model instanceof kind) return model;
  throw new ArgumentError(
    `${trainer}: it trains a model of the kind ${kind.name}, and the tokenizer's is ${model.constructor.name}. ` +
      `Begin with new Tokenizer({ model: new ${kind.name}(…) }).`,
    { trainer },
  );
}
