// A text on its way through the tokenizer, and where each of its UTF-16 units came from. Normalizers rewrite it,
// pre-tokenizers slice it; because the alignment travels along, a token's offsets always point into the text that the
// user gave:
//
//   original  "Ça  va"        text  "ça va"         starts  0 1 2 4 5
//                                                   ends    1 2 4 5 6
//
// Most texts are never rewritten. Their alignment is the identity, which is held as no arrays at all.

import type { Word } from "./model.ts";

/** What a piece of new text stands for: `text` replaces `[start, end)` of the text before. */
export type Rewrite = readonly [text: string, start: number, end: number];

export class Normalized {
  readonly text: string;
  /** The word that this is a copy of, if it was met before: the model's tokens are kept with that one. */
  readonly first: Normalized | null;
  tokens: Word | null = null;
  /** Added to every position, so that slices share what they were cut from. */
  readonly #shift: number;
  readonly #starts: Int32Array | null;
  readonly #ends: Int32Array | null;

  constructor(
    text: string,
    shift = 0,
    starts: Int32Array | null = null,
    ends: Int32Array | null = null,
    first: Normalized | null = null,
  ) {
    this.text = text;
    this.first = first;
    this.#shift = shift;
    this.#starts = starts;
    this.#ends = ends;
  }

  /** Where unit `at` of this text begins in the original. */
  startOf(at: number): number {
    return this.#shift + (this.#starts === null ? at : (this.#starts[at] ?? this.#last()));
  }

  /** Where the original of the unit before `at` ends. */
  endOf(at: number): number {
    if (this.#ends === null || at === 0) return this.startOf(at);
    return this.#shift + (this.#ends[at - 1] ?? 0);
  }

  slice(start: number, end: number): Normalized {
    const text = this.text.slice(start, end);
    if (this.#starts === null || this.#ends === null) return new Normalized(text, this.#shift + start);
    return new Normalized(text, this.#shift, this.#starts.subarray(start, end), this.#ends.subarray(start, end));
  }

  /**
   * A new text from pieces of this one, in order. A piece that equals what it stands for keeps its alignment unit by
   * unit; every unit of a changed piece stands for the whole of `[start, end)`.
   */
  rewrite(pieces: Iterable<Rewrite>): Normalized {
    let text = "";
    const starts: number[] = [];
    const ends: number[] = [];
    for (const [piece, start, end] of pieces) {
      text += piece;
      const kept = piece.length === end - start && this.text.startsWith(piece, start);
      for (let i = 0; i < piece.length; i++) {
        starts.push(kept ? this.startOf(start + i) : this.startOf(start));
        ends.push(kept ? this.endOf(start + i + 1) : this.endOf(end));
      }
    }
    return new Normalized(text, 0, Int32Array.from(starts), Int32Array.from(ends));
  }

  /** Puts `prefix` before the text, if there is one; it stands for the first character. */
  prepend(prefix: string): Normalized {
    const first = this.text.codePointAt(0);
    if (first === undefined) return this;
    return this.rewrite([
      [prefix, 0, first > 0xffff ? 2 : 1],
      [this.text, 0, this.text.length],
    ]);
  }

  /** This, aligned to `parent.text` from unit `at` on, aligned to the original of `parent` instead. */
  within(parent: Normalized, at: number): Normalized {
    if (parent.#starts === null)
      return new Normalized(this.text, this.#shift + parent.#shift + at, this.#starts, this.#ends, this);
    const starts = Int32Array.from({ length: this.text.length }, (_, i) => parent.startOf(at + this.startOf(i)));
    const ends = Int32Array.from({ length: this.text.length }, (_, i) => parent.endOf(at + this.endOf(i + 1)));
    return new Normalized(this.text, 0, starts, ends, this);
  }

  /** The same alignment under a text of the same length. */
  withText(text: string): Normalized {
    return new Normalized(text, this.#shift, this.#starts, this.#ends);
  }

  #last(): number {
    return this.#ends?.at(-1) ?? 0;
  }
}
