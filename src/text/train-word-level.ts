// The trainer of whole words: the most frequent ones are the vocabulary; of equal counts the word of lower code points wins.

import { ArgumentError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { Model } from "./model.ts";
import { checkCount, type SpecialTokenList, specialTokensOf } from "./train-alphabet.ts";
import { byCodePoints, type WordCounts } from "./train-words.ts";
import { ofKind, type TokenizerTrainer } from "./trainer.ts";
import { WordLevel } from "./word-level.ts";

export type WordLevelTrainerOptions = {
  /** Special tokens and words together; 30000 by default. */
  readonly vocabSize?: number;
  /** A word seen less often is left out; 0 by default. */
  readonly minFrequency?: number;
  readonly specialTokens?: SpecialTokenList;
};

/** Takes the words of a `WordLevel` model. */
export class WordLevelTrainer implements TokenizerTrainer {
  readonly specialTokens: readonly AddedToken[];
  readonly #vocabSize: number;
  readonly #minFrequency: number;

  constructor({ vocabSize = 30000, minFrequency = 0, specialTokens = [] }: WordLevelTrainerOptions = {}) {
    checkCount("WordLevelTrainer", "vocabSize", vocabSize, 0);
    checkCount("WordLevelTrainer", "minFrequency", minFrequency, 0);
    this.specialTokens = specialTokensOf(specialTokens, "WordLevelTrainer");
    this.#vocabSize = vocabSize;
    this.#minFrequency = minFrequency;
    if (vocabSize <= specialTokens.length) {
      throw new ArgumentError(
        `WordLevelTrainer: vocabSize is ${vocabSize}; the ${specialTokens.length} special tokens leave no room for words.`,
        { vocabSize, minimum: specialTokens.length + 1 },
      );
    }
  }

  train(words: WordCounts, model: Model): WordLevel {
    const { unkToken } = ofKind(model, WordLevel, "WordLevelTrainer");
    const vocab = new Map(this.specialTokens.map(({ content }, id) => [content, id]));
    const sorted = [...words].sort(([a, m], [b, n]) => n - m || byCodePoints(a, b));
    for (const [word, count] of sorted) {
      if (vocab.size >= this.#vocabSize || count < this.#minFrequency) break;
      if (!vocab.has(word)) vocab.set(word, vocab.size);
    }
    return new WordLevel(vocab, unkToken);
  }
}
