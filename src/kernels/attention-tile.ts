// What the fast attention kernels are made of: products in register tiles of 6 or 4 rows by 16 columns (matmul-tile.ts),
// whose operands lie where they are or in a thread's scratch memory, and transposes into panels of 16.

import type { Block } from "../ir/build.ts";
import {
  add,
  and,
  constant,
  div,
  eq,
  f32,
  gt,
  load,
  load4,
  lt,
  max,
  min,
  mul,
  or,
  rem,
  select,
  splat,
  sub,
} from "../ir/build.ts";
import type { Expr, Var } from "../ir/ir.ts";
import { low, tall, transposed } from "./matmul-pack.ts";
import { registerTile, rowPointers } from "./matmul-tile.ts";

/** Columns of a tile, and the bytes of a line of them. */
export const lanes = 16;
export const line: number = 4 * lanes;
export const quads: readonly number[] = [0, 4, 8, 12];

/** One operand of a product: its address and its bytes from row to row and from column to column. */
export interface Operand {
  readonly at: Expr;
  readonly row: Expr;
  readonly column: Expr;
}

/**
 * C [M, 16] = from + A [M, K] B [K, 16]. `from` is C itself, or zeros: as many lines as a tile has rows. Rows of C lie in
 * scratch memory that has room for three rows more.
 */
export interface Product {
  readonly M: Expr;
  readonly K: Expr;
  readonly a: Operand;
  readonly b: Pick<Operand, "at" | "row">;
  readonly from: "c" | { readonly zeros: Expr };
  readonly to: Pick<Operand, "at" | "row">;
}

export function product(k: Block, p: Product): void {
  overRowPanels(k, p.M, (rows, row0) => {
    const valid = k.let("valid", min(sub(p.M, row0), rows));
    const to = lines(k, rows, add(p.to.at, mul(row0, p.to.row)), p.to.row);
    registerTile(k, rows, {
      from: p.from === "c" ? to : lines(k, rows, p.from.zeros, line),
      to,
      a: rowPointers(k, rows, valid, add(p.a.at, mul(row0, p.a.row)), p.a.row),
      aStep: p.a.column,
      b: k.let("bAt", p.b.at),
      bStep: p.b.row,
      K: p.K,
    });
  });
}

function lines(k: Block, count: number, start: Expr, row: Expr | number): Var[] {
  const pointers = [k.let("line", start)];
  while (pointers.length < count) pointers.push(k.let("line", add(pointers.at(-1)!, row)));
  return pointers;
}

/** Panels of 6 rows and, at the end, one or two of 4, as in matmul-pack.ts. */
export function overRowPanels(k: Block, M: Expr, visit: (rows: number, row0: Var) => void): void {
  const whole = k.let("whole", div(M, tall));
  const rest = k.let("rest", rem(M, tall));
  const twoLows = and(gt(whole, 0), and(gt(rest, 0), lt(rest, 3)));
  const oneTall = eq(rest, tall - 1);
  const talls = k.let("talls", add(whole, select(oneTall, 1, select(twoLows, constant("i32", -1), 0))));
  const lows = select(or(eq(rest, 0), oneTall), constant("i32", 0), select(twoLows, constant("i32", 2), 1));
  const tallRows = k.let("tallRows", mul(talls, tall));
  const end = k.let("end", add(tallRows, mul(lows, low)));
  k.for(0, tallRows, tall, (row0) => visit(tall, row0));
  k.for(tallRows, end, low, (row0) => visit(low, row0));
}

/** Rows of `width` elements as the columns of a panel [width, 16], times a scalar; columns past the last valid one repeat it. */
export function packColumns(
  k: Block,
  rows: Pick<Operand, "at" | "row">,
  valid: Expr,
  width: Expr,
  scale: Expr,
  to: Expr,
): void {
  const whole = k.let("whole", and(width, -4));
  const factor = k.let("factor", splat(scale));
  const last = k.let("last", sub(valid, 1));
  const row = (r: Expr): Expr => add(rows.at, mul(min(r, last), rows.row));
  for (const quad of quads) {
    const sources = [0, 1, 2, 3].map((i) => k.let("source", row(constant("i32", quad + i))));
    const target = k.let("target", add(to, 4 * quad));
    k.for(0, whole, 4, () => {
      const loaded = sources.map((s) => k.let("line", load4("f32", s, 0)));
      for (const [i, column] of transposed(k, loaded).entries()) {
        k.store("f32", target, 0, mul(column, factor), i * lanes);
      }
      for (const s of sources) k.set(s, add(s, 16));
      k.set(target, add(target, 4 * line));
    });
  }
  k.for(whole, width, 1, (d) => {
    k.for(0, lanes, 1, (r) => {
      k.store("f32", add(to, mul(d, line)), r, mul(load("f32", row(r), d), scale));
    });
  });
}

/** Lines 0 … count-1 of 16 equal numbers. */
export function fillLines(k: Block, to: Expr, count: Expr, value: Expr): void {
  const filled = k.let("filled", splat(value));
  k.for(0, mul(count, lanes), lanes, (i) => {
    for (const quad of quads) k.store("f32", to, i, filled, quad);
  });
}

/** −∞ for keys `key0 …` that come after the query; `step` elements from a key's line of queries `q0 … +16` to the next. */
export function hideLater(
  k: Block,
  scores: Expr,
  step: Expr,
  { q0, key0, keys }: { readonly q0: Expr; readonly key0: Expr; readonly keys: Expr },
): void {
  k.for(max(sub(add(q0, 1), key0), 0), keys, 1, (key) => {
    const hidden = k.let("hidden", min(sub(add(key0, key), q0), lanes)); // queries before do not see the key
    k.for(0, hidden, 1, (i) => k.store("f32", scores, add(mul(key, step), i), f32(Number.NEGATIVE_INFINITY)));
  });
}

/** Rows of `width` elements, times a scalar, to rows of another stride. */
export function copyRows(
  k: Block,
  from: Pick<Operand, "at" | "row">,
  count: Expr,
  width: Expr,
  scale: Expr | undefined,
  to: Pick<Operand, "at" | "row">,
): void {
  const whole = k.let("whole", and(width, -8));
  const factor = scale === undefined ? undefined : k.let("factor", scale);
  const factors = factor === undefined ? undefined : k.let("factors", splat(factor));
  const source = k.let("source", from.at);
  const target = k.let("target", to.at);
  k.for(0, count, 1, () => {
    k.for(0, whole, 8, (d) => {
      const loaded = [0, 4].map((o) => k.let("x", load4("f32", source, d, o)));
      loaded.forEach((x, i) => k.store("f32", target, d, factors === undefined ? x : mul(x, factors), 4 * i));
    });
    k.for(whole, width, 1, (d) => {
      const x = load("f32", source, d);
      k.store("f32", target, d, factor === undefined ? x : mul(x, factor));
    });
    k.set(source, add(source, from.row));
    k.set(target, add(target, to.row));
  });
}
