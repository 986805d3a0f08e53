// Bytes that move as they are, on all threads: four vectors a turn, the last few one by one.

import { constant, kernel, load4, shl } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Kernel } from "../ir/ir.ts";

/** Bytes of a task. */
const line = 64;
const grain = 1024;
const vectors = [0, 4, 8, 12];

/** `to` and `from` do not overlap. */
export function copyBytes(device: Device, from: number, to: number, bytes: number): void {
  const lines = Math.floor(bytes / line);
  device.run(device.compile("move/copy", copyKernel), [from, to], lines, grain);
  const { u8 } = device;
  for (let i = lines * line; i < bytes; i++) u8[to + i] = u8[from + i]!;
}

export function zeroBytes(device: Device, to: number, bytes: number): void {
  const lines = Math.floor(bytes / line);
  device.run(device.compile("move/zero", zeroKernel), [to], lines, grain);
  device.u8.fill(0, to + lines * line, to + bytes);
}

function copyKernel(): Kernel {
  return kernel("copy", { from: "ptr", to: "ptr" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const at = k.let("at", shl(task, 4));
      const values = vectors.map((o) => k.let("x", load4("i32", p.from, at, o)));
      values.forEach((x, v) => k.store("i32", p.to, at, x, 4 * v));
    });
  });
}

function zeroKernel(): Kernel {
  return kernel("zero", { to: "ptr" }, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      for (const o of vectors) k.store("i32", p.to, shl(task, 4), constant("i32x4", 0), o);
    });
  });
}
