// A kernel as a WebAssembly module. It imports its memory as ("env", "memory"), functions of f64 without an instruction
// as ("math", name), and exports `run(args, begin, end, thread)`, where parameter i lies at byte address args + 8 * i.

import type { Kernel, ParamType, Stmt } from "../../ir/ir.ts";
import { elemBytes, isVector } from "../../ir/ir.ts";
import type { FunctionType } from "./assembler.ts";
import { Module } from "./assembler.ts";
import { Expressions } from "./expressions.ts";
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
  const module = new Module();
  const x = new Expressions(module, target.relaxed, [kernel.begin, kernel.end, kernel.thread]);
  kernel.params.forEach(({ type, variable }, slot) => {
    const [load, bytes] = slotLoads[type];
    x.code.localGet(0);
    x.code.memory(load, 8 * slot, bytes);
    x.code.localSet(x.local(variable));
  });
  emitBlock(x, kernel.body);
  return module.finish(kernel.name, runType, x.locals, x.code, {
    minPages: target.minPages,
    maxPages: target.maxPages,
    shared: target.sharedMemory,
  });
}

type Statement<K extends Stmt["k"]> = Extract<Stmt, { readonly k: K }>;

function emitBlock(x: Expressions, body: readonly Stmt[]): void {
  for (const s of body) emitStatement(x, s);
}

function emitStatement(x: Expressions, s: Stmt): void {
  const { code } = x;
  switch (s.k) {
    case "set":
      return x.statement([s.value], () => {
        x.value(s.value);
        code.localSet(x.local(s.target));
      });
    case "store":
      return x.statement([s.base, s.index, s.value], () => emitStore(x, s));
    case "for":
      return emitFor(x, s);
    case "while": {
      const test = (): void => x.statement([s.condition], () => x.value(s.condition));
      code.block();
      test();
      code.op(op.i32Eqz);
      code.branchIf(0);
      code.loop();
      emitBlock(x, s.body);
      test();
      code.branchIf(0);
      code.end();
      return code.end();
    }
    case "if":
      x.statement([s.condition], () => x.value(s.condition));
      code.if();
      emitBlock(x, s.then);
      if (s.otherwise.length > 0) {
        code.else();
        emitBlock(x, s.otherwise);
      }
      return code.end();
    default:
      s satisfies never;
  }
}

function emitStore(x: Expressions, s: Statement<"store">): void {
  const { code } = x;
  const { elem, value, lanes } = s;
  const offset = x.address(s);
  x.value(value);
  if (!isVector(value.type)) return code.memory(stores[elem], offset, elemBytes[elem]);
  if (elem === "f32" || elem === "i32") {
    code.memory(lanes === 4 ? op.v128Store : op.v128Store32Lane, offset, 4);
    if (lanes === 1) code.byte(0);
    return;
  }
  const bytes = elem === "i8" || elem === "u8" ? 1 : 2;
  if (lanes === 1) {
    x.lane0("i32");
    return code.memory(stores[elem], offset, bytes);
  }
  x.narrow(bytes);
  code.memory(bytes === 1 ? op.v128Store32Lane : op.v128Store64Lane, offset, bytes);
  code.byte(0);
}

/** The test stands at the bottom, behind one guard before the first turn. */
function emitFor(x: Expressions, { counter, from, to, step, body }: Statement<"for">): void {
  const { code } = x;
  const i = x.local(counter);
  const hold = (e: Statement<"for">["to"]): { push: () => void; release: () => void } => {
    if (e.k === "const") return { push: () => code.i32Const(e.value), release: () => {} };
    const local = x.take("i32");
    x.statement([e], () => x.value(e));
    code.localSet(local);
    return { push: () => code.localGet(local), release: () => x.release("i32", local) };
  };
  const limit = hold(to);
  const stride = hold(step);
  x.statement([from], () => x.value(from));
  code.localSet(i);
  const certain = from.k === "const" && to.k === "const" && from.value < to.value;
  if (!certain) {
    code.localGet(i);
    limit.push();
    code.op(op.i32LtS);
    code.if();
  }
  code.loop();
  emitBlock(x, body);
  code.localGet(i);
  stride.push();
  code.op(op.i32Add);
  code.localTee(i);
  limit.push();
  code.op(op.i32LtS);
  code.branchIf(0);
  code.end();
  if (!certain) code.end();
  limit.release();
  stride.release();
}
