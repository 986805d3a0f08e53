// What a text becomes: one entry a token in each of these arrays, all of one length.

export type Encoding = {
  ids: number[];
  tokens: string[];
  /** UTF-16 units of the original: `text.slice(start, end)` is what the token stands for. */
  offsets: [start: number, end: number][];
  /** 1 where the model should look, 0 at padding. */
  attentionMask: number[];
  /** 1 where the post-processor or padding put a token that the text does not hold. */
  specialTokensMask: number[];
  /** 0 for the first text, 1 for the second. */
  typeIds: number[];
  /** The word of the text that the token is part of, counted from 0; null where there is none. */
  wordIds: (number | null)[];
  /** 0 for the first text, 1 for the second, null for special tokens. */
  sequenceIds: (number | null)[];
};

export function emptyEncoding(): Encoding {
  return {
    ids: [],
    tokens: [],
    offsets: [],
    attentionMask: [],
    specialTokensMask: [],
    typeIds: [],
    wordIds: [],
    sequenceIds: [],
  };
}

/** The tokens [start, end). */
export function sliceEncoding(encoding: Encoding, start: number, end: number): Encoding {
  return {
    ids: encoding.ids.slice(start, end),
    tokens: encoding.tokens.slice(start, end),
    offsets: encoding.offsets.slice(start, end),
    attentionMask: encoding.attentionMask.slice(start, end),
    specialTokensMask: encoding.specialTokensMask.slice(start, end),
    typeIds: encoding.typeIds.slice(start, end),
    wordIds: encoding.wordIds.slice(start, end),
    sequenceIds: encoding.sequenceIds.slice(start, end),
  };
}

export function concatEncodings(parts: readonly Encoding[]): Encoding {
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  return {
    ids: parts.flatMap((part) => part.ids),
    tokens: parts.flatMap((part) => part.tokens),
    offsets: parts.flatMap((part) => part.offsets),
    attentionMask: parts.flatMap((part) => part.attentionMask),
    specialTokensMask: parts.flatMap((part) => part.specialTokensMask),
    typeIds: parts.flatMap((part) => part.typeIds),
    wordIds: parts.flatMap((part) => part.wordIds),
    sequenceIds: parts.flatMap((part) => part.sequenceIds),
  };
}

/** Tokens that stand for nothing in the text. */
export function specialEncoding(ids: readonly number[], tokens: readonly string[], typeId: number): Encoding {
  return {
    ids: [...ids],
    tokens: [...tokens],
    offsets: ids.map(() => [0, 0]),
    attentionMask: ids.map(() => 1),
    specialTokensMask: ids.map(() => 1),
    typeIds: ids.map(() => typeId),
    wordIds: ids.map(() => null),
    sequenceIds: ids.map(() => null),
  };
}
