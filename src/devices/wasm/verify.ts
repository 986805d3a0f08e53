// Is revectorised code right on this machine? Two kernels of the kinds that matter are compiled with and without it and
// must give the same bits: 256-bit operations round as 128-bit ones do.

import type { Target } from "../../emit/wasm/emit.ts";
import { emitKernel } from "../../emit/wasm/emit.ts";
import * as b from "../../ir/build.ts";
import type { Expr, Kernel } from "../../ir/ir.ts";
import { Compiler } from "./compile.ts";
import type { Run } from "./phases.ts";

const depth = 24;
const elements = 32;

/** A register tile of a matmul: z [2, 16] += x [depth, 2] y [depth, 16]. */
function tile(): Kernel {
  return b.kernel("verify", { x: "ptr", y: "ptr", z: "ptr" }, (k, { x, y, z }) => {
    k.for(k.begin, k.end, 1, () => {
      const sums = Array.from({ length: 8 }, (_, i) => k.let(`c${i}`, b.load4("f32", z, 0, 4 * i)));
      k.for(0, depth, 1, (p) => {
        const row = [0, 4, 8, 12].map((j) => k.let(`b${j}`, b.load4("f32", y, b.mul(p, 16), j)));
        for (let i = 0; i < 2; i++) {
          const a = k.let(`a${i}`, b.loadSplat("f32", x, b.mul(p, 2), i));
          for (let j = 0; j < 4; j++) k.set(sums[4 * i + j]!, b.fma(a, row[j]!, sums[4 * i + j]!));
        }
      });
      for (const [i, sum] of sums.entries()) k.store("f32", z, 0, sum, 4 * i);
    });
  });
}

/** Pointwise operations of every kind, two vectors a turn. */
function medley(): Kernel {
  return b.kernel("verify", { x: "ptr", y: "ptr", z: "ptr" }, (k, { x, y, z }) => {
    k.for(k.begin, b.mul(k.end, elements), 8, (i) => {
      const [low, high] = [0, 4].map((j) => k.let("v", mix(b.load4("f32", x, i, j), b.load4("f32", y, i, j))));
      k.store("f32", z, i, low!);
      k.store("f32", z, i, high!, 4);
    });
  });
}

/** An exponential in the usual way, and beside it whatever else pointwise kernels do. */
function mix(x: Expr, y: Expr): Expr {
  const t = b.mul(b.max(b.min(x, 20), -20), Math.LOG2E);
  const shifted = b.add(t, 12582912); // 1.5 * 2 ** 23: rounds, and leaves the whole part in the low bits
  const rest = b.sub(t, b.sub(shifted, 12582912));
  const power = b.bits("f32x4", b.shl(b.add(b.bits("i32x4", shifted), 127), 23));
  const series = [0.0555, 0.2402, 0.69, 1].reduce((sum: Expr, c) => b.fma(sum, rest, c), b.like(x, 0.0096));
  const smooth = b.mul(series, power);
  const rough = b.sub(b.div(x, b.max(b.abs(y), 0.25)), b.floor(b.neg(b.sqrt(b.abs(x)))));
  const whole = b.and(b.cast("i32x4", b.round(b.mul(y, 1.5))), 15);
  return b.fma(y, b.select(b.lt(x, y), smooth, rough), b.cast("f32x4", b.shr(whole, 1)));
}

export function isWideRight(target: Target): boolean {
  const [plain, wide] = [false, true].map((w) => new Compiler(target, w));
  return [tile, medley].every((kernel) => {
    const bytes = emitKernel(kernel(), target);
    const twin = bytes.slice();
    twin[twin.length - 1]! ^= 1; // a letter of the name: equal bytes would give V8's cached result
    const want = bitsOf(plain!.compile(bytes));
    const got = bitsOf(wide!.compile(twin));
    return want.every((bits, i) => bits === got[i]);
  });
}

function bitsOf(module: WebAssembly.Module): Int32Array {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const [x, y, z] = [1024, 4096, 16384];
  const f32 = new Float32Array(memory.buffer);
  for (let i = 0; i < 16 * depth; i++) {
    f32[x / 4 + i] = ((i * 37) % 101) / 9 - 5.3;
    f32[y / 4 + i] = ((i * 53) % 97) / 11 - 4.1;
  }
  new Int32Array(memory.buffer).set([x, 0, y, 0, z, 0]); // the arguments
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports.run as Run)(0, 0, 1, 0); // what emitKernel exports
  return new Int32Array(memory.buffer).slice(z / 4, z / 4 + elements);
}
