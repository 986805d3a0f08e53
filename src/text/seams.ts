// Where a word of byte pair encoding falls apart: a merge joins the last unit of its left token to the first of its right
// one, so that between two units which no merge joins there will always be the border of a token.
//
//   "▁the▁cat"  →  "▁the", "▁cat"     if no merge has a ▁ right of an e

import { PairMap } from "./pair-map.ts";
import type { Vocab } from "./vocab.ts";

export class Seams {
  readonly #joined = new PairMap(1 << 14);
  /** Units that are tokens. Two that are not may become one unknown token. */
  readonly #known = new Uint8Array(0x10000);
  /** Merges of byte tokens join characters that are not written in them. */
  #bytesMerge = false;

  constructor(vocab: Vocab, merges: Iterable<readonly [left: string, right: string]>) {
    for (const token of vocab.ids.keys()) if (token.length === 1) this.#known[token.charCodeAt(0)] = 1;
    for (const [left, right] of merges) {
      if (isByte(left) || isByte(right)) this.#bytesMerge = true;
      this.#joined.set(left.charCodeAt(left.length - 1), right.charCodeAt(0), 1);
    }
  }

  /** The end of the part that begins at `start`. */
  next(word: string, start: number): number {
    if (this.#bytesMerge) return word.length;
    let before = word.charCodeAt(start);
    for (let at = start + 1; at < word.length; at++) {
      const unit = word.charCodeAt(at);
      const apart = this.#known[before] === 1 || this.#known[unit] === 1;
      if (apart && this.#joined.get(before, unit) < 0) return at;
      before = unit;
    }
    return word.length;
  }
}

function isByte(token: string): boolean {
  return token.length === 6 && token.startsWith("<0x");
}
