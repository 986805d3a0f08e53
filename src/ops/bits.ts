// What lies in a number's bits: signs, and shifts.

import { and, div, eq, ge, like, lt, ne, not, or, select, shl, shr } from "../ir/build.ts";
import { type Expr, isFloat, laneOf } from "../ir/ir.ts";
import { type PointwiseOp, pointwise } from "./pointwise.ts";

/** Whether the sign is set, that of −0 too. */
export const signbit: PointwiseOp = pointwise({
  name: "signbit",
  dtype: "compare",
  value: (x) => {
    if (laneOf(x!.type) === "bool") return and(x!, not(x!));
    if (!isFloat(x!.type)) return lt(x!, 0);
    return or(lt(x!, 0), and(eq(x!, 0), lt(div(like(x!, 1), x!), 0)));
  },
});
const infinite = (name: string, value: number): PointwiseOp =>
  pointwise({
    name,
    dtype: "compare",
    value: (x) => (laneOf(x!.type) === "bool" ? and(x!, not(x!)) : isFloat(x!.type) ? eq(x!, value) : ne(x!, x!)),
  });
export const isposinf: PointwiseOp = infinite("isposinf", Number.POSITIVE_INFINITY);
export const isneginf: PointwiseOp = infinite("isneginf", Number.NEGATIVE_INFINITY);

/** Bit by bit of the count, as lanes have only one count for all. Counts below 0 and beyond the width give `beyond`. */
function shifted(x: Expr, count: Expr, by: (x: Expr, bits: number) => Expr, beyond: Expr): Expr {
  const width = laneOf(x.type) === "i64" ? 64 : 32;
  let out = x;
  for (let bits = 1; bits < width; bits *= 2) out = select(ne(and(count, like(count, bits)), 0), by(out, bits), out);
  return select(or(lt(count, 0), ge(count, width)), beyond, out);
}
/** `x 2^count`; 0 for counts below 0 and beyond the width. */
export const bitwiseLeftShift: PointwiseOp = pointwise({
  name: "bitwiseLeftShift",
  grad: "none",
  value: (x, count) => shifted(x!, count!, (y, bits) => shl(y, bits), like(x!, 0)),
});
/** `⌊x / 2^count⌋`; for counts below 0 and beyond the width 0, or −1 of negative numbers. */
export const bitwiseRightShift: PointwiseOp = pointwise({
  name: "bitwiseRightShift",
  grad: "none",
  value: (x, count) => {
    const sign = select(lt(x!, 0), like(x!, -1), like(x!, 0));
    return shifted(x!, count!, (y, bits) => shr(y, bits), sign);
  },
});
