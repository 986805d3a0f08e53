// Counts over any number of rows in bounded memory: exact as long as that fits, and saying so when it no longer does.

import { createHash } from "node:crypto";
import type { Spread } from "./data-figures.ts";

const bins = 24;

/**
 * How often each number occurs. Of few different ones, as lengths are, all is exact. Of more, numbers are counted by stretches
 * that are at most 1/256 of their size wide: then `median`, `p95` and the histogram are within that, the rest stays exact.
 */
export class NumberCounts {
  readonly #mostExact: number;
  #counts = new Map<number, number>();
  #isExact = true;
  #n = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(mostExact: number = 2 ** 16) {
    this.#mostExact = mostExact;
  }
  add(x: number): void {
    this.#n++;
    this.#sum += x;
    this.#min = Math.min(this.#min, x);
    this.#max = Math.max(this.#max, x);
    const counted = this.#isExact ? x : middle(x);
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    if (this.#isExact && this.#counts.size > this.#mostExact) this.#coarsen();
  }
  #coarsen(): void {
    const fine = this.#counts;
    this.#counts = new Map();
    this.#isExact = false;
    for (const [x, count] of fine) this.#counts.set(middle(x), (this.#counts.get(middle(x)) ?? 0) + count);
  }
  /** Of at least one number. */
  spread(): Spread {
    const [min, max] = [this.#min, this.#max];
    const within = (x: number): number => Math.min(max, Math.max(min, x)); // the middle of a stretch may lie outside
    const sorted = [...this.#counts].sort((a, b) => a[0] - b[0]);
    const counts = new Array<number>(bins).fill(0);
    for (const [x, count] of sorted) {
      const bin = Math.floor(((within(x) - min) / (max - min || 1)) * bins);
      counts[Math.min(bins - 1, bin)]! += count;
    }
    /** The least of them that so large a share is not above. */
    const below = (share: number): number => {
      let left = Math.max(1, Math.ceil(share * this.#n));
      for (const [x, count] of sorted) {
        left -= count;
        if (left <= 0) return within(x);
      }
      return max;
    };
    const [median, p95] = [below(0.5), below(0.95)];
    return {
      min,
      mean: this.#sum / this.#n,
      median,
      p95,
      max,
      isExact: this.#isExact,
      histogram: { low: min, high: max, counts },
    };
  }
}

const stretches = 256;

/** The middle of the stretch that a number lies in: powers of 2 are cut into equal parts. */
function middle(x: number): number {
  if (x === 0) return 0;
  const width = 2 ** Math.max(-1022, Math.floor(Math.log2(Math.abs(x)))) / stretches;
  return (Math.floor(x / width) + 0.5) * width;
}

/**
 * Rows that another row before them equals, by 64 bits of their hash: 10 million rows are mistaken with a chance of 3 in a
 * million. A different row costs 11 to 21 bytes. When the table is full, only rows whose hashes begin with a zero more are looked
 * at from there on, each for twice as many.
 */
export class RepeatedRows {
  readonly #most: number;
  #table: BigUint64Array = new BigUint64Array(1024);
  #size = 0;
  /** Leading zeros of the hashes that are looked at. */
  #zeros = 0;
  #repeated = 0;

  /** At most this many hashes are held; a power of 2. */
  constructor(most: number = 2 ** 24) {
    this.#most = most;
  }
  get count(): number {
    return this.#repeated;
  }
  get isExact(): boolean {
    return this.#zeros === 0;
  }
  add(text: string): void {
    const hash = createHash("sha256").update(text).digest().readBigUInt64LE() || 1n; // 0 is an open place
    if (!this.#isLookedAt(hash)) return;
    if (!put(this.#table, hash)) this.#repeated += 2 ** this.#zeros;
    else if (4 * ++this.#size > 3 * this.#table.length) this.#makeRoom();
  }
  #isLookedAt(hash: bigint): boolean {
    return this.#zeros === 0 || hash >> BigInt(64 - this.#zeros) === 0n;
  }
  #makeRoom(): void {
    const before = this.#table;
    if (before.length >= this.#most) this.#zeros++;
    this.#table = new BigUint64Array(before.length >= this.#most ? before.length : 2 * before.length);
    this.#size = 0;
    for (const hash of before) if (hash !== 0n && this.#isLookedAt(hash) && put(this.#table, hash)) this.#size++;
  }
}

/** False if it is there already. The table has open places. */
function put(table: BigUint64Array, hash: bigint): boolean {
  const mask = table.length - 1;
  for (let at = Number(hash & 0xffff_ffffn) & mask; ; at = (at + 1) & mask) {
    if (table[at] === hash) return false;
    if (table[at] !== 0n) continue;
    table[at] = hash;
    return true;
  }
}
