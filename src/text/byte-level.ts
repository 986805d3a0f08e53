// The byte alphabet of GPT-2: every byte has a printable character, so that any text is a word over 256 letters and
// nothing is ever unknown. Printable Latin-1 stands for itself; the other 68 bytes take U+0100 and up, in order.

import { type Normalized, Rewrite } from "./normalized.ts";
import { decodeUtf8, pushUtf8 } from "./utf8.ts";

const charOfByte: readonly string[] = alphabetByByte();
const byteOfChar: ReadonlyMap<string, number> = new Map(charOfByte.map((char, byte) => [char, byte]));

/** The 256 letters in code point order, which is the order of their ids in a trained vocabulary. */
export const byteAlphabet: readonly string[] = [...charOfByte].sort();

function alphabetByByte(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : next++);
  });
}

/** The byte letters of a text, without alignment. */
export function byteLetters(text: string): string {
  const bytes: number[] = [];
  for (const char of text) pushUtf8(char.codePointAt(0) ?? 0, bytes);
  let letters = "";
  for (const byte of bytes) letters += charOfByte[byte];
  return letters;
}

/** The same with alignment: each letter stands for the whole character whose byte it is. */
export function toByteLetters(piece: Normalized): Normalized {
  const letters = byteLetters(piece.text);
  if (letters.length === piece.text.length) return piece.withText(letters); // one byte a unit: all ASCII
  const rewrite = new Rewrite(piece);
  for (const char of piece.text) {
    let change = 0;
    for (const letter of byteLetters(char)) rewrite.put(letter, change++ === 0 ? 0 : 1);
  }
  return rewrite.done();
}

/** The text of tokens over the byte alphabet. A token with any other letter stands for itself. */
export function fromByteLetters(tokens: readonly string[]): string {
  const bytes: number[] = [];
  for (const token of tokens) {
    const letters = [...token].map((char) => byteOfChar.get(char));
    if (letters.every((byte) => byte !== undefined)) bytes.push(...letters);
    else for (const char of token) pushUtf8(char.codePointAt(0) ?? 0, bytes);
  }
  return decodeUtf8(bytes);
}
