// The ways to spell the training words in pieces: for each character the pieces that begin there, in the order of their
// lengths. It is laid out once; while training drops pieces, it only shrinks.
//
//   place p:   pieces[first[p] … first[p + 1]),  each `sizes` characters long
//
// A character whose own piece is gone is spelled by the unknown piece, number 0, which costs 10 more than the least likely.

import type { Letters, Seeds } from "./train-seeds.ts";

export const UNKNOWN = 0;
const UNKNOWN_COSTS = 10;
/** What is less likely than 1 / GROWTH is multiplied by GROWTH, a power of two, so that nothing is lost in long words. */
const GROWTH = 2 ** 200;

export class Lattice {
  readonly #letters: Letters;
  readonly #first: Int32Array;
  readonly #longest: number;
  #pieces: Int32Array;
  #sizes: Uint8Array;
  /** Log probability of each piece, -Infinity once it is gone; the probabilities. */
  #scores: Float64Array = new Float64Array(0);
  #odds: Float64Array = new Float64Array(0);
  // Room for one word: what comes before each place, what comes after, the piece that ends there best.
  #before = new Float64Array(64);
  #after = new Float64Array(64);
  readonly #grown: number[] = [];
  #last = new Int32Array(64);
  #lastSize = new Uint8Array(64);

  /** `chars` gives the piece of each character; `seeds` are pieces from `firstSeed` on, in the order of `chosen`. */
  constructor(
    letters: Letters,
    chars: ReadonlyMap<number, number>,
    seeds: Seeds,
    chosen: Int32Array,
    firstSeed: number,
  ) {
    const { text } = letters;
    this.#letters = letters;
    const first = new Int32Array(text.length + 1);
    for (let at = 0; at < text.length; at++) if (chars.has(text[at] as number)) first[at + 1] = 1;
    for (const seed of chosen) {
      for (let i = seeds.from[seed] as number; i <= (seeds.to[seed] as number); i++) {
        const at = (seeds.order[i] as number) + 1;
        first[at] = (first[at] as number) + 1;
      }
    }
    for (let at = 0; at < text.length; at++) first[at + 1] = (first[at + 1] as number) + (first[at] as number);
    this.#first = first;
    this.#longest = chosen.reduce((longest, seed) => Math.max(longest, seeds.size[seed] as number), 1);
    const edges = first[text.length] as number;
    this.#pieces = new Int32Array(edges);
    this.#sizes = new Uint8Array(edges);
    const next = first.slice();
    const add = (at: number, piece: number, size: number): void => {
      const edge = next[at] as number;
      this.#pieces[edge] = piece;
      this.#sizes[edge] = size;
      next[at] = edge + 1;
    };
    for (let at = 0; at < text.length; at++) {
      const piece = chars.get(text[at] as number);
      if (piece !== undefined) add(at, piece, 1);
    }
    const bySize = Int32Array.from(chosen.keys()).sort(
      (a, b) => (seeds.size[chosen[a] as number] as number) - (seeds.size[chosen[b] as number] as number) || a - b,
    );
    for (const rank of bySize) {
      const seed = chosen[rank] as number;
      for (let i = seeds.from[seed] as number; i <= (seeds.to[seed] as number); i++)
        add(seeds.order[i] as number, firstSeed + rank, seeds.size[seed] as number);
    }
  }

  /** Takes new scores; pieces of -Infinity are gone for good. */
  setScores(scores: Float64Array): void {
    let least = Number.POSITIVE_INFINITY;
    for (let piece = 1; piece < scores.length; piece++) {
      const score = scores[piece] as number;
      if (score > Number.NEGATIVE_INFINITY && score < least) least = score;
    }
    scores[UNKNOWN] = least - UNKNOWN_COSTS;
    this.#scores = scores;
    this.#odds = scores.map(Math.exp);
    this.#compact();
  }

  #compact(): void {
    const [first, pieces, sizes, scores] = [this.#first, this.#pieces, this.#sizes, this.#scores];
    let [kept, from] = [0, 0];
    for (let at = 1; at < first.length; at++) {
      const to = first[at] as number; // all are inside
      for (let edge = from; edge < to; edge++) {
        const piece = pieces[edge] as number;
        if (scores[piece] === Number.NEGATIVE_INFINITY) continue;
        pieces[kept] = piece;
        sizes[kept++] = sizes[edge] as number;
      }
      from = to;
      first[at] = kept;
    }
  }

  /** How often each piece is expected in the words, over all ways to spell them: the E step. */
  expected(): Float64Array {
    const { starts, counts } = this.#letters;
    const expected = new Float64Array(this.#scores.length);
    for (let word = 0; word < counts.length; word++) {
      const [from, to] = [starts[word] as number, (starts[word + 1] as number) - 1];
      this.#addExpected(from, to, counts[word] as number, expected);
    }
    return expected;
  }

  #makeRoom(size: number): void {
    if (this.#before.length >= size) return;
    this.#before = new Float64Array(size * 2);
    this.#after = new Float64Array(size * 2);
    this.#last = new Int32Array(size * 2);
    this.#lastSize = new Uint8Array(size * 2);
  }

  /** Forward and backward over the word. */
  #addExpected(from: number, to: number, count: number, expected: Float64Array): void {
    const size = to - from;
    this.#forward(from, size);
    const [before, after, first, pieces, sizes, odds, grown] = [
      this.#before,
      this.#after,
      this.#first,
      this.#pieces,
      this.#sizes,
      this.#odds,
      this.#grown,
    ];
    const unknown = odds[UNKNOWN] as number;
    after[size] = count / (before[size] as number);
    for (let at = size - 1; at >= 0; at--) {
      if (grown.length > 0 && grown[grown.length - 1] === at + 1) {
        grown.pop();
        this.#grow(before, at + 1, size, 1 / GROWTH);
        this.#grow(after, at + 1, size, GROWTH);
      }
      const here = before[at] as number; // all the arrays reach to `size`
      const [edge, end] = [first[from + at] as number, first[from + at + 1] as number];
      let sum = 0;
      if (edge === end || sizes[edge] !== 1) {
        const way = unknown * (after[at + 1] as number);
        sum += way;
        expected[UNKNOWN] = (expected[UNKNOWN] as number) + here * way;
      }
      for (let e = edge; e < end; e++) {
        const piece = pieces[e] as number;
        const way = (odds[piece] as number) * (after[at + (sizes[e] as number)] as number);
        sum += way;
        expected[piece] = (expected[piece] as number) + here * way;
      }
      after[at] = sum;
    }
  }

  /** Fills `before`, and `grown` with the places from which on it has grown. */
  #forward(from: number, size: number): void {
    this.#makeRoom(size + 1);
    const [before, first, pieces, sizes, odds] = [this.#before, this.#first, this.#pieces, this.#sizes, this.#odds];
    const unknown = odds[UNKNOWN] as number;
    before.fill(0, 1, size + 1);
    before[0] = 1;
    for (let at = 0; at < size; at++) {
      if ((before[at] as number) < 1 / GROWTH && this.#isFaint(at, size)) {
        this.#grow(before, at, size, GROWTH);
        this.#grown.push(at);
      }
      const here = before[at] as number; // all the arrays reach to `size`
      const [edge, end] = [first[from + at] as number, first[from + at + 1] as number];
      if (edge === end || sizes[edge] !== 1) before[at + 1] = (before[at + 1] as number) + here * unknown;
      for (let e = edge; e < end; e++) {
        const next = at + (sizes[e] as number);
        before[next] = (before[next] as number) + here * (odds[pieces[e] as number] as number);
      }
    }
  }

  /** Whether every way that passes a place is unlikely: those of long pieces are seen behind it. */
  #isFaint(at: number, size: number): boolean {
    for (let i = at; i <= Math.min(size, at + this.#longest); i++)
      if ((this.#before[i] as number) >= 1 / GROWTH) return false;
    return true;
  }

  #grow(odds: Float64Array, at: number, size: number, factor: number): void {
    for (let i = at; i <= Math.min(size, at + this.#longest); i++) odds[i] = (odds[i] as number) * factor;
  }

  /** How often each piece is in the likeliest spellings of the words. */
  viterbiCounts(): Float64Array {
    const { starts, counts } = this.#letters;
    const found = new Float64Array(this.#scores.length);
    for (let word = 0; word < counts.length; word++) {
      const [from, to] = [starts[word] as number, (starts[word + 1] as number) - 1];
      this.#search(from, to, -1);
      for (let at = to - from; at > 0; at -= this.#lastSize[at] as number) {
        const piece = this.#last[at] as number;
        found[piece] = (found[piece] as number) + (counts[word] as number);
      }
    }
    return found;
  }

  /** The likeliest spelling of a piece, which stands at `place`, in other pieces. */
  spelledWithout(
    piece: number,
    place: number,
    size: number,
  ): { readonly pieces: readonly number[]; readonly score: number } {
    this.#search(place, place + size, piece);
    const pieces: number[] = [];
    for (let at = size; at > 0; at -= this.#lastSize[at] as number) pieces.push(this.#last[at] as number);
    return { pieces, score: this.#before[size] as number };
  }

  /** Finds the likeliest way from one place to another, without one of the pieces. */
  #search(from: number, to: number, without: number): void {
    const size = to - from;
    this.#makeRoom(size + 1);
    const [best, last, lastSize, scores] = [this.#before, this.#last, this.#lastSize, this.#scores];
    const [first, pieces, sizes] = [this.#first, this.#pieces, this.#sizes];
    best.fill(Number.NEGATIVE_INFINITY, 1, size + 1);
    best[0] = 0;
    for (let at = 0; at < size; at++) {
      const here = best[at] as number; // all the arrays reach to `size`
      const [edge, end] = [first[from + at] as number, first[from + at + 1] as number];
      if (edge === end || sizes[edge] !== 1) {
        const score = here + (scores[UNKNOWN] as number);
        if (score > (best[at + 1] as number)) {
          best[at + 1] = score;
          last[at + 1] = UNKNOWN;
          lastSize[at + 1] = 1;
        }
      }
      for (let e = edge; e < end; e++) {
        const next = at + (sizes[e] as number);
        if (next > size) break;
        const piece = pieces[e] as number;
        const score = here + (scores[piece] as number);
        if (piece === without || score <= (best[next] as number)) continue;
        best[next] = score;
        last[next] = piece;
        lastSize[next] = sizes[e] as number;
      }
    }
  }
}
