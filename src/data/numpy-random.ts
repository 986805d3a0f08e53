// NumPy's random numbers, draw for draw (`np.random.default_rng(seed)`: SeedSequence and PCG64), because the orders that
// Hugging Face's `datasets` draws come from them: the same seed shuffles, splits and mixes the same rows here.

import { ArgumentError } from "../base/errors.ts";
import { defaultGenerator } from "../base/random.ts";

/** Where a stream stands; plain data, which JSON can hold. */
export interface NumpyState {
  readonly state: string;
  readonly inc: string;
  /** The upper half of a word whose lower half was drawn; null where there is none. */
  readonly spare: number | null;
}

const multiplier = 0x2360ed051fc65da44385df649fccf645n;
const mask64 = (1n << 64n) - 1n;

export class NumpyGenerator {
  #state: bigint;
  #inc: bigint;
  #spare: number | null = null;

  /** Without a seed, one is drawn from PyTorch's stream, so that `manualSeed` governs it. */
  constructor(seed: number | bigint = BigInt.asUintN(63, defaultGenerator.u64())) {
    if (typeof seed === "number" && !Number.isInteger(seed)) throw badSeed(seed);
    if (BigInt(seed) < 0n) throw badSeed(seed);
    const words = seedWords(BigInt(seed));
    this.#inc = BigInt.asUintN(128, (((words[2]! << 64n) | words[3]!) << 1n) | 1n);
    this.#state = this.#stepped(this.#inc + ((words[0]! << 64n) | words[1]!));
  }

  get state(): NumpyState {
    return { state: String(this.#state), inc: String(this.#inc), spare: this.#spare };
  }
  set state({ state, inc, spare }: NumpyState) {
    this.#state = BigInt(state);
    this.#inc = BigInt(inc);
    this.#spare = spare;
  }
  copy(): NumpyGenerator {
    const twin = new NumpyGenerator(0);
    twin.state = this.state;
    return twin;
  }

  #stepped(state: bigint): bigint {
    return BigInt.asUintN(128, state * multiplier + this.#inc);
  }
  /** The next 64 bits. */
  u64(): bigint {
    const state = this.#stepped(this.#state);
    this.#state = state;
    const word = (state >> 64n) ^ (state & mask64);
    const turn = state >> 122n;
    return ((word >> turn) | (word << (64n - turn))) & mask64; // a shift by 64 where turn is 0 falls to the mask
  }
  /** The next 32 bits: the lower half of a word first. */
  u32(): number {
    if (this.#spare !== null) {
      const half = this.#spare;
      this.#spare = null;
      return half;
    }
    const word = this.u64();
    this.#spare = Number(word >> 32n);
    return Number(word & 0xffffffffn);
  }
  /** Uniform in [0, 1) with 53 bits. */
  random(): number {
    return Number(this.u64() >> 11n) * 2 ** -53;
  }
  /** A whole number in `0 … last`, by Lemire's method, as NumPy draws it. */
  upTo(last: number): number {
    if (last === 0) return 0;
    if (last > 0xffffffff) return Number(this.#wide(BigInt(last)));
    if (last === 0xffffffff) return this.u32();
    const span = last + 1;
    const threshold = (0xffffffff - last) % span;
    for (;;) {
      const [high, low] = product(this.u32(), span);
      if (low >= threshold) return high;
    }
  }
  #wide(last: bigint): bigint {
    const span = last + 1n;
    const threshold = (mask64 - last) % span;
    for (;;) {
      const scaled = this.u64() * span;
      if ((scaled & mask64) >= threshold) return scaled >> 64n;
    }
  }
  /** `integers(0, 2 ** 63)`: what `datasets` makes seeds of epochs from. */
  seed63(): bigint {
    return this.#wide((1n << 63n) - 1n);
  }
  /** As `upTo`, by masking, as NumPy draws where it shuffles. */
  #interval(last: number): number {
    const mask = last === 0 ? 0 : 0xffffffff >>> Math.clz32(last);
    for (;;) {
      const drawn = (this.u32() & mask) >>> 0;
      if (drawn <= last) return drawn;
    }
  }
  /** Shuffles in place. */
  shuffle<A extends Swappable>(list: A): A {
    for (let i = list.length - 1; i > 0; i--) swap(list, i, this.#interval(i));
    return list;
  }
  /** `0 … n-1` in random order. */
  permutation(n: number): Uint32Array {
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    return this.shuffle(order);
  }
  /** `size` different numbers of `0 … n-1` (`choice(n, size, replace=False)`, Floyd's method; for n up to 10 000). */
  choice(n: number, size: number): number[] {
    const chosen: number[] = [];
    const seen = new Set<number>();
    for (let j = n - size; j < n; j++) {
      const drawn = this.upTo(j);
      const taken = seen.has(drawn) ? j : drawn;
      seen.add(taken);
      chosen.push(taken);
    }
    for (let i = size - 1; i > 0; i--) swap(chosen, i, this.upTo(i));
    return chosen;
  }
  /** `size` numbers of `0 … n-1` by their probabilities, each on its own (`choice(n, size, p=probabilities)`). */
  weighted(probabilities: readonly number[], size: number): number[] {
    let sum = 0;
    const sums = probabilities.map((p) => (sum += p));
    const shares = sums.map((part) => part / sum);
    return Array.from({ length: size }, () => {
      const u = this.random();
      const place = shares.findIndex((share) => u < share);
      return place < 0 ? shares.length - 1 : place;
    });
  }
}

type Swappable = unknown[] | Uint32Array;

function swap(list: Swappable, i: number, j: number): void {
  const moved = list[j];
  list[j] = list[i] as number; // of the list itself
  list[i] = moved as number;
}

function badSeed(seed: number | bigint): ArgumentError {
  return new ArgumentError(`seed ${seed}: it is a whole number of at least 0.`, { seed });
}

/** The high and the low 32 bits of a product of two whole numbers below 2 ** 32. */
function product(a: number, b: number): [high: number, low: number] {
  const low = (a & 0xffff) * b; //         below 2 ** 48
  const high = (a >>> 16) * b + Math.floor(low / 0x10000); // the bits from 16 on
  return [Math.floor(high / 0x10000), (high % 0x10000) * 0x10000 + (low & 0xffff)];
}

/** NumPy's SeedSequence: four words of 64 bits from a seed. */
function seedWords(seed: bigint): bigint[] {
  const entropy: number[] = [];
  for (let rest = seed; rest > 0n || entropy.length === 0; rest >>= 32n) entropy.push(Number(rest & 0xffffffffn));
  let constant = 0x43b0d7e5;
  const hashed = (value: number): number => {
    const before = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    const mixed = Math.imul(before, constant);
    return mixed ^ (mixed >>> 16);
  };
  const mix = (x: number, y: number): number => {
    const mixed = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
    return mixed ^ (mixed >>> 16);
  };
  const pool = Array.from({ length: 4 }, (_, i) => hashed(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to]!, hashed(pool[from]!));
  }
  for (const word of entropy.slice(4)) {
    for (let to = 0; to < 4; to++) pool[to] = mix(pool[to]!, hashed(word));
  }
  let key = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    const before = pool[i % 4]! ^ key;
    key = Math.imul(key, 0x58f38ded);
    const mixed = Math.imul(before, key);
    return BigInt((mixed ^ (mixed >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => words[i]! | (words[i + 1]! << 32n));
}
