// The trainer of WordPiece. As in Python's `tokenizers` it learns merges, as BPE does, over letters that have the prefix
// `##` inside a word; the tokens are kept, and the merges are not.

import type { AddedToken } from "./added-tokens.ts";
import type { Model } from "./model.ts";
import { type BpeTrainerOptions, checked, trainMerges } from "./train-bpe.ts";
import type { WordCounts } from "./train-words.ts";
import { ofKind, type TokenizerTrainer } from "./trainer.ts";
import { WordPiece } from "./word-piece.ts";

/** The prefix is `##` unless another is given. */
export type WordPieceTrainerOptions = Omit<BpeTrainerOptions, "maxTokenLength" | "continuingSubwordPrefix"> & {
  readonly continuingSubwordPrefix?: string;
};

/** Learns the tokens of a `WordPiece` model. */
export class WordPieceTrainer implements TokenizerTrainer {
  readonly specialTokens: readonly AddedToken[];
  readonly #options: WordPieceTrainerOptions & { readonly continuingSubwordPrefix: string };

  constructor(options: WordPieceTrainerOptions = {}) {
    this.#options = { continuingSubwordPrefix: "##", ...options };
    this.specialTokens = checked(options, "WordPieceTrainer");
  }

  train(words: WordCounts, model: Model): WordPiece {
    const old = ofKind(model, WordPiece, "WordPieceTrainer").toJson();
    const { vocab } = trainMerges(words, this.specialTokens, this.#options, "WordPieceTrainer");
    return new WordPiece(vocab, {
      unkToken: old.unk_token,
      continuingSubwordPrefix: this.#options.continuingSubwordPrefix,
      maxInputCharsPerWord: old.max_input_chars_per_word,
    });
  }
}
