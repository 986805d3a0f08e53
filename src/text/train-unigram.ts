// The trainer of Unigram (https://arxiv.org/abs/1804.10959): begins with many more pieces than are wanted, and in turn
// estimates their probabilities by expectation and maximization, and drops those whose loss costs the texts the least likelihood.
// Seeds, rules and constants are those of Python's `tokenizers`, and so are the vocabularies.

import { ArgumentError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { Model } from "./model.ts";
import { checkCount, checkRoom, countCharacters, type SpecialTokenList, specialTokensOf } from "./train-alphabet.ts";
import { Lattice, UNKNOWN } from "./train-lattice.ts";
import { type Letters, lettersOf, type Seeds, seedsOf } from "./train-seeds.ts";
import type { WordCounts } from "./train-words.ts";
import { ofKind, type TokenizerTrainer, type TrainerProgress } from "./trainer.ts";
import { Unigram } from "./unigram.ts";

export type UnigramTrainerOptions = {
  /** Tokens in all: special ones, letters and pieces; 8000 by default. */
  readonly vocabSize?: number;
  readonly specialTokens?: SpecialTokenList;
  /** Characters that are tokens whatever the texts hold; of a longer text the first counts. */
  readonly initialAlphabet?: readonly string[];
  /** Stands for unknown characters; it is added as the first token unless it is one of the special tokens. */
  readonly unkToken?: string | null;
  /** Characters of the longest piece; 16 by default. */
  readonly maxPieceLength?: number;
  /** The share of the pieces that a round keeps; 0.75 by default. */
  readonly shrinkingFactor?: number;
  /** Estimations between two prunings; 2 by default. */
  readonly nSubIterations?: number;
  /** The most pieces to begin with; 1000000 by default. */
  readonly seedSize?: number;
  /** Counts finding the first pieces, each estimation and each pruning; as rare pieces go by themselves, the total shrinks. */
  readonly progress?: TrainerProgress;
};

const MOST_CHARACTERS = 254; // sizes are bytes
/** A piece that is expected less often is dropped. */
const RARE = 0.5;

/** Learns the pieces of a `Unigram` model and their log probabilities. */
export class UnigramTrainer implements TokenizerTrainer {
  readonly specialTokens: readonly AddedToken[];
  readonly #options: Required<Omit<UnigramTrainerOptions, "specialTokens" | "progress">>;
  readonly #progress: TrainerProgress | undefined;

  constructor(options: UnigramTrainerOptions = {}) {
    const { specialTokens = [], progress, ...given } = options;
    this.#options = {
      vocabSize: 8000,
      initialAlphabet: [],
      unkToken: null,
      maxPieceLength: 16,
      shrinkingFactor: 0.75,
      nSubIterations: 2,
      seedSize: 1_000_000,
      ...given,
    };
    this.#progress = progress;
    this.specialTokens = specialTokensOf(specialTokens, "UnigramTrainer");
    const { vocabSize, maxPieceLength, shrinkingFactor, nSubIterations, seedSize } = this.#options;
    checkCount("UnigramTrainer", "vocabSize", vocabSize, 0);
    checkCount("UnigramTrainer", "maxPieceLength", maxPieceLength, 1);
    checkCount("UnigramTrainer", "nSubIterations", nSubIterations, 1);
    checkCount("UnigramTrainer", "seedSize", seedSize, 1);
    if (maxPieceLength > MOST_CHARACTERS)
      throw new ArgumentError(`UnigramTrainer: maxPieceLength is ${maxPieceLength}; at most ${MOST_CHARACTERS}.`, {});
    if (!(shrinkingFactor > 0 && shrinkingFactor < 1))
      throw new ArgumentError(`UnigramTrainer: shrinkingFactor is ${shrinkingFactor}; it lies between 0 and 1.`, {});
  }

  train(words: WordCounts, model: Model): Unigram {
    const { byteFallback } = ofKind(model, Unigram, "UnigramTrainer");
    const { unkToken } = this.#options;
    const specials = this.specialTokens.map(({ content }) => content);
    if (unkToken !== null && !specials.includes(unkToken)) specials.unshift(unkToken);
    const characters = countCharacters(words);
    const required = new Set(characters.keys());
    for (const char of this.#options.initialAlphabet) if (char !== "") required.add(char.codePointAt(0) as number);
    const room = this.#options.vocabSize - specials.length;
    checkRoom(
      "UnigramTrainer",
      this.#options.vocabSize,
      specials.length,
      required.size,
      specials.length + required.size,
    );
    const pieces = new Pieces(lettersOf(words), characters, this.#options);
    this.#estimate(pieces);
    const kept = pieces.final(required, room, new Set(specials));
    return new Unigram([...specials.map((token): [string, number] => [token, 0]), ...kept], {
      unkId: unkToken === null ? null : specials.indexOf(unkToken),
      byteFallback,
    });
  }

  #estimate(pieces: Pieces): void {
    const { vocabSize, shrinkingFactor, nSubIterations } = this.#options;
    const wanted = Math.floor((vocabSize * 11) / 10); // the last step takes the best of somewhat more
    let done = 1; // the pieces to begin with
    const tell = (left: number): void => {
      const rounds = Math.max(0, Math.ceil(Math.log(wanted / pieces.size) / Math.log(shrinkingFactor)));
      this.#progress?.(done, done + left + rounds * (1 + nSubIterations));
    };
    for (;;) {
      for (let left = nSubIterations; left > 0; left--, done++) {
        tell(left);
        pieces.reestimate();
      }
      const before = pieces.size;
      if (before <= wanted) break;
      tell(0);
      pieces.prune(Math.max(wanted, Math.floor(before * shrinkingFactor)));
      done++;
      if (pieces.size === before) break;
    }
    this.#progress?.(done, done);
  }
}

/** The pieces by number, their log probabilities, and which of them are left. Number 0 is the unknown piece. */
class Pieces {
  readonly #letters: Letters;
  readonly #chars: readonly number[];
  readonly #seeds: Seeds;
  /** The seeds in the order of their pieces. */
  readonly #chosen: Int32Array;
  readonly #lattice: Lattice;
  #scores: Float64Array;
  /** What is left, unknown included, in the order of being kept. */
  #order: Int32Array;

  constructor(
    letters: Letters,
    characters: ReadonlyMap<number, number>,
    { maxPieceLength, seedSize }: { readonly maxPieceLength: number; readonly seedSize: number },
  ) {
    this.#letters = letters;
    const byCount = [...characters].sort(([a, m], [b, n]) => n - m || b - a);
    this.#chars = byCount.map(([char]) => char);
    this.#seeds = seedsOf(letters.text, maxPieceLength);
    this.#chosen = bestSeeds(this.#seeds, Math.max(0, seedSize - byCount.length));
    const firstSeed = 1 + byCount.length;
    const numbers = new Map(this.#chars.map((char, i) => [char, i + 1]));
    this.#lattice = new Lattice(letters, numbers, this.#seeds, this.#chosen, firstSeed);
    this.#scores = new Float64Array(firstSeed + this.#chosen.length);
    for (const [i, [, count]] of byCount.entries()) this.#scores[i + 1] = count;
    for (const [i, seed] of this.#chosen.entries()) this.#scores[firstSeed + i] = weight(this.#seeds, seed);
    const sum = Math.log(this.#scores.reduce((a, b) => a + b, 0));
    this.#scores = this.#scores.map((score) => Math.log(score) - sum);
    this.#order = Int32Array.from(this.#scores.keys());
    this.#lattice.setScores(this.#scores);
  }

  get size(): number {
    return this.#order.length;
  }

  /** One step of expectation and maximization; the sparse prior of https://aclanthology.org/D07-1072 makes rare pieces rarer. */
  reestimate(): void {
    const expected = this.#lattice.expected();
    this.#keep(this.#order.filter((piece) => piece === UNKNOWN || (expected[piece] as number) >= RARE));
    let sum = 0;
    for (const piece of this.#order) if (piece !== UNKNOWN) sum += expected[piece] as number; // all are inside
    const whole = digamma(sum);
    for (const piece of this.#order) this.#scores[piece] = digamma(expected[piece] as number) - whole;
    this.#lattice.setScores(this.#scores);
  }

  #keep(order: Int32Array): void {
    const old = this.#scores;
    this.#scores = new Float64Array(old.length).fill(Number.NEGATIVE_INFINITY);
    for (const piece of order) this.#scores[piece] = old[piece] as number;
    this.#order = order;
  }

  /** Keeps at most `size` pieces: those that cannot be spelled otherwise, and those whose loss would cost the most. */
  prune(size: number): void {
    const counts = this.#lattice.viterbiCounts();
    const sum = counts.reduce((a, b) => a + b, 0);
    const kept = [UNKNOWN];
    const losses: [piece: number, loss: number][] = [];
    for (const piece of this.#order) {
      if (piece === UNKNOWN) continue;
      const count = counts[piece] as number;
      if (piece <= this.#chars.length) {
        kept.push(piece);
        continue;
      }
      const seed = this.#chosen[piece - 1 - this.#chars.length] as number;
      const place = this.#seeds.order[this.#seeds.from[seed] as number] as number;
      const other = this.#lattice.spelledWithout(piece, place, this.#seeds.size[seed] as number);
      if (other.score > (this.#scores[piece] as number)) {
        if (count > 0) kept.push(piece); // it is used where something before or behind it makes it likely
      } else if (count > 0) losses.push([piece, this.#loss(count, sum, other.pieces, counts)]);
    }
    losses.sort(([, a], [, b]) => b - a);
    for (const [piece] of losses.slice(0, Math.max(0, size - kept.length))) kept.push(piece);
    this.#keep(Int32Array.from(kept));
    this.#lattice.setScores(this.#scores);
  }

  /**
   * How much likelihood is lost, about, where `others` stand for a piece that is there `count` times. The sum of all counts
   * should then grow by `others.length - 1` for each; in Python's trainer it grows by the number of all pieces less one, which
   * makes frequent pieces dearer (docs/log.md). Its vocabularies are those of this rule, so it is kept.
   */
  #loss(count: number, sum: number, others: readonly number[], counts: Float64Array): number {
    const sumWithout = Math.log(sum + count * (this.#order.length - 1));
    let score = 0;
    for (const other of others) score += Math.log((counts[other] as number) + count) - sumWithout;
    return count * (Math.log(count) - Math.log(sum) - score);
  }

  /** The required characters and the first other pieces, `room` in all, the likeliest first. */
  final(required: ReadonlySet<number>, room: number, taken: ReadonlySet<string>): [string, number][] {
    const texts = new Map([...this.#order].map((piece) => [this.#text(piece), this.#scores[piece] as number]));
    texts.delete("");
    const least = Math.min(
      ...[...this.#order].filter((piece) => piece !== UNKNOWN).map((piece) => this.#scores[piece] as number),
    );
    const chosen = new Map<string, number>();
    let penalty = 0;
    for (const char of [...required].sort((a, b) => a - b)) {
      const token = String.fromCodePoint(char);
      const score = texts.get(token);
      if (taken.has(token)) continue;
      chosen.set(token, score ?? least + penalty);
      if (score === undefined) penalty += 0.0001; // so that all differ
    }
    for (const [token, score] of texts) {
      if (chosen.size >= room) break;
      if (!chosen.has(token) && !taken.has(token)) chosen.set(token, score);
    }
    return [...chosen].sort(([, a], [, b]) => b - a);
  }

  #text(piece: number): string {
    if (piece === UNKNOWN) return "";
    if (piece <= this.#chars.length) return String.fromCodePoint(this.#chars[piece - 1] as number);
    const seed = this.#chosen[piece - 1 - this.#chars.length] as number;
    const place = this.#seeds.order[this.#seeds.from[seed] as number] as number;
    return String.fromCodePoint(...this.#letters.text.subarray(place, place + (this.#seeds.size[seed] as number)));
  }
}

/** Places times characters. */
function weight({ from, to, size }: Seeds, seed: number): number {
  return ((to[seed] as number) - (from[seed] as number) + 1) * (size[seed] as number);
}

/** The seeds of the most weight; of equal ones the last in the alphabet, which is the order of their places. */
function bestSeeds(seeds: Seeds, most: number): Int32Array {
  const weights = Float64Array.from({ length: seeds.count }, (_, seed) => weight(seeds, seed));
  const later = (a: number, b: number): number =>
    (seeds.from[b] as number) - (seeds.from[a] as number) || (seeds.size[b] as number) - (seeds.size[a] as number);
  const sorted = Int32Array.from(weights.keys()).sort(
    (a, b) => (weights[b] as number) - (weights[a] as number) || later(a, b),
  );
  return sorted.slice(0, most);
}

/** The derivative of log Γ, by its asymptotic series from 7 on. */
function digamma(value: number): number {
  let [x, sum] = [value, 0];
  for (; x < 7; x++) sum -= 1 / x;
  const y = 1 / (x - 0.5) ** 2;
  return sum + Math.log(x - 0.5) + y / 24 - (7 * y ** 2) / 960 + (31 * y ** 3) / 8064 - (127 * y ** 4) / 30720;
}
