// Loops, memory, and what statements share: emitted code against the interpreter, on kernels written for a corner and
// on random ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertSame, dataStart, instantiate, targets } from "../../../test/emitted.ts";
import type { Block } from "../../ir/build.ts";
import * as b from "../../ir/build.ts";
import type { Expr, Kernel, Type, Var } from "../../ir/ir.ts";

const [xAt, yAt, outAt] = [dataStart, dataStart + 2048, dataStart + 4096];
const pointers = { x: "ptr", y: "ptr", out: "ptr" } as const;
const addresses = [xAt, yAt, outAt];
type Pointers = { readonly [p in keyof typeof pointers]: Var };

function fill(memory: ArrayBuffer): void {
  const words = new Int32Array(memory, xAt, 1024);
  for (let i = 0; i < 1024; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) >> (i % 20); // all sizes and signs
}
function run(name: string, body: (k: Block, p: Pointers) => void, tasks = 8): void {
  assertSame(b.kernel(name, pointers, body), addresses, tasks, fill);
}

test("loops: nested, empty, stepped, from below zero", () => {
  run("loops", (k, { x, out }) => {
    const sum = k.let("sum", b.i32(0));
    k.for(-3, k.end, 2, (i) => {
      k.for(i, 5, 3, (j) => k.set(sum, b.add(b.mul(sum, 3), b.sub(j, i))));
      k.for(7, i, 1, () => k.set(sum, 0)); // often empty
      k.store("i32", out, b.add(i, 3), b.add(sum, b.load("i32", x, b.add(i, 3))));
    });
    k.for(5, 5, 1, () => k.store("i32", out, 99, b.i32(1)));
    k.store("i32", out, 50, sum);
  });
});

test("a loop's limit and step are computed once", () => {
  run("once", (k, { out }) => {
    const limit = k.let("limit", b.i32(6));
    const step = k.let("step", b.i32(2));
    k.for(0, limit, step, (i) => {
      k.set(limit, b.add(limit, 10));
      k.set(step, 1);
      k.store("i32", out, i, limit);
    });
  });
});

test("while and if", () => {
  run("collatz", (k, { out }) => {
    k.for(k.begin, k.end, 1, (i) => {
      const n = k.let("n", b.add(i, 1));
      const steps = k.let("steps", b.i32(0));
      k.while(b.ne(n, 1), () => {
        k.if(
          b.eq(b.and(n, 1), 0),
          () => k.set(n, b.shr(n, 1)),
          () => k.set(n, b.add(b.mul(n, 3), 1)),
        );
        k.set(steps, b.add(steps, 1));
      });
      k.if(b.gt(steps, 6), () => k.store("i32", out, i, steps));
    });
  });
});

test("addresses follow their variables", () => {
  run("moving", (k, { x, out }) => {
    const p = k.let("p", x);
    const i = k.let("i", b.i32(1));
    k.store("i32", out, 0, b.load("i32", p, i));
    k.set(i, 2);
    k.store("i32", out, 1, b.load("i32", p, i));
    k.if(
      b.lt(b.load("i32", x, 0), 0),
      () => k.set(p, b.add(p, 8)),
      () => k.set(p, b.add(p, 16)),
    );
    k.store("i32", out, 2, b.load("i32", p, i));
    k.for(0, 3, 1, () => {
      k.store("i32", out, b.add(i, 2), b.load("i32", p, i));
      k.set(i, b.add(i, 1));
      k.store("i32", out, b.add(i, 20), b.load("i32", p, i));
    });
    k.store("i32", out, 60, b.load("i32", p, i));
  });
});

test("a load that two statements share is made twice", () => {
  run("again", (k, { x, y, out }) => {
    const where = b.and(b.load("i32", x, 3), 15);
    k.store("i32", out, where, b.i32(5));
    k.store("i32", x, 3, b.i32(9));
    k.store("i32", out, where, b.i32(6));
    k.store("i32", x, 3, b.i32(11));
    k.store("i32", out, 40, b.load("i32", y, where));
  });
});

test("offsets: constant, negative, of a negative index", () => {
  run("offsets", (k, { x, out }) => {
    k.for(-4, 4, 1, (i) => {
      k.store("i32", out, i, b.load("i32", x, i, 8), 8);
      k.store("i32", out, 20, b.load("i32", x, 9, -3));
      k.store("i32", out, b.add(i, 60), b.load("i32", x, b.add(i, 10), -4), -30);
    });
    k.store("f64", out, 40, b.cast("f64", b.load("u8", b.add(x, 3), 2)), -5);
  });
});

test("narrow elements, as scalars and vectors", () => {
  for (const elem of ["u8", "i8", "u16", "i16", "i32"] as const) {
    run(`narrow ${elem}`, (k, { x, out }) => {
      k.for(0, 64, 4, (i) => {
        const four = k.let("four", b.load4(elem, x, i));
        k.store("i32", out, i, four);
        k.store("i32", out, i, b.load(elem, x, i, 1), 64);
        k.store("i32", out, i, b.loadSplat(elem, x, i, 2), 128);
        k.store(elem, out, i, b.add(b.mul(four, 77), 1000), 256 * 4);
        k.store(elem, out, i, b.mul(four, 3), 400 * 4, 1);
        k.store(elem, out, i, b.mul(b.load(elem, x, i), -5), 400 * 4 + 2);
      });
    });
  }
  run("one lane", (k, { x, out }) => {
    k.store("f32", out, 1, b.cast("f32x4", b.load4("i32", x, 5)), 0, 1);
    k.store("i32", out, 3, b.load4("i32", x, 5), 0, 1);
    k.store("i64", out, 4, b.mul(b.cast("i64", b.load("i32", x, 7)), b.load("i64", x, 4)));
  });
});

test("lanes are computed before any is stored", () => {
  run("reverse", (k, { x }) => {
    const v = b.load4("i32", x, 0);
    k.store("i32", x, 0, b.shuffle(v, v, [3, 2, 1, 0]));
    const w = k.let("w", b.load4("i32", x, 8));
    k.set(w, b.shuffle(w, b.add(w, 1), [3, 4, 1, 6]));
    k.store("i32", x, 8, w);
  });
});

test("a variable without a value is zero", () => {
  run("zero", (k, { out }) => {
    const [i, f, v] = [k.declare("i64", "i"), k.declare("f64", "f"), k.declare("f32x4", "v")];
    k.store("f32", out, 4, v);
    k.store("i64", out, 0, i);
    k.store("f64", out, 1, f);
    k.for(0, 3, 1, () => {
      k.set(i, b.add(i, 5));
      k.set(f, b.sub(f, 0.5));
      k.set(v, b.add(v, 1));
    });
    k.store("i64", out, 10, i);
    k.store("f64", out, 11, f);
    k.store("f32", out, 40, v);
  });
});

test("begin, end, thread and parameters reach the kernel", () => {
  const k = b.kernel("arguments", { out: "ptr", i: "i32", f: "f32", d: "f64" }, (k, { out, i, f, d }) => {
    k.store("i32", out, 0, k.begin);
    k.store("i32", out, 1, k.end);
    k.store("i32", out, 2, k.thread);
    k.store("i32", out, 3, i);
    k.store("f32", out, 4, f);
    k.store("f64", out, 3, d);
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  instantiate(k, targets.simd, memory)([outAt, -7, 0.1, 0.1], 3, 9, 2);
  assert.deepEqual([...new Int32Array(memory.buffer, outAt, 4)], [3, 9, 2, -7]);
  assert.equal(new Float32Array(memory.buffer, outAt)[4], Math.fround(0.1));
  assert.equal(new Float64Array(memory.buffer, outAt)[3], 0.1);
});

test("addresses beyond 2 GiB", () => {
  const scale = b.kernel("far", { x: "ptr", y: "ptr", rows: "i32" }, (k, { x, y, rows }) => {
    k.for(0, rows, 4, (i) => {
      k.store("f32", y, i, b.mul(b.load4("f32", x, i), 2));
      k.store("f32", y, i, b.mul(b.load("f32", x, i, 4), 3), 4);
      k.store("f32", y, b.sub(i, 8), b.load("f32", x, i, -2), 2);
    });
  });
  const bytes = 40000 * 65536;
  const memory = new WebAssembly.Memory({ initial: 40000, maximum: 65536, shared: true });
  const [x, y] = [bytes - 4096, 2 ** 31 + 4096];
  const source = new Float32Array(memory.buffer, x, 1024);
  source.forEach((_, i) => {
    source[i] = i;
  });
  for (const target of [targets.relaxed, targets.scalar]) {
    new Float32Array(memory.buffer, y - 4096, 2048).fill(0);
    instantiate(scale, target, memory)([x, y, 8], 0, 1, 0);
    assert.deepEqual([...new Float32Array(memory.buffer, y, 9)], [0, 2, 4, 6, 8, 10, 12, 14, 24]);
  }
  const last = b.kernel("last", { x: "ptr" }, (k, { x }) => k.store("i32", x, 1023, b.i32(5)));
  instantiate(last, targets.simd, memory)([x], 0, 1, 0);
  assert.throws(() => instantiate(last, targets.simd, memory)([x + 4], 0, 1, 0), WebAssembly.RuntimeError);
});

/** A generator of kernels: the same seed gives the same one. */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * n);
  }
  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T; // never empty
  }
}

const valueTypes = ["i32", "f32", "i32x4", "f32x4"] as const;

function randomKernel(seed: number): Kernel {
  const r = new Random(seed);
  return b.kernel(`random ${seed}`, pointers, (k, { x, y, out }) => {
    const variables: Var[] = [];
    const recent: Expr[] = []; // drawn again, so that nodes are shared within and between statements
    const place = (): Expr => b.and(expression("i32", 2), 255);
    const expression = (type: Type, depth: number): Expr => {
      const known = [...variables, ...recent].filter((e) => e.type === type);
      if (known.length > 0 && r.below(3) === 0) return r.of(known);
      const e = depth === 0 ? leaf(type) : node(type, depth - 1);
      if (r.below(3) === 0 && recent.length < 40) recent.push(e);
      return e;
    };
    const leaf = (type: Type): Expr => {
      if (type === "bool" || type === "boolx4") return b.lt(leaf(type === "bool" ? "i32" : "i32x4"), 3);
      const vector = type === "i32x4" || type === "f32x4";
      if (r.below(2) === 0)
        return b.constant(
          type,
          r.of([0, 1, 2, 3, -1, 7, 16, 1.5].map((c) => (type.startsWith("i") ? Math.trunc(c) : c))),
        );
      const base = r.of([x, y, out]);
      if (type.startsWith("i"))
        return vector
          ? b.load4(r.of(["i32", "u8", "i16"]), base, r.below(100))
          : b.load(r.of(["i32", "i8"]), base, r.below(100));
      return b.cast(type, vector ? b.load4("i16", base, r.below(100)) : b.load("i16", base, r.below(100)));
    };
    const node = (type: Type, depth: number): Expr => {
      const e = (t: Type): Expr => expression(t, depth);
      if (type === "bool" || type === "boolx4") {
        const operand = r.of(type === "bool" ? (["i32", "f32"] as const) : (["i32x4", "f32x4"] as const));
        const pick = r.below(4);
        if (pick === 0) return b.not(e(type));
        if (pick === 1) return b.binary(r.of(["and", "or", "xor"]), e(type), e(type));
        return b.compare(r.of(["eq", "ne", "lt", "le", "gt", "ge"]), e(operand), e(operand));
      }
      const vector = type === "i32x4" || type === "f32x4";
      const pick = r.below(8);
      if (pick === 0) return b.select(e(vector ? "boolx4" : "bool"), e(type), e(type));
      if (pick === 1)
        return vector
          ? b.shuffle(e(type), e(type), [r.below(8), r.below(8), r.below(8), r.below(8)])
          : b.lane(e(`${type as "i32"}x4`), r.below(4));
      if (pick === 2)
        return vector ? b.splat(e(type === "i32x4" ? "i32" : "f32")) : b.cast(type, e(type === "i32" ? "f32" : "i32"));
      if (type.startsWith("i")) {
        if (pick === 3) return b.binary(r.of(["shl", "shr", "shru"]), e(type), vector ? r.below(40) : e(type));
        if (pick === 4) return b.unary(r.of(["neg", "abs", "not"]), e(type));
        if (pick === 5 && !vector) return b.load("i32", r.of([x, y, out]), place(), r.below(9) - 4);
        return b.binary(r.of(["add", "sub", "mul", "div", "rem", "min", "max", "and", "or", "xor"]), e(type), e(type));
      }
      if (pick === 3) return b.unary(r.of(["neg", "abs", "floor", "trunc", "round"]), e(type));
      return b.binary(r.of(["add", "sub", "mul"]), e(type), e(type));
    };
    const statements = (depth: number): void => {
      for (let n = 2 + r.below(4); n > 0; n--) statement(depth);
    };
    const statement = (depth: number): void => {
      const type = r.of(valueTypes);
      const pick = r.below(depth === 0 ? 6 : 9);
      if (pick < 2 && variables.length < 12) variables.push(k.let("v", expression(type, 3)));
      else if (pick < 4 && variables.length > 0) {
        const target = r.of(variables);
        k.set(target, expression(target.type, 3));
      } else if (pick < 6) {
        const value = type.startsWith("f")
          ? b.cast(type === "f32" ? "i32" : "i32x4", expression(type, 3))
          : expression(type, 3);
        k.store(r.of(["i32", "u8", "i16"]), r.of([x, y, out]), place(), value, r.below(6), r.of([1, 4]));
      } else if (pick === 6)
        k.for(r.below(4), b.and(expression("i32", 1), 7), 1 + r.below(3), () => statements(depth - 1));
      else if (pick === 7) {
        const count = k.let("count", b.and(expression("i32", 1), 3));
        k.while(b.gt(count, 0), () => {
          statements(depth - 1);
          k.set(count, b.sub(count, 1));
        });
      } else
        k.if(
          expression("bool", 2),
          () => statements(depth - 1),
          () => statements(depth - 1),
        );
    };
    for (let n = 0; n < 4; n++) statements(2);
  });
}

test("random kernels", () => {
  for (let seed = 1; seed <= 60; seed++) assertSame(randomKernel(seed), addresses, 4, fill);
});
