// Where the largest or smallest of each row of [outer, size, inner] along the middle is, with its value. The first at a
// tie; the first NaN if there is one.

import type { Block } from "../ir/build.ts";
import {
  add,
  and,
  bits,
  constant,
  div,
  eq,
  ge,
  gt,
  i32,
  kernel,
  lane,
  le,
  load,
  load4,
  lt,
  min,
  mul,
  not,
  or,
  rem,
  select,
  splat,
  sub,
} from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { elemBytes, isFloat } from "../ir/ir.ts";
import { grainOf, overRow, past, rowTypeOf, scalarOf } from "./row-loop.ts";

export interface ArgReduce {
  readonly kind: "max" | "min";
  readonly elem: "f32" | "f64" | "i32" | "i64" | "u8";
  readonly outer: number;
  /** At least 1. */
  readonly size: number;
  readonly inner: number;
  readonly x: number;
  /** [outer, inner] */
  readonly values: number;
  /** int32 [outer, inner] */
  readonly indices: number;
}

export function argReduce(device: Device, p: ArgReduce): void {
  const { kind, elem, outer, size, inner } = p;
  if (outer * inner === 0) return;
  const wide = inner === 1 && scalarOf(elem) !== "i64" && scalarOf(elem) !== "f64";
  if (inner > 1 && (elem === "f32" || elem === "i32")) {
    const strips = Math.ceil(inner / stripColumns);
    const compiled = device.compile(`arg/${kind}/${elem}/columns`, () => columnKernel(kind, elem));
    const grain = grainOf(size * Math.min(inner, stripColumns));
    device.run(compiled, [p.x, p.values, p.indices, size, inner, strips], outer * strips, grain);
    return;
  }
  const build = wide ? rowKernel : plainKernel;
  const compiled = device.compile(`arg/${kind}/${elem}/${wide}`, () => build(kind, elem));
  device.run(compiled, [p.x, p.values, p.indices, size, inner], outer * inner, grainOf(size));
}

const params = { x: "ptr", values: "ptr", indices: "ptr", size: "i32", inner: "i32" } as const;

/** Whether `x` takes the place of `best`, which came before it. */
function wins(kind: ArgReduce["kind"], x: Expr, best: Expr): Expr {
  const loses = kind === "max" ? le(x, best) : ge(x, best);
  return isFloat(x.type) ? and(not(loses), eq(best, best)) : not(loses); // a NaN neither loses nor gives way
}

function plainKernel(kind: ArgReduce["kind"], elem: ArgReduce["elem"]): Kernel {
  return kernel(`arg_${kind}`, params, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const first = add(mul(mul(div(task, p.inner), p.size), p.inner), rem(task, p.inner));
      const base = k.let("base", past(p.x, first, elem));
      const best = k.let("best", load(elem, base, 0));
      const index = k.let("index", i32(0));
      continueFrom(k, kind, best, index, (i) => load(elem, base, mul(i, p.inner)), i32(1), p.size);
      k.store(elem, p.values, task, best);
      k.store("i32", p.indices, task, index);
    });
  });
}

/** Sees elements `from` to `to` one by one. */
function continueFrom(
  k: Block,
  kind: ArgReduce["kind"],
  best: Var,
  index: Var,
  read: (i: Var) => Expr,
  from: Expr,
  to: Expr,
): void {
  k.for(from, to, 1, (i) => {
    const x = k.let("x", read(i));
    const better = k.let("better", wins(kind, x, best));
    k.set(best, select(better, x, best));
    k.set(index, select(better, i, index));
  });
}

const stripColumns = 64;

/** A task is a strip of columns, row by row. Indices are kept as the bits of the elements' own type. */
function columnKernel(kind: ArgReduce["kind"], elem: "f32" | "i32"): Kernel {
  return kernel(`arg_${kind}_columns`, { ...params, strips: "i32" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const strip = k.let("strip", mul(rem(task, p.strips), stripColumns));
      const columns = k.let("columns", min(sub(p.inner, strip), stripColumns));
      const o = k.let("o", div(task, p.strips));
      const x = k.let("xRow", past(p.x, add(mul(mul(o, p.size), p.inner), strip), elem));
      const first = add(mul(o, p.inner), strip);
      const best = k.let("best", past(p.values, first, elem));
      const index = k.let("index", past(p.indices, first, "i32"));
      overRow(k, elem, columns, (at) => {
        at.write(best, at.read(x));
        at.write(index, at.spread(bits(elem, i32(0))));
      });
      k.for(1, p.size, 1, (i) => {
        k.set(x, add(x, mul(p.inner, elemBytes[elem])));
        overRow(k, elem, columns, (at) => {
          const [value, before] = [k.let("value", at.read(x)), k.let("before", at.read(best))];
          const better = k.let("better", wins(kind, value, before));
          at.write(best, select(better, value, before));
          at.write(index, select(better, at.spread(bits(elem, i)), at.read(index)));
        });
      });
    });
  });
}

const vectors = 4;

/**
 * Sixteen candidates, one for each lane of a turn; then the best of them, by index where they tie. All begin as the
 * first element, whose index no tie can beat.
 */
function rowKernel(kind: ArgReduce["kind"], elem: ArgReduce["elem"]): Kernel {
  const type = rowTypeOf(elem);
  return kernel(`arg_${kind}_row`, params, (k, p) => {
    k.for(k.begin, k.end, 1, (row) => {
      const base = k.let("base", past(p.x, mul(row, p.size), elem));
      const best = k.let("best", load(elem, base, 0));
      const index = k.let("index", i32(0));
      const whole = k.let("whole", and(p.size, -4 * vectors));
      const all = Array.from({ length: vectors }, (_, v) => v);
      const bests = all.map(() => k.let("bests", splat(best)));
      const turns = all.map(() => k.let("turns", constant("i32x4", 0)));
      k.for(0, whole, 4 * vectors, (i) => {
        const xs = all.map((v) => k.let("x", load4(elem, base, i, 4 * v)));
        const betters = xs.map((x, v) => k.let("better", wins(kind, x, bests[v]!)));
        const turn = k.let("turn", splat(i));
        for (const v of all) {
          k.set(bests[v]!, select(betters[v]!, xs[v]!, bests[v]!));
          k.set(turns[v]!, select(betters[v]!, turn, turns[v]!));
        }
      });
      k.if(gt(whole, 0), () => {
        for (const v of all) {
          for (const l of [0, 1, 2, 3]) {
            const x = k.let("candidate", lane(bests[v]!, l));
            const at = k.let("place", add(lane(turns[v]!, l), 4 * v + l));
            const ties = isFloat(type) ? or(eq(x, best), and(not(eq(x, x)), not(eq(best, best)))) : eq(x, best);
            const better = k.let("better", or(wins(kind, x, best), and(ties, lt(at, index))));
            k.set(best, select(better, x, best));
            k.set(index, select(better, at, index));
          }
        }
      });
      continueFrom(k, kind, best, index, (i) => load(elem, base, i), whole, p.size);
      k.store(elem, p.values, row, best);
      k.store("i32", p.indices, row, index);
    });
  });
}
