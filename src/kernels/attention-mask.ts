// Masks as the numbers that scores start from, transposed into lines of 16 queries: 0 or −∞ for what is true or false.

import type { Block } from "../ir/build.ts";
import { add, and, constant, eq, load, load4, min, mul, ne, select, splat, sub } from "../ir/build.ts";
import type { Expr, Var } from "../ir/ir.ts";
import { type Mask, type ProblemVars, rowAt } from "./attention-problem.ts";
import { lanes, quads } from "./attention-tile.ts";
import { transposed } from "./matmul-pack.ts";
import type { Real } from "./row-loop.ts";

const bytesOf = { bool: 1, float: 4 } as const;

/** What the element at a place adds to a score. */
export function maskValue(kind: Mask["kind"], row: Expr, key: Expr, real: Real = "f32"): Expr {
  if (kind === "float") return load(real, row, key);
  return select(ne(load("u8", row, key), 0), constant(real, 0), constant(real, Number.NEGATIVE_INFINITY));
}

/** The same of four adjacent keys, in float32. */
export function maskValues(kind: Mask["kind"], row: Expr, key: Expr): Expr {
  if (kind === "float") return load4("f32", row, key);
  const zero = constant("f32x4", 0);
  return select(ne(load4("u8", row, key), 0), zero, constant("f32x4", Number.NEGATIVE_INFINITY));
}

export interface MaskPlace {
  readonly b: Expr;
  readonly h: Expr;
  readonly q0: Expr;
  readonly key0: Expr;
  readonly keys: Expr;
  /** Lines of 16, and the elements from one to the next. */
  readonly to: Var;
  readonly step: Expr;
}

/** Writes the lines of keys `key0 …`, whose columns are queries `q0 …`; those past the last query repeat it. */
export function maskLines(k: Block, p: ProblemVars, kind: Mask["kind"], place: MaskPlace): void {
  const { b, h, q0, key0, keys, to, step } = place;
  const bytes = bytesOf[kind];
  const start = k.let("mask", add(rowAt(p.m, [p.mB, p.mH, p.mT], [b, h, q0], bytes), mul(key0, bytes)));
  k.if(
    eq(p.mT, 0),
    () => {
      k.for(0, keys, 1, (key) => {
        const value = k.let("value", splat(maskValue(kind, start, key)));
        for (const quad of quads) k.store("f32", to, mul(key, step), value, quad);
      });
    },
    () => perQuery(k, p, kind, place, start, k.let("maskRow", mul(p.mT, bytes))),
  );
}

function perQuery(k: Block, p: ProblemVars, kind: Mask["kind"], place: MaskPlace, start: Var, rowBytes: Var): void {
  const { q0, keys, to, step } = place;
  const last = k.let("last", min(sub(sub(p.Tq, q0), 1), lanes - 1));
  const row = (r: Expr): Expr => add(start, mul(min(r, last), rowBytes));
  const whole = k.let("whole", and(keys, -4));
  for (const quad of quads) {
    const rows = [0, 1, 2, 3].map((i) => k.let("row", row(constant("i32", quad + i))));
    k.for(0, whole, 4, (key) => {
      const values = rows.map((r) => k.let("values", maskValues(kind, r, key)));
      transposed(k, values).forEach((x, i) => k.store("f32", to, mul(add(key, i), step), x, quad));
    });
  }
  k.for(whole, keys, 1, (key) => {
    k.for(0, lanes, 1, (r) => k.store("f32", to, add(mul(key, step), r), maskValue(kind, row(r), key)));
  });
}
