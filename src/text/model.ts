// A model turns one word into tokens of its vocabulary. This is what every kind of model offers.

import type { JsonObject } from "./fields.ts";

/** The tokens of one word: ids, and for each the units [start, end) of the word that it covers. */
export type Word = {
  readonly ids: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** The tokens' texts where they are not those of the ids: an unknown piece of Unigram is itself, not `<unk>`. */
  readonly tokens?: readonly (string | undefined)[];
};

export const noTokens: Word = { ids: [], starts: [], ends: [] };

export interface Model {
  /** Tokens in the vocabulary, without the added ones. */
  readonly vocabSize: number;
  /** What tokens begin with that do not begin a word, of models that have it: a token's text then tells where it stands. */
  readonly subwordPrefix?: string | null;
  /** The tokens of a word; a word is never empty and holds no half surrogate pairs. */
  tokenize(word: string): Word;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  toJson(): JsonObject;
}
