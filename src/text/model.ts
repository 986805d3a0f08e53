// A model turns one word into tokens of its vocabulary. This is what every kind of model offers.

import type { JsonObject } from "./fields.ts";

/** The tokens of one word: ids, and for each the units [start, end) of the word that it covers. */
export type Word = {
  readonly ids: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
};

export interface Model {
  /** Tokens in the vocabulary, without the added ones. */
  readonly vocabSize: number;
  tokenize(word: string): Word;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  toJson(): JsonObject;
}
