// What a kernel means: each expression becomes a closure over the lanes of its operands. Slow and plain; emitters and
// devices are compared with it.

import { KernelError } from "./build.ts";
import type { Value } from "./evaluate.ts";
import { binaryFunction, compareFunctions, convert, fusedMultiplyAdd, reinterpret, unaryFunction } from "./evaluate.ts";
import type { Elem, Expr, Kernel, Stmt } from "./ir.ts";
import { elemBytes, isVector, laneOf } from "./ir.ts";
import { blocksOf, childrenOf } from "./walk.ts";

/** A scalar has one lane, a vector four. */
type Lanes = readonly Value[];

interface Machine {
  readonly memory: DataView;
  readonly variables: Lanes[];
  /** Counts statements: what is shared within one is computed once. */
  statement: number;
}
type Compute = (m: Machine) => Lanes;
type Action = (m: Machine) => void;

/** Runs the tasks `begin … end-1`. An address outside of memory throws a RangeError. */
export function interpret(
  kernel: Kernel,
  memory: ArrayBufferLike,
  args: readonly number[],
  begin: number,
  end: number,
  thread: number,
): void {
  const m: Machine = { memory: new DataView(memory), variables: [], statement: 0 };
  declareVariables(kernel.body, m.variables);
  m.variables[kernel.begin.id] = [begin];
  m.variables[kernel.end.id] = [end];
  m.variables[kernel.thread.id] = [thread];
  kernel.params.forEach(({ name, type, variable }, i) => {
    const value = args[i];
    if (value === undefined) throw new KernelError(`interpret: ${kernel.name} wants ${name}`);
    m.variables[variable.id] = [type === "f64" ? value : type === "f32" ? Math.fround(value) : value | 0];
  });
  for (const action of compileBlock(kernel.body)) action(m);
}

/** Variables are zero before they are set. */
function declareVariables(body: readonly Stmt[], variables: Lanes[]): void {
  for (const s of body) {
    if (s.k === "set") variables[s.target.id] = zeros(s.target);
    if (s.k === "for") variables[s.counter.id] = [0];
    for (const inner of blocksOf(s)) declareVariables(inner, variables);
  }
}

function zeros(e: Expr): Lanes {
  return isVector(e.type) ? [0, 0, 0, 0] : [e.type === "i64" ? 0n : 0];
}

function compileBlock(body: readonly Stmt[]): Action[] {
  return body.map(compileStatement);
}

function run(actions: readonly Action[], m: Machine): void {
  for (const action of actions) action(m);
}

function compileStatement(s: Stmt): Action {
  const compile = compiler();
  const scalar = (e: Expr): ((m: Machine) => number) => {
    const compute = compile(e);
    return (m) => {
      m.statement++;
      return Number(compute(m)[0]);
    };
  };
  switch (s.k) {
    case "set": {
      const value = compile(s.value);
      const { id } = s.target;
      return (m) => {
        m.statement++;
        m.variables[id] = value(m);
      };
    }
    case "store":
      return compileStore(s, compile);
    case "for": {
      const [from, to, step] = [scalar(s.from), scalar(s.to), scalar(s.step)];
      const body = compileBlock(s.body);
      const { id } = s.counter;
      return (m) => {
        const [limit, stride] = [to(m), step(m)];
        m.variables[id] = [from(m)];
        for (; Number(m.variables[id]?.[0]) < limit; m.variables[id] = [(Number(m.variables[id]?.[0]) + stride) | 0])
          run(body, m);
      };
    }
    case "while": {
      const condition = scalar(s.condition);
      const body = compileBlock(s.body);
      return (m) => {
        while (condition(m) !== 0) run(body, m);
      };
    }
    case "if": {
      const condition = scalar(s.condition);
      const [then, otherwise] = [compileBlock(s.then), compileBlock(s.otherwise)];
      return (m) => run(condition(m) !== 0 ? then : otherwise, m);
    }
    default:
      s satisfies never;
      return () => {};
  }
}

type Compiler = (e: Expr) => Compute;

function compileStore(s: Extract<Stmt, { readonly k: "store" }>, compile: Compiler): Action {
  const address = compileAddress(s, compile);
  const value = compile(s.value);
  const count = isVector(s.value.type) ? s.lanes : 1;
  const bytes = elemBytes[s.elem];
  return (m) => {
    m.statement++;
    const at = address(m);
    const lanes = value(m);
    for (let i = 0; i < count; i++) write(m.memory, s.elem, at + i * bytes, lanes[i] ?? 0);
  };
}

function compileAddress(
  { elem, base, index, offset }: { elem: Elem; base: Expr; index: Expr; offset: number },
  compile: Compiler,
): (m: Machine) => number {
  const [b, i] = [compile(base), compile(index)];
  return (m) => (Number(b(m)[0]) + (Number(i(m)[0]) + offset) * elemBytes[elem]) >>> 0;
}

/** One compiler serves one statement: it keeps the nodes that the statement shares. */
function compiler(): Compiler {
  const known = new Map<Expr, Compute>();
  const compile = (e: Expr): Compute => {
    let compute = known.get(e);
    if (compute === undefined) {
      const plain = compileNode(e, compile);
      let statement = -1;
      let value: Lanes = [];
      compute = (m) => {
        if (statement !== m.statement) {
          value = plain(m);
          statement = m.statement;
        }
        return value;
      };
      if (childrenOf(e).length === 0) compute = plain;
      known.set(e, compute);
    }
    return compute;
  };
  return compile;
}

function compileNode(e: Expr, compile: Compiler): Compute {
  const scalar = laneOf(e.type);
  switch (e.k) {
    case "const": {
      const value = convert("f64", scalar, e.value);
      const lanes = zeros(e).map(() => value);
      return () => lanes;
    }
    case "var":
      return (m) => m.variables[e.id] ?? zeros(e);
    case "load": {
      const address = compileAddress(e, compile);
      const bytes = elemBytes[e.elem];
      const lanes = isVector(e.type) ? [0, 1, 2, 3] : [0];
      return (m) => {
        const at = address(m);
        return lanes.map((l) => read(m.memory, e.elem, e.splat ? at : at + l * bytes));
      };
    }
    case "unary": {
      const f = unaryFunction(e.op, scalar) ?? missing(e.op, scalar);
      const a = compile(e.a);
      return (m) => a(m).map((x) => f(x));
    }
    case "binary": {
      const f = binaryFunction(e.op, scalar) ?? missing(e.op, scalar);
      const shift = e.op === "shl" || e.op === "shr" || e.op === "shru";
      const [a, b] = [compile(e.a), compile(e.b)];
      return (m) => zip(a(m), b(m), shift, f);
    }
    case "compare": {
      const f = compareFunctions[e.op];
      const [a, b] = [compile(e.a), compile(e.b)];
      return (m) => zip(a(m), b(m), false, (x, y) => Number(f(x, y)));
    }
    case "select": {
      const [c, a, b] = [compile(e.c), compile(e.a), compile(e.b)];
      return (m) => {
        const [yes, no] = [a(m), b(m)];
        return c(m).map((bit, l) => (bit !== 0 ? yes : no)[l] ?? 0);
      };
    }
    case "fma": {
      const [a, b, c] = [compile(e.a), compile(e.b), compile(e.c)];
      return (m) => {
        const [y, z] = [b(m), c(m)];
        return a(m).map((x, l) => fusedMultiplyAdd(scalar, Number(x), Number(y[l]), Number(z[l])));
      };
    }
    case "cast": {
      const a = compile(e.a);
      const from = laneOf(e.a.type);
      const spread = isVector(e.type) && !isVector(e.a.type);
      return (m) => {
        const values = a(m).map((x) => (from === scalar ? x : convert(from, scalar, x)));
        return spread ? zeros(e).map(() => values[0] ?? 0) : values;
      };
    }
    case "bits": {
      const a = compile(e.a);
      const from = laneOf(e.a.type);
      return (m) => a(m).map((x) => reinterpret(from, scalar, x));
    }
    case "lane": {
      const a = compile(e.a);
      return (m) => [a(m)[e.lane] ?? 0];
    }
    case "shuffle": {
      const [a, b] = [compile(e.a), compile(e.b)];
      return (m) => {
        const both = [...a(m), ...b(m)];
        return e.lanes.map((l) => both[l] ?? 0);
      };
    }
    default:
      e satisfies never;
      return missing("node", scalar);
  }
}

function missing(op: string, type: string): never {
  throw new KernelError(`interpret: no ${op} of ${type}`);
}

/** The amount of a shift is one scalar, of any integer type. */
function zip(a: Lanes, b: Lanes, shift: boolean, f: (x: Value, y: Value) => Value): Lanes {
  if (!shift) return a.map((x, l) => f(x, b[l] ?? 0));
  const amount = b[0] ?? 0;
  return a.map((x) => f(x, typeof x === "bigint" ? BigInt(amount) : amount));
}

function read(memory: DataView, elem: Elem, at: number): Value {
  switch (elem) {
    case "f32":
      return memory.getFloat32(at, true);
    case "f64":
      return memory.getFloat64(at, true);
    case "i32":
      return memory.getInt32(at, true);
    case "i64":
      return memory.getBigInt64(at, true);
    case "i16":
      return memory.getInt16(at, true);
    case "u16":
      return memory.getUint16(at, true);
    case "i8":
      return memory.getInt8(at);
    case "u8":
      return memory.getUint8(at);
    default:
      elem satisfies never;
      return 0;
  }
}

function write(memory: DataView, elem: Elem, at: number, value: Value): void {
  switch (elem) {
    case "f32":
      return memory.setFloat32(at, Number(value), true);
    case "f64":
      return memory.setFloat64(at, Number(value), true);
    case "i32":
      return memory.setInt32(at, Number(value), true);
    case "i64":
      return memory.setBigInt64(at, BigInt(value), true);
    case "i16":
    case "u16":
      return memory.setInt16(at, Number(value), true);
    case "i8":
    case "u8":
      return memory.setInt8(at, Number(value));
    default:
      elem satisfies never;
  }
}
