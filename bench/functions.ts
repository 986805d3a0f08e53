// What V8 makes of the shapes that docs/kernels.md describes, on one thread: functions of f32 over an array, a sum, and
// register tiles. Prints milliseconds and GFLOP/s, with 256-bit pairs and without.
//
//   node bench/functions.ts [elements]

import { setFlagsFromString } from "node:v8";
import { emitKernel } from "../src/emit/wasm/emit.ts";
import * as b from "../src/ir/build.ts";
import type { Expr, Kernel } from "../src/ir/ir.ts";

const elements = Number(process.argv[2] ?? 3_100_000) & ~31;
const memory = new WebAssembly.Memory({ initial: 2000, maximum: 65536, shared: true });
const floats = new Float32Array(memory.buffer);
const x = 65536;
const y = x + 4 * elements + 4096;
const target = { simd: true, relaxed: true, sharedMemory: true, minPages: 1, maxPages: 65536 };

function start(kernel: Kernel): (args: readonly number[], tasks: number) => void {
  const module = new WebAssembly.Module(emitKernel(kernel, target));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const run = exports["run"] as (args: number, begin: number, end: number, thread: number) => void; // what emitKernel exports
  return (args, tasks) => {
    const slots = new Int32Array(memory.buffer);
    args.forEach((a, i) => {
      slots[2 * i] = a;
    });
    run(0, 0, tasks, 0);
  };
}

/** The fastest of many runs; the first ones are V8's quick compiler's. */
function best(rounds: number, run: () => void): number {
  let ms = Infinity;
  for (let i = 0; i < rounds; i++) {
    const from = performance.now();
    run();
    ms = Math.min(ms, performance.now() - from);
  }
  return ms;
}

function pointwise(name: string, f: (x: Expr) => Expr, vectors: number): Kernel {
  return b.kernel(name, { from: "ptr", to: "ptr" }, (k, { from, to }) => {
    k.for(k.begin, k.end, 4 * vectors, (i) => {
      const offsets = Array.from({ length: vectors }, (_, j) => 4 * j);
      const loaded = offsets.map((o) => k.let("x", b.load4("f32", from, i, o)));
      const values = loaded.map((v) => k.let("y", f(v)));
      for (const [j, value] of [...values.entries()].reverse()) k.store("f32", to, i, value, offsets[j]);
    });
  });
}

/** C [rows, 4 vectors] += A [rows, K] B [K, 4 vectors], both packed by columns of A. */
function tile(name: string, rows: number, vectors: number): Kernel {
  return b.kernel(name, { a: "ptr", bs: "ptr", c: "ptr", K: "i32" }, (k, { a, bs, c, K }) => {
    k.for(k.begin, k.end, 1, () => {
      const sums = Array.from({ length: rows * vectors }, (_, i) => k.let("sum", b.load4("f32", c, 0, 4 * i)));
      const [pa, pb] = [k.let("pa", a), k.let("pb", bs)];
      k.for(0, K, 1, () => {
        const row = Array.from({ length: vectors }, (_, j) => k.let("b", b.load4("f32", pb, 0, 4 * j)));
        for (let r = 0; r < rows; r++) {
          const av = k.let("a", b.loadSplat("f32", pa, 0, r));
          row.forEach((bv, j) => {
            const sum = sums[r * vectors + j]!;
            k.set(sum, b.fma(av, bv, sum));
          });
        }
        k.set(pa, b.add(pa, 4 * rows));
        k.set(pb, b.add(pb, 16 * vectors));
      });
      for (const [i, sum] of [...sums.entries()].reverse()) k.store("f32", c, 0, sum, 4 * i);
    });
  });
}

/** Ends with its accumulators side by side in memory, or only with their sum. */
function sum(name: string, stored: boolean): Kernel {
  return b.kernel(name, { from: "ptr", to: "ptr" }, (k, { from, to }) => {
    const sums = Array.from({ length: 8 }, () => k.let("sum", b.constant("f32x4", 0)));
    k.for(k.begin, k.end, 32, (i) => {
      const loaded = sums.map((_, j) => k.let("x", b.load4("f32", from, i, 4 * j)));
      for (const [j, s] of sums.entries()) k.set(s, b.add(s, loaded[j]!));
    });
    if (stored) for (const [j, s] of [...sums.entries()].reverse()) k.store("f32", to, 0, s, 4 * j);
    const parts: Expr[] = stored ? sums.map((_, j) => b.load4("f32", to, 0, 4 * j)) : sums;
    k.store(
      "f32",
      to,
      0,
      parts.reduce((s, part) => b.add(s, part)),
    );
  });
}

const functions: Record<string, (x: Expr) => Expr> = {
  copy: (v) => v,
  relu: (v) => b.max(v, 0),
  exp: b.exp,
  expm1: b.expm1,
  log: b.log,
  log1p: b.log1p,
  sin: b.sin,
  cos: b.cos,
  tanh: b.tanh,
  erf: b.erf,
  sigmoid: (v) => b.div(1, b.add(b.exp(b.neg(v)), 1)),
  normalCdf: b.normalCdf,
  gelu: (v) => b.mul(v, b.normalCdf(v)),
  pow: (v) => b.pow(v, 2.7),
};

function measure(kind: string): void {
  for (let i = 0; i < elements; i++) floats[x / 4 + i] = (i % 1000) / 100 + 0.01;
  for (const [name, f] of Object.entries(functions)) {
    const times = [1, 2, 4].map((vectors) => {
      const run = start(pointwise(`${name} ${kind}`, f, vectors));
      return best(name === "pow" ? 5 : 60, () => run([x, y], elements)).toFixed(2);
    });
    console.log(`${kind}  ${name.padEnd(8)} ${times.join("  ")} ms for ${elements} elements, 1, 2, 4 vectors a turn`);
  }
  const n = 16384;
  for (const stored of [false, true]) {
    const run = start(sum(`sum ${kind}`, stored));
    const us = 10 * best(60, () => Array.from({ length: 100 }, () => run([x, y], n)));
    console.log(`${kind}  sum      ${us.toFixed(2)} us for ${n} elements, accumulators ${stored ? "stored" : "added"}`);
  }
  const K = 320;
  for (const [rows, vectors] of [
    [4, 4],
    [6, 4],
    [6, 2],
  ] as const) {
    const run = start(tile(`tile ${kind}`, rows, vectors));
    const ms = best(60, () => run([x, x + 65536, y, K], 800));
    const flops = 2 * rows * 4 * vectors * K * 800;
    console.log(`${kind}  tile     ${(flops / ms / 1e6).toFixed(1)} GFLOP/s, ${rows} x ${4 * vectors}`);
  }
}

console.log(`node ${process.version}`);
measure("single");
setFlagsFromString("--experimental-wasm-revectorize");
measure("paired");
