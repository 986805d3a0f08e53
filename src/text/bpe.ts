// Byte pair encoding (https://arxiv.org/abs/1508.07909): a word begins as its characters, then the neighbours whose merge
// was learned first become one token, again and again until no learned pair is left.

import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { Symbols } from "./bpe-symbols.ts";
import { type Fields, shown } from "./fields.ts";
import { type Model, noTokens, type Word } from "./model.ts";
import type { PackedMerges } from "./model-bytes.ts";
import { lengthAt } from "./normalized.ts";
import type { PackedVocab } from "./packed-vocab.ts";
import { PairMap } from "./pair-map.ts";
import { Seams } from "./seams.ts";
import { pushUtf8 } from "./utf8.ts";
import { readVocab, unknownId, Vocab } from "./vocab.ts";
import { WordCache } from "./word-cache.ts";

export type BpeConfig = {
  readonly type: "BPE";
  readonly dropout: number | null;
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
  /** Each merge fails with this probability (https://arxiv.org/abs/1910.13267), so that training sees a word in many ways. */
  dropout?: number | null;
  /** Draws in [0, 1) for dropout. */
  random?: () => number;
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

/** A merge as files hold it: the pair, or in files from before 2024 `left right` in one string. */
export type Merge = string | readonly [left: string, right: string];

/** Words up to here are merged in one piece. */
const SHORT = 24;

export class Bpe implements Model {
  readonly vocab: Vocab;
  readonly #options: Required<BpeOptions>;
  /** The ids that each merge joins, and what it makes of them. */
  readonly #merges: PackedMerges;
  /** Which merge a pair of ids is. */
  readonly #ranks: PairMap;
  readonly #words = new WordCache((word) => this.#tokenize(word));
  readonly #symbols = new Symbols();
  #seams: Seams | null = null;

  constructor(
    vocab: ReadonlyMap<string, number> | Vocab,
    merges: readonly Merge[] | PackedMerges,
    options: BpeOptions = {},
  ) {
    this.vocab = vocab instanceof Vocab ? vocab : new Vocab(vocab);
    this.#options = {
      dropout: null,
      random: Math.random,
      unkToken: null,
      fuseUnk: false,
      byteFallback: false,
      ignoreMerges: false,
      continuingSubwordPrefix: null,
      endOfWordSuffix: null,
      ...options,
    };
    const { dropout, continuingSubwordPrefix } = this.#options;
    if (dropout !== null && !(dropout >= 0 && dropout <= 1)) {
      throw new ArgumentError(`model.dropout: wanted a probability from 0 to 1, got ${dropout}.`, { dropout });
    }
    this.#merges = "made" in merges ? merges : packed(this.vocab, merges, continuingSubwordPrefix ?? "");
    const { left, right } = this.#merges;
    this.#ranks = new PairMap(left.length);
    for (let rank = 0; rank < left.length; rank++) {
      this.#ranks.set(left[rank] as number, right[rank] as number, rank); // `rank` is inside
    }
  }

  /** `packed` is what was read of vocabulary and merges beforehand. */
  static fromJson(fields: Fields, packed: { vocab: PackedVocab; merges: PackedMerges } | null = null): Bpe {
    const vocab = packed === null ? readVocab(fields) : new Vocab(packed.vocab);
    return new Bpe(vocab, packed === null ? readMerges(fields) : packed.merges, {
      dropout: fields.has("dropout") ? fields.number("dropout") : null,
      unkToken: fields.optionalString("unk_token"),
      fuseUnk: fields.boolean("fuse_unk", false),
      byteFallback: fields.boolean("byte_fallback", false),
      ignoreMerges: fields.boolean("ignore_merges", false),
      continuingSubwordPrefix: fields.optionalString("continuing_subword_prefix"),
      endOfWordSuffix: fields.optionalString("end_of_word_suffix"),
    });
  }

  toJson(): BpeConfig {
    const options = this.#options;
    return {
      type: "BPE",
      dropout: options.dropout,
      unk_token: options.unkToken,
      continuing_subword_prefix: options.continuingSubwordPrefix,
      end_of_word_suffix: options.endOfWordSuffix,
      fuse_unk: options.fuseUnk,
      byte_fallback: options.byteFallback,
      ignore_merges: options.ignoreMerges,
      vocab: this.vocab.toJson(),
      merges: this.merges,
    };
  }

  /** In the order in which they were learned. */
  get merges(): readonly (readonly [left: string, right: string])[] {
    const { left, right } = this.#merges;
    return Array.from(left, (id, rank) => [this.#tokenOf(id), this.#tokenOf(right[rank] as number)]); // of one length
  }

  get subwordPrefix(): string | null {
    return this.#options.continuingSubwordPrefix;
  }
  get vocabSize(): number {
    return this.vocab.size;
  }

  tokenToId(token: string): number | undefined {
    return this.vocab.idOf(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab.tokenOf(id);
  }

  tokenize(word: string): Word {
    return (this.#options.dropout ?? 0) > 0 ? this.#merged(word) : this.#words.get(word);
  }

  #tokenize(word: string): Word {
    if (word === "") return noTokens;
    const whole = this.#options.ignoreMerges ? this.vocab.idOf(word) : undefined;
    if (whole !== undefined) return { ids: [whole], starts: [0], ends: [word.length] };
    const affixed = this.#options.continuingSubwordPrefix || this.#options.endOfWordSuffix;
    return word.length <= SHORT || affixed ? this.#merged(word) : this.#mergedBySeams(word);
  }

  #merged(word: string): Word {
    this.#spell(word);
    this.#symbols.merge(this.#ranks, this.#merges.made, this.#options.dropout ?? 0, this.#options.random);
    return this.#symbols.word();
  }

  /** A long word cut where no merge can ever reach across: its parts are words that come again. */
  #mergedBySeams(word: string): Word {
    this.#seams ??= new Seams(this.vocab, this.merges);
    const [ids, starts, ends]: [number[], number[], number[]] = [[], [], []];
    for (let start = 0, end = 0; start < word.length; start = end) {
      end = this.#seams.next(word, start);
      const part = start === 0 && end === word.length ? this.#merged(word) : this.#parts.get(word.slice(start, end));
      for (let i = 0; i < part.ids.length; i++) {
        ids.push(part.ids[i] as number); // three arrays of one length
        starts.push(start + (part.starts[i] as number));
        ends.push(start + (part.ends[i] as number));
      }
    }
    return { ids, starts, ends };
  }

  /** Not {@link Bpe.#words}: a part that is a token is merged all the same where `ignoreMerges` takes words whole. */
  readonly #parts = new WordCache((part) => this.#merged(part));

  /** Puts the characters of the word into the symbols, the unknown ones as bytes, as the unknown token, or not at all. */
  #spell(word: string): void {
    const { unkToken, fuseUnk, byteFallback, continuingSubwordPrefix, endOfWordSuffix } = this.#options;
    const symbols = this.#symbols;
    symbols.clear();
    let unknownBefore = false;
    for (let start = 0, end = 0; start < word.length; start = end) {
      end = start + lengthAt(word, start);
      let char = word.slice(start, end);
      if (continuingSubwordPrefix !== null && start > 0) char = continuingSubwordPrefix + char;
      if (endOfWordSuffix !== null && end === word.length) char += endOfWordSuffix;
      const id = this.vocab.idOf(char);
      const bytes = id === undefined && byteFallback ? this.#bytesOf(char) : undefined;
      if (id !== undefined) symbols.push(id, start, end);
      else if (bytes !== undefined) for (const byte of bytes) symbols.push(byte, start, end);
      else if (unkToken !== null) {
        if (fuseUnk && unknownBefore) symbols.extendLast(end);
        else symbols.push(unknownId(this.vocab, unkToken), start, end);
      }
      unknownBefore = id === undefined && bytes === undefined;
    }
  }

  #bytesOf(char: string): readonly number[] | undefined {
    const bytes: number[] = [];
    for (const part of char) pushUtf8(part.codePointAt(0) ?? 0, bytes);
    const ids = bytes.map((byte) => this.vocab.idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`));
    return ids.every((id) => id !== undefined) ? ids : undefined;
  }

  #tokenOf(id: number): string {
    return this.vocab.tokenOf(id) ?? ""; // the ids of merges are those of tokens
  }
}

function packed(vocab: Vocab, merges: readonly Merge[], prefix: string): PackedMerges {
  const idOf = (token: string, rank: number) => {
    const id = vocab.idOf(token);
    if (id === undefined)
      throw new CheckpointError(`model.merges[${rank}]: "${token}" is not in model.vocab.`, { token, rank });
    return id;
  };
  const count = merges.length;
  const [lefts, rights, made] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
  for (const [rank, merge] of merges.entries()) {
    const [left, right] = pairOf(merge);
    const rest = prefix !== "" && right.startsWith(prefix) ? right.slice(prefix.length) : right;
    lefts[rank] = idOf(left, rank);
    rights[rank] = idOf(right, rank);
    made[rank] = idOf(left + rest, rank);
  }
  return { left: lefts, right: rights, made };
}

function pairOf(merge: Merge): readonly [left: string, right: string] {
  if (typeof merge !== "string") return merge;
  const space = merge.indexOf(" ");
  return [merge.slice(0, space), merge.slice(space + 1)];
}

function readMerges(fields: Fields): readonly Merge[] {
  const merges = fields.array("merges");
  for (let rank = 0; rank < merges.length; rank++) {
    const merge = merges[rank];
    const space = typeof merge === "string" ? merge.indexOf(" ") : -1;
    const good =
      typeof merge === "string"
        ? space >= 0 && merge.indexOf(" ", space + 1) < 0
        : Array.isArray(merge) && merge.length === 2 && typeof merge[0] === "string" && typeof merge[1] === "string";
    if (!good) {
      throw new CheckpointError(
        `${fields.where}.merges[${rank}]: wanted "left right" or ["left", "right"], got ${Array.isArray(merge) ? JSON.stringify(merge).slice(0, 60) : shown(merge)}.`,
        { rank },
      );
    }
  }
  return merges as readonly Merge[]; // each was looked at
}
