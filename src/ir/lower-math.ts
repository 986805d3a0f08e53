// f32 functions as arithmetic. A scalar goes through the same vector code and takes lane 0, so that a loop's tail has
// the bits its vector body would have. The coefficients are minimax fits; the tests measure what remains, at most 2 ulp
// for exp, expm1, log and log1p, 3 for the others. What V8 pairs into 256 bits decides the form: integers are found by
// adding 1.5 * 2^23, whose low bits then hold them, and there is no rounding, table or branch.

import {
  abs,
  add,
  and,
  bits,
  cast,
  constant,
  div,
  eq,
  floor,
  fma,
  gt,
  lane,
  like,
  lt,
  max,
  mul,
  ne,
  neg,
  not,
  or,
  round,
  select,
  shl,
  shr,
  shuffle,
  splat,
  sub,
  xor,
} from "./build.ts";
import type { Expr, Kernel, Type, UnaryOp } from "./ir.ts";
import { isVector } from "./ir.ts";
import { cached, mapExpressions, rewriter } from "./walk.ts";

type Lowered = "exp" | "log" | "log1p" | "expm1" | "sin" | "cos" | "tanh" | "erf" | "normalCdf";

/** Without `vectors`, scalars are lowered as scalars. */
export function lowerMath(kernel: Kernel, vectors: boolean): Kernel {
  return { ...kernel, body: kernel.body.map((s) => mapExpressions(s, lowerer(vectors))) };
}

function lowerer(vectors: boolean): (e: Expr) => Expr {
  const splatOf = cached(splat);
  return rewriter((e) => {
    if (e.type !== "f32" && e.type !== "f32x4") return e;
    if (e.k === "binary" && e.op === "pow") return isVector(e.type) ? vectorPower(e.a, e.b) : power(e.a, e.b);
    if (e.k !== "unary" || !isLowered(e.op)) return e;
    const f = lowered[e.op];
    return vectors && e.type === "f32" ? lane(f(splatOf(e.a)), 0) : f(e.a);
  });
}

function isLowered(op: UnaryOp): op is Lowered {
  return Object.hasOwn(lowered, op);
}

const lowered: { readonly [f in Lowered]: (x: Expr) => Expr } = {
  exp,
  log,
  log1p,
  expm1,
  sin,
  cos,
  tanh,
  erf,
  normalCdf,
};

function integerTwin(x: Expr): Type {
  return isVector(x.type) ? "i32x4" : "i32";
}
function asInteger(x: Expr): Expr {
  return bits(integerTwin(x), x);
}
function asFloat(i: Expr): Expr {
  return bits(isVector(i.type) ? "f32x4" : "f32", i);
}
/** `c0 + c1 x + c2 x^2 + …` */
function polynomial(x: Expr, coefficients: readonly number[]): Expr {
  let [sum, ...rest] = coefficients.toReversed().map((c) => like(x, c)) as [Expr, ...Expr[]]; // never empty
  for (const c of rest) sum = fma(sum, x, c);
  return sum;
}
/** A NaN stays. */
function clamp(x: Expr, low: number, high: number): Expr {
  const bound = like(x, low);
  return atMost(select(lt(x, bound), bound, x), high);
}
function atMost(x: Expr, high: number): Expr {
  const bound = like(x, high);
  return select(lt(bound, x), bound, x);
}

const log2e = 1.4426950408889634;
/** 9 bits and the rest, so that the product of the first with an exponent is exact. */
const ln2 = [0.693145751953125, 1.428606765330187e-6] as const;
/** `(exp(r) - 1 - r) / r^2` on |r| <= ln(2) / 2 */
const expTail = [
  0.4999999403953552, 0.1666652113199234, 0.04166838899254799, 0.00836874544620514, 0.0013814539415761828,
];

/**
 * `x = n ln2 + r`. The scale is `2^(n-1)`, so that the largest results, whose n is 128, still are products of finite
 * numbers; below 2^-126 it is 0.
 */
function reduceExp(t: Expr): { r: Expr; halfScale: Expr } {
  const magic = 1.5 * 2 ** 23 + 126; // the bits of n + magic end in n - 1 + 127, a biased exponent
  const z = fma(t, log2e, magic);
  const n = sub(z, magic);
  const r = fma(n, -ln2[1], fma(n, -ln2[0], t));
  return { r, halfScale: asFloat(shl(asInteger(z), 23)) };
}

/** Results below 1.7e-38 are 0. */
function exp(x: Expr): Expr {
  const { r, halfScale } = reduceExp(clamp(x, -87.33, 89));
  return mul(
    polynomial(
      r,
      [1, 1, ...expTail].map((c) => 2 * c),
    ),
    halfScale,
  );
}

function expm1(x: Expr): Expr {
  const half = halfExpm1(clamp(x, -87.33, 89));
  return add(half, half);
}
/** `(2^n (e^r - 1) + 2^n - 1) / 2` */
function halfExpm1(t: Expr): Expr {
  const { r, halfScale } = reduceExp(t);
  const p = fma(mul(r, r), polynomial(r, expTail), r);
  return fma(halfScale, p, sub(halfScale, 0.5));
}

/** `(log(1 + f) - f + f^2/2) / f^3` on |f| <= 1/3 */
const logTail = [
  0.3333321511745453, -0.24999797344207764, 0.20010413229465485, -0.1668049693107605, 0.14005744457244873,
  -0.121841199696064, 0.13985107839107513, -0.128923699259758,
];
/** The bits of 2/3: where the fraction's octave begins. */
const twoThirds = 0x3f2aaaab;
const exponentMask = 0xff800000 | 0;

/** `x = 2^e (1 + f)`; the exponent stays where it is in the bits. */
function logOf(f: Expr, exponent: Expr): Expr {
  const s = mul(f, f);
  const log1pf = fma(polynomial(f, [-0.5, ...logTail]), s, f);
  return fma(cast(f.type, exponent), Math.LN2 * 2 ** -23, log1pf);
}

/** `y` where x is positive and finite, and what a logarithm is elsewhere. */
function logEdges(x: Expr, y: Expr): Expr {
  const finite = select(lt(x, Infinity), y, x);
  return select(eq(x, 0), -Infinity, select(lt(x, 0), NaN, finite));
}

function log(x: Expr): Expr {
  const small = lt(x, 2 ** -126);
  const i = asInteger(select(small, mul(x, 2 ** 23), x));
  const exponent = and(sub(i, twoThirds), exponentMask);
  const f = sub(asFloat(sub(i, exponent)), 1);
  return logEdges(x, logOf(f, select(small, sub(exponent, 23 << 23), exponent)));
}

/** log of u = 1 + x, with what the sum lost given back to the fraction. */
function log1p(x: Expr): Expr {
  const u = add(x, 1);
  const lost = sub(x, sub(u, 1));
  const i = asInteger(u);
  const exponent = and(sub(i, twoThirds), exponentMask);
  const scale = asFloat(max(sub(like(i, 0x3f800000), exponent), 0)); // 2^-e
  const f = fma(lost, scale, sub(asFloat(sub(i, exponent)), 1));
  return logEdges(u, logOf(f, exponent));
}

/** pi/2 in parts of 8 bits, whose products with n are exact where |n| < 2^16, and the rest. */
const halfPi = [
  1.5703125, 0.0004825592041015625, 1.2665987014770508e-6, 9.89530235528946e-10, 2.5633440682570896e-12,
] as const;

/** `x - n pi/2`. The first two differences are exact; what the third loses comes back in the last. */
function subtractQuarters(x: Expr, n: Expr): Expr {
  const second = fma(n, -halfPi[1], fma(n, -halfPi[0], x));
  const third = fma(n, -halfPi[2], second);
  const lost = fma(n, -halfPi[2], sub(second, third));
  return add(fma(n, -halfPi[3], third), fma(n, -halfPi[4], lost));
}

function sin(x: Expr): Expr {
  return sine(x, 0);
}
function cos(x: Expr): Expr {
  return sine(x, 1);
}
/** `sin(x + quarters pi/2)`. Good to |x| = 1e5, then ever less precise, and from 1e7 on a number in [-1, 1]. */
function sine(x: Expr, quarters: number): Expr {
  const magic = 1.5 * 2 ** 23;
  const z = fma(x, 2 / Math.PI, magic);
  const n = sub(z, magic);
  const r = clamp(subtractQuarters(x, n), -0.8, 0.8);
  const s = mul(r, r);
  const odd = fma(mul(r, s), polynomial(s, [-0.16666655242443085, 0.008332155644893646, -0.0001951463200384751]), r);
  const even = fma(polynomial(s, [-0.5, 0.04166664555668831, -0.0013887309469282627, 2.443241282890085e-5]), s, 1);
  const quarter = quarters === 0 ? asInteger(z) : add(asInteger(z), quarters);
  const value = select(eq(and(quarter, 1), 0), odd, even);
  return asFloat(xor(asInteger(value), shl(and(quarter, 2), 30)));
}

/** `e / (e + 2)` with `e = exp(2x) - 1`, which loses nothing where x is small, nor where the result is near 1. */
function tanh(x: Expr): Expr {
  const half = halfExpm1(clamp(add(x, x), -40, 40));
  return div(half, add(half, 1));
}

/** Below 0.92 an odd polynomial; above, `1 - 2^m`, m being `log2(erfc |x|)`. */
function erf(x: Expr): Expr {
  const s = mul(x, x);
  const small = fma(
    x,
    polynomial(
      s,
      [
        0.12837916612625122, -0.37612634897232056, 0.11283712089061737, -0.026860099285840988, 0.005202463828027248,
        -0.0008156705880537629, 8.422671817243099e-5,
      ],
    ),
    x,
  );
  const a = abs(x);
  const m = polynomial(
    atMost(a, 4),
    [
      -0.0002823054092004895, -1.6268919706344604, -0.9192597270011902, -0.1499415636062622, 0.032066646963357925,
      -0.004390429705381393, 0.0002826771524269134,
    ],
  );
  const magic = 1.5 * 2 ** 23 + 127;
  const z = add(m, magic);
  const f = sub(m, sub(z, magic));
  const power = polynomial(
    f,
    [
      1.0000001192092896, 0.6931469440460205, 0.24022120237350464, 0.05550713092088699, 0.009675540961325169,
      0.0013276472454890609,
    ],
  );
  const large = sub(1, mul(power, asFloat(shl(asInteger(z), 23))));
  const signed = asFloat(or(asInteger(large), and(asInteger(x), 0x80000000 | 0)));
  return select(lt(a, 0.92), small, signed);
}

/**
 * `1/2 + x P(x²) / Q(x²)`, which has its largest relative error, 3 ulp, where it is not small, and at most 2e-7 left of 0; beyond
 * the clamp it is 0 or 1.
 */
function normalCdf(x: Expr): Expr {
  const t = clamp(x, -5.5, 5.5);
  const s = mul(t, t);
  const p = polynomial(s, cdfOver);
  const q = polynomial(s, cdfUnder);
  const y = add(div(mul(t, p), q), 0.5);
  const zero = like(y, 0);
  return select(lt(y, zero), zero, y);
}
const cdfOver = [
  0.3989422023296356, 0.033845577389001846, 0.004574623890221119, 0.0001620066905161366, 5.169503310753498e-6,
];
const cdfUnder = [
  1.0, 0.2515038251876831, 0.028386328369379044, 0.0018238830380141735, 6.735881470376626e-5, 7.311680860766501e-7,
  -1.762887835710103e-9,
];

function vectorPower(a: Expr, b: Expr): Expr {
  const [x, y, z, w] = [0, 1, 2, 3].map((l) => splat(power(lane(a, l), lane(b, l)))) as [Expr, Expr, Expr, Expr]; // four lanes
  return shuffle(shuffle(x, y, [0, 4, 0, 4]), shuffle(z, w, [0, 4, 0, 4]), [0, 1, 4, 5]);
}

/** `2^(b log2 |a|)` in f64, where the logarithm has the bits that b multiplies the error of; then C's rules. */
function power(a: Expr, b: Expr): Expr {
  const base = cast("f64", abs(a));
  const exponent = cast("f64", b);
  const product = select(eq(base, 1), 0, mul(exponent, log2(base)));
  const size = cast("f32", exp2(product));
  const whole = eq(floor(exponent), exponent);
  const half = mul(exponent, 0.5);
  const odd = and(whole, ne(floor(half), half));
  const negative = lt(bits("i32", a), 0);
  const signed = select(and(negative, odd), neg(size), size);
  const real = or(not(and(lt(a, 0), gt(a, -Infinity))), whole);
  return select(eq(b, 0), 1, select(real, signed, NaN));
}

/** `e + log2 m`, m in [sqrt(1/2), sqrt(2)), by the series of atanh. */
function log2(x: Expr): Expr {
  const i = bits("i64", x);
  const above = sub(i, constant("i64", 0x3fe6a09e00000000));
  const m = bits("f64", sub(i, and(above, constant("i64", -(2 ** 52)))));
  const t = div(sub(m, 1), add(m, 1));
  const series = [1, 3, 5, 7, 9, 11, 13].map((k) => (2 * log2e) / k);
  const y = fma(t, polynomial(mul(t, t), series), cast("f64", shr(above, constant("i64", 52))));
  return select(eq(x, 0), -Infinity, select(lt(x, Infinity), y, x));
}

/** By the series of exp: `2^n 2^f`, |f| <= 1/2; n is bounded to where the result has left f32. */
function exp2(x: Expr): Expr {
  const t = clamp(x, -300, 300);
  const n = round(t);
  const series = [1];
  for (let k = 1; k <= 9; k++) series.push(((series[k - 1] ?? 0) * Math.LN2) / k);
  const scale = bits("f64", shl(add(cast("i64", n), constant("i64", 1023)), constant("i64", 52)));
  return mul(polynomial(sub(t, n), series), scale);
}
