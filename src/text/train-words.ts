// What every trainer of tokenizers begins with: the different words of the texts, and how often each is there. The texts
// are read once; they go through the tokenizer's own normalizer and pre-tokenizer, so that a trainer sees the words that the
// model will see.

import { ArgumentError } from "../base/errors.ts";
import { byteLetters } from "./byte-level.ts";
import { shown } from "./fields.ts";
import { Normalized } from "./normalized.ts";
import { type NormalizerConfig, readNormalizer } from "./normalizers.ts";
import { type PreTokenizerConfig, readPreTokenizer } from "./pre-tokenizers.ts";
import { detached } from "./word-cache.ts";

/** A text, or a batch of them. */
export type TrainingText = string | readonly string[];
export type WordCounts = ReadonlyMap<string, number>;

/** Counts the words of texts, which come all at once or one after another. */
export function countWords(
  texts: Iterable<TrainingText> | AsyncIterable<TrainingText>,
  parts: { normalizer: NormalizerConfig | null; preTokenizer: PreTokenizerConfig | null },
): WordCounts | Promise<WordCounts> {
  if (typeof texts === "string") fail("got one string; give a list of texts");
  if (typeof texts !== "object" || texts === null) fail(`wanted an iterable of texts, got ${shown(texts)}`);
  const counter = new WordCounter(parts);
  if (Symbol.asyncIterator in texts) return countLater(texts, counter);
  if (!(Symbol.iterator in texts)) fail(`wanted an iterable of texts, got ${shown(texts)}`);
  for (const text of texts) counter.add(text);
  return counter.words();
}

async function countLater(texts: AsyncIterable<TrainingText>, counter: WordCounter): Promise<WordCounts> {
  for await (const text of texts) counter.add(text);
  return counter.words();
}

class WordCounter {
  readonly #normalizer;
  readonly #preTokenizer;
  readonly #counts = new Map<string, number>();
  #items = 0;

  constructor(parts: { normalizer: NormalizerConfig | null; preTokenizer: PreTokenizerConfig | null }) {
    this.#normalizer = parts.normalizer === null ? null : readNormalizer(parts.normalizer);
    this.#preTokenizer = readPreTokenizer(parts.preTokenizer);
  }

  add(item: TrainingText): void {
    if (typeof item === "string") this.#addText(item);
    else if (Array.isArray(item)) for (const text of item) this.#addText(text);
    else this.#addText(item as never); // says what came
    this.#items++;
  }

  #addText(text: unknown): void {
    if (typeof text !== "string") {
      fail(
        `text ${this.#items} is ${shown(text)}; a text is a string. Give one column of the rows, as rows.map((row) => row.text)`,
      );
    }
    const whole = new Normalized(text.toWellFormed());
    const counts = this.#counts;
    for (const group of this.#preTokenizer.words(this.#normalizer === null ? whole : this.#normalizer(whole))) {
      const { bounds, count } = group.cuts;
      const from = group.text.text;
      for (let at = 0; at < 2 * count; at += 2) {
        const word = from.slice(bounds[at] as number, bounds[at + 1] as number); // both are inside
        const known = counts.get(word);
        if (known === undefined) counts.set(detached(word), 1);
        else counts.set(word, known + 1);
      }
    }
  }

  words(): WordCounts {
    if (this.#counts.size === 0) {
      fail(
        `${this.#items === 0 ? "there is no text" : `the ${this.#items} texts hold no word`}. Is the right file or column read`,
      );
    }
    if (!this.#preTokenizer.spellsLetters) return this.#counts;
    return new Map(Array.from(this.#counts, ([word, count]) => [byteLetters(word), count]));
  }
}

function fail(what: string): never {
  throw new ArgumentError(`trainFromIterator: ${what}.`, {});
}

/** The order of UTF-8, by code points; `<` has the upper half of UTF-16 behind the surrogates. */
export function byCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left !== right) return fixed(left) - fixed(right);
  }
  return a.length - b.length;
}

/** Surrogates behind all other units. */
function fixed(unit: number): number {
  return unit < 0xd800 || unit >= 0xe000 ? unit : unit + 0x10000;
}
