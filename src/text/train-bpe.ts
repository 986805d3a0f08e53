// Learns a byte-level BPE vocabulary from text: counts the words, then makes a token of the most frequent pair of
// neighbours until the vocabulary is full. Ids and merges are those of Python's `tokenizers`, to the last tie: among
// equal counts the pair of smallest ids wins.
//
// After each merge only the words that held the pair are counted again, and the heap is corrected when a stale entry
// comes up, not before.

import { ArgumentError } from "../base/errors.ts";
import { Bpe } from "./bpe.ts";
import { byteAlphabet, byteLetters } from "./byte-level.ts";
import { Heap } from "./heap.ts";
import { PairMap } from "./pair-map.ts";
import { gpt2Words } from "./pre-tokenizers.ts";
import { Tokenizer } from "./tokenizer.ts";
import { detached } from "./word-cache.ts";

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

/** A tokenizer trained on `texts`, which are read once. */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): Tokenizer {
  const {
    vocabSize,
    minFrequency = 2,
    specialTokens = ["<pad>", "<s>", "</s>", "<unk>"],
    addPrefixSpace = false,
    progress,
  } = options;
  if (typeof texts === "string") throw new ArgumentError("trainBpe: got one string; give a list of texts.", {});
  const initial = new Set([...specialTokens, ...byteAlphabet]);
  if (!Number.isSafeInteger(vocabSize) || vocabSize < initial.size) {
    throw new ArgumentError(
      `trainBpe: vocabSize is ${vocabSize}; the ${specialTokens.length} special tokens and 256 byte letters alone take ${initial.size}.`,
      { vocabSize, minimum: initial.size },
    );
  }
  const vocab = new Map([...initial].map((token, id) => [token, id]));
  const trainer = new Trainer(vocab, countWords(texts, addPrefixSpace));
  const merges = trainer.run(vocabSize, minFrequency, progress);
  return new Tokenizer({
    model: new Bpe(vocab, merges),
    preTokenizer: { type: "ByteLevel", add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true },
    postProcessor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    addedTokens: specialTokens.map((content) => ({ content, special: true })),
  });
}

function countWords(texts: Iterable<string>, addPrefixSpace: boolean): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const whole = addPrefixSpace && text !== "" && !text.startsWith(" ") ? ` ${text}` : text;
    for (const word of whole.match(gpt2Words) ?? []) {
      const count = counts.get(word);
      if (count === undefined) counts.set(detached(word), 1);
      else counts.set(word, count + 1);
    }
  }
  return counts;
}

/** A pair waiting to be merged in `words`; `count` is what it was when the entry was made. */
type Entry = { readonly pair: number; count: number; readonly words: readonly number[] };

class Trainer {
  readonly #vocab: Map<string, number>;
  readonly #tokens: string[];
  /** All words behind one another; word w is `symbols[offsets[w] … offsets[w] + lengths[w])`. */
  readonly #symbols: Int32Array;
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  readonly #counts: Float64Array;
  /** Pairs are numbered as they are met. */
  readonly #pairs = new PairMap(1 << 16);
  readonly #lefts: number[] = [];
  readonly #rights: number[] = [];
  readonly #pairCounts: number[] = [];
  /** The words in which a pair has come up since the heap last heard of it. */
  readonly #fresh = new Map<number, number[]>();
  readonly #heap = new Heap<Entry>((a, b) => this.#before(a, b));

  constructor(vocab: Map<string, number>, wordCounts: ReadonlyMap<string, number>) {
    this.#vocab = vocab;
    this.#tokens = [...vocab.keys()];
    this.#offsets = new Int32Array(wordCounts.size);
    this.#lengths = new Int32Array(wordCounts.size);
    this.#counts = Float64Array.from(wordCounts.values());
    const symbols: number[] = [];
    let word = 0;
    for (const text of wordCounts.keys()) {
      const letters = byteLetters(text);
      this.#offsets[word] = symbols.length;
      this.#lengths[word++] = letters.length;
      for (const letter of letters) symbols.push(vocab.get(letter) as number); // the alphabet is in the vocabulary
    }
    this.#symbols = Int32Array.from(symbols);
  }

  /** Grows the vocabulary to `vocabSize` and returns the merges in order. */
  run(vocabSize: number, minFrequency: number, progress: TrainBpeOptions["progress"]): [string, string][] {
    this.#countPairs();
    const merges: [left: string, right: string][] = [];
    while (this.#vocab.size < vocabSize) {
      const top = this.#heap.pop();
      if (top === undefined) break;
      const count = this.#pairCounts[top.pair] as number;
      if (top.count !== count) {
        this.#heap.push({ ...top, count });
        continue;
      }
      if (count < 1 || count < minFrequency) break;
      const [left, right] = [this.#lefts[top.pair] as number, this.#rights[top.pair] as number];
      merges.push([this.#tokens[left] as string, this.#tokens[right] as string]);
      this.#merge(left, right, this.#idOf(left, right), top.words);
      this.#queueFresh();
      if (merges.length % 256 === 0) progress?.(this.#vocab.size, vocabSize);
    }
    progress?.(this.#vocab.size, vocabSize);
    return merges;
  }

  #countPairs(): void {
    for (let word = 0; word < this.#offsets.length; word++) {
      const from = this.#offsets[word] as number;
      const to = from + (this.#lengths[word] as number) - 1;
      for (let at = from; at < to; at++)
        this.#change(this.#symbols[at] as number, this.#symbols[at + 1] as number, 1, word);
    }
    this.#queueFresh();
  }

  /** Adds `times` occurrences of a pair in `word`, in all the texts that have the word. */
  #change(left: number, right: number, times: 1 | -1, word: number): void {
    let pair = this.#pairs.get(left, right);
    if (pair < 0) {
      pair = this.#pairs.size;
      this.#pairs.set(left, right, pair);
      this.#lefts.push(left);
      this.#rights.push(right);
      this.#pairCounts.push(0);
    }
    this.#pairCounts[pair] = (this.#pairCounts[pair] as number) + times * (this.#counts[word] as number);
    if (times < 0) return;
    const words = this.#fresh.get(pair);
    if (words === undefined) this.#fresh.set(pair, [word]);
    else if (words.at(-1) !== word) words.push(word);
  }

  /** The id of the token that the pair makes; a special token may already spell it. */
  #idOf(left: number, right: number): number {
    const token = `${this.#tokens[left]}${this.#tokens[right]}`;
    const known = this.#vocab.get(token);
    if (known !== undefined) return known;
    this.#vocab.set(token, this.#tokens.length);
    return this.#tokens.push(token) - 1;
  }

  /** Puts `made` for every `left right` in the words, and counts the neighbours that come and go. */
  #merge(left: number, right: number, made: number, words: readonly number[]): void {
    const symbols = this.#symbols;
    for (const word of words) {
      const from = this.#offsets[word] as number;
      const to = from + (this.#lengths[word] as number);
      let out = from;
      for (let at = from; at < to; at++) {
        if (symbols[at] !== left || at + 1 >= to || symbols[at + 1] !== right) {
          symbols[out++] = symbols[at] as number;
          continue;
        }
        if (out > from) {
          this.#change(symbols[out - 1] as number, left, -1, word);
          this.#change(symbols[out - 1] as number, made, 1, word);
        }
        if (at + 2 < to) {
          this.#change(right, symbols[at + 2] as number, -1, word);
          this.#change(made, symbols[at + 2] as number, 1, word);
        }
        symbols[out++] = made;
        at++;
      }
      this.#lengths[word] = out - from;
    }
  }

  #queueFresh(): void {
    for (const [pair, words] of this.#fresh) {
      const count = this.#pairCounts[pair] as number;
      if (count > 0) this.#heap.push({ pair, count, words });
    }
    this.#fresh.clear();
  }

  #before(a: Entry, b: Entry): boolean {
    if (a.count !== b.count) return a.count > b.count;
    const left = (this.#lefts[a.pair] as number) - (this.#lefts[b.pair] as number);
    return left !== 0 ? left < 0 : (this.#rights[a.pair] as number) < (this.#rights[b.pair] as number);
  }
}
