// Byte pair encoding (https://arxiv.org/abs/1508.07909): a word begins as its characters, then the neighbours whose merge
// was learned first become one token, again and again until no learned pair is left.

import { CheckpointError, UnsupportedError } from "../base/errors.ts";
import { type Fields, isObject, shown } from "./fields.ts";
import { Heap } from "./heap.ts";
import type { Model, Word } from "./model.ts";
import { PairMap } from "./pair-map.ts";
import { pushUtf8 } from "./utf8.ts";
import { WordCache } from "./word-cache.ts";

export type BpeConfig = {
  readonly type: "BPE";
  readonly dropout: null;
  readonly unk_token: string | null;
  readonly continuing_subword_prefix: string | null;
  readonly end_of_word_suffix: string | null;
  readonly fuse_unk: boolean;
  readonly byte_fallback: boolean;
  readonly ignore_merges: boolean;
  readonly vocab: { readonly [token: string]: number };
  readonly merges: readonly (readonly [left: string, right: string])[];
};

export type BpeOptions = {
  /** Stands for a character that is not in the vocabulary; without it such a character is dropped. */
  unkToken?: string | null;
  /** One unknown token for a whole run of unknown characters. */
  fuseUnk?: boolean;
  /** Spells an unknown character in tokens like `<0xE2>`, if all its bytes are in the vocabulary. */
  byteFallback?: boolean;
  /** A word that is itself a token is that token, whatever the merges say. */
  ignoreMerges?: boolean;
  continuingSubwordPrefix?: string | null;
  endOfWordSuffix?: string | null;
};

const NO_TOKENS: Word = { ids: [], starts: [], ends: [] };

export class Bpe implements Model {
  readonly vocab: ReadonlyMap<string, number>;
  /** In the order in which they were learned. */
  readonly merges: readonly (readonly [left: string, right: string])[];
  readonly #options: Required<BpeOptions>;
  readonly #tokens: (string | undefined)[] = [];
  /** Which merge a pair of ids is, and what id each merge makes. */
  readonly #ranks: PairMap;
  readonly #made: Int32Array;
  readonly #words = new WordCache((word) => this.#tokenize(word));
  readonly #symbols = new Symbols();

  constructor(
    vocab: ReadonlyMap<string, number>,
    merges: readonly (readonly [string, string])[],
    options: BpeOptions = {},
  ) {
    this.vocab = vocab;
    this.merges = merges;
    this.#options = {
      unkToken: null,
      fuseUnk: false,
      byteFallback: false,
      ignoreMerges: false,
      continuingSubwordPrefix: null,
      endOfWordSuffix: null,
      ...options,
    };
    for (const [token, id] of vocab) this.#tokens[id] = token;
    this.#ranks = new PairMap(merges.length);
    this.#made = Int32Array.from(merges, ([left, right], rank) => {
      const prefix = this.#options.continuingSubwordPrefix ?? "";
      const made = left + (prefix !== "" && right.startsWith(prefix) ? right.slice(prefix.length) : right);
      this.#ranks.set(this.#idOf(left, rank), this.#idOf(right, rank), rank);
      return this.#idOf(made, rank);
    });
  }

  static fromJson(fields: Fields): Bpe {
    if (fields.has("dropout") && fields.number("dropout") !== 0) {
      throw new UnsupportedError(`${fields.where}.dropout: BPE dropout is not supported; set it to null.`, {
        dropout: fields.number("dropout"),
      });
    }
    const optional = (name: string) => (fields.has(name) ? fields.string(name) : null);
    return new Bpe(readVocab(fields), readMerges(fields), {
      unkToken: optional("unk_token"),
      fuseUnk: fields.boolean("fuse_unk", false),
      byteFallback: fields.boolean("byte_fallback", false),
      ignoreMerges: fields.boolean("ignore_merges", false),
      continuingSubwordPrefix: optional("continuing_subword_prefix"),
      endOfWordSuffix: optional("end_of_word_suffix"),
    });
  }

  toJson(): BpeConfig {
    const { unkToken, continuingSubwordPrefix, endOfWordSuffix, fuseUnk, byteFallback, ignoreMerges } = this.#options;
    return {
      type: "BPE",
      dropout: null,
      unk_token: unkToken,
      continuing_subword_prefix: continuingSubwordPrefix,
      end_of_word_suffix: endOfWordSuffix,
      fuse_unk: fuseUnk,
      byte_fallback: byteFallback,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(this.vocab),
      merges: this.merges,
    };
  }

  get vocabSize(): number {
    return this.vocab.size;
  }

  tokenToId(token: string): number | undefined {
    return this.vocab.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.#tokens[id];
  }

  tokenize(word: string): Word {
    return this.#words.get(word);
  }

  #tokenize(word: string): Word {
    if (word === "") return NO_TOKENS;
    const whole = this.#options.ignoreMerges ? this.vocab.get(word) : undefined;
    if (whole !== undefined) return { ids: [whole], starts: [0], ends: [word.length] };
    this.#spell(word);
    this.#symbols.merge(this.#ranks, this.#made);
    return this.#symbols.word();
  }

  /** Puts the characters of the word into the symbols, the unknown ones as bytes, as the unknown token, or not at all. */
  #spell(word: string): void {
    const { unkToken, fuseUnk, byteFallback, continuingSubwordPrefix, endOfWordSuffix } = this.#options;
    const symbols = this.#symbols;
    symbols.clear();
    let unknownBefore = false;
    for (let start = 0, end = 0; start < word.length; start = end) {
      end = start + ((word.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
      let char = word.slice(start, end);
      if (continuingSubwordPrefix !== null && start > 0) char = continuingSubwordPrefix + char;
      if (endOfWordSuffix !== null && end === word.length) char += endOfWordSuffix;
      const id = this.vocab.get(char);
      const bytes = id === undefined && byteFallback ? this.#bytesOf(char) : undefined;
      if (id !== undefined) symbols.push(id, start, end);
      else if (bytes !== undefined) for (const byte of bytes) symbols.push(byte, start, end);
      else if (unkToken !== null) {
        if (fuseUnk && unknownBefore) symbols.extendLast(end);
        else symbols.push(this.#unknownId(unkToken), start, end);
      }
      unknownBefore = id === undefined && bytes === undefined;
    }
  }

  #bytesOf(char: string): readonly number[] | undefined {
    const bytes: number[] = [];
    for (const part of char) pushUtf8(part.codePointAt(0) ?? 0, bytes);
    const ids = bytes.map((byte) => this.vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`));
    return ids.every((id) => id !== undefined) ? ids : undefined;
  }

  #unknownId(unkToken: string): number {
    const id = this.vocab.get(unkToken);
    if (id === undefined)
      throw new CheckpointError(`model.unk_token: "${unkToken}" is not in the vocabulary.`, { unkToken });
    return id;
  }

  #idOf(token: string, rank: number): number {
    const id = this.vocab.get(token);
    if (id === undefined)
      throw new CheckpointError(`model.merges[${rank}]: "${token}" is not in model.vocab.`, { token, rank });
    return id;
  }
}

function readVocab(fields: Fields): Map<string, number> {
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(fields.fields("vocab").object)) {
    if (!Number.isSafeInteger(id) || Number(id) < 0) {
      throw new CheckpointError(
        `${fields.where}.vocab: the id of ${JSON.stringify(token)} must be a whole number, got ${shown(id)}.`,
        { token, id },
      );
    }
    vocab.set(token, Number(id));
  }
  return vocab;
}

/** Merges come as `"a b"` in files from before 2024, as `["a", "b"]` since. */
function readMerges(fields: Fields): [string, string][] {
  return fields.array("merges").map((merge, rank) => {
    const [left, right, more] = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
    if (typeof left !== "string" || typeof right !== "string" || more !== undefined) {
      throw new CheckpointError(
        `${fields.where}.merges[${rank}]: wanted "left right" or ["left", "right"], got ${isObject(merge) ? shown(merge) : JSON.stringify(merge)}.`,
        { rank },
      );
    }
    return [left, right];
  });
}

/**
 * The symbols of one word as a linked list in arrays, and the heap of merges that could be made. A merge is held as
 * `rank · 2³² + position`, so that the smallest is the one learned first, and of equals the leftmost.
 */
class Symbols {
  #count = 0;
  #ids = new Int32Array(64);
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);
  #next = new Int32Array(64); // -1 after the last
  #previous = new Int32Array(64);
  readonly #heap = new Heap<number>((a, b) => a < b);

  clear(): void {
    this.#count = 0;
    this.#heap.clear();
  }

  push(id: number, start: number, end: number): void {
    const at = this.#count++;
    if (at === this.#ids.length) this.#grow();
    this.#ids[at] = id;
    this.#starts[at] = start;
    this.#ends[at] = end;
    this.#previous[at] = at - 1;
    this.#next[at] = -1;
    if (at > 0) this.#next[at - 1] = at;
  }

  extendLast(end: number): void {
    this.#ends[this.#count - 1] = end;
  }

  merge(ranks: PairMap, made: Int32Array): void {
    const [ids, next, previous] = [this.#ids, this.#next, this.#previous];
    for (let at = 0; at + 1 < this.#count; at++) this.#offer(ranks, at);
    for (let top = this.#heap.pop(); top !== undefined; top = this.#heap.pop()) {
      const at = top % POSITIONS;
      const rank = (top - at) / POSITIONS;
      const right = next[at] as number;
      // An entry is stale when a neighbour was merged since: the pair here is another one now, or none.
      if (ids[at] === GONE || right < 0 || ranks.get(ids[at] as number, ids[right] as number) !== rank) continue;
      const after = next[right] as number;
      ids[at] = made[rank] as number;
      this.#ends[at] = this.#ends[right] as number;
      ids[right] = GONE;
      next[at] = after;
      if (after >= 0) {
        previous[after] = at;
        this.#offer(ranks, at);
      }
      if ((previous[at] as number) >= 0) this.#offer(ranks, previous[at] as number);
    }
  }

  word(): Word {
    const [ids, starts, ends]: [number[], number[], number[]] = [[], [], []];
    for (let at = this.#count > 0 ? 0 : -1; at >= 0; at = this.#next[at] as number) {
      ids.push(this.#ids[at] as number);
      starts.push(this.#starts[at] as number);
      ends.push(this.#ends[at] as number);
    }
    return { ids, starts, ends };
  }

  /** Puts the merge of the symbol at `at` with the next one on the heap, if there is one. */
  #offer(ranks: PairMap, at: number): void {
    const rank = ranks.get(this.#ids[at] as number, this.#ids[this.#next[at] as number] as number);
    if (rank < 0) return;
    this.#heap.push(rank * POSITIONS + at);
  }

  #grow(): void {
    const doubled = (from: Int32Array) => {
      const to = new Int32Array(from.length * 2);
      to.set(from);
      return to;
    };
    this.#ids = doubled(this.#ids);
    this.#starts = doubled(this.#starts);
    this.#ends = doubled(this.#ends);
    this.#next = doubled(this.#next);
    this.#previous = doubled(this.#previous);
  }
}

const POSITIONS = 2 ** 32;
const GONE = -1;
