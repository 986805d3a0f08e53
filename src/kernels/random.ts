// Random numbers in bulk: the words of a Mersenne Twister, four at a time, and what PyTorch makes of words, with the bits of
// `base/random.ts`, which is the plain twin of all this. The stream is serial; the words become numbers on all threads.
//
//   state [624] -> words [n] -> uniforms, normals or coins, in the words' place

import { fillNormal, fillUniform, type Generator, stateWords } from "../base/random.ts";
import type { Block } from "../ir/build.ts";
import {
  add,
  and,
  bits,
  cast,
  constant,
  eq,
  fma,
  kernel,
  load,
  load4,
  lt,
  mul,
  ne,
  neg,
  or,
  select,
  shl,
  shr,
  shru,
  shuffle,
  splat,
  sqrt,
  sub,
  xor,
} from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";

/** Elements in a device's memory that are to be drawn. */
export interface Draws {
  readonly elem: "f32" | "f64";
  readonly x: number;
  readonly n: number;
}

/** Fewer are drawn faster one by one. */
const worthBulk = 2048;
/** Elements whose words stay in the cache until they are used. */
const chunk = 1 << 16;
const grain = 8192;
/** The distance of the words that new ones are made of. */
const middle = 397;

/** Uniforms in [low, high), as `fillUniform` draws them. */
export function drawUniforms(device: Device, g: Generator, draws: Draws, low: number, high: number): void {
  const { x, n } = draws;
  const bulk = isBulk(device, draws) ? n - (n % 8) : 0;
  const span = Math.fround(Math.fround(high) - Math.fround(low));
  for (let at = 0; at < bulk; at += chunk) {
    const count = Math.min(chunk, bulk - at);
    drawWords(device, g, x + 4 * at, count);
    const compiled = device.compile("random/uniforms", uniformsKernel);
    device.run(compiled, [x + 4 * at, span, low, high], count / 8, grain / 8);
  }
  fillUniform(g, floatsAt(device, draws, bulk), low, high);
}

/** Normals, as `fillNormal` draws them on contiguous memory. */
export function drawNormals(device: Device, g: Generator, draws: Draws, mean: number, std: number): void {
  const { x, n } = draws;
  if (!isBulk(device, draws)) {
    fillNormal(g, floatsAt(device, draws, 0), mean, std);
    return;
  }
  const normals = (first: number, blocks: number): void => {
    const compiled = device.compile("random/normals", normalsKernel);
    device.run(compiled, [x + 4 * first, mean, std], blocks, grain / 16);
  };
  for (let at = 0; at < n; at += chunk) {
    const count = Math.min(chunk, n - at);
    drawWords(device, g, x + 4 * at, count);
    normals(at, Math.floor(count / 16));
  }
  if (n % 16 === 0) return;
  drawWords(device, g, x + 4 * (n - 16), 16); // the last sixteen are drawn anew
  normals(n - 16, 1);
}

/** `n` bytes at `y`: 1 where a double falls below `p`. */
export function drawCoins(device: Device, g: Generator, y: number, n: number, p: number): void {
  const bulk = n < worthBulk ? 0 : n - (n % 4);
  if (bulk > 0) {
    const limit = Math.ceil(p * 2 ** 53); // the double is a whole number of 2^-53
    const [high, low] = [Math.floor(limit / 2 ** 32), (limit % 2 ** 32) - 2 ** 31];
    const words = device.alloc(8 * Math.min(chunk, bulk));
    try {
      const compiled = device.compile("random/coins", coinsKernel);
      for (let at = 0; at < bulk; at += chunk) {
        const count = Math.min(chunk, bulk - at);
        drawWords(device, g, words, 2 * count);
        device.run(compiled, [words, y + at, high, low], count / 4, grain / 4);
      }
    } finally {
      device.free(words);
    }
  }
  const { u8 } = device;
  for (let i = bulk; i < n; i++) u8[y + i] = Number(g.double() < p);
}

function isBulk(device: Device, { elem, n }: Draws): boolean {
  return elem === "f32" && n >= worthBulk && fuses(device);
}

function floatsAt(device: Device, { elem, x, n }: Draws, from: number): Float32Array | Float64Array {
  return elem === "f32" ? device.f32.subarray(x / 4 + from, x / 4 + n) : device.f64.subarray(x / 8 + from, x / 8 + n);
}

/** The stream's next `n` words, at `to`. */
export function drawWords(device: Device, g: Generator, to: number, n: number): void {
  const blocks = Math.floor((n - g.wordsLeft) / stateWords);
  const place = to / 4;
  let done = 0;
  const single = (count: number): void => {
    const { i32 } = device;
    for (const end = done + count; done < end; done++) i32[place + done] = g.u32();
  };
  if (blocks > 0) {
    single(g.wordsLeft);
    const state = device.alloc(4 * stateWords);
    const first = done;
    try {
      const compiled = device.compile("random/words", wordsKernel);
      g.passBlocks((words) => {
        device.i32.set(words, state / 4);
        device.run(compiled, [state, to + 4 * first, blocks], 1, 1);
        words.set(device.i32.subarray(state / 4, state / 4 + stateWords));
      });
    } finally {
      device.free(state);
    }
    done += blocks * stateWords;
  }
  single(n - done);
}

/** Whether the device rounds `fma` once, as PyTorch's build does. */
export function fuses(device: Device): boolean {
  let known = fused.get(device);
  if (known === undefined) {
    const at = device.alloc(64);
    device.f32[at / 4] = 1 + 2 ** -12;
    device.run(device.compile("random/fuses", fusesKernel), [at], 1, 1);
    known = device.f32[at / 4 + 4] === 2 ** -24;
    device.free(at);
    fused.set(device, known);
  }
  return known;
}
const fused = new WeakMap<Device, boolean>();

/** (1 + 2^-12)^2 - (1 + 2^-11), of which a product that is rounded first leaves nothing. */
function fusesKernel(): Kernel {
  return kernel("fuses", { x: "ptr" }, (k, p) => {
    const x = load("f32", p.x, 0);
    const four = splat(x);
    k.store("f32", p.x, 4, fma(four, four, -(1 + 2 ** -11)));
  });
}

/** One pass over the state for each block, the new words tempered on their way out. */
function wordsKernel(): Kernel {
  return kernel("mt19937", { state: "ptr", out: "ptr", blocks: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, () => {
      const out = k.let("out", p.out);
      k.for(0, p.blocks, 1, () => {
        const part = (from: number, to: number, far: number): void => {
          const wide = from + ((to - from) & -8);
          const quads = from + ((to - from) & -4);
          const step = (i: Var, vectors: readonly number[]): void =>
            turn(k, p.state, out, i, far, vectors, (base, offset) => load4("i32", base, i, offset));
          k.for(from, wide, 8, (i) => step(i, [0, 4]));
          k.for(wide, quads, 4, (i) => step(i, [0]));
          k.for(quads, to, 1, (i) =>
            turn(k, p.state, out, i, far, [0], (base, offset) => load("i32", base, i, offset)),
          );
        };
        part(0, stateWords - middle, middle);
        part(stateWords - middle, stateWords - 1, middle - stateWords);
        const last = stateWords - 1;
        const y = twisted(load("i32", p.state, last), load("i32", p.state, 0), load("i32", p.state, middle - 1));
        const word = k.let("word", y);
        k.store("i32", p.state, last, word);
        k.store("i32", out, last, tempered(word));
        k.set(out, add(out, 4 * stateWords));
      });
    });
  });
}

/** Words i … of the next block; `far` words on lies the other one they are made of, which may be of the last block. */
function turn(
  k: Block,
  state: Expr,
  out: Expr,
  i: Var,
  far: number,
  vectors: readonly number[],
  read: (base: Expr, offset: number) => Expr,
): void {
  const source = far < 0 ? k.let("source", add(state, 4 * far)) : state;
  const all = (base: Expr, offset: number): Var[] => vectors.map((v) => k.let("read", read(base, v + offset)));
  const [here, next, there] = [all(state, 0), all(state, 1), all(source, Math.max(far, 0))];
  const words = vectors.map((_, v) => k.let("word", twisted(here[v]!, next[v]!, there[v]!)));
  const done = words.map((word) => k.let("done", tempered(word)));
  words.forEach((word, v) => k.store("i32", state, i, word, vectors[v]!));
  done.forEach((word, v) => k.store("i32", out, i, word, vectors[v]!));
}

function twisted(here: Expr, next: Expr, there: Expr): Expr {
  const y = or(and(here, -0x80000000), and(next, 0x7fffffff));
  return xor(xor(there, shru(y, 1)), and(neg(and(y, 1)), 0x9908b0df | 0));
}
function tempered(word: Expr): Expr {
  let y = xor(word, shru(word, 11));
  y = xor(y, and(shl(y, 7), 0x9d2c5680 | 0));
  y = xor(y, and(shl(y, 15), 0xefc60000 | 0));
  return xor(y, shru(y, 18));
}

/** 24 bits as a float in [0, 1). */
function single(word: Expr): Expr {
  return mul(cast(word.type === "i32" ? "f32" : "f32x4", and(word, 0xffffff)), 2 ** -24);
}

/** A task is eight elements. */
function uniformsKernel(): Kernel {
  return kernel("uniforms", { x: "ptr", span: "f32", low: "f32", high: "f32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const at = k.let("at", shl(task, 3));
      const words = [0, 4].map((o) => k.let("word", load4("i32", p.x, at, o)));
      const values = words.map((word) => k.let("x", fma(single(word), splat(p.span), splat(p.low))));
      const inside = values.map((x) => k.let("inside", select(eq(x, splat(p.high)), splat(p.low), x)));
      inside.forEach((x, v) => k.store("f32", p.x, at, x, 4 * v));
    });
  });
}

/** Box and Muller: elements 0 … 7 of a block give radii, 8 … 15 angles. */
function normalsKernel(): Kernel {
  return kernel("normals", { x: "ptr", mean: "f32", std: "f32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const at = k.let("at", shl(task, 4));
      const words = [0, 4, 8, 12].map((o) => k.let("word", load4("i32", p.x, at, o)));
      const results = [0, 1].map((v) => {
        const u = k.let("u", sub(constant("f32x4", 1), single(words[v]!)));
        const radius = k.let("radius", sqrt(mul(logarithm(k, u), -2)));
        const [sine, cosine] = sineCosine(k, mul(single(words[v + 2]!), Math.fround(2 * Math.PI)));
        const scaled = (x: Expr): Var => k.let("z", fma(mul(radius, x), splat(p.std), splat(p.mean)));
        return [scaled(cosine), scaled(sine)] as const;
      });
      for (const half of [0, 1] as const) {
        for (const v of [0, 1]) k.store("f32", p.x, at, results[v]![half], 8 * half + 4 * v);
      }
    });
  });
}

const horner = (x: Expr, [first, ...rest]: readonly number[]): Expr =>
  rest.reduce<Expr>((sum, c) => fma(sum, x, c), constant(x.type, first!));

/** Cephes' logf of values in (0, 1]. https://www.netlib.org/cephes */
function logarithm(k: Block, value: Expr): Expr {
  const raw = k.let("raw", bits("i32x4", value));
  const mantissa = k.let("mantissa", bits("f32x4", or(and(raw, 0x007fffff), 0x3f000000)));
  const small = k.let("small", lt(mantissa, Math.fround(Math.SQRT1_2)));
  const less = k.let("less", sub(mantissa, 1));
  const x = k.let("x", select(small, add(less, mantissa), less));
  const e = k.let("e", cast("f32x4", sub(sub(shr(raw, 23), 126), select(small, constant("i32x4", 1), 0))));
  const z = k.let("z", mul(x, x));
  const y = fma(mul(horner(x, logCoefficients), x), z, mul(e, Math.fround(-2.1219444e-4)));
  return fma(e, 0.693359375, add(x, fma(z, -0.5, y)));
}

/** Cephes' sinf and cosf for x ≥ 0. */
function sineCosine(k: Block, angle: Expr): readonly [Expr, Expr] {
  const value = k.let("angle", angle);
  const j = k.let("j", and(add(cast("i32x4", mul(value, Math.fround(1.27323954473516))), 1), -2));
  const octant = k.let("octant", cast("f32x4", j));
  const x = k.let(
    "reduced",
    parts.reduce<Expr>((rest, part) => fma(octant, constant("f32x4", part), rest), value),
  );
  const z = k.let("square", mul(x, x));
  const c = k.let("c", add(fma(mul(horner(z, cosCoefficients), z), z, mul(z, -0.5)), 1));
  const s = k.let("s", fma(mul(horner(z, sinCoefficients), z), x, x));
  const swap = k.let("swap", ne(and(j, 2), 0));
  const signed = (v: Expr, bit: Expr): Expr => bits("f32x4", xor(bits("i32x4", v), shl(bit, 29)));
  const sine = signed(select(swap, c, s), and(j, 4));
  const cosine = signed(select(swap, s, c), xor(and(sub(j, 2), 4), 4));
  return [sine, cosine];
}

const rounded = (list: readonly number[]): number[] => list.map(Math.fround);
const logCoefficients = rounded([
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
]);
const cosCoefficients = rounded([2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
const sinCoefficients = rounded([-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
const parts = rounded([-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8]);

/** A task is four coins. The words of a pair are the high and the low half of 53 bits; a limit of 2^53 is above all. */
function coinsKernel(): Kernel {
  return kernel("coins", { x: "ptr", y: "ptr", high: "i32", low: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const at = k.let("at", shl(task, 3));
      const [a, b] = [0, 4].map((o) => k.let("words", load4("i32", p.x, at, o))) as [Var, Var]; // two
      const high = k.let("high", and(shuffle(a, b, [0, 2, 4, 6]), 0x1fffff));
      const low = xor(shuffle(a, b, [1, 3, 5, 7]), -0x80000000); // signed comparison, unsigned meaning
      const below = or(lt(high, splat(p.high)), and(eq(high, splat(p.high)), lt(low, splat(p.low))));
      k.store("u8", p.y, shl(task, 2), cast("i32x4", below));
    });
  });
}
