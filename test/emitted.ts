// For tests: the same kernel run by the interpreter and, emitted for several targets, by the runtime.

import assert from "node:assert/strict";
import type { Target } from "../src/emit/wasm/emit.ts";
import { emitKernel } from "../src/emit/wasm/emit.ts";
import { interpret } from "../src/ir/interpret.ts";
import type { Kernel } from "../src/ir/ir.ts";
import { mathImports } from "../src/ir/math.ts";
import { verify } from "../src/ir/verify.ts";

const limits = { sharedMemory: true, minPages: 1, maxPages: 65536 };
export const targets: { readonly [name in "relaxed" | "simd" | "scalar"]: Target } = {
  relaxed: { ...limits, simd: true, relaxed: true },
  simd: { ...limits, simd: true, relaxed: false },
  scalar: { ...limits, simd: false, relaxed: false },
};
export type TargetName = keyof typeof targets;
export const targetNames: readonly TargetName[] = ["relaxed", "simd", "scalar"];

export type Run = (args: readonly number[], begin: number, end: number, thread: number) => void;

/** The kernel emitted and instantiated over `memory`. Its arguments lie at address 0. */
export function instantiate(kernel: Kernel, target: Target, memory: WebAssembly.Memory): Run {
  const module = new WebAssembly.Module(emitKernel(kernel, target));
  const instance = new WebAssembly.Instance(module, { env: { memory }, math: mathImports });
  const run = instance.exports["run"] as (args: number, begin: number, end: number, thread: number) => void; // ours
  return (args, begin, end, thread) => {
    const slots = new DataView(memory.buffer);
    kernel.params.forEach(({ type }, i) => {
      const value = args[i] ?? 0;
      if (type === "f64") slots.setFloat64(8 * i, value, true);
      else if (type === "f32") slots.setFloat32(8 * i, value, true);
      else slots.setInt32(8 * i, value, true);
    });
    run(0, begin, end, thread);
  };
}

/** Where tests put their data: behind the arguments. */
export const dataStart = 1024;

/** What the interpreter and every target make of the same memory; `fill` writes the data. */
export function runEverywhere(
  kernel: Kernel,
  args: readonly number[],
  tasks: number,
  fill: (memory: ArrayBuffer) => void,
): { readonly meant: ArrayBuffer; readonly got: ReadonlyMap<TargetName, ArrayBuffer> } {
  verify(kernel);
  const meant = new ArrayBuffer(65536);
  fill(meant);
  interpret(kernel, meant, args, 0, tasks, 0);
  const got = new Map<TargetName, ArrayBuffer>();
  for (const name of targetNames) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    fill(memory.buffer);
    instantiate(kernel, targets[name], memory)(args, 0, tasks, 0);
    got.set(name, memory.buffer);
  }
  return { meant, got };
}

/** Asserts that every target left the interpreter's bytes behind the arguments. */
export function assertSame(
  kernel: Kernel,
  args: readonly number[],
  tasks: number,
  fill: (memory: ArrayBuffer) => void = () => {},
): void {
  const { meant, got } = runEverywhere(kernel, args, tasks, fill);
  for (const [name, memory] of got) {
    const [want, have] = [new Uint8Array(meant, dataStart), new Uint8Array(memory, dataStart)];
    const at = want.findIndex((byte, i) => byte !== have[i]);
    assert.equal(at, -1, `${kernel.name} on ${name}: byte ${at} is ${have[at]}, not ${want[at]}`);
  }
}
