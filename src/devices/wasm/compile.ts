// Compiles a module at full strength at once. V8 would start with its quick compiler and improve what turns out hot in
// the background; our modules are small and all hot. The flags hold for this one compilation, so that other modules of
// the process are compiled as ever. Threads that compile the same bytes later get this result from V8's cache.

import { platform } from "#runtime/base/platform";

const v8Major: number = Number.parseInt(platform.v8Version ?? "0", 10);

/** Whether this V8 may know how to revectorise: from Node 24 on, and only on x86-64 (elsewhere it ignores the flag). */
export const mayWiden: boolean = v8Major >= 13 && platform.arch === "x64";

// Newer versions inline by the call counts of the quick compiler's code, and abort when there are none.
const inlines = v8Major >= 13;
const strong = `--no-liftoff --no-wasm-lazy-compilation ${inlines ? "--no-wasm-inlining" : ""}`;
const usual = `--liftoff --wasm-lazy-compilation ${inlines ? "--wasm-inlining" : ""}`;

/** `wide`: V8 turns pairs of 128-bit operations into 256-bit ones. */
export function compileModule(bytes: Uint8Array<ArrayBuffer>, wide: boolean): WebAssembly.Module {
  if (v8Major < 11 || !platform.setV8Flag(wide ? `${strong} --experimental-wasm-revectorize` : strong)) {
    return new WebAssembly.Module(bytes);
  }
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    platform.setV8Flag(wide ? `${usual} --no-experimental-wasm-revectorize` : usual);
  }
}
