// Normalizations that look at one character at a time.

import { type Normalized, Rewrite } from "./normalized.ts";

/** Each character on its own: no final sigma. */
export function lowercase(text: Normalized): Normalized {
  // Only these two lower differently in company or change their length.
  if (!/[\u03a3\u0130]/.test(text.text)) return text.withText(text.text.toLowerCase());
  return text.mapChars(/\P{Lowercase}/gu, (char) => char.toLowerCase());
}

/** The text without what `pattern` (global) matches. */
export function withoutMatches(text: Normalized, pattern: RegExp): Normalized {
  if (text.text.search(pattern) < 0) return text;
  const rewrite = new Rewrite(text);
  for (const match of text.text.matchAll(pattern)) {
    rewrite.keep(match.index);
    rewrite.skip(match.index + match[0].length);
  }
  rewrite.keep(text.text.length);
  return rewrite.done();
}

/** The text without the blanks at its ends. */
export function strip(text: Normalized, left: boolean, right: boolean): Normalized {
  const { length } = text.text;
  // trim() also takes U+FEFF, which is no blank here, and leaves U+0085.
  let [start, end] = [0, length];
  while (left && start < length && isBlank(text.text, start)) start++;
  while (right && end > start && isBlank(text.text, end - 1)) end--;
  if (start === 0 && end === length) return text;
  const rewrite = new Rewrite(text);
  rewrite.skip(start);
  rewrite.keep(end);
  return rewrite.done();
}

/** Whether the unit at `at` is a blank (White_Space; all of them are one unit). */
export function isBlank(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit < 0x85) return unit === 0x20 || (unit >= 9 && unit <= 13);
  return /\p{White_Space}/u.test(text.charAt(at));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const nmtRemoved = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const nmtBlanks = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/** What SentencePiece's `nmt` rules do beside their table. */
export function nmt(text: Normalized): Normalized {
  const kept = withoutMatches(text, nmtRemoved);
  return kept.withText(kept.text.replace(nmtBlanks, " "));
}
