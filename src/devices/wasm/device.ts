// The device that runs kernels as WebAssembly on the processor: one memory, and in each thread one instance a kernel.

import { DeviceError } from "../../base/errors.ts";
import type { Target } from "../../emit/wasm/emit.ts";
import { emitKernel } from "../../emit/wasm/emit.ts";
import type { Compiled, Device, Launch } from "../../ir/device.ts";
import type { Kernel } from "../../ir/ir.ts";
import { mathImports } from "../../ir/math.ts";
import { scalarize } from "../../ir/scalarize.ts";
import { FlatMemory } from "../memory.ts";
import { writeArgs } from "./args.ts";
import { Compiler } from "./compile.ts";
import { features } from "./features.ts";
import { WasmBacking } from "./memory.ts";
import type { Run } from "./phases.ts";
import { controlBytes, maxArgs, maxThreads, ownArgs } from "./phases.ts";
import type { Patience, PoolKernel } from "./pool.ts";
import { Pool } from "./pool.ts";

/** Less than what the runtime can do, for tests. */
export interface WasmDeviceOptions {
  readonly threads?: number;
  readonly simd?: boolean;
  readonly relaxed?: boolean;
  readonly patience?: Partial<Patience>;
}

export function createWasmDevice(options: WasmDeviceOptions = {}): WasmDevice {
  return new WasmDevice(options);
}

export class WasmDevice extends FlatMemory implements Device {
  readonly name = "wasm";

  readonly #target: Target;
  readonly #compiler: Compiler;
  readonly #memory: WebAssembly.Memory;
  #pool: Pool | undefined;
  readonly #byKey = new Map<string, Compiled>();
  readonly #kernels: PoolKernel[] = [];

  constructor(options: WasmDeviceOptions) {
    const found = features();
    const threads = Math.min(options.threads ?? found.threads, found.sharedMemory ? maxThreads : 1);
    const backing = new WasmBacking(threads > 1);
    super(backing, controlBytes, threads);
    this.#memory = backing.memory;
    const simd = found.simd && options.simd !== false;
    this.#target = {
      simd,
      relaxed: simd && found.relaxed && options.relaxed !== false,
      sharedMemory: backing.shared,
      minPages: 1,
      maxPages: backing.maxPages,
    };
    this.#compiler = new Compiler(this.#target, found.revectorized === "on");
    if (threads > 1) {
      this.#pool = new Pool(this, backing.memory, this.#kernels, (bytes) => this.reserve(bytes), options.patience);
    }
  }

  compile(key: string, build: () => Kernel): Compiled {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const startMs = performance.now();
    const kernel = build();
    if (kernel.params.length > maxArgs) {
      throw new DeviceError(`${kernel.name}: ${kernel.params.length} parameters, at most ${maxArgs}`, { key });
    }
    const bytes = emitKernel(this.#target.simd ? kernel : scalarize(kernel), this.#target);
    const imports = { env: { memory: this.#memory }, math: mathImports };
    const instance = new WebAssembly.Instance(this.#compiler.compile(bytes), imports);
    const run = instance.exports.run as Run; // what emitKernel exports
    const compiled: PoolKernel = { kernel, id: this.#kernels.length, bytes, run };
    this.#kernels.push(compiled);
    this.#byKey.set(key, compiled);
    this.onCompile?.(kernel.name, startMs, performance.now());
    return compiled;
  }

  run(kernel: Compiled, args: readonly number[], tasks: number, grain: number): void {
    const known = this.#kernels[kernel.id]!;
    if (tasks <= grain || this.#pool === undefined) this.#runHere(known, args, tasks);
    else this.#pool.run([{ kernel, args, tasks, grain }]);
  }

  runAll(launches: readonly Launch[]): void {
    if (this.#pool === undefined || launches.every((l) => l.tasks <= l.grain)) {
      for (const { kernel, args, tasks } of launches) this.#runHere(this.#kernels[kernel.id]!, args, tasks);
    } else {
      this.#pool.run(launches);
    }
  }

  #runHere(known: PoolKernel, args: readonly number[], tasks: number): void {
    if (tasks <= 0) return;
    writeArgs(this, known.kernel, ownArgs, args);
    try {
      known.run(ownArgs, 0, tasks, 0);
    } catch (error) {
      throw new DeviceError(
        `${known.kernel.name}: ${(error as Error).message}`,
        { kernel: known.kernel.name },
        { cause: error },
      );
    }
  }

  /** Why fewer threads take part than should, if so. */
  get problem(): string | undefined {
    return this.#pool?.problem;
  }

  /** Ends the threads; what is run afterwards runs on the calling thread. */
  close(): void {
    this.#pool?.close();
    this.#pool = undefined;
  }
}
