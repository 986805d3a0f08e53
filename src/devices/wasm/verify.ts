// Is revectorised code right on this machine? Two kernels of the kinds that matter are compiled with and without it and
// must give the same bits: 256-bit operations round as 128-bit ones do.

import type { Target } from "../../emit/wasm/emit.ts";
import { emitKernel } from "../../emit/wasm/emit.ts";
import * as b from "../../ir/build.ts";
import type { Expr, Kernel } from "../../ir/ir.ts";
import { mathImports } from "../../ir/math.ts";
import { compileModule } from "./compile.ts";
import type { Run } from "./phases.ts";

/** A register tile of a matmul: c [4, 16] += a [depth, 4] b [depth, 16]. */
function tile(name: string): Kernel {
  return b.kernel(name, { x: "ptr", y: "ptr", z: "ptr", depth: "i32" }, (k, { x, y, z, depth }) => {
    const sums = Array.from({ length: 16 }, (_, i) => k.let(`c${i}`, b.load4("f32", z, 0, 4 * i)));
    k.for(0, depth, 1, (p) => {
      const row = [0, 4, 8, 12].map((j) => k.let(`b${j}`, b.load4("f32", y, b.mul(p, 16), j)));
      for (let i = 0; i < 4; i++) {
        const a = k.let(`a${i}`, b.loadSplat("f32", x, b.mul(p, 4), i));
        row.forEach((r, j) => k.set(sums[4 * i + j]!, b.fma(a, r, sums[4 * i + j]!)));
      }
    });
    sums.forEach((c, i) => k.store("f32", z, 0, c, 4 * i));
  });
}

/** Every kind of pointwise operation, two vectors a turn. */
function medley(name: string): Kernel {
  return b.kernel(name, { x: "ptr", y: "ptr", z: "ptr", n: "i32" }, (k, { x, y, z, n }) => {
    k.for(0, n, 8, (i) => {
      const vectors = [0, 4].map((j) => mix(b.load4("f32", x, i, j), b.load4("f32", y, i, j)));
      vectors.forEach((v, j) => k.store("f32", z, i, v, 4 * j));
    });
  });
}

function mix(x: Expr, y: Expr): Expr {
  const whole = b.cast("i32x4", b.round(b.mul(x, 1.5)));
  const scale = b.bits("f32x4", b.shl(b.add(b.and(whole, 15), 120), 23)); // 2 ** -7 … 2 ** 8
  const smooth = b.add(b.exp(b.min(x, y)), b.mul(b.tanh(y), b.sqrt(b.abs(x))));
  const rough = b.sub(b.div(x, b.max(y, 0.25)), b.floor(b.neg(y)));
  return b.fma(scale, b.select(b.lt(x, y), smooth, rough), b.cast("f32x4", b.shr(whole, 1)));
}

const depth = 24;
const elements = 96;

function bitsOf(make: (name: string) => Kernel, wide: boolean, target: Target): Int32Array {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: target.maxPages, shared: target.sharedMemory });
  // The name makes the bytes differ, else V8 would reuse the first result.
  const bytes = emitKernel(make(wide ? "verify wide" : "verify"), target);
  const { exports } = new WebAssembly.Instance(compileModule(bytes, wide), { env: { memory }, math: mathImports });
  const [x, y, z] = [1024, 4096, 16384];
  const f32 = new Float32Array(memory.buffer);
  for (let i = 0; i < 16 * depth; i++) {
    f32[x / 4 + i] = Math.fround(((i * 37) % 101) / 9 - 5.3);
    f32[y / 4 + i] = Math.fround(((i * 53) % 97) / 11 - 4.1);
  }
  const words = new Int32Array(memory.buffer);
  words[0] = x;
  words[2] = y;
  words[4] = z;
  words[6] = make === tile ? depth : elements;
  (exports.run as Run)(0, 0, 1, 0); // what emitKernel exports
  return words.slice(z / 4, z / 4 + elements);
}

export function isWideRight(target: Target): boolean {
  const small: Target = { ...target, sharedMemory: false, minPages: 1, maxPages: 1 };
  return [tile, medley].every((make) => {
    const plain = bitsOf(make, false, small);
    const wide = bitsOf(make, true, small);
    return plain.every((bits, i) => bits === wide[i]);
  });
}
