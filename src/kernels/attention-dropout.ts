// Dropout of attention weights without a stored mask: whether the weight of a query and a key is kept is a hash of the
// seed, the head, the query and the key, so that the backward pass, or anyone, can ask again. These are not PyTorch's draws.
//
//   kept where hash(rowKey(seed, head, query) + key · golden) >> 8 ≥ p 2^24

import type { Block } from "../ir/build.ts";
import { add, cast, constant, div, ge, kernel, load4, mul, rem, select, shru, splat, xor } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { dropoutArgs, type ProblemVars, type WeightDropout } from "./attention-problem.ts";
import { lanes, quads } from "./attention-tile.ts";
import { grainOf, past, type Real } from "./row-loop.ts";

const golden = 0x9e3779b9 | 0;

/** Mixes 32 bits: each bit of the result depends on all. https://github.com/skeeto/hash-prospector */
export function hash(x: Expr): Expr {
  const shifted = (v: Expr, by: number): Expr => xor(v, shru(v, by));
  const a = mul(shifted(x, 16), 0x21f0aaad);
  const b = mul(shifted(a, 15), 0x735a2d97);
  return shifted(b, 15);
}

/** The hash that all weights of one query share. `item` counts batch items and heads. */
export function rowKey(p: Pick<ProblemVars, "seed0" | "seed1">, item: Expr, query: Expr): Expr {
  return hash(add(hash(add(hash(xor(item, p.seed0)), p.seed1)), query));
}

/** Whether a weight is kept, from its row's key. */
export function isKept(p: Pick<ProblemVars, "dropBelow">, row: Expr, key: Expr): Expr {
  const bits = shru(hash(add(row, mul(key, golden))), 8);
  return ge(bits, p.dropBelow);
}

export interface RowKeys {
  readonly at: Var;
  readonly item: Expr;
  readonly q0: Expr;
}

/** A line of 16 queries' keys. */
export function writeRowKeys(k: Block, p: ProblemVars, { at, item, q0 }: RowKeys): void {
  k.for(0, lanes, 1, (i) => k.store("i32", at, i, rowKey(p, item, add(q0, i))));
}

/** Asks for lines of 16 queries; `row` gives what weights of one key are multiplied by: 0, or 1 / (1 − p). */
export function keeper(k: Block, p: ProblemVars, rowKeys: Var): (key: Expr) => Var[] {
  const rows = quads.map((quad) => k.let("rowKey", load4("i32", rowKeys, 0, quad)));
  const below = k.let("below", splat(p.dropBelow));
  const factor = k.let("keepScale", splat(cast("f32", p.keepScale)));
  return (key) => {
    const step = k.let("step", splat(mul(key, golden)));
    return rows.map((row) => {
      const bits = shru(hash(add(row, step)), 8);
      return k.let("kept", select(ge(bits, below), factor, constant("f32x4", 0)));
    });
  };
}

export interface KeptWeights {
  readonly dtype: Real;
  /** Batch items times heads. */
  readonly items: number;
  readonly Tq: number;
  readonly keys: number;
  readonly dropout: WeightDropout;
  /** [items, Tq, keys] */
  readonly out: number;
}

/** Writes what every weight is multiplied by. */
export function keptWeights(device: Device, { dtype, items, Tq, keys, dropout, out }: KeptWeights): void {
  const params = {
    out: "ptr",
    Tq: "i32",
    keys: "i32",
    seed0: "i32",
    seed1: "i32",
    dropBelow: "i32",
    keepScale: "f64",
  } as const;
  const build = (): Kernel =>
    kernel(`attention_kept_${dtype}`, params, (k, p) => {
      k.for(k.begin, k.end, 1, (row) => {
        const key = k.let("rowKey", rowKey(p, div(row, p.Tq), rem(row, p.Tq)));
        const to = k.let("to", past(p.out, mul(row, p.keys), dtype));
        const [zero, factor] = [constant(dtype, 0), cast(dtype, p.keepScale)];
        k.for(0, p.keys, 1, (j) => k.store(dtype, to, j, select(isKept(p, key, j), factor, zero)));
      });
    });
  const compiled = device.compile(`attention/kept/${dtype}`, build);
  device.run(compiled, [out, Tq, keys, ...dropoutArgs(dropout)], items * Tq, grainOf(4 * keys));
}
