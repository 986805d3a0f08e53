// Makes expressions smaller and cheaper without changing their value: constants are computed, neutral operands dropped,
// and operations replaced by cheaper ones of the same result. Differences that remain: which bits a NaN has, and the
// sign of a zero that is the minimum or maximum of two zeros.

import { add, bits, cast, compare, constant, div, like, lt, mul, neg, not, select, shl, sqrt } from "./build.ts";
import type { Value } from "./evaluate.ts";
import { binaryFunction, compareFunctions, convert, fusedMultiplyAdd, reinterpret, unaryFunction } from "./evaluate.ts";
import type { CompareOp, Expr, Kernel, Type } from "./ir.ts";
import { isFloat, laneOf } from "./ir.ts";
import { mapExpressions, rewriter } from "./walk.ts";

type Node<K extends Expr["k"]> = Extract<Expr, { readonly k: K }>;

export function simplifyKernel(kernel: Kernel): Kernel {
  return { ...kernel, body: kernel.body.map((s) => mapExpressions(s, simplifier())) };
}

export function simplify(e: Expr): Expr {
  return simplifier()(e);
}

/** A function that simplifies, and shares what it has seen. */
export function simplifier(): (e: Expr) => Expr {
  return rewriter((e) => {
    switch (e.k) {
      case "const":
        return e.type === "f32" || e.type === "f32x4" ? constant(e.type, Math.fround(e.value)) : e;
      case "var":
      case "load":
        return e;
      case "unary":
        return folded(e, [e.a], (a) => unaryFunction(e.op, laneOf(e.type))?.(a)) ?? simplifyUnary(e);
      case "binary":
        return folded(e, [e.a, e.b], (a, b) => binaryFunction(e.op, laneOf(e.type))?.(a, b)) ?? simplifyBinary(e);
      case "compare":
        return folded(e, [e.a, e.b], (a, b) => Number(compareFunctions[e.op](a, b))) ?? e;
      case "select":
        if (e.c.k === "const") return e.c.value !== 0 ? e.a : e.b;
        return same(e.a, e.b) ? e.a : e;
      case "fma":
        return simplifyFma(e);
      case "cast":
        return folded(e, [e.a], (a) => convert(laneOf(e.a.type), laneOf(e.type), a)) ?? simplifyCast(e);
      case "bits":
        if (e.a.k === "bits") return bits(e.type, e.a.a);
        return folded(e, [e.a], (a) => reinterpret(laneOf(e.a.type), laneOf(e.type), a)) ?? e;
      case "lane":
        if (e.a.k === "const") return constant(e.type, e.a.value);
        return e.a.k === "cast" && e.a.a.type === e.type ? e.a.a : e;
      case "shuffle":
        return e.a.k === "const" && e.b.k === "const" && same(e.a, e.b) ? e.a : e;
      default:
        e satisfies never;
        return e;
    }
  });
}

/** The constant that `compute` makes of constants; undefined if an operand is none, or the result cannot be written. */
function folded(
  e: Expr,
  operands: readonly Expr[],
  compute: (a: Value, b: Value) => Value | undefined,
): Expr | undefined {
  const values: Value[] = [];
  for (const o of operands) {
    if (o.k !== "const") return undefined;
    values.push(o.type === "i64" ? BigInt(Math.trunc(o.value)) : o.value);
  }
  const [a = 0, b = 0] = values;
  const shifted = typeof a === "bigint" && typeof b === "number" ? BigInt(b) : b;
  const result = compute(a, shifted);
  if (result === undefined) return undefined;
  const value = Number(result);
  if (typeof result === "bigint" && BigInt(value) !== result) return undefined;
  if (Number.isNaN(value) && e.k === "bits") return undefined; // a constant has no NaN bits
  return constant(e.type, value);
}

/** Whether two nodes are one, or constants or variables of one value. */
export function same(a: Expr, b: Expr): boolean {
  if (a === b) return true;
  if (a.k === "const") return b.k === "const" && a.type === b.type && Object.is(a.value, b.value);
  return a.k === "var" && b.k === "var" && a.id === b.id;
}

function simplifyUnary(e: Node<"unary">): Expr {
  const { op, a } = e;
  if (a.k === "unary" && a.op === op) {
    if (op === "neg" || op === "not") return a.a;
    if (op === "abs" || op === "floor" || op === "ceil" || op === "trunc" || op === "round") return a;
  }
  if (op === "abs" && isFloat(a.type) && a.k === "unary" && a.op === "neg") return { ...e, a: a.a };
  if (op === "not" && a.k === "compare") {
    const opposite = oppositeOf(a.op, a.a.type);
    if (opposite !== undefined) return compare(opposite, a.a, a.b);
  }
  return e;
}

/** The comparison that holds when this one does not; `not (a < b)` is not `a >= b` where NaNs are. */
function oppositeOf(op: CompareOp, type: Type): CompareOp | undefined {
  if (op === "eq") return "ne";
  if (op === "ne") return "eq";
  if (isFloat(type) || op === "ltu") return undefined;
  return ({ lt: "ge", le: "gt", gt: "le", ge: "lt" } as const)[op];
}

function simplifyBinary(e: Node<"binary">): Expr {
  const { op } = e;
  const commutes =
    op === "add" || op === "mul" || op === "min" || op === "max" || op === "and" || op === "or" || op === "xor";
  const [a, b] = commutes && e.a.k === "const" ? [e.b, e.a] : [e.a, e.b];
  const swapped = a === e.a ? e : { ...e, a, b };
  if (b.k !== "const") return swapped;
  return (isFloat(e.type) ? floatByConstant(swapped, b.value) : integerByConstant(swapped, b.value)) ?? swapped;
}

function floatByConstant({ op, type, a, b }: Node<"binary">, value: number): Expr | undefined {
  switch (op) {
    case "add":
      return Object.is(value, -0) ? a : undefined;
    case "sub":
      return Object.is(value, 0) ? a : undefined;
    case "mul":
      if (value === 1) return a;
      return value === -1 ? neg(a) : value === 2 ? add(a, a) : undefined;
    case "div": {
      const inverse = 1 / value; // of a power of two it is exact
      if (value === 1) return a;
      return Math.abs(Math.log2(Math.abs(value))) < 126 && isPowerOfTwo(value) ? mul(a, inverse) : undefined;
    }
    case "min": // one comparison and a choice, where a minimum that lets either NaN win is a dozen instructions
      return Number.isNaN(value) || type === "f64" ? undefined : select(lt(b, a), b, a);
    case "max":
      return Number.isNaN(value) || type === "f64" ? undefined : select(lt(a, b), b, a);
    case "pow":
      return powerByConstant(a, value);
    default:
      return undefined;
  }
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(Math.abs(value))) && 2 ** Math.log2(Math.abs(value)) === Math.abs(value);
}

/** The exponents that PyTorch treats the same way, roots of -0 and -Infinity included. */
function powerByConstant(a: Expr, exponent: number): Expr | undefined {
  switch (exponent) {
    case 0:
      return like(a, 1);
    case 1:
      return a;
    case 2:
      return mul(a, a);
    case 3:
      return mul(mul(a, a), a);
    case -1:
      return div(1, a);
    case -2:
      return div(1, mul(a, a));
    case 0.5:
      return sqrt(a);
    case -0.5:
      return div(1, sqrt(a));
    default:
      return undefined;
  }
}

function integerByConstant(e: Node<"binary">, value: number): Expr | undefined {
  const { op, type, a, b } = e;
  const bool = laneOf(type) === "bool";
  const allOnes = bool ? value === 1 : value === -1;
  const inner =
    a.k === "binary" && a.op === "add" && a.b.k === "const" && laneOf(type) === "i32" ? a.b.value : undefined;
  switch (op) {
    case "add":
      if (value === 0) return a;
      if (inner === undefined || a.k !== "binary") return undefined;
      return ((inner + value) | 0) === 0 ? a.a : add(a.a, (inner + value) | 0);
    case "sub":
      if (value === 0) return a;
      return laneOf(type) === "i32" ? add(a, -value | 0) : undefined;
    case "mul":
      if (value === 0) return b;
      if (value === 1) return a;
      return value > 0 && value <= 2 ** 30 && isPowerOfTwo(value) ? shl(a, Math.log2(value)) : undefined;
    case "div":
      return value === 1 ? a : undefined;
    case "rem":
      return value === 1 || value === 0 ? like(a, 0) : undefined;
    case "shl":
    case "shr":
    case "shru":
      return value === 0 ? a : undefined;
    case "and":
      return value === 0 ? b : allOnes ? a : undefined;
    case "or":
      return value === 0 ? a : allOnes ? b : undefined;
    case "xor":
      if (value === 0) return a;
      return allOnes && bool ? not(a) : undefined;
    default:
      return undefined;
  }
}

function simplifyFma({ type, a, b, c }: Node<"fma">): Expr {
  if (a.k === "const" && b.k === "const" && c.k === "const" && type === "f64") {
    return constant(type, fusedMultiplyAdd("f64", a.value, b.value, c.value)); // in f32 the machine says how it rounds
  }
  if (b.k === "const" && b.value === 1) return add(a, c);
  if (a.k === "const" && a.value === 1) return add(b, c);
  if (c.k === "const" && Object.is(c.value, -0)) return mul(a, b);
  return { k: "fma", type, a, b, c };
}

function simplifyCast({ type, a }: Node<"cast">): Expr {
  if (a.type === type) return a;
  if (type === "bool" && a.k === "cast" && a.a.type === "bool") return a.a;
  if (type === "boolx4" && a.k === "cast" && a.a.type === "boolx4") return a.a;
  return cast(type, a);
}
