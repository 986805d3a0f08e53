// The order of each row: which index comes first, second, … Equal elements keep their order, -0 equals 0, and NaN is the
// largest. An element becomes a signed key that sorts as it does, and travels with its index as one 64-bit pair:
//
//   key << 32 | index      up to 32 pairs: insertion      more: radix sort, 8 bits a pass, passes without effect left out
//
// The first few of a long row are found without sorting it: the k-th smallest of the minima of its blocks is a bound that at
// least k elements keep, and hardly more; only those are sorted.

import type { Block } from "../ir/build.ts";
import {
  add,
  and,
  bits,
  cast,
  constant,
  eq,
  gt,
  i32,
  kernel,
  le,
  load,
  load4,
  lt,
  min,
  mul,
  ne,
  not,
  select,
  shr,
  sub,
  xor,
} from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { isFloat, isVector } from "../ir/ir.ts";
import { foldLanes, grainOf, past } from "./row-loop.ts";

export interface Rank {
  readonly elem: "f32" | "i32";
  readonly rows: number;
  readonly size: number;
  /** How many of each row, at most `size`. */
  readonly k: number;
  readonly descending: boolean;
  /** [rows, size] */
  readonly x: number;
  /** int32 [rows, k]: the indices in order */
  readonly indices: number;
}

const digits = 256;
const histogramBytes = 4 * 4 * digits;
const few = 32;
const blockSize = 32;

export function rank(device: Device, p: Rank): void {
  const { elem, rows, size, k, descending } = p;
  if (rows * k === 0) return;
  const blocks = Math.floor(size / blockSize);
  const firstOnly = blocks >= 2 * k;
  const build = firstOnly ? firstKernel : sortKernel;
  const key = `sort/${firstOnly ? "first" : "all"}/${elem}/${descending}`;
  const compiled = device.compile(key, () => build(elem, descending));
  const room = histogramBytes + 16 * (size + 1) + 4 * blocks;
  const bytes = Math.ceil(room / 64) * 64;
  const scratch = device.alloc(bytes * (rows === 1 ? 1 : device.threads));
  try {
    const args = [p.x, p.indices, size, k, blocks, scratch, bytes];
    device.run(compiled, args, rows, grainOf(2 * size));
  } finally {
    device.free(scratch);
  }
}

const params = {
  ...({ x: "ptr", indices: "ptr", size: "i32", k: "i32", blocks: "i32" } as const),
  ...({ scratch: "ptr", bytes: "i32" } as const),
};

/** A signed integer that is smaller the sooner `x` comes. */
function keyOf(x: Expr, descending: boolean): Expr {
  const type = isVector(x.type) ? "i32x4" : "i32";
  let key = x;
  if (isFloat(x.type)) {
    const raw = bits(type, x);
    const ordered = xor(raw, and(shr(raw, 31), 0x7fffffff)); // the magnitude of negative ones turned around
    key = select(eq(x, x), select(eq(x, 0), constant(type, 0), ordered), constant(type, 0x7fffffff));
  }
  return descending ? not(key) : key;
}

/** Pairs of a thread: those that are sorted, and room for as many. */
class Pairs {
  readonly #k: Block;
  readonly #histogram: Var;
  readonly #first: Var;
  readonly #second: Var;
  /** Where the sorted pairs are; the other one of the two is free. */
  readonly from: Var;
  readonly #to: Var;

  constructor(k: Block, mine: Expr, size: Expr) {
    this.#k = k;
    this.#histogram = k.let("histogram", mine);
    this.#first = k.let("first", add(this.#histogram, histogramBytes));
    this.#second = k.let("second", add(this.#first, mul(add(size, 1), 8)));
    this.from = k.let("from", this.#first);
    this.#to = k.let("to", this.#second);
  }

  /** Ready to be written anew. */
  reset(): void {
    this.#k.set(this.from, this.#first);
    this.#k.set(this.#to, this.#second);
  }
  write(at: Expr, key: Expr, index: Expr): void {
    this.#k.store("i32", this.from, mul(at, 2), key, 1);
    this.#k.store("i32", this.from, mul(at, 2), index);
  }
  key(at: Expr): Expr {
    return load("i32", this.from, mul(at, 2), 1);
  }
  index(at: Expr): Expr {
    return load("i32", this.from, mul(at, 2));
  }

  /** Sorts the first `n`. */
  sort(n: Expr): void {
    this.#k.if(
      le(n, few),
      () => this.#insert(n),
      () => this.#radix(n),
    );
  }

  #insert(n: Expr): void {
    const k = this.#k;
    k.for(1, n, 1, (i) => {
      const pair = k.let("pair", load("i64", this.from, i));
      const at = k.let("at", sub(i, 1));
      k.while(and(not(lt(at, 0)), gt(load("i64", this.from, at), pair)), () => {
        k.store("i64", this.from, at, load("i64", this.from, at), 1);
        k.set(at, sub(at, 1));
      });
      k.store("i64", this.from, add(at, 1), pair);
    });
  }

  #radix(n: Expr): void {
    const k = this.#k;
    const histogram = this.#histogram;
    const digit = (key: Expr, pass: number): Expr => {
      const low = and(shr(key, 8 * pass), digits - 1);
      return pass === 3 ? xor(low, digits / 2) : low; // the sign
    };
    k.for(0, 4 * digits, 4, (i) => k.store("i32", histogram, i, constant("i32x4", 0)));
    k.for(0, n, 1, (i) => {
      const key = k.let("key", this.key(i));
      for (const pass of [0, 1, 2, 3]) {
        const place = k.let("place", digit(key, pass));
        k.store("i32", histogram, place, add(load("i32", histogram, place, pass * digits), 1), pass * digits);
      }
    });
    for (const pass of [0, 1, 2, 3]) {
      const one = digit(this.key(i32(0)), pass);
      k.if(ne(load("i32", histogram, one, pass * digits), n), () => {
        const sum = k.let("sum", i32(0));
        k.for(0, digits, 1, (d) => {
          const count = k.let("count", load("i32", histogram, d, pass * digits));
          k.store("i32", histogram, d, sum, pass * digits);
          k.set(sum, add(sum, count));
        });
        k.for(0, n, 1, (i) => {
          const pair = k.let("pair", load("i64", this.from, i));
          const place = k.let("place", digit(this.key(i), pass));
          const target = k.let("target", load("i32", histogram, place, pass * digits));
          k.store("i64", this.#to, target, pair);
          k.store("i32", histogram, place, add(target, 1), pass * digits);
        });
        const swapped = k.let("swapped", this.from);
        k.set(this.from, this.#to);
        k.set(this.#to, swapped);
      });
    }
  }
}

/** Sorts whole rows; a task is a row. */
function sortKernel(elem: Rank["elem"], descending: boolean): Kernel {
  return kernel("sort", params, (k, p) => {
    const pairs = new Pairs(k, add(p.scratch, mul(k.thread, p.bytes)), p.size);
    k.for(k.begin, k.end, 1, (row) => {
      const x = k.let("row", past(p.x, mul(row, p.size), elem));
      const out = k.let("out", past(p.indices, mul(row, p.k), "i32"));
      pairs.reset();
      k.for(0, p.size, 1, (i) => pairs.write(i, keyOf(k.let("x", load(elem, x, i)), descending), i));
      pairs.sort(p.size);
      k.for(0, p.k, 1, (i) => k.store("i32", out, i, pairs.index(i)));
    });
  });
}

/** Finds the first k of rows that have at least k blocks; a task is a row. */
function firstKernel(elem: Rank["elem"], descending: boolean): Kernel {
  return kernel("sort_first", params, (k, p) => {
    const mine = k.let("mine", add(p.scratch, mul(k.thread, p.bytes)));
    const pairs = new Pairs(k, mine, p.size);
    const minima = k.let("minima", add(mine, add(mul(add(p.size, 1), 16), histogramBytes)));
    k.for(k.begin, k.end, 1, (row) => {
      const x = k.let("row", past(p.x, mul(row, p.size), elem));
      const out = k.let("out", past(p.indices, mul(row, p.k), "i32"));
      pairs.reset();
      k.for(0, p.blocks, 1, (b) => {
        const start = k.let("start", mul(b, blockSize));
        const lowest = blockMinimum(k, elem, descending, x, start);
        k.store("i32", minima, b, lowest);
        pairs.write(b, lowest, b);
      });
      pairs.sort(p.blocks);
      const bound = k.let("bound", pairs.key(sub(p.k, 1)));
      pairs.reset();
      const count = k.let("count", i32(0));
      const take = (from: Expr, to: Expr): void =>
        k.for(from, to, 1, (i) => {
          const key = k.let("key", keyOf(k.let("x", load(elem, x, i)), descending));
          pairs.write(count, key, i);
          k.set(count, add(count, cast("i32", le(key, bound))));
        });
      k.for(0, p.blocks, 1, (b) => {
        const start = k.let("start", mul(b, blockSize));
        k.if(le(load("i32", minima, b), bound), () => take(start, add(start, blockSize)));
      });
      take(mul(p.blocks, blockSize), p.size);
      pairs.sort(count);
      k.for(0, p.k, 1, (i) => k.store("i32", out, i, pairs.index(i)));
    });
  });
}

function blockMinimum(k: Block, elem: Rank["elem"], descending: boolean, x: Expr, start: Var): Var {
  const vectors = Array.from({ length: blockSize / 4 }, (_, v) => k.let("x", load4(elem, x, start, 4 * v)));
  const keys = vectors.map((v) => k.let("key", keyOf(v, descending)));
  const together = k.let(
    "together",
    keys.slice(1).reduce<Expr>((a, b) => min(a, b), keys[0]!),
  );
  return k.let("lowest", foldLanes(together, min));
}
