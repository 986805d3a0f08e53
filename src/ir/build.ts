// Writing kernels: functions that make expressions, and a block builder that collects statements.
//
//   kernel("scale", { x: "ptr", y: "ptr", a: "f32" }, (k, { x, y, a }) => {
//     k.for(k.begin, k.end, 1, (i) => k.store("f32", y, i, mul(a, load("f32", x, i))));
//   });
//
// Everything is checked as it is built: a type error in a kernel throws here, not in the emitter.

import { KindlingError } from "../base/errors.ts";
import type {
  ArithmeticOp,
  CompareOp,
  Elem,
  Expr,
  Kernel,
  Param,
  ParamType,
  Scalar,
  Stmt,
  Type,
  UnaryOp,
  Var,
} from "./ir.ts";
import { isFloat, isVector, laneOf, vectorOf } from "./ir.ts";

/** A kernel that does not type-check; a defect of ours, never of the user. */
export class KernelError extends KindlingError {}

function want(ok: boolean, message: string): void {
  if (!ok) throw new KernelError(`kernel: ${message}`);
}

export function constant(type: Type, value: number): Expr {
  return { k: "const", type, value };
}
export function i32(value: number): Expr {
  return constant("i32", value);
}
export function f32(value: number): Expr {
  return constant("f32", value);
}
/** A constant of the same type as `like`. */
export function like(like: Expr, value: number): Expr {
  return constant(like.type, value);
}

/** A number stands for a constant of the other operand's type. */
export type Operand = Expr | number;

function pair(a: Operand, b: Operand): [Expr, Expr] {
  if (typeof a === "number") {
    want(typeof b !== "number", "two bare numbers have no type");
    return [like(b as Expr, a), b as Expr];
  }
  return [a, typeof b === "number" ? like(a, b) : b];
}

const typeOfElem: { readonly [e in Elem]: Scalar } = {
  f32: "f32",
  f64: "f64",
  i32: "i32",
  i64: "i64",
  i16: "i32",
  u16: "i32",
  i8: "i32",
  u8: "i32",
};

/** Scalar load of the element at `base[index + offset]`. */
export function load(elem: Elem, base: Expr, index: Operand, offset = 0): Expr {
  return { k: "load", type: typeOfElem[elem], elem, base, index: toIndex(index), offset, splat: false };
}
/** Four adjacent elements. */
export function load4(elem: Elem, base: Expr, index: Operand, offset = 0): Expr {
  const type = vectorOf(typeOfElem[elem]);
  if (type === undefined) throw new KernelError(`kernel: no four-lane load of ${elem}`);
  return { k: "load", type, elem, base, index: toIndex(index), offset, splat: false };
}
/** One element in all four lanes. */
export function loadSplat(elem: Elem, base: Expr, index: Operand, offset = 0): Expr {
  const type = vectorOf(typeOfElem[elem]);
  if (type === undefined) throw new KernelError(`kernel: no four-lane load of ${elem}`);
  return { k: "load", type, elem, base, index: toIndex(index), offset, splat: true };
}

function toIndex(index: Operand): Expr {
  const e = typeof index === "number" ? i32(index) : index;
  want(e.type === "i32", `an index is i32, not ${e.type}`);
  return e;
}

export function unary(op: UnaryOp, a: Expr): Expr {
  const lane = laneOf(a.type);
  if (op === "not") want(lane === "bool" || lane === "i32" || lane === "i64", `not of ${a.type}`);
  else if (op !== "neg" && op !== "abs") want(isFloat(a.type), `${op} of ${a.type}`);
  else want(lane !== "bool", `${op} of ${a.type}`);
  return { k: "unary", type: a.type, op, a };
}

export function binary(op: ArithmeticOp, x: Operand, y: Operand): Expr {
  const [a, b] = pair(x, y);
  if (op === "shl" || op === "shr" || op === "shru") {
    want(laneOf(a.type) === "i32" || laneOf(a.type) === "i64", `${op} of ${a.type}`);
    return { k: "binary", type: a.type, op, a, b: isVector(a.type) && b.k === "const" ? i32(b.value) : b };
  }
  want(a.type === b.type, `${op} of ${a.type} and ${b.type}`);
  const logical = op === "and" || op === "or" || op === "xor";
  want(op !== "pow" || isFloat(a.type), `pow of ${a.type}; write a loop`);
  want(logical ? !isFloat(a.type) : laneOf(a.type) !== "bool", `${op} of ${a.type}`);
  return { k: "binary", type: a.type, op, a, b };
}

export function compare(op: CompareOp, x: Operand, y: Operand): Expr {
  const [a, b] = pair(x, y);
  want(a.type === b.type, `${op} of ${a.type} and ${b.type}`);
  return { k: "compare", type: isVector(a.type) ? "boolx4" : "bool", op, a, b };
}

type Unary = (a: Expr) => Expr;
type Binary = (a: Operand, b: Operand) => Expr;
const un =
  (op: UnaryOp): Unary =>
  (a) =>
    unary(op, a);
const bin =
  (op: ArithmeticOp): Binary =>
  (a, b) =>
    binary(op, a, b);
const cmp =
  (op: CompareOp): Binary =>
  (a, b) =>
    compare(op, a, b);

export const neg: Unary = un("neg");
export const abs: Unary = un("abs");
export const sqrt: Unary = un("sqrt");
export const floor: Unary = un("floor");
export const ceil: Unary = un("ceil");
export const trunc: Unary = un("trunc");
export const round: Unary = un("round");
export const exp: Unary = un("exp");
export const log: Unary = un("log");
export const log1p: Unary = un("log1p");
export const expm1: Unary = un("expm1");
export const sin: Unary = un("sin");
export const cos: Unary = un("cos");
export const tanh: Unary = un("tanh");
export const erf: Unary = un("erf");
export const normalCdf: Unary = un("normalCdf");
export const not: Unary = un("not");
export const add: Binary = bin("add");
export const sub: Binary = bin("sub");
export const mul: Binary = bin("mul");
export const div: Binary = bin("div");
export const rem: Binary = bin("rem");
export const min: Binary = bin("min");
export const max: Binary = bin("max");
export const pow: Binary = bin("pow");
export const and: Binary = bin("and");
export const or: Binary = bin("or");
export const xor: Binary = bin("xor");
export const shl: Binary = bin("shl");
export const shr: Binary = bin("shr");
export const shru: Binary = bin("shru");
export const eq: Binary = cmp("eq");
export const ne: Binary = cmp("ne");
export const lt: Binary = cmp("lt");
export const le: Binary = cmp("le");
export const gt: Binary = cmp("gt");
export const ge: Binary = cmp("ge");
export const ltu: Binary = cmp("ltu");

/** `c ? a : b`, lane by lane for vectors; both sides are computed. */
export function select(c: Expr, x: Operand, y: Operand): Expr {
  const [a, b] = pair(x, y);
  want(a.type === b.type, `select of ${a.type} and ${b.type}`);
  want(c.type === (isVector(a.type) ? "boolx4" : "bool"), `select on ${c.type} between ${a.type}`);
  return { k: "select", type: a.type, c, a, b };
}

/** `a * b + c` of floats. */
export function fma(a: Expr, x: Operand, y: Operand): Expr {
  const b = typeof x === "number" ? like(a, x) : x;
  const c = typeof y === "number" ? like(a, y) : y;
  want(a.type === b.type && b.type === c.type && isFloat(a.type), `fma of ${a.type}, ${b.type}, ${c.type}`);
  return { k: "fma", type: a.type, a, b, c };
}

export function cast(type: Type, a: Expr): Expr {
  if (a.type === type) return a;
  if (isVector(a.type)) want(isVector(type), `cast of ${a.type} to ${type}`);
  else if (isVector(type)) want(laneOf(type) === a.type, `cast of ${a.type} to ${type}`);
  if (a.k === "const" && isFloat(a.type) && isFloat(type)) {
    return constant(type, laneOf(a.type) === "f32" ? Math.fround(a.value) : a.value);
  }
  return { k: "cast", type, a };
}
/** One value in all lanes. */
export function splat(a: Expr): Expr {
  const type = vectorOf(a.type as Scalar);
  if (type === undefined) throw new KernelError(`kernel: splat of ${a.type}`);
  return cast(type, a);
}
export function bits(type: Type, a: Expr): Expr {
  return a.type === type ? a : { k: "bits", type, a };
}
export function lane(a: Expr, index: number): Expr {
  want(isVector(a.type) && index >= 0 && index < 4, `lane ${index} of ${a.type}`);
  return { k: "lane", type: laneOf(a.type), a, lane: index };
}
export function shuffle(a: Expr, b: Expr, lanes: readonly [number, number, number, number]): Expr {
  want(isVector(a.type) && a.type === b.type, `shuffle of ${a.type} and ${b.type}`);
  return { k: "shuffle", type: a.type, a, b, lanes };
}

/** Collects the statements of one kernel. Nested blocks share it: `for` and `if` take a function that fills them. */
export class Block {
  readonly begin: Var;
  readonly end: Var;
  readonly thread: Var;
  #statements: Stmt[] = [];
  #variables = 0;

  constructor() {
    this.begin = this.declare("i32", "begin");
    this.end = this.declare("i32", "end");
    this.thread = this.declare("i32", "thread");
  }

  /** A variable without a value yet (zero). */
  declare(type: Type, name: string): Var {
    return { k: "var", type, name, id: this.#variables++ };
  }

  /** A new variable that holds `value`: evaluated here, once. */
  let(name: string, value: Expr): Var {
    const target = this.declare(value.type, name);
    this.set(target, value);
    return target;
  }

  set(target: Var, value: Operand): void {
    const v = typeof value === "number" ? like(target, value) : value;
    want(v.type === target.type, `${target.name} is ${target.type}, the value ${v.type}`);
    this.#statements.push({ k: "set", target, value: v });
  }

  /** Writes `value` at `base[index + offset]`; a vector writes four elements, or its first alone (`lanes` 1). */
  store(
    elem: Elem,
    base: Expr,
    index: Operand,
    value: Expr,
    offset = 0,
    lanes: 1 | 4 = isVector(value.type) ? 4 : 1,
  ): void {
    want(laneOf(value.type) === typeOfElem[elem], `a store of ${value.type} as ${elem}; cast it first`);
    this.#statements.push({ k: "store", elem, base, index: toIndex(index), offset, value, lanes });
  }

  for(from: Operand, to: Operand, step: Operand, body: (i: Var) => void, name = "i"): void {
    const counter = this.declare("i32", name);
    const inner = this.#collect(() => body(counter));
    this.#statements.push({
      k: "for",
      counter,
      from: toIndex(from),
      to: toIndex(to),
      step: toIndex(step),
      body: inner,
    });
  }

  while(condition: Expr, body: () => void): void {
    want(condition.type === "bool", `while on ${condition.type}`);
    this.#statements.push({ k: "while", condition, body: this.#collect(body) });
  }

  if(condition: Expr, then: () => void, otherwise: () => void = () => {}): void {
    want(condition.type === "bool", `if on ${condition.type}`);
    this.#statements.push({ k: "if", condition, then: this.#collect(then), otherwise: this.#collect(otherwise) });
  }

  #collect(fill: () => void): Stmt[] {
    const outer = this.#statements;
    const inner: Stmt[] = [];
    this.#statements = inner;
    try {
      fill();
    } finally {
      this.#statements = outer;
    }
    return inner;
  }

  finish(name: string, params: readonly Param[]): Kernel {
    const { begin, end, thread } = this;
    return { name, params, begin, end, thread, body: this.#statements, variables: this.#variables };
  }
}

/** Builds a kernel; the names in `params` are what the caller's arguments are matched to, in this order. */
export function kernel<P extends Readonly<Record<string, ParamType>>>(
  name: string,
  params: P,
  body: (k: Block, params: { readonly [key in keyof P]: Var }) => void,
): Kernel {
  const k = new Block();
  const list: Param[] = Object.entries(params).map(([key, type]) => {
    return { name: key, type, variable: k.declare(type === "ptr" ? "i32" : type, key) };
  });
  const variables = Object.fromEntries(list.map((p) => [p.name, p.variable])) as { [key in keyof P]: Var }; // same keys
  body(k, variables);
  return k.finish(name, list);
}
