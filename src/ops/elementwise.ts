// The element-by-element operators. `value` is the meaning; a `grad` beside it is the formula of PyTorch's
// derivatives.yaml, left out where the plain derivative of the value is as good.

import {
  abs as absE,
  add as addE,
  and,
  ceil as ceilE,
  compare,
  cos as cosE,
  div as divE,
  eq as eqE,
  erf as erfE,
  exp as expE,
  expm1 as expm1E,
  floor as floorE,
  fma,
  ge as geE,
  gt as gtE,
  le as leE,
  like,
  log1p as log1pE,
  log as logE,
  lt as ltE,
  max,
  min,
  mul as mulE,
  ne as neE,
  neg as negE,
  normalCdf,
  not as notE,
  or,
  pow as powE,
  rem as remE,
  round as roundE,
  select,
  sin as sinE,
  sqrt as sqrtE,
  sub as subE,
  tanh as tanhE,
  trunc as truncE,
  xor,
} from "../ir/build.ts";
import { type Expr, isFloat, laneOf } from "../ir/ir.ts";
import { type PointwiseOp, pointwise } from "./pointwise.ts";

/** The gradient of steps: 0 wherever there is one. */
const flat = (g: Expr): readonly Expr[] => [like(g, 0), like(g, 0)];
const isBool = (x: Expr): boolean => laneOf(x.type) === "bool";

// ── arithmetic ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const add: PointwiseOp = pointwise({
  name: "add",
  value: (a, b) => (isBool(a!) ? or(a!, b!) : addE(a!, b!)),
  grad: (g) => [g, g],
});
/** `a + alpha b` */
export const addScaled: PointwiseOp = pointwise({
  name: "add",
  value: (a, b, alpha) => (isFloat(a!.type) ? fma(alpha!, b!, a!) : addE(a!, mulE(alpha!, b!))),
  grad: (g, [, , alpha]) => [g, mulE(g, alpha!), undefined],
});
export const sub: PointwiseOp = pointwise({ name: "sub", value: (a, b) => subE(a!, b!), grad: (g) => [g, negE(g)] });
export const mul: PointwiseOp = pointwise({
  name: "mul",
  value: (a, b) => (isBool(a!) ? and(a!, b!) : mulE(a!, b!)),
  grad: (g, [a, b]) => [mulE(g, b!), mulE(g, a!)],
});
export const div: PointwiseOp = pointwise({
  name: "div",
  dtype: "float",
  value: (a, b) => divE(a!, b!),
  grad: (g, [a, b]) => [divE(g, b!), negE(mulE(g, divE(divE(a!, b!), b!)))],
});
/** C's remainder is not 0 and has the other sign than the divisor, which Python's never has. */
function isAskew(r: Expr, b: Expr): Expr {
  return and(neE(r, 0), xor(ltE(r, 0), ltE(b, 0)));
}
/** `⌊a / b⌋`, from the exact remainder: of floats the quotient alone may round up to the next whole number. */
function floorQuotient(a: Expr, b: Expr): Expr {
  const r = remE(a, b);
  if (!isFloat(a.type)) return subE(divE(a, b), select(isAskew(r, b), like(a, 1), like(a, 0)));
  const quotient = subE(divE(subE(a, r), b), select(isAskew(r, b), like(a, 1), like(a, 0)));
  return select(eqE(b, 0), divE(a, b), roundE(quotient));
}
/** `⌊a / b⌋`, for integers too. */
export const floorDivide: PointwiseOp = pointwise({
  name: "floorDivide",
  value: (a, b) => floorQuotient(a!, b!),
  grad: flat,
});
/** The remainder with the divisor's sign, as Python's `%`. */
export const remainder: PointwiseOp = pointwise({
  name: "remainder",
  value: (a, b) => {
    const r = remE(a!, b!);
    return select(isAskew(r, b!), addE(r, b!), r);
  },
  grad: (g, [a, b]) => [g, negE(mulE(g, floorQuotient(a!, b!)))],
});
export const truncDivide: PointwiseOp = pointwise({
  name: "truncDivide",
  value: (a, b) => (isFloat(a!.type) ? truncE(divE(a!, b!)) : divE(a!, b!)),
  grad: flat,
});
export const pow: PointwiseOp = pointwise({
  name: "pow",
  value: (a, b) => (isFloat(a!.type) ? powE(a!, b!) : intPow(a!, b!)),
  grad: (g, [a, b], y) => [
    select(eqE(b!, 0), like(g, 0), mulE(g, mulE(b!, powE(a!, subE(b!, 1))))),
    select(and(eqE(a!, 0), geE(b!, 0)), like(g, 0), mulE(g, mulE(y, logE(a!)))),
  ],
});
/** By squaring, over the 31 bits of an exponent; negative exponents give 0 but for bases 1 and -1. */
function intPow(a: Expr, b: Expr): Expr {
  let result = like(a, 1);
  let square = a;
  for (let bit = 0; bit < 31; bit++) {
    const set = neE(and(b, like(b, 2 ** bit)), 0);
    result = select(set, mulE(result, square), result);
    square = mulE(square, square);
  }
  const odd = neE(and(b, 1), 0);
  const negative = select(eqE(a, 1), like(a, 1), select(eqE(a, -1), select(odd, like(a, -1), like(a, 1)), like(a, 0)));
  return select(ltE(b, 0), negative, result);
}
export const neg: PointwiseOp = pointwise({ name: "neg", value: (x) => negE(x!), grad: (g) => [negE(g)] });
export const abs: PointwiseOp = pointwise({
  name: "abs",
  value: (x) => absE(x!),
  grad: (g, [x]) => [mulE(g, signOf(x!))],
});
function signOf(x: Expr): Expr {
  const positive = select(gtE(x, 0), like(x, 1), like(x, 0));
  return select(ltE(x, 0), like(x, -1), positive);
}
export const sign: PointwiseOp = pointwise({ name: "sign", value: (x) => signOf(x!), grad: flat });
export const maximum: PointwiseOp = pointwise({
  name: "maximum",
  value: (a, b) => (isBool(a!) ? or(a!, b!) : isFloat(a!.type) ? max(a!, b!) : select(gtE(a!, b!), a!, b!)),
  grad: (g, [a, b]) => extremum(g, a!, b!, "gt"),
});
export const minimum: PointwiseOp = pointwise({
  name: "minimum",
  value: (a, b) => (isBool(a!) ? and(a!, b!) : isFloat(a!.type) ? min(a!, b!) : select(ltE(a!, b!), a!, b!)),
  grad: (g, [a, b]) => extremum(g, a!, b!, "lt"),
});
/** The winner takes the gradient; at a tie each takes half. */
function extremum(g: Expr, a: Expr, b: Expr, wins: "gt" | "lt"): [Expr, Expr] {
  const half = mulE(g, 0.5);
  const none = like(g, 0);
  const share = (x: Expr, y: Expr): Expr => select(eqE(x, y), half, select(compare(wins, y, x), none, g)); // beside a NaN both pass
  return [share(a, b), share(b, a)];
}
/** Between `low` and `high`, of which the upper wins where they cross; at the bounds the gradient is the input's. */
export const clamp: PointwiseOp = pointwise({
  name: "clamp",
  value: (x, low, high) => {
    if (isFloat(x!.type)) return min(max(x!, low!), high!);
    const raised = select(gtE(low!, x!), low!, x!);
    return select(gtE(raised, high!), high!, raised);
  },
  grad: (g, [x, low, high]) => [
    select(and(geE(x!, low!), leE(x!, high!)), g, like(g, 0)),
    select(and(ltE(low!, high!), ltE(x!, low!)), g, like(g, 0)),
    select(or(gtE(x!, high!), ltE(high!, low!)), g, like(g, 0)),
  ],
});
export const addcmul: PointwiseOp = pointwise({
  name: "addcmul",
  value: (x, a, b, value) => addE(x!, mulE(value!, mulE(a!, b!))),
  grad: (g, [, a, b, value]) => [g, mulE(g, mulE(b!, value!)), mulE(g, mulE(a!, value!)), undefined],
});
export const addcdiv: PointwiseOp = pointwise({
  name: "addcdiv",
  value: (x, a, b, value) => addE(x!, mulE(value!, divE(a!, b!))),
  grad: (g, [, a, b, value]) => [
    g,
    mulE(g, divE(value!, b!)),
    negE(mulE(g, divE(mulE(value!, divE(a!, b!)), b!))),
    undefined,
  ],
});
/** `a + weight (b - a)` */
export const lerp: PointwiseOp = pointwise({
  name: "lerp",
  value: (a, b, weight) => addE(a!, mulE(weight!, subE(b!, a!))),
  grad: (g, [a, b, weight]) => [mulE(g, subE(like(g, 1), weight!)), mulE(g, weight!), mulE(g, subE(b!, a!))],
});

// ── functions of one number ─────────────────────────────────────────────────────────────────────────────────────────

const unary = (
  name: string,
  value: (x: Expr) => Expr,
  grad: (g: Expr, x: Expr, y: Expr) => Expr,
  dtype: "same" | "float" = "float",
): PointwiseOp => pointwise({ name, dtype, value: (x) => value(x!), grad: (g, [x], y) => [grad(g, x!, y)] });
const rounding = (name: string, value: (x: Expr) => Expr): PointwiseOp =>
  pointwise({ name, value: (x) => (isFloat(x!.type) ? value(x!) : x!), grad: flat });

export const sqrt: PointwiseOp = unary("sqrt", sqrtE, (g, _, y) => divE(g, mulE(y, 2)));
export const rsqrt: PointwiseOp = unary(
  "rsqrt",
  (x) => divE(like(x, 1), sqrtE(x)),
  (g, _, y) => mulE(mulE(g, -0.5), mulE(y, mulE(y, y))),
);
export const reciprocal: PointwiseOp = unary(
  "reciprocal",
  (x) => divE(like(x, 1), x),
  (g, _, y) => negE(mulE(g, mulE(y, y))),
);
export const square: PointwiseOp = unary(
  "pow",
  (x) => mulE(x, x),
  (g, x) => mulE(g, mulE(x, 2)),
  "same",
);
export const exp: PointwiseOp = unary("exp", expE, (g, _, y) => mulE(g, y));
export const expm1: PointwiseOp = unary("expm1", expm1E, (g, _, y) => mulE(g, addE(y, 1)));
export const log: PointwiseOp = unary("log", logE, (g, x) => divE(g, x));
export const log1p: PointwiseOp = unary("log1p", log1pE, (g, x) => divE(g, addE(x, 1)));
export const log2: PointwiseOp = unary(
  "log2",
  (x) => mulE(logE(x), Math.LOG2E),
  (g, x) => divE(g, mulE(x, Math.LN2)),
);
export const sin: PointwiseOp = unary("sin", sinE, (g, x) => mulE(g, cosE(x)));
export const cos: PointwiseOp = unary("cos", cosE, (g, x) => negE(mulE(g, sinE(x))));
export const tanh: PointwiseOp = unary("tanh", tanhE, (g, _, y) => mulE(g, subE(like(y, 1), mulE(y, y))));
export const erf: PointwiseOp = unary("erf", erfE, (g, x) =>
  mulE(g, mulE(expE(negE(mulE(x, x))), 2 / Math.sqrt(Math.PI))),
);
const logistic = (x: Expr): Expr => divE(like(x, 1), addE(expE(negE(x)), 1));
export const sigmoid: PointwiseOp = unary("sigmoid", logistic, (g, _, y) => mulE(g, mulE(subE(like(y, 1), y), y)));
/** `log(sigmoid(x))`, stable: `min(x, 0) - log1p(exp(-|x|))`. */
export const logSigmoid: PointwiseOp = unary(
  "logSigmoid",
  (x) => subE(min(x, 0), log1pE(expE(negE(absE(x))))),
  (g, x) => mulE(g, logistic(negE(x))),
);
export const floor: PointwiseOp = rounding("floor", floorE);
export const ceil: PointwiseOp = rounding("ceil", ceilE);
export const trunc: PointwiseOp = rounding("trunc", truncE);
/** Half to even. */
export const round: PointwiseOp = rounding("round", roundE);

// ── activations ─────────────────────────────────────────────────────────────────────────────────────────────────────

export const relu: PointwiseOp = unary(
  "relu",
  (x) => (isFloat(x.type) ? max(x, 0) : select(gtE(x, 0), x, like(x, 0))),
  (g, _, y) => select(leE(y, 0), like(g, 0), g), // a NaN passes
  "same",
);
/** `x Φ(x)`, Φ the normal distribution function. */
export const gelu: PointwiseOp = unary(
  "gelu",
  (x) => mulE(x, normalCdf(x)),
  (g, x) => mulE(g, geluSlope(x)),
);
function geluSlope(x: Expr): Expr {
  const pdf = mulE(expE(mulE(mulE(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return addE(normalCdf(x), mulE(x, pdf));
}
/** `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))` */
export const geluTanh: PointwiseOp = unary(
  "geluTanh",
  (x) => mulE(mulE(x, 0.5), addE(tanhE(geluInner(x)), 1)),
  (g, x) => {
    const t = tanhE(geluInner(x));
    const slope = mulE(addE(mulE(mulE(x, x), 3 * 0.044715), 1), Math.sqrt(2 / Math.PI));
    const left = mulE(addE(t, 1), 0.5);
    const right = mulE(mulE(mulE(x, 0.5), subE(like(x, 1), mulE(t, t))), slope);
    return mulE(g, addE(left, right));
  },
);
function geluInner(x: Expr): Expr {
  return mulE(addE(x, mulE(mulE(mulE(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
}
export const silu: PointwiseOp = unary(
  "silu",
  (x) => divE(x, addE(expE(negE(x)), 1)),
  (g, x) => mulE(g, siluSlope(x)),
);
const siluSlope = (x: Expr): Expr => {
  const s = logistic(x);
  return mulE(s, addE(mulE(x, subE(like(x, 1), s)), 1));
};
/** `silu(gate) up`: https://arxiv.org/abs/2002.05202 */
export const swiglu: PointwiseOp = pointwise({
  name: "swiglu",
  dtype: "float",
  value: (gate, up) => mulE(divE(gate!, addE(expE(negE(gate!)), 1)), up!),
  grad: (g, [gate, up]) => [mulE(mulE(g, up!), siluSlope(gate!)), mulE(g, mulE(gate!, logistic(gate!)))],
});
/** `gelu(gate) up`: https://arxiv.org/abs/2002.05202 */
export const geglu: PointwiseOp = pointwise({
  name: "geglu",
  dtype: "float",
  value: (gate, up) => mulE(mulE(gate!, normalCdf(gate!)), up!),
  grad: (g, [gate, up]) => [mulE(mulE(g, up!), geluSlope(gate!)), mulE(g, mulE(gate!, normalCdf(gate!)))],
});
export const leakyRelu: PointwiseOp = pointwise({
  name: "leakyRelu",
  value: (x, slope) => select(gtE(x!, 0), x!, mulE(x!, slope!)),
  grad: (g, [x, slope]) => [select(gtE(x!, 0), g, mulE(g, slope!)), undefined],
});
/** `log(1 + exp(beta x)) / beta`, linear where `beta x` is above the threshold. */
export const softplus: PointwiseOp = pointwise({
  name: "softplus",
  value: (x, beta, threshold) => {
    const scaled = mulE(x!, beta!);
    return select(gtE(scaled, threshold!), x!, divE(log1pE(expE(scaled)), beta!));
  },
  grad: (g, [x, beta, threshold]) => {
    const scaled = mulE(x!, beta!);
    return [select(gtE(scaled, threshold!), g, mulE(g, logistic(scaled))), undefined, undefined];
  },
});

// ── choosing and comparing ──────────────────────────────────────────────────────────────────────────────────────────

export const where: PointwiseOp = pointwise({
  name: "where",
  conditions: 1,
  value: (c, a, b) => (isBool(a!) ? or(and(c!, a!), and(notE(c!), b!)) : select(c!, a!, b!)),
  grad: (g, [c]) => [undefined, select(c!, g, like(g, 0)), select(c!, like(g, 0), g)],
});
/** The input where the mask is false, the number where it is true. */
export const maskedFill: PointwiseOp = pointwise({
  name: "maskedFill",
  dtype: "tensors",
  conditions: 1,
  value: (mask, x, value) => select(mask!, value!, x!),
  grad: (g, [mask]) => [undefined, select(mask!, like(g, 0), g), undefined],
});

const comparison = (name: string, value: (a: Expr, b: Expr) => Expr): PointwiseOp =>
  pointwise({ name, dtype: "compare", value: (a, b) => value(a!, b!) });
const ordered = (name: string, op: (a: Expr, b: Expr) => Expr, bools: (a: Expr, b: Expr) => Expr): PointwiseOp =>
  comparison(name, (a, b) => (isBool(a) ? bools(a, b) : op(a, b)));
export const eq: PointwiseOp = ordered("eq", eqE, (a, b) => notE(xor(a, b)));
export const ne: PointwiseOp = ordered("ne", neE, xor);
export const lt: PointwiseOp = ordered("lt", ltE, (a, b) => and(notE(a), b));
export const le: PointwiseOp = ordered("le", leE, (a, b) => or(notE(a), b));
export const gt: PointwiseOp = ordered("gt", gtE, (a, b) => and(a, notE(b)));
export const ge: PointwiseOp = ordered("ge", geE, (a, b) => or(a, notE(b)));

const test = (name: string, value: (x: Expr) => Expr): PointwiseOp =>
  pointwise({ name, dtype: "compare", value: (x) => value(x!) });
export const isnan: PointwiseOp = test("isnan", (x) => neE(x, x));
export const isinf: PointwiseOp = test("isinf", (x) =>
  isFloat(x.type) ? eqE(absE(x), Number.POSITIVE_INFINITY) : neE(x, x));
export const isfinite: PointwiseOp = test("isfinite", (x) =>
  isFloat(x.type) ? ltE(absE(x), Number.POSITIVE_INFINITY) : eqE(x, x));

export const logicalAnd: PointwiseOp = pointwise({ name: "logicalAnd", dtype: "logic", value: (a, b) => and(a!, b!) });
export const logicalOr: PointwiseOp = pointwise({ name: "logicalOr", dtype: "logic", value: (a, b) => or(a!, b!) });
export const logicalXor: PointwiseOp = pointwise({ name: "logicalXor", dtype: "logic", value: (a, b) => xor(a!, b!) });
export const logicalNot: PointwiseOp = pointwise({ name: "logicalNot", dtype: "logic", value: (x) => notE(x!) });
export const bitwiseAnd: PointwiseOp = pointwise({ name: "bitwiseAnd", grad: "none", value: (a, b) => and(a!, b!) });
export const bitwiseOr: PointwiseOp = pointwise({ name: "bitwiseOr", grad: "none", value: (a, b) => or(a!, b!) });
export const bitwiseXor: PointwiseOp = pointwise({ name: "bitwiseXor", grad: "none", value: (a, b) => xor(a!, b!) });
export const bitwiseNot: PointwiseOp = pointwise({ name: "bitwiseNot", grad: "none", value: (x) => notE(x!) });

// ── copies ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The values as they are; the caller chooses the result's dtype and layout. */
export const copy: PointwiseOp = pointwise({ name: "copy", value: (x) => x!, grad: (g) => [g] });

/** `x · scale` where the mask is true, 0 elsewhere. */
export const dropout: PointwiseOp = pointwise({
  name: "dropout",
  conditions: 1,
  value: (mask, x, scale) => select(mask!, mulE(x!, scale!), like(x!, 0)),
  grad: (g, [mask, , scale]) => [undefined, select(mask!, mulE(g, scale!), like(g, 0)), undefined],
});
/** `residual + x · scale` where the mask is true, the residual elsewhere. */
export const dropoutAdd: PointwiseOp = pointwise({
  name: "dropoutAdd",
  conditions: 1,
  value: (mask, x, residual, scale) => addE(residual!, select(mask!, mulE(x!, scale!), like(x!, 0))),
  grad: (g, [mask, , , scale]) => [undefined, select(mask!, mulE(g, scale!), like(g, 0)), g, undefined],
});
