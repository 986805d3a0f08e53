// Kernels for reductions. Any reduction is seen as [outer, red, inner] with the middle one going away. Long ones are cut into
// chunks of fixed size whose partial results are reduced again, so that the order of additions depends on the shape
// alone, and sums stay accurate.

import { bytesOf, type DType } from "../base/dtype.ts";
import { add, and, type Block, cast, constant, i32, kernel, lane, like, lt, max, min, mul, ne, or, rem, select, splat, sub, div as divide, gt, eq } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, Var } from "../ir/ir.ts";
import { laneOf } from "../ir/ir.ts";
import { hasVector, layouts, read, write } from "./elements.ts";

export type Reduction = "sum" | "prod" | "max" | "min" | "any" | "all" | "sumsq";

interface Rule {
  readonly initial: (dtype: DType) => number;
  readonly combine: (accumulator: Expr, value: Expr) => Expr;
  /** What becomes of an element before it is combined (not of a partial result). */
  readonly element?: (value: Expr) => Expr;
}

const isFloat = (e: Expr): boolean => laneOf(e.type) === "f32" || laneOf(e.type) === "f64";
const truth = (e: Expr): Expr => (laneOf(e.type) === "bool" ? e : ne(e, 0));

const rules: { readonly [r in Reduction]: Rule } = {
  sum: { initial: () => 0, combine: (a, v) => add(a, v) },
  sumsq: { initial: () => 0, combine: (a, v) => add(a, v), element: (v) => mul(v, v) },
  prod: { initial: () => 1, combine: (a, v) => mul(a, v) },
  max: {
    initial: (d) => (layouts[d].value === "i32" ? -2147483648 : layouts[d].value === "bool" ? 0 : Number.NEGATIVE_INFINITY),
    combine: (a, v) => (laneOf(a.type) === "bool" ? or(a, v) : isFloat(a) ? max(a, v) : select(gt(a, v), a, v)),
  },
  min: {
    initial: (d) => (layouts[d].value === "i32" ? 2147483647 : layouts[d].value === "bool" ? 1 : Number.POSITIVE_INFINITY),
    combine: (a, v) => (laneOf(a.type) === "bool" ? and(a, v) : isFloat(a) ? min(a, v) : select(lt(a, v), a, v)),
  },
  any: { initial: () => 0, combine: or, element: truth },
  all: { initial: () => 1, combine: and, element: truth },
};

/** Where [outer, red, inner] lies, and what it is. */
export interface ReduceProblem {
  readonly kind: Reduction;
  readonly dtype: DType;
  readonly outDType: DType;
  /** Multiplies the result: 1/n makes a mean of a sum. */
  readonly scale?: number;
  readonly x: number;
  readonly out: number;
  readonly outer: number;
  readonly red: number;
  readonly inner: number;
}

const rowChunk = 8192;
const columnChunk = 512;
const columnBlock = 16;

export function reduce(device: Device, p: ReduceProblem): void {
  const { outer, red, inner } = p;
  if (outer * inner === 0) return;
  const chunk = inner === 1 ? rowChunk : columnChunk;
  const chunks = Math.max(Math.ceil(red / chunk), 1);
  const few = outer * Math.ceil(inner / columnBlock) < 64;
  if (chunks === 1 || !few) return launch(device, p, 1, red, p.kind);
  // partial results: [outer, chunks, inner], in the accumulator's dtype
  const accumulator = p.kind === "any" || p.kind === "all" ? "bool" : p.dtype;
  const partial = device.alloc(outer * chunks * inner * bytesOf(accumulator));
  launch(device, { ...p, out: partial, outDType: accumulator, scale: 1 }, chunks, chunk, p.kind);
  reduce(device, { ...p, kind: p.kind === "sumsq" ? "sum" : p.kind, dtype: accumulator, x: partial, red: chunks });
  device.free(partial);
}

/** Reduces each of `chunks` chunks of `size` (the last may be shorter). */
function launch(device: Device, p: ReduceProblem, chunks: number, size: number, kind: Reduction): void {
  const scaled = p.scale !== undefined && p.scale !== 1;
  const key = `reduce|${kind}|${p.dtype}|${p.outDType}|${p.inner === 1 ? "rows" : "columns"}|${scaled}`;
  const compiled = device.compile(key, () => (p.inner === 1 ? rowKernel : columnKernel)(kind, p.dtype, p.outDType, scaled));
  const args = [p.x, p.out, p.red, p.inner, chunks, size, p.scale ?? 1];
  const blocks = p.inner === 1 ? 1 : Math.ceil(p.inner / columnBlock);
  const perTask = Math.min(size, p.red) * (p.inner === 1 ? 1 : Math.min(columnBlock, p.inner));
  device.run(compiled, args, p.outer * chunks * blocks, Math.max(1, Math.ceil(16384 / Math.max(perTask, 1))));
}

const params = { x: "ptr", out: "ptr", red: "i32", inner: "i32", chunks: "i32", size: "i32", scale: "f64" } as const;

function finish(k: Block, outDType: DType, out: Expr, at: Expr, value: Expr, scaled: boolean, scale: Expr, lanes?: 1 | 4): void {
  let result = value;
  if (scaled) {
    const factor = laneOf(value.type) === "f32" ? cast("f32", scale) : scale;
    result = mul(value, value.type === "f32x4" ? splat(factor) : factor);
  }
  write(k, outDType, out, at, result, 0, lanes);
}

function minimum(a: Expr, b: Expr): Expr {
  return select(lt(a, b), a, b);
}

/** One task a chunk of a row, its elements adjacent. */
function rowKernel(kind: Reduction, dtype: DType, outDType: DType, scaled: boolean): Kernel {
  const { initial, combine, element = (v: Expr): Expr => v } = rules[kind];
  const vector = hasVector(dtype);
  return kernel(`reduce ${kind} rows`, params, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const row = k.let("row", divide(task, p.chunks));
      const from = k.let("from", mul(rem(task, p.chunks), p.size));
      const count = k.let("count", minimum(p.size, sub(p.red, from)));
      const base = k.let("base", add(p.x, mul(add(mul(row, p.red), from), bytesOf(dtype))));
      const probe = element(read(dtype, base, 0));
      const accumulator = k.let("sum", constant(probe.type, initial(dtype)));
      const i = k.let("i", i32(0));
      if (vector) {
        const lanes = 4;
        const start = splat(constant(probe.type, initial(dtype)));
        const sums = Array.from({ length: lanes }, (_, v) => k.let(`sum${v}`, start));
        const end = k.let("end", sub(count, 4 * lanes - 1));
        k.while(lt(i, end), () => {
          sums.forEach((s, v) => k.set(s, combine(s, element(read(dtype, base, i, "four", 4 * v)))));
          k.set(i, add(i, 4 * lanes));
        });
        const [a, b, c, d] = sums as [Var, Var, Var, Var];
        const all = k.let("all", combine(combine(a, b), combine(c, d)));
        for (let v = 0; v < 4; v++) k.set(accumulator, combine(accumulator, lane(all, v)));
      }
      k.while(lt(i, count), () => {
        k.set(accumulator, combine(accumulator, element(read(dtype, base, i))));
        k.set(i, add(i, 1));
      });
      finish(k, outDType, p.out, task, accumulator, scaled, p.scale);
    });
  });
}

/** One task a chunk of a block of columns; each row of the block is adjacent. */
function columnKernel(kind: Reduction, dtype: DType, outDType: DType, scaled: boolean): Kernel {
  const { initial, combine, element = (v: Expr): Expr => v } = rules[kind];
  const vector = hasVector(dtype);
  return kernel(`reduce ${kind} columns`, params, (k, p) => {
    const blocks = k.let("blocks", divide(add(p.inner, columnBlock - 1), columnBlock));
    k.for(k.begin, k.end, 1, (task) => {
      const group = k.let("group", divide(task, blocks));
      const column = k.let("column", mul(rem(task, blocks), columnBlock));
      const from = k.let("from", mul(rem(group, p.chunks), p.size));
      const count = k.let("count", minimum(p.size, sub(p.red, from)));
      const first = add(mul(add(mul(divide(group, p.chunks), p.red), from), p.inner), column);
      const base = k.let("base", add(p.x, mul(first, bytesOf(dtype))));
      const step = k.let("step", mul(p.inner, bytesOf(dtype)));
      const out = k.let("at", add(mul(group, p.inner), column));
      const width = k.let("width", minimum(i32(columnBlock), sub(p.inner, column)));
      const single = (from: Expr, to: Expr): void =>
        k.for(from, to, 1, (c) => {
          const probe = element(read(dtype, base, c));
          const sum = k.let("sum", constant(probe.type, initial(dtype)));
          const at = k.let("row", base);
          k.for(0, count, 1, () => {
            k.set(sum, combine(sum, element(read(dtype, at, c))));
            k.set(at, add(at, step));
          });
          finish(k, outDType, p.out, add(out, c), sum, scaled, p.scale);
        });
      if (!vector) return single(i32(0), width);
      k.if(
        eq(width, columnBlock),
        () => {
          const probe = element(read(dtype, base, 0, "four"));
          const start = splat(constant(laneOf(probe.type), initial(dtype)));
          const sums = Array.from({ length: columnBlock / 4 }, (_, v) => k.let(`sum${v}`, start));
          const at = k.let("row", base);
          k.for(0, count, 1, () => {
            sums.forEach((s, v) => k.set(s, combine(s, element(read(dtype, at, 0, "four", 4 * v)))));
            k.set(at, add(at, step));
          });
          sums.forEach((s, v) => finish(k, outDType, p.out, add(out, 4 * v), s, scaled, p.scale, 4));
        },
        () => single(i32(0), width),
      );
    });
  });
}

/** The index (first at a tie; a NaN wins) and value of each extremum of [outer, red, inner]. */
export function reduceArg(
  device: Device,
  p: Omit<ReduceProblem, "kind" | "outDType" | "scale"> & { readonly kind: "max" | "min"; readonly indices: number },
): void {
  if (p.outer * p.inner === 0) return;
  const compiled = device.compile(`arg ${p.kind}|${p.dtype}`, () => argKernel(p.kind, p.dtype));
  device.run(compiled, [p.x, p.out, p.indices, p.red, p.inner], p.outer * p.inner, Math.max(1, Math.ceil(8192 / p.red)));
}

function argKernel(kind: "max" | "min", dtype: DType): Kernel {
  const types = { x: "ptr", out: "ptr", indices: "ptr", red: "i32", inner: "i32" } as const;
  return kernel(`arg ${kind}`, types, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const first = add(mul(mul(divide(task, p.inner), p.red), p.inner), rem(task, p.inner));
      const base = k.let("base", add(p.x, mul(first, bytesOf(dtype))));
      const wide = (value: Expr): Expr => (value.type === "bool" ? cast("i32", value) : value);
      const best = k.let("best", wide(read(dtype, base, 0)));
      const index = k.let("index", i32(0));
      k.for(1, p.red, 1, (i) => {
        const value = k.let("value", wide(read(dtype, base, mul(i, p.inner))));
        const beats = kind === "max" ? gt(value, best) : lt(value, best);
        const fresh = isFloat(value) ? and(ne(value, value), eq(best, best)) : undefined; // the first NaN
        const held = isFloat(value) ? and(beats, eq(best, best)) : beats;
        const wins = k.let("wins", fresh === undefined ? held : or(held, fresh));
        k.set(best, select(wins, value, best));
        k.set(index, select(wins, i, index));
      });
      write(k, dtype, p.out, task, best);
      k.store("i32", p.indices, task, index);
    });
  });
}

/** Running sums of [outer, red, inner] along the middle, from the end if `reverse`. */
export function cumulate(
  device: Device,
  p: { readonly dtype: DType; readonly x: number; readonly out: number; readonly outer: number; readonly red: number; readonly inner: number; readonly reverse: boolean },
): void {
  if (p.outer * p.inner * p.red === 0) return;
  const types = { x: "ptr", out: "ptr", red: "i32", inner: "i32" } as const;
  const compiled = device.compile(`cumsum|${p.dtype}|${p.reverse}`, () =>
    kernel("cumsum", types, (k, v) => {
      k.for(k.begin, k.end, 1, (task) => {
        const first = k.let("first", add(mul(mul(divide(task, v.inner), v.red), v.inner), rem(task, v.inner)));
        const sum = k.let("sum", like(read(p.dtype, v.x, 0), 0));
        k.for(0, v.red, 1, (i) => {
          const step = p.reverse ? sub(sub(v.red, 1), i) : i;
          const at = k.let("at", add(first, mul(step, v.inner)));
          k.set(sum, add(sum, read(p.dtype, v.x, at)));
          write(k, p.dtype, v.out, at, sum);
        });
      });
    }),
  );
  device.run(compiled, [p.x, p.out, p.red, p.inner], p.outer * p.inner, Math.max(1, Math.ceil(8192 / p.red)));
}
