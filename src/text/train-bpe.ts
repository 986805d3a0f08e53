// The trainer of byte pair encoding, plain or over the byte alphabet of GPT-2. Ids and merges are those of Python's
// `tokenizers`; where its own ids change from run to run (letters with a prefix or suffix), ours are in the order of code points.

import { ArgumentError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import { Bpe } from "./bpe.ts";
import { byteAlphabet } from "./byte-level.ts";
import type { Model } from "./model.ts";
import { Tokenizer } from "./tokenizer.ts";
import {
  type AlphabetOptions,
  alphabetOf,
  checkCount,
  checkRoom,
  type SpecialTokenList,
  specialTokensOf,
} from "./train-alphabet.ts";
import { learnMerges, type SpelledWords } from "./train-merges.ts";
import type { WordCounts } from "./train-words.ts";
import { ofKind, type TokenizerTrainer, type TrainerProgress } from "./trainer.ts";

export type BpeTrainerOptions = AlphabetOptions & {
  /** Tokens in all: special ones, letters and merges; 30000 by default. */
  readonly vocabSize?: number;
  /** A pair seen less often is not merged; 0 by default. */
  readonly minFrequency?: number;
  readonly specialTokens?: SpecialTokenList;
  /** What tokens begin with that do not begin a word, as `##`. */
  readonly continuingSubwordPrefix?: string | null;
  /** What tokens end with that end a word, as `</w>`. */
  readonly endOfWordSuffix?: string | null;
  /** The most letters of a token, as Python has it: a merge of two letters is always made, others stay below. */
  readonly maxTokenLength?: number | null;
  readonly progress?: TrainerProgress;
};

/** Learns merges (https://arxiv.org/abs/1508.07909) for a `Bpe` model. */
export class BpeTrainer implements TokenizerTrainer {
  readonly specialTokens: readonly AddedToken[];
  readonly #options: BpeTrainerOptions;

  constructor(options: BpeTrainerOptions = {}) {
    this.#options = options;
    this.specialTokens = checked(options, "BpeTrainer");
  }

  train(words: WordCounts, model: Model): Bpe {
    const old = ofKind(model, Bpe, "BpeTrainer").toJson();
    const { continuingSubwordPrefix = null, endOfWordSuffix = null } = this.#options;
    const { vocab, merges } = trainMerges(words, this.specialTokens, this.#options, "BpeTrainer");
    return new Bpe(vocab, merges, {
      dropout: old.dropout,
      unkToken: old.unk_token,
      fuseUnk: old.fuse_unk,
      byteFallback: old.byte_fallback,
      ignoreMerges: old.ignore_merges,
      continuingSubwordPrefix: continuingSubwordPrefix ?? old.continuing_subword_prefix,
      endOfWordSuffix: endOfWordSuffix ?? old.end_of_word_suffix,
    });
  }
}

/** Checks the options of a trainer that learns merges, and returns its special tokens. */
export function checked(options: BpeTrainerOptions, who: string): readonly AddedToken[] {
  checkCount(who, "vocabSize", options.vocabSize ?? 0, 0);
  checkCount(who, "minFrequency", options.minFrequency ?? 0, 0);
  checkCount(who, "limitAlphabet", options.limitAlphabet ?? 0, 0);
  checkCount(who, "maxTokenLength", options.maxTokenLength ?? 1, 1);
  return specialTokensOf(options.specialTokens ?? [], who);
}

/** Special tokens, letters and merges of the words. */
export function trainMerges(
  words: WordCounts,
  specials: readonly AddedToken[],
  options: BpeTrainerOptions,
  who: string,
): { readonly vocab: Map<string, number>; readonly merges: [left: string, right: string][] } {
  const { vocabSize = 30000, minFrequency = 0, maxTokenLength, progress } = options;
  const [prefix, suffix] = [options.continuingSubwordPrefix ?? "", options.endOfWordSuffix ?? ""];
  const vocab = new Map(specials.map(({ content }, id) => [content, id]));
  const alphabet = alphabetOf(words, options);
  for (const char of alphabet) addToken(vocab, String.fromCodePoint(char));
  const spelled = spell(words, vocab, alphabet, prefix, suffix);
  checkRoom(who, vocabSize, specials.length, vocab.size - specials.length, vocab.size);
  const limit = maxTokenLength ?? Number.POSITIVE_INFINITY;
  const merges = learnMerges(vocab, spelled, { vocabSize, minFrequency, prefix, maxTokenLength: limit, progress });
  return { vocab, merges };
}

function addToken(vocab: Map<string, number>, token: string): number {
  const id = vocab.get(token) ?? vocab.size;
  vocab.set(token, id);
  return id;
}

// A letter has up to four forms: inside a word with the prefix, at its end with the suffix, with both, with neither.
const INSIDE = 1;
const LAST = 2;
const CODES = 0x110000;

/** The words as ids; letters outside the alphabet are left out, forms that come up are added to the vocabulary. */
function spell(
  words: WordCounts,
  vocab: Map<string, number>,
  alphabet: readonly number[],
  prefix: string,
  suffix: string,
): SpelledWords {
  const known = new Set(alphabet);
  const forms: number[] = [];
  const offsets = new Int32Array(words.size + 1);
  let word = 0;
  for (const text of words.keys()) {
    for (let at = 0; at < text.length; ) {
      const char = text.codePointAt(at) as number; // `at` is inside
      const first = at === 0;
      at += char > 0xffff ? 2 : 1;
      if (!known.has(char)) continue;
      const form = (first || prefix === "" ? 0 : INSIDE) + (at < text.length || suffix === "" ? 0 : LAST);
      forms.push(form * CODES + char);
    }
    offsets[++word] = forms.length;
  }
  const ids = new Map<number, number>();
  for (const form of [...new Set(forms)].sort((a, b) => a - b)) {
    const kind = Math.floor(form / CODES);
    const letter = String.fromCodePoint(form % CODES);
    const token = `${(kind & INSIDE) === 0 ? "" : prefix}${letter}${(kind & LAST) === 0 ? "" : suffix}`;
    ids.set(form, addToken(vocab, token));
  }
  const symbols = Int32Array.from(forms, (form) => ids.get(form) as number); // every form has its id
  return { symbols, offsets, counts: Float64Array.from(words.values()) };
}

export type TrainBpeOptions = {
  /** Special tokens, the 256 byte letters and merges together. */
  vocabSize: number;
  /** A pair seen less often is not merged. */
  minFrequency?: number;
  /** They take the first ids. */
  specialTokens?: readonly string[];
  /** Treats the first word of a text like all others: with a space before it. */
  addPrefixSpace?: boolean;
  /** Called now and then with the tokens so far and the tokens wanted. */
  progress?: (tokens: number, vocabSize: number) => void;
};

/** A byte-level tokenizer trained on `texts`, which are read once. */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): Tokenizer {
  const { minFrequency = 2, specialTokens = ["<pad>", "<s>", "</s>", "<unk>"], addPrefixSpace = false } = options;
  const least = new Set([...specialTokens, ...byteAlphabet]).size;
  if (!Number.isSafeInteger(options.vocabSize) || options.vocabSize < least) {
    throw new ArgumentError(
      `trainBpe: vocabSize is ${options.vocabSize}; the ${specialTokens.length} special tokens and 256 byte letters alone take ${least}.`,
      { vocabSize: options.vocabSize, minimum: least },
    );
  }
  const tokenizer = new Tokenizer({
    model: new Bpe(new Map(), []),
    preTokenizer: { type: "ByteLevel", add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true },
    postProcessor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  });
  const { vocabSize, progress } = options;
  const common = { vocabSize, minFrequency, specialTokens, initialAlphabet: byteAlphabet };
  return tokenizer.trainFromIterator(texts, new BpeTrainer({ ...common, ...(progress && { progress }) }));
}
