// What a call of a tokenizer takes.

import type { Side, TruncationStrategy } from "./truncation.ts";

export type TokenizerCallOptions = {
  /** `true` or "longest" pads to the longest text of the batch, "maxLength" to `maxLength`. */
  padding?: boolean | "longest" | "maxLength";
  /** `true` is "longestFirst". */
  truncation?: boolean | TruncationStrategy;
  /** Tokens in all, special ones included; `modelMaxLength` by default. */
  maxLength?: number;
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
};
