// SentencePiece's normalization table as it stands in its models and, in base64, in tokenizer.json: a double-array trie
// (https://github.com/s-yata/darts-clone) over the UTF-8 of what is replaced, then the replacements, each ended by a zero.
//
//   bytes = [size of trie: u32][trie: u32 …][replacements: UTF-8 …]
//
// It is asked for each grapheme of fewer than 6 bytes as a whole, and else for each character, as in Rust's `tokenizers`; or for
// the longest text that it replaces, as in SentencePiece itself.

import { CheckpointError } from "../base/errors.ts";
import { lengthAt, type Normalized, Rewrite } from "./normalized.ts";
import { decodeUtf8, pushUtf8 } from "./utf8.ts";

export class Charsmap {
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;
  readonly #found = new Map<string, string | null>();
  /** Whether the character of one unit is replaced: 0 not asked yet, 1 no, 2 yes. */
  readonly #single = new Uint8Array(0x10000);

  constructor(bytes: Uint8Array, where: string) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length >= 4 ? view.getUint32(0, true) : Number.NaN;
    if (!(size % 4 === 0 && size >= 4 && size + 4 <= bytes.length)) {
      throw new CheckpointError(
        `${where}: the trie of ${size} bytes does not fit into ${bytes.length}; the file is torn.`,
        { where, size, bytes: bytes.length },
      );
    }
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#replacements = bytes.subarray(4 + size);
  }

  static fromBase64(base64: string, where: string): Charsmap {
    return new Charsmap(bytesOfBase64(base64, where), where);
  }

  /** What replaces the longest text at `at` that is replaced, and where that ends; null if none is. */
  longest(text: string, at: number): { readonly end: number; readonly replacement: string } | null {
    let [found, end] = [-1, at];
    let node = offsetOf(this.#units[0] ?? 0);
    for (let next = at; next < text.length; ) {
      const code = text.codePointAt(next) ?? 0;
      next += code > 0xffff ? 2 : 1;
      for (const byte of utf8Of(code)) {
        const unit = this.#step(node, byte);
        if (unit === null) return found < 0 ? null : { end, replacement: this.#replacement(found) };
        node ^= byte ^ offsetOf(unit);
        if (!isLeaf(unit)) continue;
        found = this.#valueAt(node);
        end = next;
      }
    }
    return found < 0 ? null : { end, replacement: this.#replacement(found) };
  }

  /** Whether an ASCII character that another one follows stays as it is, whatever comes then. */
  keepsAscii(unit: number): boolean {
    const root = offsetOf(this.#units[0] ?? 0);
    const first = this.#step(root, unit);
    if (first === null) return unit !== 0;
    if (isLeaf(first)) return false;
    const node = root ^ unit ^ offsetOf(first);
    for (let next = 1; next < 0x80; next++) if (this.#step(node, next) !== null) return false;
    return true;
  }

  /**
   * The alignment follows Rust's `tokenizers`: a replacement stands for what it replaces character by character, what it
   * has more for the last of them; what is removed goes with the character before, and at the beginning of a text with
   * the one after, so that all alignment is off by it.
   */
  normalize(text: Normalized): Normalized {
    const whole = text.text;
    let rewrite: Rewrite | null = null;
    let kept = 0; // the text before this unit is written
    let added = 0; // units of the last character that was written, if it had no counterpart
    let written = false;
    const keep = (end: number, to: Rewrite) => {
      written ||= end > kept;
      if (to.at === kept) to.keep(end);
      else for (const char of whole.slice(kept, end)) to.put(char, 0);
    };
    const replace = (at: number, part: string) => {
      const found = this.#find(part);
      if (found === null) return false;
      rewrite ??= new Rewrite(text);
      if (at > kept) added = 0;
      keep(at, rewrite);
      const [before, after] = [count(part), count(found)];
      let chars = 0;
      for (const char of found) {
        chars++;
        const change = chars > before ? 1 : chars === after ? Math.min(0, after - before) : 0;
        rewrite.put(char, change);
        added = change > 0 ? char.length : 0;
      }
      written ||= after > 0;
      if (after === 0 && written) {
        if (added > 0) rewrite.realign(added);
        added = 0;
        rewrite.pass(before);
      }
      kept = at + part.length;
      return true;
    };
    for (let at = 0; at < whole.length; ) {
      const unit = whole.charCodeAt(at);
      const next = whole.charCodeAt(at + 1); // NaN at the end
      if (unit < 0xd800 && !(next >= 0x300) && unit !== 13) {
        if (this.#replaces(unit)) replace(at, whole.charAt(at));
        at++;
        continue;
      }
      grapheme.lastIndex = at;
      const end = grapheme.test(whole) ? grapheme.lastIndex : at + lengthAt(whole, at);
      const part = whole.slice(at, end);
      if (!(part.length > 1 && utf8Length(part) < 6 && replace(at, part))) {
        for (const char of part) {
          replace(at, char);
          at += char.length;
        }
      }
      at = end;
    }
    if (rewrite === null) return text;
    keep(whole.length, rewrite);
    return (rewrite as Rewrite).done(); // assigned in `replace`
  }

  #replaces(unit: number): boolean {
    const known = this.#single[unit] as number; // a unit is inside
    if (known > 0) return known === 2;
    const found = this.#find(String.fromCharCode(unit)) !== null;
    this.#single[unit] = found ? 2 : 1;
    return found;
  }

  /** What replaces the shortest prefix that the table has; as in SentencePiece's Rust twin it stands for all of `text`. */
  #find(text: string): string | null {
    const known = this.#found.get(text);
    if (known !== undefined) return known;
    const index = this.#search(text);
    const found = index === null ? null : this.#replacement(index);
    if (this.#found.size < 1 << 16) this.#found.set(text, found);
    return found;
  }

  #search(text: string): number | null {
    const bytes: number[] = [];
    for (const char of text) pushUtf8(char.codePointAt(0) ?? 0, bytes);
    let node = offsetOf(this.#units[0] ?? 0);
    for (const byte of bytes) {
      const unit = this.#step(node, byte);
      if (unit === null) return null;
      node ^= byte ^ offsetOf(unit);
      if (isLeaf(unit)) return this.#valueAt(node);
    }
    return null;
  }

  /** The unit that `byte` leads to from the children at `node`. */
  #step(node: number, byte: number): number | null {
    const unit = this.#units[node ^ byte] ?? 0;
    return byte !== 0 && (unit & 0x800000ff) >>> 0 === byte ? unit : null;
  }

  #valueAt(node: number): number {
    return (this.#units[node] ?? 0) & 0x7fffffff;
  }

  #replacement(index: number): string {
    let end = index;
    while (end < this.#replacements.length && this.#replacements[end] !== 0) end++;
    return decodeUtf8([...this.#replacements.subarray(index, end)]);
  }
}

/** A character with what extends it (https://www.unicode.org/reports/tr29/), as far as that fits in 5 bytes. */
const grapheme =
  /\r\n|(?![\p{Cc}\p{Cf}\p{Zl}\p{Zp}]).(?:[\p{Grapheme_Extend}\p{Emoji_Modifier}\u0e33\u0eb3]|\u200d|(?![\u102b\u102c\u1038\u1062-\u1064\u1067-\u106d\u1083\u1087-\u108c\u108f\u109a-\u109c\u1a61\u1a63\u1a64\uaa7b\uaa7d\u{11720}\u{11721}])\p{Mc})*/suy;

function count(text: string): number {
  let chars = 0;
  for (const _ of text) chars++;
  return chars;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

function bytesOfBase64(base64: string, where: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(base64);
  } catch (cause) {
    throw new CheckpointError(
      `${where}: wanted base64, got ${JSON.stringify(base64.slice(0, 40))}.`,
      { where },
      { cause },
    );
  }
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** Whether a text that is replaced ends with this unit of the trie. */
function isLeaf(unit: number): boolean {
  return ((unit >>> 8) & 1) === 1;
}

function utf8Of(code: number): number[] {
  const bytes: number[] = [];
  pushUtf8(code, bytes);
  return bytes;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
