// Cuts encodings to what fits beside the special tokens, which are added afterwards and so are never lost. What is cut
// off is kept as encodings of the same length, each of which repeats `stride` tokens of the one before.

import { ArgumentError } from "../base/errors.ts";
import type { Encoding } from "./encoding.ts";
import { Fields, type JsonObject } from "./fields.ts";

export type Side = "left" | "right";

/** Which of two texts gives: always the longer one, the first, or the second. */
export type TruncationStrategy = "longestFirst" | "onlyFirst" | "onlySecond";

export type Truncation = {
  /** Tokens in all, special ones included. */
  readonly maxLength: number;
  readonly strategy?: TruncationStrategy;
  /** The end that is cut off. */
  readonly side?: Side;
  /** How many tokens an overflowing encoding shares with the one before. */
  readonly stride?: number;
};

const strategies: { readonly [name: string]: TruncationStrategy } = {
  LongestFirst: "longestFirst",
  OnlyFirst: "onlyFirst",
  OnlySecond: "onlySecond",
};

/** `truncation` of tokenizer.json. */
export function readTruncation(config: unknown, where = "truncation"): Truncation | null {
  if (config === null || config === undefined) return null;
  const fields = new Fields(config, where);
  const strategy = fields.oneOf("strategy", Object.keys(strategies), "LongestFirst");
  return {
    maxLength: fields.count("max_length"),
    strategy: strategies[strategy] ?? "longestFirst",
    side: fields.oneOf("direction", ["Left", "Right"], "Right") === "Left" ? "left" : "right",
    stride: fields.count("stride", 0),
  };
}

export function truncationJson({ maxLength, strategy = "longestFirst", side, stride = 0 }: Truncation): JsonObject {
  const name = Object.keys(strategies).find((key) => strategies[key] === strategy);
  return { direction: side === "left" ? "Left" : "Right", max_length: maxLength, strategy: name, stride };
}

/** The encodings, cut so that together with `added` special tokens they take at most `maxLength`. */
export function truncate(encodings: readonly Encoding[], truncation: Truncation, added: number): readonly Encoding[] {
  const { maxLength, strategy = "longestFirst", side = "right", stride = 0 } = truncation;
  const room = maxLength - added;
  if (!Number.isSafeInteger(maxLength) || room < 0) {
    throw new ArgumentError(`truncation: maxLength ${maxLength} leaves no room beside ${added} special tokens.`, {
      maxLength,
      added,
    });
  }
  const lengths = encodings.map((encoding) => encoding.length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (room === 0) return encodings.map((encoding) => cut(encoding, 0, 0, side));
  if (total <= room) return encodings;
  const targets = targetLengths(lengths, room, total, strategy);
  return encodings.map((encoding, i) => cut(encoding, targets[i] ?? 0, stride, side));
}

/** The encoding cut to `length` tokens; the rest is in its overflow. */
function cut(encoding: Encoding, length: number, stride: number, side: Side): Encoding {
  if (length >= encoding.length) return encoding;
  if (length === 0) return encoding.slice(0, 0, [encoding]);
  if (!(Number.isSafeInteger(stride) && stride >= 0 && stride < length)) {
    throw new ArgumentError(`truncation: stride ${stride} must be less than the ${length} tokens that are kept.`, {
      stride,
      length,
    });
  }
  const [first, ...rest] = windows(encoding.length, length, length - stride, side);
  const overflowing = rest.map(([start, end]) => encoding.slice(start, end));
  return encoding.slice(first?.[0] ?? 0, first?.[1] ?? 0, overflowing);
}

/** `[start, end)` of the windows of `length` over `total` tokens, each `step` on from the one before. */
function windows(total: number, length: number, step: number, side: Side): (readonly [start: number, end: number])[] {
  const out: (readonly [number, number])[] = [];
  if (side === "right") {
    for (let start = 0, end = 0; end < total; start += step) {
      end = Math.min(start + length, total);
      out.push([start, end]);
    }
  } else {
    for (let end = total, start = 1; start > 0 && end > 0; end -= step) {
      start = Math.max(0, end - length);
      out.push([start, end]);
    }
  }
  return out;
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
