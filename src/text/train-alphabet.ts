// The tokens that a trainer begins with: the special ones, then the characters of the texts in the order of their code
// points. The same texts in another order give the same ids.

import { ArgumentError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { WordCounts } from "./train-words.ts";

/** Special tokens as trainers take them: their texts, or with their flags. */
export type SpecialTokenList = readonly (string | AddedToken)[];

/** The tokens with all flags of special ones; one that is there twice is an error. */
export function specialTokensOf(tokens: SpecialTokenList, who: string): readonly AddedToken[] {
  const seen = new Set<string>();
  return tokens.map((token): AddedToken => {
    const { content, ...flags } = typeof token === "string" ? { content: token } : token;
    if (typeof content !== "string" || content === "")
      throw new ArgumentError(`${who}: a special token is a text of at least one character.`, { token });
    if (seen.has(content))
      throw new ArgumentError(`${who}: the special token "${content}" is there twice.`, { content });
    seen.add(content);
    return { special: true, normalized: false, ...flags, content };
  });
}

/** Throws unless a number is whole and at least `least`. */
export function checkCount(who: string, name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ArgumentError(`${who}: ${name} is ${value}; it must be a whole number, at least ${least}.`, {
    [name]: value,
  });
}

export type AlphabetOptions = {
  /** Characters that are in the alphabet whatever the texts hold; of a longer text the first counts. */
  readonly initialAlphabet?: readonly string[];
  /** Keeps only so many characters, the most frequent ones; of equal ones those of lower code points. */
  readonly limitAlphabet?: number;
};

/** How often each character is there, by code point. */
export function countCharacters(words: WordCounts): Map<number, number> {
  const counts = new Map<number, number>();
  for (const [word, count] of words) {
    for (let at = 0; at < word.length; ) {
      const char = word.codePointAt(at) as number; // `at` is inside
      counts.set(char, (counts.get(char) ?? 0) + count);
      at += char > 0xffff ? 2 : 1;
    }
  }
  return counts;
}

/** The code points of the alphabet, in their order. */
export function alphabetOf(words: WordCounts, { initialAlphabet = [], limitAlphabet }: AlphabetOptions): number[] {
  const counts = countCharacters(words);
  for (const char of initialAlphabet) {
    const code = char.codePointAt(0);
    if (code !== undefined) counts.set(code, Number.POSITIVE_INFINITY);
  }
  const chars = [...counts.keys()].sort((a, b) => a - b);
  if (limitAlphabet === undefined || chars.length <= limitAlphabet) return chars;
  const count = (char: number): number => counts.get(char) ?? 0;
  const kept = chars.toSorted((a, b) => (count(a) === count(b) ? a - b : count(b) > count(a) ? 1 : -1));
  return kept.slice(0, limitAlphabet).sort((a, b) => a - b);
}

/** Throws where a vocabulary has no room for what it must hold. */
export function checkRoom(who: string, vocabSize: number, specials: number, letters: number, tokens: number): void {
  if (vocabSize >= tokens) return;
  throw new ArgumentError(
    `${who}: vocabSize is ${vocabSize}; the ${specials} special tokens and ${letters} letters alone take ${tokens}. ` +
      "Give at least that, or fewer letters: with limitAlphabet, where the trainer has it, or a normalizer.",
    { vocabSize, minimum: tokens },
  );
}
