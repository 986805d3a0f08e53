// Walks along the middle of [outer, red, inner], one task for each pair of the others: where an extremum is, and running sums.

import { bytesOf, type DType } from "../base/dtype.ts";
import {
  add,
  and,
  cast,
  constant,
  div as divide,
  eq,
  gt,
  i32,
  kernel,
  like,
  lt,
  min,
  mul,
  ne,
  or,
  rem,
  select,
  sub,
} from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import { type Elem, type Expr, elemBytes, isFloat, type Kernel } from "../ir/ir.ts";
import { argReduce } from "../kernels/arg-reduce.ts";
import { grainOf, overRow, past, scalarOf } from "../kernels/row-loop.ts";
import { layouts, read, write } from "./elements.ts";

interface Form {
  readonly dtype: DType;
  readonly x: number;
  readonly out: number;
  readonly outer: number;
  readonly red: number;
  readonly inner: number;
}

/** The index (first at a tie; a NaN wins) and value of each extremum of [outer, red, inner]. */
export function reduceArg(device: Device, p: Form & { readonly kind: "max" | "min"; readonly indices: number }): void {
  if (p.outer * p.inner === 0) return;
  const { elem } = layouts[p.dtype];
  if (elem !== "u16" && elem !== "i16" && elem !== "i8") {
    argReduce(device, { ...p, elem, size: p.red, values: p.out });
    return;
  }
  const compiled = device.compile(`arg ${p.kind}|${p.dtype}`, () => argKernel(p.kind, p.dtype));
  device.run(
    compiled,
    [p.x, p.out, p.indices, p.red, p.inner],
    p.outer * p.inner,
    Math.max(1, Math.ceil(8192 / p.red)),
  );
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
        const fresh = isFloat(value.type) ? and(ne(value, value), eq(best, best)) : undefined; // the first NaN
        const held = isFloat(value.type) ? and(beats, eq(best, best)) : beats;
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
export function cumulate(device: Device, p: Form & { readonly reverse: boolean }): void {
  const { dtype, reverse, outer, red, inner } = p;
  if (outer * inner * red === 0) return;
  const { elem } = layouts[dtype];
  const isWhole = elem === "f32" || elem === "f64" || elem === "i32" || elem === "i64"; // a sum is kept in the result itself
  if (inner > 1 && isWhole) {
    const strips = Math.ceil(inner / stripColumns);
    const compiled = device.compile(`cumsum columns|${elem}|${reverse}`, () => columnSums(elem, reverse));
    const grain = grainOf(red * Math.min(inner, stripColumns));
    device.run(compiled, [p.x, p.out, red, inner, strips], outer * strips, grain);
    return;
  }
  const compiled = device.compile(`cumsum|${dtype}|${reverse}`, () => runningSums(dtype, reverse));
  device.run(compiled, [p.x, p.out, red, inner], outer * inner, Math.max(1, Math.ceil(8192 / red)));
}

const sumParams = { x: "ptr", out: "ptr", red: "i32", inner: "i32" } as const;

/** A task is one sum after another. */
function runningSums(dtype: DType, reverse: boolean): Kernel {
  return kernel("cumsum", sumParams, (k, v) => {
    k.for(k.begin, k.end, 1, (task) => {
      const first = k.let("first", add(mul(mul(divide(task, v.inner), v.red), v.inner), rem(task, v.inner)));
      const sum = k.let("sum", like(read(dtype, v.x, 0), 0));
      k.for(0, v.red, 1, (i) => {
        const step = reverse ? sub(sub(v.red, 1), i) : i;
        const at = k.let("at", add(first, mul(step, v.inner)));
        k.set(sum, add(sum, read(dtype, v.x, at)));
        write(k, dtype, v.out, at, sum);
      });
    });
  });
}

const stripColumns = 64;

/** A task is a strip of columns, row by row: each row of the result is the one before and a row of x. */
function columnSums(elem: Elem, reverse: boolean): Kernel {
  return kernel("cumsum_columns", { ...sumParams, strips: "i32" }, (k, v) => {
    k.for(k.begin, k.end, 1, (task) => {
      const strip = k.let("strip", mul(rem(task, v.strips), stripColumns));
      const columns = k.let("columns", min(sub(v.inner, strip), stripColumns));
      const top = mul(divide(task, v.strips), v.red);
      const first = add(mul(reverse ? add(top, sub(v.red, 1)) : top, v.inner), strip);
      const x = k.let("xRow", past(v.x, first, elem));
      const y = k.let("yRow", past(v.out, first, elem));
      const before = k.let("before", y);
      const rowBytes = k.let("rowBytes", mul(v.inner, reverse ? -elemBytes[elem] : elemBytes[elem]));
      overRow(k, elem, columns, (at) => at.write(y, at.spread(constant(scalarOf(elem), 0))));
      k.for(0, v.red, 1, () => {
        overRow(k, elem, columns, (at) => at.write(y, add(at.read(before), at.read(x))));
        k.set(before, y);
        k.set(x, add(x, rowBytes));
        k.set(y, add(y, rowBytes));
      });
    });
  });
}
