// The loop of byte pair encoding. Of all merges that could be made the one learned first is made, and of equals the
// leftmost; a heap finds it, so that a word of n symbols takes n log n steps.

import { Heap } from "./heap.ts";
import type { Word } from "./model.ts";
import type { PairMap } from "./pair-map.ts";

const POSITIONS = 2 ** 32;
const GONE = -1;

/**
 * The symbols of one word as a linked list in arrays, and the heap of merges that could be made. A merge is held as
 * `rank · 2³² + position`, so that the smallest is the one learned first, and of equals the leftmost.
 */
export class Symbols {
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

  /** Makes all merges that can be made; each try fails with probability `dropout`, and may come again later. */
  merge(ranks: PairMap, made: Int32Array, dropout: number, random: () => number): void {
    const [ids, next, previous] = [this.#ids, this.#next, this.#previous];
    for (let at = 0; at + 1 < this.#count; at++) this.#offer(ranks, at);
    const dropped: number[] = [];
    for (let top = this.#heap.pop(); top !== undefined; top = this.#heap.pop()) {
      if (dropout > 0) {
        if (random() < dropout) {
          dropped.push(top);
          continue;
        }
        for (const again of dropped.splice(0)) this.#heap.push(again);
      }
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
