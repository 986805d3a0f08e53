import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../base/errors.ts";
import * as b from "../../ir/build.ts";
import type { Device } from "../../ir/device.ts";
import type { Kernel } from "../../ir/ir.ts";
import { createWasmDevice } from "../wasm/device.ts";
import { createInterpreterDevice } from "./device.ts";

/** y = x * x + a, four elements a task. */
const squared = (): Kernel =>
  b.kernel("squared", { x: "ptr", y: "ptr", a: "f32" }, (k, { x, y, a }) => {
    k.for(k.begin, k.end, 1, (i) => {
      const v = b.load4("f32", x, b.mul(i, 4));
      k.store("f32", y, b.mul(i, 4), b.fma(v, v, b.splat(a)));
    });
  });

function run(device: Device): number[] {
  const x = device.alloc(4 * 64);
  const filler = device.alloc(3 * 2 ** 20); // so that the memory grows in between
  const y = device.alloc(4 * 64);
  for (let i = 0; i < 64; i++) device.f32[x / 4 + i] = i / 8 - 3;
  const kernel = device.compile("squared", squared);
  device.run(kernel, [x, y, 0.5], 16, 4);
  device.runAll([
    { kernel, args: [y, x, 1], tasks: 16, grain: 16 },
    { kernel, args: [x, y, 2], tasks: 16, grain: 1 },
  ]);
  const result = [...device.f32.subarray(y / 4, y / 4 + 64)];
  for (const address of [x, y, filler]) device.free(address);
  assert.equal(device.memoryStats().liveBlocks, 0);
  return result;
}

test("says what the WebAssembly device computes, with and without vectors", () => {
  const want = run(createInterpreterDevice());
  const near = (got: number, i: number): boolean => Math.abs(got - want[i]!) <= 1e-6 * Math.abs(want[i]!);
  assert.ok(run(createWasmDevice({ threads: 1 })).every(near));
  assert.ok(run(createWasmDevice({ threads: 1, relaxed: false })).every(near));
  assert.ok(run(createWasmDevice({ threads: 1, simd: false })).every(near));
});

test("an address outside of memory is an error", () => {
  const device = createInterpreterDevice();
  const kernel = device.compile("squared", squared);
  assert.throws(() => device.run(kernel, [-64, 64, 0], 1, 1), DeviceError);
});
