// How far f32 functions are from the mathematical ones, in units of the last place, over all magnitudes; and that
// scalars, vectors and, where V8 has it, pairs of vectors give the same bits.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import type { Run } from "../../../test/emitted.ts";
import { instantiate, targets } from "../../../test/emitted.ts";
import * as b from "../../ir/build.ts";
import type { Expr, Kernel, UnaryOp } from "../../ir/ir.ts";
import type { MathName } from "../../ir/math.ts";
import { mathImports } from "../../ir/math.ts";

const N = 4096;
const [xAt, yAt, zAt, wAt] = [65536, 131072, 196608, 262144];
const memory = new WebAssembly.Memory({ initial: 8, maximum: 65536, shared: true });
const floats = new Float32Array(memory.buffer);
const words = new Uint32Array(memory.buffer);
const part = (at: number): Float32Array => floats.subarray(at / 4, at / 4 + N);

/** y: by vectors, in the shape that V8 pairs; z: by scalars. */
function both(name: string, f: (x: Expr, w: Expr) => Expr): Kernel {
  return b.kernel(name, { x: "ptr", y: "ptr", z: "ptr", w: "ptr" }, (k, { x, y, z, w }) => {
    k.for(k.begin, k.end, 8, (i) => {
      const loaded = [0, 4].map((o) => [b.load4("f32", x, i, o), b.load4("f32", w, i, o)] as const);
      const pairs = loaded.map(([a, c]) => [k.let("a", a), k.let("c", c)] as const);
      const [low, high] = pairs.map(([a, c]) => k.let("f", f(a, c))) as [Expr, Expr]; // two
      k.store("f32", y, i, high, 4);
      k.store("f32", y, i, low);
    });
    k.for(k.begin, k.end, 1, (i) => k.store("f32", z, i, f(b.load("f32", x, i), b.load("f32", w, i))));
  });
}

function ulp(value: number): number {
  return 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -126) - 23);
}

/** The largest error over `inputs` batches of N; results under 2^-125 may be zero, and infinities must be equal. */
function worst(
  run: Run,
  exact: (x: number, w: number) => number,
  batches: Iterable<unknown>,
): { ulps: number; at: string } {
  let [ulps, at] = [0, ""];
  for (const _ of batches) {
    run([xAt, yAt, zAt, wAt], 0, N, 0);
    const [x, y, z, w] = [part(xAt), part(yAt), part(zAt), part(wAt)];
    for (let i = 0; i < N; i++) {
      const [a, c, got] = [x[i] ?? 0, w[i] ?? 0, y[i] ?? 0];
      assert.ok(Object.is(got, z[i]), `${a}, ${c}: ${got} by vectors, ${z[i]} by scalars`);
      const want = exact(a, c);
      const rounded = Math.fround(want);
      let error = Math.abs(got - want) / ulp(want);
      if (Object.is(got, rounded) || (Math.abs(rounded) < 2 ** -125 && Math.abs(got) < 2 ** -125)) error = 0;
      else if (!Number.isFinite(rounded)) error = Infinity;
      if (error > ulps) [ulps, at] = [error, `f(${a}, ${c}) = ${got}, not ${want}`];
    }
  }
  return { ulps, at };
}

/** Floats of every sign and exponent, up to `limit`. */
function* everyMagnitude(limit: number, step: number): Iterable<void> {
  const x = part(xAt);
  const last = new Uint32Array(Float32Array.of(limit).buffer)[0] ?? 0;
  for (const sign of [0, 0x80000000]) {
    for (let bits = 0; bits <= last; bits += step * N) {
      for (let i = 0; i < N; i++) words[xAt / 4 + i] = sign + Math.min(bits + i * step, last);
      if (bits === 0) x.set([Infinity, -Infinity, NaN, 1, -1, 0.5, -0.5, 1e-45]);
      yield;
    }
  }
}

/** `count` batches between two values. */
function* between(low: number, high: number, count: number): Iterable<void> {
  for (let n = 0; n < count; n++) {
    part(xAt).forEach((_, i, x) => {
      x[i] = low + ((high - low) * (i * count + n)) / (N * count);
    });
    yield;
  }
}

const functions: readonly { op: UnaryOp & MathName; ulps: number; limit: number; near: readonly [number, number] }[] = [
  { op: "exp", ulps: 1.2, limit: Infinity, near: [-90, 90] },
  { op: "expm1", ulps: 1.5, limit: Infinity, near: [-2, 2] },
  { op: "log", ulps: 1.1, limit: Infinity, near: [0.3, 3] },
  { op: "log1p", ulps: 1.7, limit: Infinity, near: [-0.9, 1.5] },
  { op: "sin", ulps: 2.5, limit: 1e5, near: [-20, 20] },
  { op: "cos", ulps: 2.5, limit: 1e5, near: [-20, 20] },
  { op: "tanh", ulps: 2.7, limit: Infinity, near: [-3, 3] },
  { op: "erf", ulps: 1.8, limit: Infinity, near: [-3, 3] },
];

for (const { op, ulps, limit, near } of functions) {
  for (const target of ["relaxed", "simd"] as const) {
    test(`${op} on ${target} is within ${ulps} ulp`, () => {
      const run = instantiate(
        both(op, (x) => b.unary(op, x)),
        targets[target],
        memory,
      );
      const exact = (x: number): number => mathImports[op](x, 0);
      // an odd step meets all kinds of mantissas
      const everywhere = worst(run, exact, everyMagnitude(limit, 20011));
      const closely = worst(run, exact, between(near[0], near[1], 30));
      const found = everywhere.ulps > closely.ulps ? everywhere : closely;
      assert.ok(found.ulps <= ulps, `${found.ulps.toFixed(2)} ulp: ${found.at}`);
    });
  }
}

test("normalCdf is within 2.1e-7 left of 0, 3.6 ulp right of it, and 0 or 1 far away", () => {
  for (const target of ["relaxed", "simd"] as const) {
    const run = instantiate(both("normalCdf", b.normalCdf), targets[target], memory);
    const batches = function* (): Iterable<void> {
      yield* everyMagnitude(Infinity, 20011);
      yield* between(-6, 6, 60);
    };
    for (const _ of batches()) {
      run([xAt, yAt, zAt, wAt], 0, N, 0);
      const [x, y, z] = [part(xAt), part(yAt), part(zAt)];
      x.forEach((at, i) => {
        const [want, got] = [mathImports.normalCdf(at, 0), y[i] ?? NaN];
        assert.ok(Object.is(got, z[i]), `${at}: ${got} by vectors, ${z[i]} by scalars`);
        if (Math.abs(at) > 6) assert.equal(got, Math.round(want), `at ${at}`);
        if (!Number.isNaN(want)) assert.ok(Math.abs(got - want) <= 2.1e-7, `at ${at} ${got}, not ${want}`);
        else assert.ok(Number.isNaN(got), `at ${at} ${got}`);
        if (at > 0) assert.ok(Math.abs(got - want) <= 3.6 * ulp(0.5), `at ${at} ${got}, not ${want}`);
      });
    }
  }
});

test("functions stay within their bounds", () => {
  for (const op of ["tanh", "erf", "sin", "cos"] as const) {
    const run = instantiate(
      both(op, (x) => b.unary(op, x)),
      targets.relaxed,
      memory,
    );
    for (const _ of everyMagnitude(3.4e38, 50021)) {
      run([xAt, yAt, zAt, wAt], 0, N, 0);
      part(yAt).forEach((y, i) => assert.ok(Math.abs(y) <= 1 || !(Math.abs(part(xAt)[i] ?? 0) < 1e39), `${op}: ${y}`));
    }
  }
});

test("pow is within an ulp, and C's at the corners", () => {
  const run = instantiate(
    both("pow", (x, w) => b.pow(x, w)),
    targets.relaxed,
    memory,
  );
  function* powers(): Iterable<void> {
    for (const exponent of [-37.5, -3, -2.5, -1, -0.3, 0, 1 / 3, 0.9999, 2, 2.0001, 5, 7.25, 31]) {
      part(wAt).fill(exponent);
      yield* everyMagnitude(Infinity, 500009);
      yield* between(0.5, 2, 2);
    }
    const corners = [
      0,
      -0,
      1,
      -1,
      2,
      -2,
      3,
      -3,
      0.5,
      -0.5,
      2.5,
      -7,
      Infinity,
      -Infinity,
      NaN,
      1e30,
      -1e-30,
      1e-45,
      16777216,
      16777217,
    ];
    corners.forEach((x, i) => corners.forEach((w, j) => [(part(xAt)[i * 20 + j] = x), (part(wAt)[i * 20 + j] = w)]));
    yield;
  }
  const found = worst(run, mathImports.pow, powers());
  assert.ok(found.ulps <= 1, `${found.ulps.toFixed(2)} ulp: ${found.at}`);
});

test("f64 functions are accurate", () => {
  // https://dlmf.nist.gov/7.23: erfc(2) and, by mpmath, half of erfc of 3.5 and 6
  for (const [x, want] of [
    [-2 * Math.SQRT2, 0.0046777349810472658 / 2],
    [-3.5 * Math.SQRT2, 3.715491861707064e-7],
    [-6 * Math.SQRT2, 1.0759868356249458e-17],
  ] as const) {
    const got = mathImports.normalCdf(x, 0);
    assert.ok(Math.abs(got - want) <= 1e-13 * want, `normalCdf ${x} is ${got}, not ${want}`);
    assert.ok(Math.abs(mathImports.normalCdf(-x, 0) - 1) <= want * 1.0000001);
  }
  // https://dlmf.nist.gov/7.23 and 40 digits by mpmath
  const erfs = [
    [1e-5, 1.1283791670579e-5],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.9, 0.9999589021219005],
    [3.1, 0.9999883513426328],
    [5.5, 0.9999999999999927],
  ] as const;
  for (const [x, want] of erfs) {
    assert.ok(Math.abs(mathImports.erf(x, 0) - want) <= 1e-15 * want, `erf ${x} is ${mathImports.erf(x, 0)}`);
    assert.equal(mathImports.erf(-x, 0), -mathImports.erf(x, 0));
  }
  assert.ok(
    Object.is(mathImports.erf(-0, 0), -0) &&
      mathImports.erf(-Infinity, 0) === -1 &&
      Number.isNaN(mathImports.erf(NaN, 0)),
  );
});

test("pairs of vectors give the same bits", () => {
  const f = (x: Expr): Expr =>
    b.add(b.mul(b.erf(x), b.exp(b.neg(x))), b.add(b.tanh(x), b.mul(b.sin(x), b.log1p(b.abs(x)))));
  const outcome = (name: string): Uint8Array => {
    const run = instantiate(both(name, f), targets.relaxed, memory);
    for (const _ of between(-5, 5, 1)) for (let turn = 0; turn < 500; turn++) run([xAt, yAt, zAt, wAt], 0, N, 0); // until it is optimised
    return new Uint8Array(part(yAt).slice().buffer);
  };
  const alone = outcome("alone");
  setFlagsFromString("--experimental-wasm-revectorize");
  assert.deepEqual(outcome("paired"), alone);
});
