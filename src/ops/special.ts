// More functions of one or two numbers: other bases, hyperbolic and special functions, remainders.

import {
  abs,
  add,
  and,
  cos,
  div,
  eq,
  erf,
  exp,
  expm1,
  ge,
  gt,
  le,
  like,
  log,
  log1p,
  lt,
  max,
  min,
  mul,
  ne,
  neg,
  or,
  rem,
  select,
  sin,
  sqrt,
  sub,
  trunc,
} from "../ir/build.ts";
import { type Expr, isFloat } from "../ir/ir.ts";
import { type PointwiseOp, pointwise } from "./pointwise.ts";

const zero = (x: Expr): Expr => like(x, 0);
const one = (x: Expr): Expr => like(x, 1);

function unary(name: string, value: (x: Expr) => Expr, grad: (g: Expr, x: Expr, y: Expr) => Expr): PointwiseOp {
  return pointwise({ name, dtype: "float", value: (x) => value(x!), grad: (g, [x], y) => [grad(g, x!, y)] });
}

// ── functions of one number ─────────────────────────────────────────────────────────────────────────────────────────

export const exp2: PointwiseOp = unary(
  "exp2",
  (x) => exp(mul(x, Math.LN2)),
  (g, _, y) => mul(g, mul(y, Math.LN2)),
);
export const log10: PointwiseOp = unary(
  "log10",
  (x) => mul(log(x), Math.LOG10E),
  (g, x) => div(g, mul(x, Math.LN10)),
);
export const tan: PointwiseOp = unary(
  "tan",
  (x) => div(sin(x), cos(x)),
  (g, _, y) => mul(g, add(mul(y, y), 1)),
);
/** From `e^x − 1`, which keeps small values exact: `(e + e / (e + 1)) / 2`. */
const sinhOf = (x: Expr): Expr => {
  const e = expm1(abs(x));
  const half = mul(add(e, div(e, add(e, 1))), 0.5);
  const large = select(eq(e, like(e, Number.POSITIVE_INFINITY)), e, half); // ∞ / ∞ is no number
  return select(lt(x, 0), neg(large), select(eq(x, 0), x, large));
};
const coshOf = (x: Expr): Expr => {
  const e = exp(abs(x));
  return mul(add(e, div(one(e), e)), 0.5);
};
export const sinh: PointwiseOp = unary("sinh", sinhOf, (g, x) => mul(g, coshOf(x)));
export const cosh: PointwiseOp = unary("cosh", coshOf, (g, x) => mul(g, sinhOf(x)));
/** `sign(x) log(|x| + √(x² + 1))`, by log1p. */
export const asinh: PointwiseOp = unary(
  "asinh",
  (x) => {
    const a = abs(x);
    const value = log1p(add(a, div(mul(a, a), add(sqrt(add(mul(a, a), 1)), 1))));
    const large = add(log(a), Math.LN2); // where the square would overflow
    const all = select(gt(a, 1e9), large, value);
    return select(lt(x, 0), neg(all), all);
  },
  (g, x) => div(g, sqrt(add(mul(x, x), 1))),
);
export const acosh: PointwiseOp = unary(
  "acosh",
  (x) => log(add(x, mul(sqrt(sub(x, 1)), sqrt(add(x, 1))))),
  (g, x) => div(g, mul(sqrt(sub(x, 1)), sqrt(add(x, 1)))),
);
export const atanh: PointwiseOp = unary(
  "atanh",
  (x) => mul(log1p(div(mul(x, 2), sub(one(x), x))), 0.5),
  (g, x) => div(g, mul(sub(one(x), x), add(x, 1))),
);
export const erfc: PointwiseOp = unary(
  "erfc",
  (x) => sub(one(x), erf(x)),
  (g, x) => mul(g, mul(exp(neg(mul(x, x))), -2 / Math.sqrt(Math.PI))),
);
/** `log(x / (1 − x))` */
export const logit: PointwiseOp = unary(
  "logit",
  (x) => log(div(x, sub(one(x), x))),
  (g, x) => select(or(lt(x, 0), gt(x, 1)), like(g, Number.NaN), div(g, mul(x, sub(one(x), x)))),
);
export const frac: PointwiseOp = pointwise({ name: "frac", value: (x) => sub(x!, trunc(x!)), grad: (g) => [g] });
/** NaN and the infinities replaced by numbers. */
export const nanToNum: PointwiseOp = pointwise({
  name: "nanToNum",
  value: (x, nan, top, bottom) => {
    const bounded = select(
      eq(x!, Number.POSITIVE_INFINITY),
      top!,
      select(eq(x!, Number.NEGATIVE_INFINITY), bottom!, x!),
    );
    return select(ne(x!, x!), nan!, bounded);
  },
  grad: (g, [x]) => [select(le(abs(x!), like(x!, 3.4028234663852886e38)), g, zero(g)), undefined, undefined, undefined],
});

// ── functions of two ────────────────────────────────────────────────────────────────────────────────────────────────

/** `x log y`, 0 where x is 0, unless y is no number. */
export const xlogy: PointwiseOp = pointwise({
  name: "xlogy",
  dtype: "float",
  value: (x, y) => select(and(eq(x!, 0), eq(y!, y!)), zero(x!), mul(x!, log(y!))),
  grad: (g, [x, y]) => [mul(g, select(and(eq(x!, 0), le(y!, 0)), zero(g), log(y!))), div(mul(g, x!), y!)],
});
/** `log(e^a + e^b)` */
export const logaddexp: PointwiseOp = pointwise({
  name: "logaddexp",
  dtype: "float",
  value: (a, b) => {
    const same = eq(a!, b!); // ∞ − ∞ is no number
    const apart = select(same, zero(a!), neg(abs(sub(a!, b!))));
    return select(same, add(a!, Math.LN2), add(max(a!, b!), log1p(exp(apart))));
  },
  grad: (g, [a, b]) => {
    const share = (x: Expr, y: Expr): Expr => mul(g, div(one(x), add(exp(select(eq(x, y), zero(x), sub(y, x))), 1)));
    return [share(a!, b!), share(b!, a!)];
  },
});
/** `√(a² + b²)` */
export const hypot: PointwiseOp = pointwise({
  name: "hypot",
  dtype: "float",
  value: (a, b) => {
    const large = max(abs(a!), abs(b!));
    const small = min(abs(a!), abs(b!));
    const ratio = div(small, large);
    const length = mul(large, sqrt(add(mul(ratio, ratio), 1)));
    return select(or(eq(large, 0), eq(large, Number.POSITIVE_INFINITY)), large, length);
  },
  grad: (g, [a, b], y) => [div(mul(g, a!), y), div(mul(g, b!), y)],
});
/** The remainder with the dividend's sign, as C's `fmod`. */
export const fmod: PointwiseOp = pointwise({
  name: "fmod",
  value: (a, b) => rem(a!, b!),
  grad: (g, [a, b]) => [g, neg(mul(g, isFloat(a!.type) ? trunc(div(a!, b!)) : div(a!, b!)))],
});
/** The larger; a number wins over NaN. */
export const fmax: PointwiseOp = pointwise({
  name: "fmax",
  value: (a, b) => first(a!, b!, (x, y) => or(ge(x, y), ne(y, y))),
  grad: (g, [a, b]) => chosen(g, or(ge(a!, b!), ne(b!, b!))),
});
/** The smaller; a number wins over NaN. */
export const fmin: PointwiseOp = pointwise({
  name: "fmin",
  value: (a, b) => first(a!, b!, (x, y) => or(le(x, y), ne(y, y))),
  grad: (g, [a, b]) => chosen(g, or(le(a!, b!), ne(b!, b!))),
});
function first(a: Expr, b: Expr, wins: (a: Expr, b: Expr) => Expr): Expr {
  return select(wins(a, b), a, b);
}
function chosen(g: Expr, isFirst: Expr): readonly Expr[] {
  return [select(isFirst, g, zero(g)), select(isFirst, zero(g), g)];
}
/** `a` with the sign of `b`, that of −0 too. */
export const copysign: PointwiseOp = pointwise({
  name: "copysign",
  dtype: "float",
  value: (a, b) => select(isNegative(b!), neg(abs(a!)), abs(a!)),
  grad: (g, [a, b]) => [select(eq(a!, 0), zero(g), select(ne(lt(a!, 0), isNegative(b!)), neg(g), g)), zero(g)],
});
const isNegative = (x: Expr): Expr => or(lt(x, 0), and(eq(x, 0), lt(div(one(x), x), 0)));
/** 0 below 0, 1 above, the other operand at 0. */
export const heaviside: PointwiseOp = pointwise({
  name: "heaviside",
  grad: "none",
  value: (x, at0) => select(eq(x!, 0), at0!, select(lt(x!, 0), zero(x!), select(eq(x!, x!), one(x!), x!))),
});
