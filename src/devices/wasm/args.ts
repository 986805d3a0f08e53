// Argument blocks: parameter i of a kernel lies at the block's address + 8 * i, in its own width.

import { DeviceError } from "../../base/errors.ts";
import type { Kernel } from "../../ir/ir.ts";
import type { FlatMemory } from "../memory.ts";

export function writeArgs(memory: FlatMemory, kernel: Kernel, address: number, args: readonly number[]): void {
  const { params, name } = kernel;
  if (args.length !== params.length) {
    throw new DeviceError(`${name}: ${args.length} arguments for ${params.length} parameters`, { kernel: name });
  }
  let at = address / 8;
  for (let i = 0; i < args.length; i++, at++) {
    const type = params[i]!.type;
    if (type === "ptr" || type === "i32") memory.i32[at * 2] = args[i]!;
    else if (type === "f32") memory.f32[at * 2] = args[i]!;
    else memory.f64[at] = args[i]!;
  }
}
