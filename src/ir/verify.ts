// Checks a kernel that did not come from the builder, or that a rewriting has touched: types, variables, steps.

import { KernelError } from "./build.ts";
import type { Elem, Expr, Kernel, Scalar, Stmt, Type, Var } from "./ir.ts";
import { isFloat, isVector, laneOf, vectorOf } from "./ir.ts";
import { blocksOf, childrenOf, expressionsOf } from "./walk.ts";

/** Throws KernelError at the first thing that is wrong. */
export function verify(kernel: Kernel): void {
  new Verifier(kernel).kernel();
}

const scalarOf: { readonly [e in Elem]: Scalar } = {
  f32: "f32",
  f64: "f64",
  i32: "i32",
  i64: "i64",
  i16: "i32",
  u16: "i32",
  i8: "i32",
  u8: "i32",
};

class Verifier {
  readonly #kernel: Kernel;
  /** The variables that something gives a value to. */
  readonly #defined: Map<number, Type> = new Map();
  readonly #seen: Set<Expr> = new Set();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  kernel(): void {
    const { params, begin, end, thread, body } = this.#kernel;
    for (const v of [begin, end, thread, ...params.map((p) => p.variable)]) this.#define(v);
    this.#defineIn(body);
    this.#block(body);
  }

  #want(ok: boolean, message: string): void {
    if (!ok) throw new KernelError(`${this.#kernel.name}: ${message}`);
  }

  #define(v: Var): void {
    this.#want(
      v.id >= 0 && v.id < this.#kernel.variables,
      `${v.name} is variable ${v.id} of ${this.#kernel.variables}`,
    );
    const type = this.#defined.get(v.id) ?? v.type;
    this.#want(type === v.type, `variable ${v.id} is both ${type} and ${v.type}`);
    this.#defined.set(v.id, v.type);
  }

  #defineIn(body: readonly Stmt[]): void {
    for (const s of body) {
      if (s.k === "set") this.#define(s.target);
      if (s.k === "for") this.#define(s.counter);
      for (const inner of blocksOf(s)) this.#defineIn(inner);
    }
  }

  #block(body: readonly Stmt[]): void {
    for (const s of body) {
      for (const e of expressionsOf(s)) this.#expression(e);
      this.#statement(s);
      for (const inner of blocksOf(s)) this.#block(inner);
    }
  }

  #statement(s: Stmt): void {
    switch (s.k) {
      case "set":
        return this.#want(
          s.target.type === s.value.type,
          `${s.target.name} is ${s.target.type}, its value ${s.value.type}`,
        );
      case "store":
        this.#want(s.base.type === "i32" && s.index.type === "i32", "an address is i32");
        return this.#want(laneOf(s.value.type) === scalarOf[s.elem], `${s.value.type} stored as ${s.elem}`);
      case "for": {
        const { counter, from, to, step } = s;
        for (const e of [counter, from, to, step]) this.#want(e.type === "i32", `a loop over ${e.type}`);
        return this.#want(step.k !== "const" || step.value > 0, "a loop whose step is not positive");
      }
      case "while":
      case "if":
        return this.#want(s.condition.type === "bool", `a condition of type ${s.condition.type}`);
      default:
        s satisfies never;
    }
  }

  #expression(e: Expr): void {
    if (this.#seen.has(e)) return;
    this.#seen.add(e);
    for (const child of childrenOf(e)) this.#expression(child);
    const problem = this.#problem(e);
    if (problem !== undefined) this.#want(false, `${e.k} of type ${e.type}: ${problem}`);
  }

  #problem(e: Expr): string | undefined {
    switch (e.k) {
      case "const":
        return undefined;
      case "var": {
        const type = this.#defined.get(e.id);
        if (type === undefined) return `nothing sets ${e.name}`;
        return type === e.type ? undefined : `${e.name} is ${type}`;
      }
      case "load": {
        if (e.base.type !== "i32" || e.index.type !== "i32") return "an address is i32";
        const scalar = scalarOf[e.elem];
        return e.type === scalar || e.type === vectorOf(scalar) ? undefined : `a load of ${e.elem}`;
      }
      case "unary":
        return e.a.type === e.type ? undefined : `${e.op} of ${e.a.type}`;
      case "binary": {
        const shift = e.op === "shl" || e.op === "shr" || e.op === "shru";
        const second = shift && isVector(e.type) ? "i32" : e.type;
        if (shift && isVector(e.type) && e.b.k !== "const") return "vectors are shifted by constants";
        return e.a.type === e.type && e.b.type === second ? undefined : `${e.op} of ${e.a.type} and ${e.b.type}`;
      }
      case "compare":
        if (e.type !== (isVector(e.a.type) ? "boolx4" : "bool")) return `comparing ${e.a.type}`;
        return e.a.type === e.b.type ? undefined : `${e.op} of ${e.a.type} and ${e.b.type}`;
      case "select":
        if (e.c.type !== (isVector(e.type) ? "boolx4" : "bool")) return `a choice by ${e.c.type}`;
        return e.a.type === e.type && e.b.type === e.type ? undefined : `a choice of ${e.a.type} and ${e.b.type}`;
      case "fma":
        if (!isFloat(e.type)) return "not a float";
        return [e.a, e.b, e.c].every((o) => o.type === e.type) ? undefined : `${e.a.type} * ${e.b.type} + ${e.c.type}`;
      case "cast":
        if (isVector(e.a.type)) return isVector(e.type) ? undefined : `of ${e.a.type}`;
        return !isVector(e.type) || laneOf(e.type) === e.a.type ? undefined : `of ${e.a.type}`;
      case "bits": {
        const pair = [e.type, e.a.type].map(laneOf).sort().join();
        if (isVector(e.type) !== isVector(e.a.type)) return `of ${e.a.type}`;
        return pair === "f32,i32" || pair === "f64,i64" ? undefined : `of ${e.a.type}`;
      }
      case "lane":
        if (e.lane < 0 || e.lane > 3) return `lane ${e.lane}`;
        return isVector(e.a.type) && laneOf(e.a.type) === e.type ? undefined : `of ${e.a.type}`;
      case "shuffle":
        if (e.lanes.some((l) => l < 0 || l > 7)) return `lanes ${e.lanes.join()}`;
        return e.a.type === e.type && e.b.type === e.type && isVector(e.type)
          ? undefined
          : `of ${e.a.type} and ${e.b.type}`;
      default:
        e satisfies never;
        return "unknown";
    }
  }
}
