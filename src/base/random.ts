// PyTorch's CPU random numbers, draw for draw: `docs/random.md` holds the rules, and where they were found.

import { ArgumentError } from "./errors.ts";
import { getWorkerInfo } from "./worker-info.ts";

/** Words of a stream's state, which are made anew together. */
export const stateWords = 624;
const words = stateWords;

/** What `state` gives and takes: everything a stream is, as plain numbers. */
export interface GeneratorState {
  readonly words: readonly number[];
  readonly at: number;
  readonly spare: number | null;
}

/** A stream of random numbers: a Mersenne Twister (MT19937) and the spare normal that PyTorch keeps beside it. */
export class Generator {
  readonly #state = new Uint32Array(words);
  #at = words;
  #spare: number | null = null;

  constructor(seed: number | bigint = 67280421310721) {
    this.manualSeed(seed);
  }

  /** Starts the stream anew. Only the low 32 bits of the seed matter. */
  manualSeed(seed: number | bigint): this {
    if (typeof seed === "number" && !Number.isInteger(seed))
      throw new ArgumentError(`manualSeed: ${seed} is not a whole number.`, { seed });
    const s = this.#state;
    s[0] = Number(BigInt.asUintN(32, BigInt(seed)));
    for (let i = 1; i < words; i++) {
      const last = s[i - 1]! ^ (s[i - 1]! >>> 30);
      s[i] = Math.imul(1812433253, last) + i;
    }
    this.#at = words;
    this.#spare = null;
    return this;
  }

  get state(): GeneratorState {
    return { words: Array.from(this.#state), at: this.#at, spare: this.#spare };
  }
  set state(state: GeneratorState) {
    if (state.words.length !== words)
      throw new ArgumentError(`a generator's state has ${words} words, got ${state.words.length}.`, {});
    this.#state.set(state.words);
    this.#at = state.at;
    this.#spare = state.spare;
  }

  #refill(): void {
    const s = this.#state;
    const twist = (i: number, next: number, far: number): void => {
      const y = (s[i]! & 0x80000000) | (s[next]! & 0x7fffffff);
      s[i] = s[far]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    };
    for (let i = 0; i < words - 397; i++) twist(i, i + 1, i + 397);
    for (let i = words - 397; i < words - 1; i++) twist(i, i + 1, i + 397 - words);
    twist(words - 1, 0, 396);
    this.#at = 0;
  }

  /** How many words can be drawn before the state is made anew. */
  get wordsLeft(): number {
    return words - this.#at;
  }
  /** Lets `advance` make the state anew, as often as it likes; wants that no words are left. For draws in bulk. */
  passBlocks(advance: (state: Uint32Array) => void): void {
    if (this.#at !== words) throw new ArgumentError(`passBlocks: ${this.wordsLeft} words are left.`, {});
    advance(this.#state);
  }

  /** The next 32 bits. */
  u32(): number {
    if (this.#at === words) this.#refill();
    let y = this.#state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }
  /** The next 64 bits; the first word drawn is the high one. */
  u64(): bigint {
    const high = this.u32();
    return (BigInt(high) << 32n) | BigInt(this.u32());
  }
  /** Uniform in [0, 1) with 24 bits. */
  single(): number {
    return (this.u32() & 0xffffff) * 2 ** -24;
  }
  /** Uniform in [0, 1) with 53 bits. */
  double(): number {
    const high = this.u32() & 0x1fffff;
    return (high * 2 ** 32 + this.u32()) * 2 ** -53;
  }
  /** One standard normal by Box and Muller, in float64. */
  normal(): number {
    if (this.#spare !== null) {
      const z = this.#spare;
      this.#spare = null;
      return z;
    }
    const angle = 2 * Math.PI * this.double();
    const radius = Math.sqrt(-2 * Math.log1p(-this.double()));
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
  /** A whole number in `low … high` (high left out). */
  integer(low: number, high: number): number {
    const span = high - low;
    if (span < 2 ** 28) return remainder(this.u32(), span) + low;
    return Number((this.u64() % BigInt(span)) + BigInt(low));
  }
  /** `0 … n-1` in random order. */
  permutation(n: number): Int32Array {
    const out = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n - 1; i++) {
      const j = i + remainder(this.u32(), n - i);
      const moved = out[i]!;
      out[i] = out[j]!;
      out[j] = moved;
    }
    return out;
  }
  exponential(): number {
    return -Math.log1p(-this.double());
  }
}

/** `word % span` of 32 bits: floats divide three times as fast, and the floor is right as a quotient has no other near. */
export function remainder(word: number, span: number): number {
  return word - Math.floor(word / span) * span;
}

/** Fills with uniforms in [low, high), as `uniform_` does. */
export function fillUniform(g: Generator, out: Float32Array | Float64Array, low: number, high: number): void {
  if (out instanceof Float64Array) {
    for (let i = 0; i < out.length; i++) out[i] = g.double() * (high - low) + low;
    return;
  }
  const [from, to] = [Math.fround(low), Math.fround(high)];
  const span = Math.fround(to - from);
  for (let i = 0; i < out.length; i++) {
    const x = Math.fround(g.single() * span + from);
    out[i] = x === to ? from : x;
  }
}

/** Fills with normals, as `normal_` does on contiguous memory: blocks of 16 from 16 elements on. */
export function fillNormal(g: Generator, out: Float32Array | Float64Array, mean: number, std: number): void {
  const n = out.length;
  if (n < 16) {
    for (let i = 0; i < n; i++) out[i] = g.normal() * std + mean;
    return;
  }
  const uniform = out instanceof Float64Array ? (): number => g.double() : (): number => g.single();
  const transform = out instanceof Float64Array ? transformDoubles : transformSingles;
  for (let i = 0; i < n; i++) out[i] = uniform();
  for (let i = 0; i + 16 <= n; i += 16) transform(out, i, mean, std);
  if (n % 16 !== 0) {
    for (let i = n - 16; i < n; i++) out[i] = uniform();
    transform(out, n - 16, mean, std);
  }
}

type Floats = Float32Array | Float64Array;

function transformDoubles(x: Floats, at: number, mean: number, std: number): void {
  for (let j = at; j < at + 8; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - x[j]!));
    const angle = 2 * Math.PI * x[j + 8]!;
    x[j] = radius * Math.cos(angle) * std + mean;
    x[j + 8] = radius * Math.sin(angle) * std + mean;
  }
}

const f = Math.fround;
/** `a * b + c` in float32, rounded once: float64 holds the product exactly. */
const fma = (a: number, b: number, c: number): number => f(a * b + c);

function transformSingles(x: Floats, at: number, mean: number, std: number): void {
  const [m, s] = [f(mean), f(std)];
  const twoPi = f(2 * Math.PI);
  for (let j = at; j < at + 8; j++) {
    const radius = f(Math.sqrt(f(-2 * cephesLog(f(1 - x[j]!)))));
    cephesSinCos(f(twoPi * x[j + 8]!));
    x[j] = fma(f(radius * cosine), s, m);
    x[j + 8] = fma(f(radius * sine), s, m);
  }
}

const logCoefficients = [
  -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
  -2.4999993993e-1, 3.3333331174e-1,
].map(f);
const bitsOf = new Int32Array(1);
const floatOf = new Float32Array(bitsOf.buffer);

/** Cephes' logf with contracted products, as PyTorch's build has it. https://www.netlib.org/cephes */
function cephesLog(value: number): number {
  floatOf[0] = value;
  const bits = bitsOf[0]!;
  let e = (bits >> 23) - 126;
  bitsOf[0] = (bits & 0x007fffff) | 0x3f000000;
  const mantissa = floatOf[0]; // in [0.5, 1)
  let x = f(mantissa - 1);
  if (mantissa < f(Math.SQRT1_2)) {
    e -= 1;
    x = f(x + mantissa);
  }
  let y = f(7.0376836292e-2);
  for (const c of logCoefficients) y = fma(y, x, c);
  const z = f(x * x);
  y = fma(f(y * x), z, f(e * f(-2.1219444e-4)));
  y = fma(z, -0.5, y);
  return fma(e, f(0.693359375), f(x + y));
}

let sine = 0;
let cosine = 0;
const [dp1, dp2, dp3] = [f(-0.78515625), f(-2.4187564849853515625e-4), f(-3.77489497744594108e-8)];

/** Cephes' sinf and cosf for x ≥ 0, into `sine` and `cosine`. */
function cephesSinCos(value: number): void {
  const j = (Math.trunc(f(value * f(1.27323954473516))) + 1) & ~1; // the octant, made even
  let x = fma(j, dp1, value);
  x = fma(j, dp2, x);
  x = fma(j, dp3, x);
  const z = f(x * x);
  let c = f(2.443315711809948e-5);
  c = fma(c, z, f(-1.388731625493765e-3));
  c = fma(c, z, f(4.166664568298827e-2));
  c = f(fma(f(c * z), z, f(z * -0.5)) + 1);
  let s = f(-1.9515295891e-4);
  s = fma(s, z, f(8.3321608736e-3));
  s = fma(s, z, f(-1.6666654611e-1));
  s = fma(f(s * z), x, x);
  const swap = (j & 2) !== 0;
  sine = (swap ? c : s) * ((j & 4) !== 0 ? -1 : 1);
  cosine = (swap ? s : c) * (((j - 2) & 4) !== 0 ? 1 : -1);
}

/** The stream that draws use when they are given no other. */
/** In a worker of a DataLoader it starts from the worker's seed, as in PyTorch's. */
export const defaultGenerator: Generator = new Generator(getWorkerInfo()?.seed);

/** Starts the default stream anew: the same draws as PyTorch's `manual_seed`. */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator.manualSeed(seed);
}
