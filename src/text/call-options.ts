// What a call of a tokenizer takes and gives.

import type { OverflowingRows, Row, Rows } from "./batch.ts";
import type { Side, TruncationStrategy } from "./truncation.ts";

export type TokenizerCallOptions = {
  /** `true` or "longest" pads to the longest text of the batch, "maxLength" to `maxLength`. */
  padding?: boolean | "longest" | "maxLength";
  /** `true` is "longestFirst". */
  truncation?: boolean | TruncationStrategy;
  /** Tokens in all, special ones included; `modelMaxLength` by default. */
  maxLength?: number;
  /** Of what truncation cuts off, how many tokens each part shares with the one before; with `returnOverflowingTokens`. */
  stride?: number;
  addSpecialTokens?: boolean;
  padToMultipleOf?: number;
  paddingSide?: Side;
  truncationSide?: Side;
  /** The texts are lists of words, and `wordIds` and offsets count in them. */
  isSplitIntoWords?: boolean;
  returnTokenTypeIds?: boolean;
  returnSpecialTokensMask?: boolean;
  returnOffsetsMapping?: boolean;
  returnWordIds?: boolean;
  /** What is cut off comes as further rows, and `overflowToSampleMapping` says of which text each row is. */
  returnOverflowingTokens?: boolean;
  /** `length`: the tokens of each row, padding included. */
  returnLength?: boolean;
};

type Words = readonly string[];
type Overflowing = TokenizerCallOptions & { returnOverflowingTokens: true };

/** What calling a tokenizer takes and gives: one text a row, many texts columns of rows. */
export interface TokenizerCall {
  (text: Words, options: Overflowing & { isSplitIntoWords: true; textPair?: Words }): OverflowingRows;
  (
    texts: readonly Words[],
    options: Overflowing & { isSplitIntoWords: true; textPair?: readonly Words[] },
  ): OverflowingRows;
  (text: string, options: Overflowing & { textPair?: string }): OverflowingRows;
  (texts: readonly string[], options: Overflowing & { textPair?: readonly string[] }): OverflowingRows;
  (words: Words, options: TokenizerCallOptions & { isSplitIntoWords: true; textPair?: Words }): Row;
  (
    texts: readonly Words[],
    options: TokenizerCallOptions & { isSplitIntoWords: true; textPair?: readonly Words[] },
  ): Rows;
  (text: string, options?: TokenizerCallOptions & { textPair?: string }): Row;
  (texts: readonly string[], options?: TokenizerCallOptions & { textPair?: readonly string[] }): Rows;
}
