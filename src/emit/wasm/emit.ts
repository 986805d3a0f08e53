// A kernel as a WebAssembly module. It imports its memory as ("env", "memory"), functions of f64 without an instruction
// as ("math", name), and exports `run(args, begin, end, thread)`, where parameter i lies at byte address args + 8 * i.

import { hoist } from "../../ir/hoist.ts";
import type { Kernel, ParamType, Stmt } from "../../ir/ir.ts";
import { elemBytes, isVector } from "../../ir/ir.ts";
import { mentions, privateTo } from "../../ir/liveness.ts";
import { lowerMath } from "../../ir/lower-math.ts";
import { scalarize } from "../../ir/scalarize.ts";
import { simplifyKernel } from "../../ir/simplify.ts";
import { assignedIn } from "../../ir/walk.ts";
import type { FunctionType } from "./assembler.ts";
import { Module } from "./assembler.ts";
import { Expressions } from "./expressions.ts";
import { legalize } from "./legalize.ts";
import { Locals } from "./locals.ts";
import type { Op } from "./opcodes.ts";
import { op } from "./opcodes.ts";
import { stores } from "./tables.ts";

/** What the runtime can do, and the limits of the memory that the module is given. */
export interface Target {
  readonly simd: boolean;
  /** Relaxed SIMD: fused multiply-add. */
  readonly relaxed: boolean;
  readonly sharedMemory: boolean;
  readonly minPages: number;
  readonly maxPages: number;
}

const runType: FunctionType = { params: ["i32", "i32", "i32", "i32"], results: [] };

const slotLoads: { readonly [t in ParamType]: readonly [op: Op, bytes: number] } = {
  ptr: [op.i32Load, 4],
  i32: [op.i32Load, 4],
  f32: [op.f32Load, 4],
  f64: [op.f64Load, 8],
};

export function emitKernel(kernel: Kernel, target: Target): Uint8Array<ArrayBuffer> {
  const plain = simplifyKernel(target.simd ? kernel : scalarize(kernel));
  const { name, params, begin, end, thread, body } = hoist(simplifyKernel(legalize(lowerMath(plain, target.simd))));
  const module = new Module();
  const x = new Expressions(module, target.relaxed, new Locals([begin, end, thread]));
  params.forEach(({ type, variable }, slot) => {
    const [load, bytes] = slotLoads[type];
    x.code.localGet(0);
    x.code.memory(load, 8 * slot, bytes);
    x.code.localSet(x.locals.of(variable));
  });
  new Statements(x, mentions(body)).block(body);
  return module.finish(name, runType, x.locals.types, x.code, {
    minPages: target.minPages,
    maxPages: target.maxPages,
    shared: target.sharedMemory,
  });
}

type Statement<K extends Stmt["k"]> = Extract<Stmt, { readonly k: K }>;

class Statements {
  readonly #x: Expressions;
  readonly #mentions: ReadonlyMap<number, number>;

  constructor(x: Expressions, everywhere: ReadonlyMap<number, number>) {
    this.#x = x;
    this.#mentions = everywhere;
  }

  block(body: readonly Stmt[]): void {
    this.#x.block(() => {
      for (const s of body) this.#statement(s);
    });
  }

  #statement(s: Stmt): void {
    const x = this.#x;
    switch (s.k) {
      case "set":
        x.statement([s.value], () => {
          x.value(s.value);
          x.code.localSet(x.locals.of(s.target));
        });
        return x.changed([s.target.id]);
      case "store":
        x.statement([s.base, s.index, s.value], () => this.#store(s));
        return x.changed([]); // what was loaded may have changed
      case "for":
        return this.#for(s);
      case "while": {
        const test = (): void => x.statement([s.condition], () => x.value(s.condition));
        test();
        x.code.if();
        this.#loop(s, test);
        return x.code.end();
      }
      case "if":
        x.statement([s.condition], () => x.value(s.condition));
        x.code.if();
        this.block(s.then);
        x.changed(assignedIn(s.then));
        if (s.otherwise.length > 0) {
          x.code.else();
          this.block(s.otherwise);
          x.changed(assignedIn(s.otherwise));
        }
        return x.code.end();
      default:
        s satisfies never;
    }
  }

  #store(s: Statement<"store">): void {
    const x = this.#x;
    const { code } = x;
    const { elem, value, lanes } = s;
    const bytes = elemBytes[elem];
    const offset = x.address(s);
    x.value(value);
    if (!isVector(value.type)) code.memory(stores[elem], offset, bytes);
    else if (bytes === 4) {
      code.memory(lanes === 4 ? op.v128Store : op.v128Store32Lane, offset, bytes);
      if (lanes === 1) code.byte(0);
    } else if (lanes === 1) {
      x.extract("i32", 0);
      code.memory(stores[elem], offset, bytes);
    } else {
      x.narrow(bytes === 1 ? 1 : 2);
      code.memory(bytes === 1 ? op.v128Store32Lane : op.v128Store64Lane, offset, bytes);
      code.byte(0);
    }
  }

  #for(loop: Statement<"for">): void {
    const x = this.#x;
    const { code } = x;
    const { from, to, step } = loop;
    const i = x.locals.of(loop.counter);
    const limit = this.#hold(to);
    const stride = this.#hold(step);
    x.statement([from], () => x.value(from));
    code.localSet(i);
    const certain = from.k === "const" && to.k === "const" && from.value < to.value;
    if (!certain) {
      code.localGet(i);
      limit.push();
      code.op(op.i32LtS);
      code.if();
    }
    this.#loop(loop, () => {
      code.localGet(i);
      stride.push();
      code.op(op.i32Add);
      code.localTee(i);
      limit.push();
      code.op(op.i32LtS);
    });
    if (!certain) code.end();
    limit.release();
    stride.release();
  }

  /** The test for another turn stands at the bottom; the caller has made the one before the first. */
  #loop(loop: Statement<"for" | "while">, another: () => void): void {
    const x = this.#x;
    const changing = assignedIn([loop]);
    const dead = privateTo(loop.body, this.#mentions).filter((v) => isVector(v.type));
    x.changed(changing);
    x.code.loop();
    x.turn(dead, () => {
      for (const s of loop.body) this.#statement(s);
    });
    another();
    x.code.branchIf(0);
    x.code.end();
    x.changed(changing);
  }

  /** A value that is computed once and pushed several times. */
  #hold(e: Statement<"for">["to"]): { push: () => void; release: () => void } {
    const x = this.#x;
    if (e.k === "const") return { push: () => x.code.i32Const(e.value), release: () => {} };
    const local = x.locals.take("i32");
    x.statement([e], () => x.value(e));
    x.code.localSet(local);
    return { push: () => x.code.localGet(local), release: () => x.locals.release("i32", local) };
  }
}
