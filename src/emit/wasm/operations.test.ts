// Every operation on every type it has, over values at the edges: emitted code against the interpreter.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dataStart, runEverywhere } from "../../../test/emitted.ts";
import type { Block } from "../../ir/build.ts";
import * as b from "../../ir/build.ts";
import type { ArithmeticOp, CompareOp, Elem, Expr, Kernel, Scalar, Type, UnaryOp, Var } from "../../ir/ir.ts";
import { isFloat, isVector, laneOf, vectorOf } from "../../ir/ir.ts";

const unaryOps: readonly UnaryOp[] = [
  "neg", "abs", "sqrt", "floor", "ceil", "trunc", "round", "exp", "log", "log1p", "expm1", "sin", "cos", "tanh", "erf", "normalCdf", "not",
]; // biome-ignore format: one list
const binaryOps: readonly ArithmeticOp[] = [
  "add", "sub", "mul", "div", "rem", "min", "max", "pow", "and", "or", "xor", "shl", "shr", "shru",
]; // biome-ignore format: one list
const compareOps: readonly CompareOp[] = ["eq", "ne", "lt", "le", "gt", "ge", "ltu"];
const scalars: readonly Scalar[] = ["f32", "f64", "i32", "i64", "bool"];
const types: readonly Type[] = [...scalars, "f32x4", "i32x4", "boolx4"];

const floats = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3,
  1e-40,
  -7.25,
  100.75,
  88.7,
  -87,
  1e10,
  -3e38,
  2 ** 31,
  -(2 ** 31),
  2 ** 63,
];
const odd = [Infinity, -Infinity, NaN];
const integers = [0, 1, -1, 2, 3, -3, 7, 31, 32, 33, 255, 65536, -65537, 2147483647, -2147483648, 123456789];
const longs = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -(2n ** 40n) - 3n, 2n ** 62n + 2n ** 38n + 1n];

/** Values of one type in memory, a multiple of four of them; bools lie as i32. */
interface Column {
  readonly elem: Elem;
  readonly count: number;
  write(memory: ArrayBuffer, at: number): void;
}

function column(type: Scalar): Column {
  const elem: Elem = type === "bool" ? "i32" : type;
  const numbers = type === "bool" ? [0, 1, 1, 0] : isFloat(type) ? [...floats, ...odd, 0.75] : integers;
  if (type === "i64") {
    const all = [...integers.map(BigInt), ...longs, 5n, 6n, 7n];
    return { elem, count: all.length, write: (m, at) => new BigInt64Array(m, at).set(all) };
  }
  const array = { f32: Float32Array, f64: Float64Array, i32: Int32Array, bool: Int32Array }[type];
  return { elem, count: numbers.length, write: (m, at) => new array(m, at).set(numbers) };
}

const pitch = 8 * 32;
const [aAt, bAt, outAt] = [dataStart, dataStart + pitch, dataStart + 2 * pitch];

function loadAs(type: Type, elem: Elem, base: Expr, index: Expr): Expr {
  const value = isVector(type) ? b.load4(elem, base, index) : b.load(elem, base, index);
  return laneOf(type) === "bool" ? b.cast(type, value) : value;
}
function storeAs(k: Block, base: Expr, index: Expr, value: Expr): void {
  const lane = laneOf(value.type);
  const plain = lane === "bool" ? b.cast(isVector(value.type) ? "i32x4" : "i32", value) : value;
  k.store(lane === "bool" ? "i32" : lane, base, index, plain);
}

/** out[i * n + j] = f(a[i], b[j]): each of the first operand with each of the second (as vectors, shifted against it). */
function pairs(name: string, type: Type, elem: Elem, count: number, f: (x: Expr, y: Expr) => Expr): Kernel {
  return b.kernel(name, { x: "ptr", y: "ptr", out: "ptr" }, (k, { x, y, out }) => {
    const step = isVector(type) ? 4 : 1;
    k.for(0, count, 1, (i) => {
      k.for(0, count, step, (j) => {
        const first = isVector(type) ? b.splat(loadAs(laneOf(type), elem, x, i)) : loadAs(type, elem, x, i);
        storeAs(k, out, b.add(b.mul(i, count), j), f(first, loadAs(type, elem, y, j)));
      });
    });
  });
}

type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array;

function results(type: Type, memory: ArrayBufferLike, count: number): Numbers {
  const lane = laneOf(type);
  if (lane === "f32") return new Float32Array(memory, outAt, count);
  if (lane === "f64") return new Float64Array(memory, outAt, count);
  return lane === "i64" ? new BigInt64Array(memory, outAt, count) : new Int32Array(memory, outAt, count);
}

/** Differences allowed, and whether zeros may differ in sign. */
interface Slack {
  readonly absolute?: number;
  readonly relative?: number;
  readonly zeros?: boolean;
}

function close(
  want: number | bigint,
  have: number | bigint,
  { absolute = 0, relative = 0, zeros = false }: Slack,
): boolean {
  if (Object.is(want, have)) return true;
  if (typeof want !== "number" || typeof have !== "number") return false;
  if (zeros && want === have) return true;
  if (absolute + relative === 0) return false;
  const flushed = 2e-38; // results below it may be zero
  return Math.abs(want - have) <= Math.max(relative * Math.abs(want), flushed, absolute);
}

function check(kernel: Kernel, operand: Scalar, result: Type, count: number, slack: Slack = {}): void {
  const { write } = column(operand);
  const { meant, got } = runEverywhere(kernel, [aAt, bAt, outAt], 1, (memory) => {
    write(memory, aAt);
    write(memory, bAt);
  });
  const wants = results(result, meant, count);
  for (const [target, memory] of got) {
    const haves = results(result, memory, count);
    wants.forEach((want, i) => {
      const have = haves[i] ?? NaN;
      assert.ok(close(want, have, slack), `${kernel.name} on ${target}: result ${i} is ${have}, not ${want}`);
    });
  }
}

const inexact: ReadonlySet<string> = new Set(["exp", "log", "log1p", "expm1", "sin", "cos", "tanh", "erf", "pow"]);
function slackOf(op: string, type: Type): Slack {
  if (op === "min" || op === "max") return { zeros: true };
  if (op === "pow" && type === "f64") return { relative: 1e-15 }; // x^3 is two products
  if (op === "normalCdf" && laneOf(type) === "f32") return { absolute: 2.5e-7 };
  if (inexact.has(op) && laneOf(type) === "f32") return { relative: 4e-7, zeros: true };
  return {};
}

function has(build: () => unknown): boolean {
  try {
    build();
    return true;
  } catch {
    return false;
  }
}

for (const type of types) {
  const lane = laneOf(type);
  const { elem, count } = column(lane);
  const probe: Var = { k: "var", type, name: "x", id: 9 };

  for (const op of unaryOps) {
    if (!has(() => b.unary(op, probe))) continue;
    test(`${op} of ${type}`, () => {
      // large angles have their own test
      const small =
        op === "sin" || op === "cos" ? (x: Expr): Expr => b.select(b.lt(b.abs(x), 1e6), x, 1) : (x: Expr): Expr => x;
      const k = pairs(op, type, elem, count, (_, y) => b.unary(op, isFloat(type) ? small(y) : y));
      check(k, lane, type, count * count, slackOf(op, type));
    });
  }

  for (const op of binaryOps) {
    if (!has(() => b.binary(op, probe, probe))) continue;
    const shift = op === "shl" || op === "shr" || op === "shru";
    test(`${op} of ${type}`, () => {
      if (!(shift && isVector(type))) {
        check(
          pairs(op, type, elem, count, (x, y) => b.binary(op, x, y)),
          lane,
          type,
          count * count,
          slackOf(op, type),
        );
      }
      const constants = shift
        ? [0, 1, 31, 33]
        : lane === "bool"
          ? [0, 1]
          : [0, 1, -1, 2, 3, 8, -0.5].map((c) => (isFloat(type) ? c : Math.trunc(c)));
      for (const c of constants) {
        const base = (y: Expr): Expr => (op === "pow" ? b.select(b.gt(y, -Infinity), y, 1) : y); // its root is PyTorch's
        const k = pairs(`${op} ${c}`, type, elem, count, (_, y) => b.binary(op, base(y), c));
        check(k, lane, type, count * count, {
          ...slackOf(op, type),
          zeros: op === "pow" || op === "min" || op === "max",
        });
        if (shift) continue;
        const turned = pairs(`${c} ${op}`, type, elem, count, (_, y) => b.binary(op, c, y));
        check(turned, lane, type, count * count, slackOf(op, type));
      }
    });
  }

  for (const op of compareOps) {
    if (op === "ltu" && lane !== "i32" && lane !== "i64") continue;
    test(`${op} of ${type}`, () => {
      const k = pairs(op, type, elem, count, (x, y) => b.compare(op, x, y));
      check(k, lane, isVector(type) ? "boolx4" : "bool", count * count);
    });
  }

  test(`select of ${type}`, () => {
    check(
      pairs("select", type, elem, count, (x, y) => b.select(b.lt(x, y), y, x)),
      lane,
      type,
      count * count,
      { zeros: true },
    );
    check(
      pairs("other", type, elem, count, (x, y) => b.select(b.eq(x, y), x, y)),
      lane,
      type,
      count * count,
      { zeros: true },
    );
  });

  for (const to of types) {
    if (isVector(to) !== isVector(type) && !(isVector(to) && laneOf(to) === type)) continue;
    test(`cast of ${type} to ${to}`, () => {
      const k = pairs("cast", type, elem, count, (_, y) =>
        isVector(to) && !isVector(type) ? b.lane(b.cast(to, y), 2) : b.cast(to, y),
      );
      check(k, lane, to, count * count);
    });
  }

  if (isVector(type)) {
    test(`lanes and shuffles of ${type}`, () => {
      const mixed = (x: Expr, y: Expr): Expr => b.shuffle(b.shuffle(x, y, [7, 2, 5, 4]), y, [3, 0, 6, 1]);
      check(pairs("shuffle", type, elem, count, mixed), lane, type, count * count);
      for (const l of [0, 1, 2, 3]) {
        check(
          pairs("lane", type, elem, count, (_, y) => b.splat(b.lane(y, l))),
          lane,
          type,
          count * count,
        );
      }
    });
  }

  const twin: Type | undefined = (
    { f32: "i32", i32: "f32", f64: "i64", i64: "f64", f32x4: "i32x4", i32x4: "f32x4" } as const
  )[
    type as "f32" // the others give undefined
  ];
  if (twin !== undefined) {
    test(`bits of ${type} as ${twin}`, () => {
      check(
        pairs("bits", type, elem, count, (_, y) => b.bits(twin, y)),
        lane,
        twin,
        count * count,
      );
    });
  }

  if (isFloat(type)) {
    test(`fma of ${type}`, () => {
      const exact = (x: Expr): Expr => b.select(b.lt(b.abs(x), 200), x, 3); // fused or not, the same
      check(
        pairs("fma", type, elem, count, (x, y) => b.fma(exact(b.trunc(x)), exact(b.trunc(y)), exact(b.trunc(x)))),
        lane,
        type,
        count * count,
      );
      check(
        pairs("nma", type, elem, count, (x, y) => b.fma(b.neg(exact(b.trunc(x))), exact(b.trunc(y)), 0.5)),
        lane,
        type,
        count * count,
      );
    });
  }
}

test("a vector type exists for every lane of 32 bits", () => {
  assert.deepEqual(scalars.map(vectorOf), ["f32x4", undefined, "i32x4", undefined, "boolx4"]);
});
