// Expressions as stack code. A node used more than once in a statement is computed once, into a temporary local.

import { KernelError } from "../../ir/build.ts";
import type { Elem, Expr, Type, Var } from "../../ir/ir.ts";
import { elemBytes, isVector, laneOf } from "../../ir/ir.ts";
import { same } from "../../ir/simplify.ts";
import { childrenOf, Numbering } from "../../ir/walk.ts";
import type { Module, ValueType } from "./assembler.ts";
import { Code } from "./assembler.ts";
import { emitDivision, integer } from "./division.ts";
import type { Locals } from "./locals.ts";
import { op } from "./opcodes.ts";
import { binaryOps, casts, compareOps, loads, reinterpret, unaryOps, valueTypeOf } from "./tables.ts";

type Node<K extends Expr["k"]> = Extract<Expr, { readonly k: K }>;

/** A place in memory, as loads and stores name it. */
export interface Place {
  readonly elem: Elem;
  readonly base: Expr;
  readonly index: Expr;
  readonly offset: number;
}

const lanes = [0, 1, 2, 3] as const;

export class Expressions {
  readonly code: Code = new Code();
  readonly locals: Locals;
  readonly #module: Module;
  readonly #relaxed: boolean;
  #uses: Map<Expr, number> = new Map();
  #temps: Map<Expr, number> = new Map();
  #taken: [ValueType, number][] = [];
  readonly #numbers: Numbering = new Numbering();
  /** Addresses that are in a local, by what they compute. */
  #addresses: Map<string, number> = new Map();
  /** Vector temporaries of the innermost loop. */
  #scratch: Set<number> = new Set();

  constructor(module: Module, relaxed: boolean, locals: Locals) {
    this.#module = module;
    this.#relaxed = relaxed;
    this.locals = locals;
  }

  /** A local until the statement ends. */
  #temp(type: ValueType): number {
    const local = this.locals.take(type);
    this.#taken.push([type, local]);
    if (type === "v128") this.#scratch.add(local);
    return local;
  }

  /** A straight run of code: the addresses it computes are known in it and in the blocks within. */
  block(emit: () => void): void {
    const outer = this.#addresses;
    this.#addresses = new Map(outer);
    emit();
    for (const [key, local] of this.#addresses) if (!outer.has(key)) this.locals.release("i32", local);
    this.#addresses = outer;
  }

  /** These variables have, or may have, new values from here on. */
  changed(variables: Iterable<number>): void {
    this.#numbers.change(variables);
  }

  /**
   * The body of a loop. What a turn leaves in vector locals that no later one reads, `dead` among them, is cleared, or
   * V8 carries it from turn to turn, and a value with such a use beside it is not paired into 256 bits.
   */
  turn(dead: readonly Var[], emit: () => void): void {
    const outer = this.#scratch;
    this.#scratch = new Set(dead.map((v) => this.locals.of(v)));
    this.block(emit);
    for (const local of this.#scratch) {
      this.code.v128Const(new Int32Array(4));
      this.code.localSet(local);
    }
    this.#scratch = outer;
  }

  /** Emits with `emit`, which may use `values` and no other expressions; what they share is computed once. */
  statement(values: readonly Expr[], emit: () => void): void {
    this.#uses = new Map();
    this.#temps = new Map();
    for (const e of values) this.#count(e);
    emit();
    for (const [type, local] of this.#taken) this.locals.release(type, local);
    this.#taken = [];
  }

  #count(e: Expr): void {
    const uses = this.#uses.get(e) ?? 0;
    this.#uses.set(e, uses + 1);
    if (uses === 0) for (const child of childrenOf(e)) this.#count(child);
  }

  /** Leaves the value of `e` on the stack. */
  value(e: Expr): void {
    const known = this.#temps.get(e);
    if (known !== undefined) return this.code.localGet(known);
    this.#compute(e);
    if (e.k === "const" || e.k === "var" || (this.#uses.get(e) ?? 0) < 2) return;
    const local = this.#temp(valueTypeOf[e.type]);
    this.code.localTee(local);
    this.#temps.set(e, local);
  }

  /**
   * Leaves the address of a place on the stack; what it returns is the constant offset to add. Equal addresses come from
   * one local: V8 pairs neighbouring loads and stores only if they share it.
   */
  address({ elem, base, index, offset }: Place): number {
    const { code } = this;
    const bytes = elemBytes[elem];
    const constant = (offset + (index.k === "const" ? index.value : 0)) * bytes;
    if (index.k !== "const")
      this.#shared(`${this.#numbers.of(base)} ${this.#numbers.of(index)} ${bytes}`, () => {
        this.value(base);
        this.value(index);
        if (bytes > 1) {
          code.i32Const(Math.log2(bytes));
          code.op(op.i32Shl);
        }
        code.op(op.i32Add);
      });
    else if (base.k === "var" || base.k === "const") this.value(base);
    else this.#shared(`${this.#numbers.of(base)}`, () => this.value(base));
    if (constant >= 0 && constant < 2 ** 32) return constant;
    code.i32Const(constant); // a negative offset must wrap, the instruction's own does not
    code.op(op.i32Add);
    return 0;
  }

  #shared(key: string, compute: () => void): void {
    const known = this.#addresses.get(key);
    if (known !== undefined) return this.code.localGet(known);
    compute();
    const local = this.locals.take("i32");
    this.#addresses.set(key, local);
    this.code.localTee(local);
  }

  #compute(e: Expr): void {
    switch (e.k) {
      case "const":
        return this.#constant(e.type, e.value);
      case "var":
        return this.code.localGet(this.locals.of(e));
      case "load":
        return this.#load(e);
      case "unary":
        return this.#unary(e);
      case "binary":
        return this.#binary(e);
      case "compare": {
        this.value(e.a);
        this.value(e.b);
        const direct = compareOps[e.op][e.a.type];
        if (direct === undefined) throw missing(e.op, e.a.type);
        return this.code.op(direct);
      }
      case "select":
        if (this.#emitExtreme(e)) return;
        this.value(e.a);
        this.value(e.b);
        this.value(e.c);
        return this.code.op(isVector(e.type) ? op.v128Bitselect : op.select);
      case "fma":
        return this.#fma(e);
      case "cast":
        return this.#cast(e);
      case "bits": {
        this.value(e.a);
        if (isVector(e.type)) return;
        const direct = reinterpret[e.type];
        if (direct === undefined) throw missing("bits", e.type);
        return this.code.op(direct);
      }
      case "lane":
        this.value(e.a);
        this.extract(e.type, e.lane);
        if (e.type !== "bool") return;
        this.code.i32Const(1);
        return this.code.op(op.i32And);
      case "shuffle": {
        this.value(e.a);
        this.value(e.b);
        return this.#shuffleBytes(e.lanes.flatMap((lane) => lanes.map((byte) => 4 * lane + byte)));
      }
      default:
        e satisfies never;
    }
  }

  #constant(type: Type, value: number): void {
    const { code } = this;
    if (type === "f32") code.f32Const(value);
    else if (type === "f64") code.f64Const(value);
    else if (type === "i64") code.i64Const(BigInt(Math.trunc(value)));
    else if (type === "i32") code.i32Const(value);
    else if (type === "bool") code.i32Const(value !== 0 ? 1 : 0);
    else if (type === "f32x4") code.v128Const(new Int32Array(new Float32Array(4).fill(value).buffer));
    else code.v128Const(new Int32Array(4).fill(type === "i32x4" ? value | 0 : value !== 0 ? -1 : 0));
  }

  #load(e: Node<"load">): void {
    const { code } = this;
    const { elem } = e;
    const bytes = elemBytes[elem];
    const offset = this.address(e);
    if (!isVector(e.type)) return code.memory(loads[elem], offset, bytes);
    if (e.splat && bytes === 4) return code.memory(op.v128Load32Splat, offset, bytes);
    if (e.splat) {
      code.memory(loads[elem], offset, bytes);
      return code.op(op.i32x4Splat);
    }
    if (bytes === 4) return code.memory(op.v128Load, offset, bytes);
    if (bytes === 2) return code.memory(elem === "i16" ? op.v128Load16x4S : op.v128Load16x4U, offset, bytes);
    code.memory(op.v128Load32Zero, offset, bytes);
    if (elem === "i8") this.code.ops(op.i16x8ExtendLowI8x16S, op.i32x4ExtendLowI16x8S);
    else this.code.ops(op.i16x8ExtendLowI8x16U, op.i32x4ExtendLowI16x8U);
  }

  #unary(e: Node<"unary">): void {
    const { code } = this;
    const { type } = e;
    const direct = unaryOps[e.op][type];
    if (direct !== undefined) {
      this.value(e.a);
      return code.op(direct);
    }
    if (type === "f64") return this.#call(e.op, [e.a]);
    if (type !== "i32" && type !== "i64") throw missing(e.op, type);
    if (e.op === "not") {
      this.value(e.a);
      this.#constant(type, -1);
      return code.op(integer[type].xor);
    }
    if (e.op !== "neg") throw missing(e.op, type);
    this.#constant(type, 0);
    this.value(e.a);
    code.op(integer[type].sub);
  }

  #binary(e: Node<"binary">): void {
    const { type } = e;
    const direct = binaryOps[e.op][type];
    if (direct === undefined) {
      if (type === "f64") return this.#call(e.op, [e.a, e.b]);
      if ((type === "i32" || type === "i64") && (e.op === "div" || e.op === "rem")) return this.#divide(e, type);
      throw missing(e.op, type);
    }
    this.value(e.a);
    this.value(e.b);
    this.code.op(direct);
  }

  /** `p < q ? q : p` and `p < q ? p : q` are one instruction each. */
  #emitExtreme({ type, c, a, b }: Node<"select">): boolean {
    if (type !== "f32x4" || c.k !== "compare" || (c.op !== "lt" && c.op !== "gt")) return false;
    const [p, q] = c.op === "lt" ? [c.a, c.b] : [c.b, c.a];
    const greater = same(a, q) && same(b, p);
    if (!greater && !(same(a, p) && same(b, q))) return false;
    this.value(greater ? p : q);
    this.value(greater ? q : p);
    this.code.op(greater ? op.f32x4Pmax : op.f32x4Pmin);
    return true;
  }

  #divide({ op: o, a, b }: Node<"binary">, type: "i32" | "i64"): void {
    const { code } = this;
    if (b.k === "const" && b.value !== 0 && b.value !== -1) {
      this.value(a);
      this.value(b);
      return code.op(o === "div" ? integer[type].div : integer[type].rem);
    }
    const [x, y] = [this.#temp(type), this.#temp(type)];
    this.value(a);
    code.localSet(x);
    this.value(b);
    code.localSet(y);
    emitDivision(code, o === "div", type, x, y, this.#temp("i32"));
  }

  /** A function of f64 without an instruction. */
  #call(name: string, args: readonly Expr[]): void {
    for (const a of args) this.value(a);
    this.code.call(
      this.#module.importFunction("math", name, { params: args.map(() => "f64" as const), results: ["f64"] }),
    );
  }

  /** With relaxed SIMD a scalar goes through lane 0, so that a loop's tail rounds as its vector body does. */
  #fma({ type, a, b, c }: Node<"fma">): void {
    const { code } = this;
    if (!this.#relaxed || type === "f64") {
      this.value(a);
      this.value(b);
      code.op(type === "f64" ? op.f64Mul : type === "f32" ? op.f32Mul : op.f32x4Mul);
      this.value(c);
      return code.op(type === "f64" ? op.f64Add : type === "f32" ? op.f32Add : op.f32x4Add);
    }
    const negated = a.k === "unary" && a.op === "neg";
    for (const part of [negated ? a.a : a, b, c]) {
      this.value(part);
      if (type === "f32") code.op(op.f32x4Splat);
    }
    code.op(negated ? op.f32x4RelaxedNmadd : op.f32x4RelaxedMadd);
    if (type === "f32") this.extract("f32", 0);
  }

  #cast({ type, a }: Node<"cast">): void {
    const { code } = this;
    if (isVector(a.type)) return this.#castVector(type, a);
    this.value(a);
    if (isVector(type)) {
      if (type === "boolx4") {
        const copy = this.#temp("i32"); // 1 becomes all ones
        code.localSet(copy);
        code.i32Const(0);
        code.localGet(copy);
        code.op(op.i32Sub);
      }
      return code.op(type === "f32x4" ? op.f32x4Splat : op.i32x4Splat);
    }
    if (type === "bool") {
      this.#constant(a.type, 0);
      const ne = compareOps.ne[a.type];
      if (ne === undefined) throw missing("cast to bool", a.type);
      return code.op(ne);
    }
    const from = laneOf(a.type);
    const ops = type === from ? [] : casts[from][type];
    if (ops === undefined) throw missing(`cast to ${type}`, a.type);
    this.code.ops(...ops);
  }

  #castVector(type: Type, a: Expr): void {
    const { code } = this;
    const { type: from } = a;
    this.value(a);
    if (from === type) return;
    if (type === "boolx4") {
      this.#constant(from, 0);
      code.op(from === "f32x4" ? op.f32x4Ne : op.i32x4Ne);
    } else if (from === "boolx4") {
      this.#constant(type, 1);
      code.op(op.v128And);
    } else code.op(type === "f32x4" ? op.f32x4ConvertI32x4S : op.i32x4TruncSatF32x4S);
  }

  extract(type: Type, lane: number): void {
    this.code.op(type === "f32" ? op.f32x4ExtractLane : op.i32x4ExtractLane);
    this.code.byte(lane);
  }

  #shuffleBytes(bytes: readonly number[]): void {
    this.code.op(op.i8x16Shuffle);
    for (let i = 0; i < 16; i++) this.code.byte(bytes[i] ?? 0);
  }

  /** Turns an i32x4 on the stack into its four low `bytes`-wide parts, packed from lane 0 on. */
  narrow(bytes: 1 | 2): void {
    const zero = this.#temp("v128"); // either operand will do
    this.code.localTee(zero);
    this.code.localGet(zero);
    this.#shuffleBytes(lanes.flatMap((l) => (bytes === 1 ? [4 * l] : [4 * l, 4 * l + 1])));
  }
}

function missing(what: string, type: Type): KernelError {
  return new KernelError(`kernel: WebAssembly has no ${what} of ${type}`);
}
