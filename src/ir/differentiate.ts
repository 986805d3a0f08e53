// The derivative of an expression by one variable, as an expression: what lets an operator be declared by its formula
// alone. The conventions at the corners are PyTorch's.

import {
  add,
  and,
  cast,
  constant,
  cos,
  div,
  eq,
  exp,
  ge,
  gt,
  KernelError,
  log,
  lt,
  mul,
  neg,
  pow,
  select,
  sin,
  sub,
  trunc,
} from "./build.ts";
import type { Expr, Var } from "./ir.ts";
import { isFloat } from "./ir.ts";
import { simplify } from "./simplify.ts";
import { cached } from "./walk.ts";

type Node<K extends Expr["k"]> = Extract<Expr, { readonly k: K }>;

/** Undefined where the derivative is zero whatever the values: what is not there cannot make a NaN of an infinity. */
type Derivative = Expr | undefined;
type Derive = (e: Expr) => Derivative;

/** The derivative of `e` by `v`, of the type of `e`. Memory does not depend on `v`; neither do integers and bools. */
export function differentiate(e: Expr, v: Var): Expr {
  const d: Derive = cached((node) => {
    if (!isFloat(node.type)) return undefined;
    switch (node.k) {
      case "const":
      case "load":
        return undefined;
      case "var":
        return node.id === v.id ? constant(node.type, 1) : undefined;
      case "unary":
        return ofUnary(node, d);
      case "binary":
        return ofBinary(node, d);
      case "select":
        return choose(node.c, d(node.a), d(node.b));
      case "fma":
        return sum(sum(product(d(node.a), node.b), product(d(node.b), node.a)), d(node.c));
      case "cast": {
        const da = d(node.a);
        return da && cast(node.type, da);
      }
      case "compare":
        return undefined;
      case "bits":
      case "lane":
      case "shuffle":
        throw new KernelError(`differentiate: ${node.k} has no derivative`);
      default:
        node satisfies never;
        return undefined;
    }
  });
  return simplify(d(e) ?? constant(e.type, 0));
}

function sum(a: Derivative, b: Derivative): Derivative {
  return a && b ? add(a, b) : (a ?? b);
}
function product(a: Derivative, b: Expr): Derivative {
  return a && mul(a, b);
}
/** The arm that is not taken has no say, even if it is NaN. */
function choose(c: Expr, a: Derivative, b: Derivative): Derivative {
  if (a) return select(c, a, b ?? 0);
  return b && select(c, 0, b);
}

function ofUnary(y: Node<"unary">, derive: Derive): Derivative {
  const { op, a } = y;
  const d = derive(a);
  if (d === undefined) return undefined;
  switch (op) {
    case "neg":
      return neg(d);
    case "abs":
      return select(gt(a, 0), d, select(lt(a, 0), neg(d), 0));
    case "sqrt":
      return div(d, add(y, y));
    case "floor":
    case "ceil":
    case "trunc":
    case "round":
    case "not":
      return undefined;
    case "exp":
      return mul(d, y);
    case "log":
      return div(d, a);
    case "log1p":
      return div(d, add(a, 1));
    case "expm1":
      return mul(d, add(y, 1));
    case "sin":
      return mul(d, cos(a));
    case "cos":
      return neg(mul(d, sin(a)));
    case "tanh":
      return mul(d, sub(1, mul(y, y)));
    case "erf":
      return mul(d, mul(exp(neg(mul(a, a))), 2 / Math.sqrt(Math.PI)));
    case "normalCdf":
      return mul(d, mul(exp(mul(mul(a, a), -0.5)), 1 / Math.sqrt(2 * Math.PI)));
    default:
      op satisfies never;
      return undefined;
  }
}

function ofBinary(y: Node<"binary">, derive: Derive): Derivative {
  const { op, a, b } = y;
  const [da, db] = [derive(a), derive(b)];
  if (da === undefined && db === undefined) return undefined;
  switch (op) {
    case "add":
      return sum(da, db);
    case "sub":
      return sum(da, db && neg(db));
    case "mul":
      return sum(product(da, b), product(db, a));
    case "div": {
      const numerator = sum(da, db && neg(mul(y, db)));
      return numerator && div(numerator, b);
    }
    case "rem":
      return sum(da, db && neg(mul(trunc(div(a, b)), db)));
    case "min":
      return ofExtreme(lt(b, a), lt(a, b), eq(a, b), da, db);
    case "max":
      return ofExtreme(lt(a, b), lt(b, a), eq(a, b), da, db);
    case "pow": {
      // by a: b a^(b-1), 0 where b is 0; by b: a^b log a, 0 where a is 0 and b is not negative
      const byBase = da && mul(da, select(eq(b, 0), 0, mul(b, pow(a, sub(b, 1)))));
      const zero = and(eq(a, 0), ge(b, 0));
      return sum(byBase, db && mul(db, select(zero, 0, mul(y, log(a)))));
    }
    case "and":
    case "or":
    case "xor":
    case "shl":
    case "shr":
    case "shru":
      return undefined;
    default:
      op satisfies never;
      return undefined;
  }
}

/** Each side takes part unless the other one won; a tie is shared. */
function ofExtreme(aLost: Expr, bLost: Expr, tie: Expr, da: Derivative, db: Derivative): Derivative {
  const share = (d: Expr): Expr => select(tie, mul(d, 0.5), d);
  return sum(da && select(aLost, 0, share(da)), db && select(bLost, 0, share(db)));
}
