// Cuts encodings to what fits beside the special tokens, which are added afterwards and so are never lost.

import { ArgumentError } from "../base/errors.ts";
import { type Encoding, sliceEncoding } from "./encoding.ts";

export type Side = "left" | "right";

/** Which of two texts gives: always the longer one, the first, or the second. */
export type TruncationStrategy = "longestFirst" | "onlyFirst" | "onlySecond";

export type Truncation = {
  /** Tokens in all, special ones included. */
  readonly maxLength: number;
  readonly strategy?: TruncationStrategy;
  /** The end that is cut off. */
  readonly side?: Side;
};

/** The encodings, cut so that together with `added` special tokens they take at most `maxLength`. */
export function truncate(encodings: readonly Encoding[], truncation: Truncation, added: number): readonly Encoding[] {
  const { maxLength, strategy = "longestFirst", side = "right" } = truncation;
  const room = maxLength - added;
  if (!Number.isSafeInteger(maxLength) || room < 0) {
    throw new ArgumentError(`truncation: maxLength ${maxLength} leaves no room beside ${added} special tokens.`, {
      maxLength,
      added,
    });
  }
  const lengths = encodings.map((encoding) => encoding.ids.length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total <= room) return encodings;
  const targets = targetLengths(lengths, room, total, strategy);
  return encodings.map((encoding, i) => {
    const [length, target] = [encoding.ids.length, targets[i] ?? 0];
    if (length <= target) return encoding;
    return side === "right" ? sliceEncoding(encoding, 0, target) : sliceEncoding(encoding, length - target, length);
  });
}

function targetLengths(
  lengths: readonly number[],
  room: number,
  total: number,
  strategy: TruncationStrategy,
): readonly number[] {
  const [first = 0, second] = lengths;
  switch (strategy) {
    case "longestFirst": {
      if (second === undefined) return [room];
      const shorter = Math.min(first, second);
      const [a, b] = 2 * shorter <= room ? [shorter, room - shorter] : [Math.floor(room / 2), Math.ceil(room / 2)];
      return first <= second ? [a, b] : [b, a];
    }
    case "onlyFirst":
    case "onlySecond": {
      const at = strategy === "onlyFirst" ? 0 : 1;
      const left = (lengths[at] ?? 0) - (total - room);
      if (left <= 0) {
        throw new ArgumentError(
          `truncation: ${strategy} cannot drop ${total - room} tokens of ${lengths[at] ?? "no such text"}; raise maxLength or use longestFirst.`,
          { strategy, lengths, room },
        );
      }
      return lengths.map((length, i) => (i === at ? left : length));
    }
    default:
      return strategy satisfies never;
  }
}
