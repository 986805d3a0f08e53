// Unigram (https://arxiv.org/abs/1804.10959): every token has a log probability, and of all ways to spell a word in tokens
// the likeliest is taken. Viterbi over the units of the word:
//
//   best(end) = max over tokens that end there: best(start) + score(token)
//
// A character that no token spells costs 10 more than the least likely token; neighbours of that kind become one.

import { CheckpointError } from "../base/errors.ts";
import { type Fields, shown } from "./fields.ts";
import { type Model, noTokens, type Word } from "./model.ts";
import { lengthAt } from "./normalized.ts";
import { Trie } from "./trie.ts";
import { pushUtf8 } from "./utf8.ts";
import { WordCache } from "./word-cache.ts";

export type UnigramConfig = {
  readonly type: "Unigram";
  readonly unk_id: number | null;
  readonly vocab: readonly (readonly [token: string, score: number])[];
  readonly byte_fallback: boolean;
};

export type UnigramOptions = {
  /** The place of the unknown token in the vocabulary; without one a text with unknown characters is an error. */
  unkId?: number | null;
  /** Spells unknown characters in tokens like `<0xE2>`, if all their bytes are in the vocabulary. */
  byteFallback?: boolean;
};

const UNKNOWN_COSTS = 10;

export class Unigram implements Model {
  readonly vocab: readonly (readonly [token: string, score: number])[];
  readonly unkId: number | null;
  readonly byteFallback: boolean;
  readonly #ids = new Map<string, number>();
  readonly #trie: Trie;
  readonly #scores: Float64Array;
  readonly #unknownScore: number;
  readonly #words = new WordCache((word) => this.#tokenize(word));
  // For each unit of a word: the best score of what ends there, where its last token begins, and which it is.
  #best = new Float64Array(256);
  #from = new Int32Array(256);
  #last = new Int32Array(256);

  constructor(vocab: readonly (readonly [token: string, score: number])[], options: UnigramOptions = {}) {
    const { unkId = null, byteFallback = false } = options;
    this.vocab = vocab;
    this.unkId = unkId;
    this.byteFallback = byteFallback;
    if (unkId !== null && unkId >= vocab.length) {
      throw new CheckpointError(`model.unk_id: ${unkId} is not in the vocabulary of ${vocab.length}.`, { unkId });
    }
    this.#trie = new Trie(vocab.length * 3);
    this.#scores = Float64Array.from(vocab, ([, score]) => score);
    let least = Number.POSITIVE_INFINITY;
    for (const [id, [token, score]] of vocab.entries()) {
      this.#ids.set(token, id);
      if (token !== "") this.#trie.set(token, id);
      if (score < least) least = score;
    }
    this.#unknownScore = least - UNKNOWN_COSTS;
  }

  static fromJson(fields: Fields): Unigram {
    const vocab = fields.array("vocab").map((entry, i): [string, number] => {
      const [token, score] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
      if (typeof token !== "string" || typeof score !== "number") {
        throw new CheckpointError(`${fields.where}.vocab[${i}]: wanted [token, score], got ${shown(entry)}.`, { i });
      }
      return [token, score];
    });
    return new Unigram(vocab, {
      unkId: fields.has("unk_id") ? fields.count("unk_id") : null,
      byteFallback: fields.boolean("byte_fallback", false),
    });
  }

  toJson(): UnigramConfig {
    return { type: "Unigram", unk_id: this.unkId, vocab: this.vocab, byte_fallback: this.byteFallback };
  }

  get vocabSize(): number {
    return this.vocab.length;
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab[id]?.[0];
  }

  tokenize(word: string): Word {
    return this.#words.get(word);
  }

  #tokenize(word: string): Word {
    if (word === "") return noTokens;
    this.#search(word);
    // Backwards: the ends of the pieces, unknown neighbours as one.
    const ends: number[] = [];
    let unknownAfter = false;
    for (let end = word.length; end > 0; end = this.#from[end] as number) {
      const unknown = this.#last[end] === this.unkId;
      if (!(unknown && unknownAfter)) ends.push(end);
      unknownAfter = unknown;
    }
    return this.#spell(word, ends.reverse());
  }

  /** Fills the arrays for the word. */
  #search(word: string): void {
    const size = word.length + 1;
    if (this.#best.length < size) {
      this.#best = new Float64Array(size * 2);
      this.#from = new Int32Array(size * 2);
      this.#last = new Int32Array(size * 2);
    }
    const [best, from, last, trie] = [this.#best, this.#from, this.#last, this.#trie];
    from.fill(-1, 0, size);
    best[0] = 0;
    for (let start = 0; start < word.length; ) {
      const soFar = best[start] as number; // all the arrays reach to `size`
      const next = start + lengthAt(word, start);
      let single = false;
      let node = 0;
      for (let end = start; end < word.length; ) {
        node = trie.next(node, word.charCodeAt(end++));
        if (node < 0) break;
        const id = trie.value(node);
        if (id < 0) continue;
        const score = (this.#scores[id] as number) + soFar;
        if ((from[end] as number) < 0 || score > (best[end] as number)) {
          best[end] = score;
          from[end] = start;
          last[end] = id;
        }
        if (end === next) single = true;
      }
      if (!single) {
        const score = this.#unknownScore + soFar;
        if ((from[next] as number) < 0 || score > (best[next] as number)) {
          best[next] = score;
          from[next] = start;
          last[next] = this.#unknownId();
        }
      }
      start = next;
    }
  }

  #spell(word: string, pieceEnds: readonly number[]): Word {
    const [ids, starts, ends]: [number[], number[], number[]] = [[], [], []];
    let tokens: (string | undefined)[] | undefined;
    let start = 0;
    for (const end of pieceEnds) {
      const piece = word.slice(start, end);
      const id = this.#ids.get(piece);
      const bytes = id === undefined && this.byteFallback ? this.#bytesOf(piece) : undefined;
      if (id === undefined && bytes === undefined) {
        tokens ??= [];
        tokens[ids.length] = piece;
      }
      for (const one of bytes ?? [id ?? this.#unknownId()]) {
        ids.push(one);
        starts.push(start);
        ends.push(end);
      }
      start = end;
    }
    return tokens === undefined ? { ids, starts, ends } : { ids, starts, ends, tokens };
  }

  #bytesOf(piece: string): readonly number[] | undefined {
    const bytes: number[] = [];
    for (const char of piece) pushUtf8(char.codePointAt(0) ?? 0, bytes);
    const ids = bytes.map((byte) => this.#ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`));
    return ids.every((id) => id !== undefined) ? ids : undefined;
  }

  #unknownId(): number {
    if (this.unkId === null)
      throw new CheckpointError("model.unk_id: it is null, and the text holds a character that no token spells.", {});
    return this.unkId;
  }
}
