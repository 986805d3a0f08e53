// The device that says what kernels mean: it runs them by interpreting their trees, slowly, in plain memory.

import { DeviceError } from "../../base/errors.ts";
import type { Compiled, Device, Launch } from "../../ir/device.ts";
import { interpret } from "../../ir/interpret.ts";
import type { Kernel } from "../../ir/ir.ts";
import type { Backing } from "../memory.ts";
import { FlatMemory } from "../memory.ts";

class PlainBacking implements Backing {
  buffer: ArrayBuffer = new ArrayBuffer(2 ** 20);
  readonly maxBytes: number = 2 ** 32;

  grow(bytes: number): boolean {
    try {
      const grown = new Uint8Array(bytes);
      grown.set(new Uint8Array(this.buffer));
      this.buffer = grown.buffer;
      return true;
    } catch {
      return false; // RangeError: no memory for it
    }
  }
}

export function createInterpreterDevice(): Device {
  return new InterpreterDevice();
}

class InterpreterDevice extends FlatMemory implements Device {
  readonly name = "interpreter";
  readonly #backing: PlainBacking;
  readonly #byKey = new Map<string, Compiled>();

  constructor() {
    const backing = new PlainBacking();
    super(backing, 64, 1);
    this.#backing = backing;
  }

  compile(key: string, build: () => Kernel): Compiled {
    let compiled = this.#byKey.get(key);
    if (compiled === undefined) {
      const startMs = performance.now();
      compiled = { kernel: build(), id: this.#byKey.size };
      this.#byKey.set(key, compiled);
      this.onCompile?.(compiled.kernel.name, startMs, performance.now());
    }
    return compiled;
  }

  run({ kernel }: Compiled, args: readonly number[], tasks: number, _grain: number): void {
    try {
      interpret(kernel, this.#backing.buffer, args, 0, tasks, 0);
    } catch (error) {
      const { message } = error as Error; // interpret throws nothing else
      throw new DeviceError(`${kernel.name}: ${message}`, { kernel: kernel.name }, { cause: error });
    }
  }

  runAll(launches: readonly Launch[]): void {
    for (const { kernel, args, tasks, grain } of launches) this.run(kernel, args, tasks, grain);
  }
}
