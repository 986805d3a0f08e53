// Beam search over one text, by the rules of transformers 5 (`_beam_search`): several prefixes are followed by their total
// log-probability, and finished ones are ranked by that over their length to a power. No tensors here.

import type { CheckedOptions } from "./options.ts";
import { type LogitsProcessor, processorsFor } from "./processors.ts";

/** A prefix, its start token first, with its score. */
interface Beam {
  readonly ids: readonly number[];
  readonly score: number;
}

/** A way to go on: which of the running beams, by which token, to which total. */
interface Candidate {
  readonly from: number;
  readonly id: number;
  readonly score: number;
}

// All beams begin as the same prefix. With this score those after the first lose against any way to go on from the first.
const notYet = -1e9;

export class Beams {
  readonly #options: CheckedOptions;
  readonly #eosTokenId: number;
  readonly #processors: readonly LogitsProcessor[];
  /** As many as there are beams, best first; scores are total log-probabilities. */
  #running: readonly Beam[];
  /** At most as many, best first; scores are by length. */
  #finished: readonly Beam[] = [];
  #made = 0;
  #done = false;

  constructor(options: CheckedOptions, startTokenId: number, eosTokenId: number) {
    this.#options = options;
    this.#eosTokenId = eosTokenId;
    this.#processors = processorsFor(options, eosTokenId);
    this.#running = Array.from({ length: options.numBeams }, (_, beam) => ({
      ids: [startTokenId],
      score: beam === 0 ? 0 : notYet,
    }));
  }

  get done(): boolean {
    return this.#done;
  }
  /** The last id of each running beam. */
  get lastIds(): number[] {
    return this.#running.map(({ ids }) => ids.at(-1)!);
  }
  /** The best text found, without start and end; there is one when it is done. */
  get best(): number[] {
    const ids = this.#finished[0]!.ids.slice(1);
    return ids.at(-1) === this.#eosTokenId ? ids.slice(0, -1) : ids;
  }

  /**
   * One token more. `logProbabilities` are those of each running beam's next token, `[numBeams, V]`, and are written over.
   * Returns for each running beam which one of before it continues. When it is done, nothing moves.
   */
  advance(logProbabilities: Float32Array): number[] {
    const { numBeams, lengthPenalty, maxNewTokens } = this.#options;
    const inPlace = this.#running.map((_, beam) => beam);
    if (this.#done) return inPlace;
    this.#made++;
    const candidates = this.#candidates(logProbabilities, 2 * numBeams); // half of them may end, and enough remain
    const ends = ({ id }: Candidate): boolean => id === this.#eosTokenId || this.#made === maxNewTokens;
    const extended = ({ from, id, score }: Candidate): Beam => ({ ids: [...this.#running[from]!.ids, id], score });

    const ending = candidates.slice(0, numBeams).filter(ends).map(extended); // one further down is not good enough
    const byLength = ending.map(({ ids, score }) => ({ ids, score: score / this.#made ** lengthPenalty }));
    this.#finished = [...this.#finished, ...byLength].sort((a, b) => b.score - a.score).slice(0, numBeams);

    if (this.#made === maxNewTokens) {
      this.#done = true;
      return inPlace;
    }
    const going = candidates.filter((candidate) => !ends(candidate)).slice(0, numBeams);
    this.#running = going.map(extended);
    this.#done = this.#finished.length === numBeams && !this.#mayImprove();
    return going.map(({ from }) => from);
  }

  /** Whether a running beam may still displace a finished one; `earlyStopping` says how much is hoped for. */
  #mayImprove(): boolean {
    const { earlyStopping, lengthPenalty, maxNewTokens } = this.#options;
    if (earlyStopping === true) return false;
    const length = earlyStopping === "never" && lengthPenalty > 0 ? maxNewTokens : this.#made;
    return this.#running[0]!.score / length ** lengthPenalty > this.#finished.at(-1)!.score;
  }

  /** The best ways to go on from any beam, best first; the first of equals wins. */
  #candidates(logProbabilities: Float32Array, count: number): Candidate[] {
    const V = logProbabilities.length / this.#running.length;
    const top: Candidate[] = [];
    this.#running.forEach((beam, from) => {
      const row = logProbabilities.subarray(from * V, (from + 1) * V);
      for (const processor of this.#processors) processor(row, beam.ids);
      for (let id = 0; id < V; id++) {
        const score = Math.fround(beam.score + row[id]!);
        if (top.length === count && !(score > top[count - 1]!.score)) continue;
        let at = top.length;
        while (at > 0 && score > top[at - 1]!.score) at--;
        top.splice(at, 0, { from, id, score });
        if (top.length > count) top.pop();
      }
    });
    return top;
  }
}
