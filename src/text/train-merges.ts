// What BPE and WordPiece learn: from words as letters, again and again, the most frequent pair of neighbours becomes a token,
// until the vocabulary is full. Merges are those of Python's `tokenizers`, to the last tie: among equal counts the pair of
// smallest ids wins.
//
// After each merge only the words that held the pair are counted again, and the heap is corrected when a stale entry
// comes up, not before.

import { Heap } from "./heap.ts";
import { PairMap } from "./pair-map.ts";

/** Words as ids of letters: word w is `symbols[offsets[w] … offsets[w + 1])`, and it is there `counts[w]` times. */
export type SpelledWords = {
  readonly symbols: Int32Array;
  readonly offsets: Int32Array;
  readonly counts: Float64Array;
};

export type MergeOptions = {
  readonly vocabSize: number;
  /** A pair seen less often is not merged. */
  readonly minFrequency: number;
  /** What tokens begin with that do not begin a word; it is left out where a token becomes the end of another. */
  readonly prefix: string;
  /** No pair is merged into more letters, but for pairs of letters. */
  readonly maxTokenLength: number;
  readonly progress?: ((tokens: number, vocabSize: number) => void) | undefined;
};

/** Grows `vocab` up to `vocabSize` and returns the merges in order. */
export function learnMerges(
  vocab: Map<string, number>,
  words: SpelledWords,
  options: MergeOptions,
): [string, string][] {
  return new Merger(vocab, words, options).run();
}

/** A pair waiting to be merged in `words`; `count` is what it was when the entry was made. */
type Entry = { readonly pair: number; count: number; readonly words: readonly number[] };

class Merger {
  readonly #options: MergeOptions;
  readonly #vocab: Map<string, number>;
  readonly #tokens: string[];
  /** Letters in each token. */
  readonly #sizes: number[];
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
  #fresh = new Map<number, number[]>();
  readonly #heap = new Heap<Entry>((a, b) => this.#before(a, b));

  constructor(vocab: Map<string, number>, words: SpelledWords, options: MergeOptions) {
    this.#options = options;
    this.#vocab = vocab;
    this.#tokens = [...vocab.keys()];
    this.#sizes = this.#tokens.map(() => 1);
    this.#symbols = words.symbols.slice();
    this.#offsets = words.offsets;
    this.#counts = words.counts;
    this.#lengths = Int32Array.from(words.counts, (_, w) => (words.offsets[w + 1] ?? 0) - (words.offsets[w] ?? 0));
  }

  run(): [string, string][] {
    const { vocabSize, minFrequency, progress } = this.#options;
    this.#countPairs();
    const merges: [left: string, right: string][] = [];
    while (this.#vocab.size < vocabSize) {
      const top = this.#heap.pop();
      if (top === undefined) break;
      const count = this.#pairCounts[top.pair] as number;
      if (top.count !== count) {
        top.count = count;
        this.#heap.push(top);
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
    for (let word = 0; word < this.#lengths.length; word++) {
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
    else if (words[words.length - 1] !== word) words.push(word);
  }

  /** The id of the token that the pair makes; another pair, or a special token, may have spelled it before. */
  #idOf(left: number, right: number): number {
    const { prefix } = this.#options;
    const end = this.#tokens[right] as string; // both are ids
    const token = `${this.#tokens[left]}${prefix !== "" && end.startsWith(prefix) ? end.slice(prefix.length) : end}`;
    let id = this.#vocab.get(token);
    if (id === undefined) {
      id = this.#tokens.push(token) - 1;
      this.#vocab.set(token, id);
    }
    this.#sizes[id] = (this.#sizes[left] as number) + (this.#sizes[right] as number);
    return id;
  }

  /** Puts `made` for every `left right` in the words, and counts the neighbours that come and go. */
  #merge(left: number, right: number, made: number, words: readonly number[]): void {
    const [symbols, sizes] = [this.#symbols, this.#sizes];
    const room = this.#options.maxTokenLength - (sizes[made] as number);
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
          const before = symbols[out - 1] as number;
          this.#change(before, left, -1, word);
          if ((sizes[before] as number) < room) this.#change(before, made, 1, word);
        }
        if (at + 2 < to) {
          const after = symbols[at + 2] as number;
          this.#change(right, after, -1, word);
          if ((sizes[after] as number) < room) this.#change(made, after, 1, word);
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
