// Compiles a module at full strength at once. V8 would start with its quick compiler and improve what turns out hot in
// the background; our kernels are small and all hot. So a new module gets no patience and is called a few times on
// nothing, while V8 is told to improve hot code on the spot. Threads that compile the same bytes later get the result
// from V8's cache. The flags hold for this moment only and are harmless to other modules that V8 is working on in the
// background; forbidding the quick compiler (--no-liftoff) would be simpler, and crashes V8 14 when it meets those.

import { platform } from "#runtime/base/platform";
import type { Target } from "../../emit/wasm/emit.ts";
import { mathImports } from "../../ir/math.ts";
import type { Run } from "./phases.ts";

export const v8Major: number = Number.parseInt(platform.v8Version ?? "0", 10);

/** Whether this V8 may know how to revectorise: from Node 24 on, and only on x86-64. */
export const mayWiden: boolean = v8Major >= 13 && platform.arch === "x64";

const impatient = "--wasm-tiering-budget=0 --wasm-sync-tier-up";
const patient = "--wasm-tiering-budget=13000000 --no-wasm-sync-tier-up"; // V8's defaults

/** How often a new kernel is called on nothing; V8 looks at its budget from the second call on. */
const rehearsals = 4;

/** What a kernel sees while it is called on nothing: zeros, and no memory of ours. */
export class Compiler {
  readonly #before: string;
  readonly #after: string;
  readonly #stage: WebAssembly.Memory | undefined;

  /** `wide`: V8 turns pairs of 128-bit operations into 256-bit ones. */
  constructor(target: Target, wide: boolean) {
    this.#before = wide ? `${impatient} --experimental-wasm-revectorize` : impatient;
    this.#after = wide ? `${patient} --no-experimental-wasm-revectorize` : patient;
    const { minPages, maxPages, sharedMemory } = target;
    const limits = { initial: minPages, maximum: maxPages, shared: sharedMemory };
    this.#stage = v8Major >= 13 ? new WebAssembly.Memory(limits) : undefined;
  }

  compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
    const stage = this.#stage;
    if (stage === undefined || !platform.setV8Flag(this.#before)) return new WebAssembly.Module(bytes);
    try {
      const module = new WebAssembly.Module(bytes);
      rehearse(new WebAssembly.Instance(module, { env: { memory: stage }, math: mathImports }).exports.run as Run);
      return module;
    } finally {
      platform.setV8Flag(this.#after);
    }
  }
}

function rehearse(run: Run): void {
  try {
    for (let i = 0; i < rehearsals; i++) run(0, 0, 0, 0);
  } catch {
    // A kernel may dislike zeros; it will be improved when it runs.
  }
}
