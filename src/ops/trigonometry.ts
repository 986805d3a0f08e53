// Angles from their sines, cosines and tangents. All rest on the arc tangent of a number up to tan(π/8), an odd polynomial:
//
//     atan a = π/2 − atan(1/a) = π/4 + atan((a − 1) / (a + 1))

import { abs, add, and, div, eq, fma, gt, like, lt, mul, ne, neg, or, select, sqrt, sub } from "../ir/build.ts";
import { type Expr, laneOf } from "../ir/ir.ts";
import { type PointwiseOp, pointwise } from "./pointwise.ts";

const zero = (x: Expr): Expr => like(x, 0);
const one = (x: Expr): Expr => like(x, 1);

/** Of `atan(t) / t` in `t²`, from the highest power, within 6e-10 of 1: Chebyshev's fit on [0, tan²(π/8)]. */
const short = [
  -0.06026305227658459, 0.10569828806414448, -0.14239532669648974, 0.19998183041083206, -0.33333306893048514,
  0.9999999993712282,
];
/** The same, within 2e-18. */
const long = [
  -0.017805397205419446, 0.03796525745386593, -0.05035102456601552, 0.05846878297330872, -0.06662951813629191,
  0.07692045330902225, -0.09090896809064027, 0.11111110744919658, -0.14285714279250245, 0.19999999999940893,
  -0.3333333333333312, 1,
];

const atanOf = (x: Expr): Expr => {
  const a = abs(x);
  const [isLarge, isMiddle] = [gt(a, 1 + Math.SQRT2), gt(a, Math.SQRT2 - 1)]; // tan(3π/8), tan(π/8)
  const t = select(isLarge, div(like(a, -1), a), select(isMiddle, div(sub(a, 1), add(a, 1)), a));
  const from = select(isLarge, like(a, Math.PI / 2), select(isMiddle, like(a, Math.PI / 4), zero(a)));
  const [highest, ...rest] = laneOf(x.type) === "f32" ? short : long;
  const z = mul(t, t);
  const ratio = rest.reduce((sum, c) => fma(sum, z, c), like(z, highest!));
  const angle = fma(t, ratio, from);
  return select(lt(x, 0), neg(angle), select(eq(x, 0), x, angle)); // −0 stays
};

function unary(name: string, value: (x: Expr) => Expr, grad: (g: Expr, x: Expr) => Expr): PointwiseOp {
  return pointwise({ name, dtype: "float", value: (x) => value(x!), grad: (g, [x]) => [grad(g, x!)] });
}
/** `√(1 − x²)`, exact near 1. */
const other = (x: Expr): Expr => sqrt(mul(sub(one(x), x), add(x, 1)));

export const asin: PointwiseOp = unary(
  "asin",
  (x) => atanOf(div(x, other(x))),
  (g, x) => div(g, other(x)),
);
export const acos: PointwiseOp = unary(
  "acos",
  (x) => mul(atanOf(sqrt(div(sub(one(x), x), add(x, 1)))), 2),
  (g, x) => neg(div(g, other(x))),
);
export const atan: PointwiseOp = unary("atan", atanOf, (g, x) => div(g, add(mul(x, x), 1)));

const isNegative = (x: Expr): Expr => or(lt(x, 0), and(eq(x, 0), lt(div(one(x), x), 0)));
/** The angle of the point (x, y), from −π to π. */
export const atan2: PointwiseOp = pointwise({
  name: "atan2",
  dtype: "float",
  value: (y, x) => {
    const [up, along] = [abs(y!), abs(x!)];
    const isAlone = eq(up, along); // 0 / 0 and ∞ / ∞ are no numbers
    const ratio = select(isAlone, select(eq(up, 0), zero(up), one(up)), div(up, along));
    const first = atanOf(ratio);
    const half = select(isNegative(x!), sub(like(first, Math.PI), first), first);
    const angle = select(isNegative(y!), neg(half), half);
    return select(or(ne(x!, x!), ne(y!, y!)), add(x!, y!), angle);
  },
  grad: (g, [y, x]) => {
    const square = add(mul(x!, x!), mul(y!, y!));
    return [mul(g, div(x!, square)), neg(mul(g, div(y!, square)))];
  },
});
