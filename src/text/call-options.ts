// What a call of a tokenizer takes and gives.

import { ArgumentError } from "../base/errors.ts";
import type { Labelled, OverflowingRows, Row, Rows } from "./batch.ts";
import type { EncodeOptions } from "./tokenizer.ts";
import type { Side, TruncationStrategy } from "./truncation.ts";

export type TokenizerCallOptions = {
  /** `true` or "longest" pads to the longest text of the batch, "maxLength" to `maxLength`. */
  padding?: boolean | "longest" | "maxLength";
  /** `true` is "longestFirst". */
  truncation?: boolean | TruncationStrategy;
  /** Tokens in all, special ones included; `modelMaxLength` by default. */
  maxLength?: number;
  /** `maxLength` for `textTarget`, if another one is wanted there. */
  maxTargetLength?: number;
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
type Split = TokenizerCallOptions & { isSplitIntoWords: true };

/**
 * What calling a tokenizer takes and gives: one text a row, many texts columns of rows. `textTarget` is what a model is to make of a
 * text: its ids are `labels`, padded like the others. Without a text its ids are `inputIds`.
 */
export interface TokenizerCall {
  (words: Words, options: Overflowing & { isSplitIntoWords: true; textPair?: Words }): OverflowingRows;
  (
    texts: readonly Words[],
    options: Overflowing & { isSplitIntoWords: true; textPair?: readonly Words[] },
  ): OverflowingRows;
  (text: string, options: Overflowing & { textPair?: string }): OverflowingRows;
  (texts: readonly string[], options: Overflowing & { textPair?: readonly string[] }): OverflowingRows;
  (text: undefined, options: Split & { textTarget: Words }): Row;
  (text: undefined, options: Split & { textTarget: readonly Words[] }): Rows;
  (text: undefined, options: TokenizerCallOptions & { textTarget: string }): Row;
  (text: undefined, options: TokenizerCallOptions & { textTarget: readonly string[] }): Rows;
  (text: string, options: TokenizerCallOptions & { textPair?: string; textTarget: string }): Labelled<Row>;
  (
    texts: readonly string[],
    options: TokenizerCallOptions & { textPair?: readonly string[]; textTarget: readonly string[] },
  ): Labelled<Rows>;
  (words: Words, options: Split & { textPair?: Words; textTarget: Words }): Labelled<Row>;
  (
    texts: readonly Words[],
    options: Split & { textPair?: readonly Words[]; textTarget: readonly Words[] },
  ): Labelled<Rows>;
  (words: Words, options: Split & { textPair?: Words }): Row;
  (texts: readonly Words[], options: Split & { textPair?: readonly Words[] }): Rows;
  (text: string, options?: TokenizerCallOptions & { textPair?: string }): Row;
  (texts: readonly string[], options?: TokenizerCallOptions & { textPair?: readonly string[] }): Rows;
}

/** A text, or many, whatever it was called with. */
export type AnyText = string | readonly (string | Words)[];
export type AnyOptions = TokenizerCallOptions & { textPair?: AnyText; textTarget?: AnyText };

export function isOneText(text: AnyText, isSplitIntoWords: boolean): boolean {
  return typeof text === "string" || (isSplitIntoWords && text.every((part) => typeof part === "string"));
}

/** What the options ask of the encoding of each text; `limits` are the tokenizer's own. */
export function encodeOptions(
  options: TokenizerCallOptions,
  limits: { readonly modelMaxLength: number; readonly truncationSide: Side },
): EncodeOptions {
  const { maxLength, padding = false, addSpecialTokens = true } = options;
  const truncation = truncates(options);
  if (maxLength !== undefined && truncation === false && padding !== "maxLength") {
    throw new ArgumentError(
      `tokenizer: nothing uses maxLength ${maxLength}. Pass truncation: true, or padding: "maxLength".`,
      { maxLength },
    );
  }
  const limit = maxLength ?? limits.modelMaxLength;
  const own = { addSpecialTokens, padding: null }; // rows are padded where the role of each token is known
  if (truncation === false || limit === Number.POSITIVE_INFINITY) return { ...own, truncation: null };
  const { padToMultipleOf } = options;
  if (padding !== false && padToMultipleOf !== undefined && limit % padToMultipleOf !== 0) {
    throw new ArgumentError(
      `tokenizer: maxLength ${limit} is no multiple of padToMultipleOf ${padToMultipleOf}, so that padded rows would be longer.`,
      { maxLength: limit, padToMultipleOf },
    );
  }
  const strategy = truncation === true ? "longestFirst" : truncation;
  const side = options.truncationSide ?? limits.truncationSide;
  return { ...own, truncation: { maxLength: limit, strategy, side, stride: options.stride ?? 0 } };
}

/** As in Hugging Face, a maximum alone truncates. */
function truncates({ truncation, maxLength, padding = false }: TokenizerCallOptions): boolean | TruncationStrategy {
  return truncation ?? (maxLength !== undefined && padding === false);
}

/** The options for `textTarget`. */
export function targetOptions(options: TokenizerCallOptions): TokenizerCallOptions {
  const { maxTargetLength: maxLength } = options;
  return maxLength === undefined ? options : { ...options, maxLength, truncation: truncates(options) };
}

/** Whether each text has its target. */
export function checkTarget(text: AnyText | undefined, target: AnyText, options: AnyOptions): void {
  if (text === undefined) {
    if (options.textPair === undefined) return;
    throw new ArgumentError("tokenizer: textPair came without a text.");
  }
  const { isSplitIntoWords = false } = options;
  const counts = [text, target].map((one) => (isOneText(one, isSplitIntoWords) ? "one text" : `${one.length} texts`));
  if (counts[0] !== counts[1])
    throw new ArgumentError(`tokenizer: ${counts[0]} came with a textTarget of ${counts[1]}.`, { counts });
  if (options.returnOverflowingTokens === true) {
    throw new ArgumentError(
      "tokenizer: with returnOverflowingTokens a text has several rows, but only one textTarget. Call the tokenizer for each alone.",
    );
  }
}
