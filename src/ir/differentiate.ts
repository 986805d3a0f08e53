// The derivative of an expression, as an expression. Pointwise operators get their gradients' own gradients from it.

import { add, compare, cos, div, exp, like, log, mul, neg, pow, select, sin, sqrt, sub, tanh } from "./build.ts";
import { type Expr, isFloat, type Var } from "./ir.ts";

/** `d e / d v`, of the type of `e`; where `e` is no float, or does not hold `v`, a constant 0. */
export function differentiate(root: Expr, v: Var): Expr {
  const done = new Map<Expr, Expr>();
  const d = (e: Expr): Expr => {
    let slope = done.get(e);
    if (slope === undefined) {
      slope = e === v ? like(e, 1) : isFloat(e.type) ? slopeOf(e, d) : like(e, 0);
      done.set(e, slope);
    }
    return slope;
  };
  return d(root);
}

const is = (e: Expr, value: number): boolean => e.k === "const" && e.value === value;

// Products and sums that leave out what a constant 0 or 1 makes idle; a slope of 0 stays 0 even beside an infinity.
function times(a: Expr, b: Expr): Expr {
  if (is(a, 0) || is(b, 1)) return a;
  if (is(b, 0) || is(a, 1)) return b;
  return mul(a, b);
}
function plus(a: Expr, b: Expr): Expr {
  return is(a, 0) ? b : is(b, 0) ? a : add(a, b);
}
function minus(a: Expr, b: Expr): Expr {
  return is(b, 0) ? a : is(a, 0) ? neg(b) : sub(a, b);
}
function over(a: Expr, b: Expr): Expr {
  return is(a, 0) ? a : div(a, b);
}
function choose(c: Expr, a: Expr, b: Expr): Expr {
  return is(a, 0) && is(b, 0) ? a : select(c, a, b);
}

function slopeOf(e: Expr, d: (e: Expr) => Expr): Expr {
  switch (e.k) {
    case "const":
    case "var":
    case "load":
      return like(e, 0);
    case "unary":
      return times(unarySlope(e.op, e.a, e), d(e.a));
    case "binary":
      return binarySlope(e, e.a, e.b, d(e.a), d(e.b));
    case "fma":
      return plus(plus(times(d(e.a), e.b), times(e.a, d(e.b))), d(e.c));
    case "select":
      return choose(e.c, d(e.a), d(e.b));
    case "cast":
      return isFloat(e.a.type) ? castSlope(e, d(e.a)) : like(e, 0);
    case "compare":
    case "bits":
    case "lane":
    case "shuffle":
      return like(e, 0);
    default:
      return e satisfies never;
  }
}

function castSlope(e: Expr, slope: Expr): Expr {
  return slope.type === e.type ? slope : { k: "cast", type: e.type, a: slope };
}

function unarySlope(op: Extract<Expr, { k: "unary" }>["op"], x: Expr, y: Expr): Expr {
  const one = like(x, 1);
  switch (op) {
    case "neg":
      return like(x, -1);
    case "abs":
      return select(compare("gt", x, 0), one, select(compare("lt", x, 0), like(x, -1), like(x, 0)));
    case "sqrt":
      return div(like(x, 0.5), sqrt(x));
    case "exp":
      return y;
    case "expm1":
      return exp(x);
    case "log":
      return div(one, x);
    case "log1p":
      return div(one, add(x, 1));
    case "sin":
      return cos(x);
    case "cos":
      return neg(sin(x));
    case "tanh":
      return sub(one, mul(tanh(x), tanh(x)));
    case "erf":
      return mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI));
    case "floor":
    case "ceil":
    case "trunc":
    case "round":
    case "not":
      return like(x, 0);
    default:
      return op satisfies never;
  }
}

function binarySlope(e: Extract<Expr, { k: "binary" }>, a: Expr, b: Expr, da: Expr, db: Expr): Expr {
  switch (e.op) {
    case "add":
      return plus(da, db);
    case "sub":
      return minus(da, db);
    case "mul":
      return plus(times(da, b), times(a, db));
    case "div":
      return minus(over(da, b), over(times(e, db), b));
    case "pow": {
      const base = is(da, 0) ? da : times(da, select(compare("eq", b, 0), like(b, 0), mul(b, pow(a, sub(b, 1)))));
      const exponent = is(db, 0) ? db : times(db, select(compare("eq", e, 0), like(e, 0), mul(e, log(a))));
      return plus(base, exponent);
    }
    case "max":
    case "min": {
      // at a tie each side has half
      const first = compare(e.op === "max" ? "gt" : "lt", a, b);
      return choose(compare("eq", a, b), times(like(a, 0.5), plus(da, db)), choose(first, da, db));
    }
    case "rem":
      return da;
    default:
      return like(e, 0);
  }
}
