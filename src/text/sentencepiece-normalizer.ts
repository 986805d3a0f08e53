// How SentencePiece itself normalizes a text (its normalizer.cc): what its table replaces, the longest first, then blanks, which
// become marks.
//
//   " Ｈi  you"  →  "▁Hi▁you"     origins 1 1 2 3 5 6 7, and 8 for the end
//
// Rust's `tokenizers` do it otherwise (`precompiled.ts`), so that tokenizers of Rust's do not come here.

import { Charsmap } from "./precompiled.ts";
import type { SentencePieceModel } from "./sentencepiece.ts";
import { Trie } from "./trie.ts";

export const SPACE_MARK = "▁";

export type NormalizedPieces = {
  readonly text: string;
  /** For each unit of `text` where what it stands for begins in the original; one more for the end. */
  readonly origins: readonly number[];
  /** For each unit where what it was made of ends. */
  readonly ends: readonly number[];
};

export class SentencePieceNormalizer {
  readonly #spec: SentencePieceModel;
  readonly #charsmap: Charsmap | null;
  /** Symbols of the user stay as they are. */
  readonly #kept: Trie | null;
  readonly #space: string;
  /** 1 for ASCII characters, blanks left out, that stay as they are where no other than ASCII follows. */
  readonly #plain: Uint8Array;

  constructor(model: SentencePieceModel, where: string) {
    this.#spec = model;
    this.#space = model.escapeWhitespaces ? SPACE_MARK : " ";
    this.#charsmap =
      model.charsmap.length > 0 ? new Charsmap(model.charsmap, `${where}: normalizer_spec.precompiled_charsmap`) : null;
    const kept = model.pieces.filter(({ type }) => type === "userDefined");
    this.#kept = kept.length > 0 ? new Trie() : null;
    for (const { piece } of kept) this.#kept?.set(piece, 0);
    const stays = (unit: number) =>
      unit > 0x20 && (this.#kept?.next(0, unit) ?? -1) < 0 && (this.#charsmap?.keepsAscii(unit) ?? true);
    this.#plain = Uint8Array.from({ length: 0x80 }, (_, unit) => (stays(unit) ? 1 : 0));
  }

  normalize(text: string): NormalizedPieces {
    const { addDummyPrefix, removeExtraWhitespaces, whitespaceAsSuffix } = this.#spec;
    let at = removeExtraWhitespaces ? this.#afterBlanks(text) : 0;
    if (at === text.length) return { text: "", origins: [0], ends: [] };
    const space = this.#space;
    let out = "";
    const origins: number[] = [];
    const ends: number[] = [];
    const push = (part: string, end: number) => {
      out += part;
      for (let i = 0; i < part.length; i++) {
        origins.push(at);
        ends.push(end);
      }
    };
    if (addDummyPrefix && !whitespaceAsSuffix) push(space, at);
    let afterSpace = removeExtraWhitespaces;
    while (at < text.length) {
      const plainEnd = this.#plainEnd(text, at);
      if (plainEnd > at) {
        out += text.slice(at, plainEnd);
        for (; at < plainEnd; at++) {
          origins.push(at);
          ends.push(at + 1);
        }
        afterSpace = false;
        continue;
      }
      const [part, end] = this.#next(text, at);
      let from = 0;
      while (afterSpace && part[from] === " ") from++;
      if (from < part.length) {
        push(part.slice(from).replaceAll(" ", space), end);
        afterSpace = removeExtraWhitespaces && part.endsWith(" ");
      }
      at = end;
    }
    if (removeExtraWhitespaces) {
      while (out.endsWith(space)) {
        out = out.slice(0, -1);
        at = origins.pop() ?? at;
        ends.pop();
      }
    }
    if (addDummyPrefix && whitespaceAsSuffix) push(space, at);
    origins.push(at);
    return { text: out, origins, ends };
  }

  /** Where characters end, from `at` on, that need no look at the table. */
  #plainEnd(text: string, at: number): number {
    let end = at;
    // Of what follows a character, one that is not ASCII could be joined to it.
    while (this.#plain[text.charCodeAt(end)] === 1 && !(text.charCodeAt(end + 1) >= 0x80)) end++;
    return end;
  }

  /** Where the first character stands that is no blank. */
  #afterBlanks(text: string): number {
    let at = 0;
    while (at < text.length) {
      const [part, end] = this.#next(text, at);
      if (part !== " ") return at;
      at = end;
    }
    return at;
  }

  /** What comes next, normalized, and where it ends. */
  #next(text: string, at: number): readonly [part: string, end: number] {
    const kept = this.#kept?.longest(text, at);
    if (kept) return [text.slice(at, kept.end), kept.end];
    const found = this.#charsmap?.longest(text, at);
    if (found) return [found.replacement, found.end];
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
    return [char, at + char.length];
  }
}
