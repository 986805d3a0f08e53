// The device that tensors live on when nobody says otherwise: made on first use.

import { platform } from "#runtime/base/platform";
import { ArgumentError } from "../base/errors.ts";
import type { Device } from "../ir/device.ts";
import { createInterpreterDevice } from "./interpreter/device.ts";
import { createWasmDevice } from "./wasm/device.ts";

const makers: { readonly [name in "wasm" | "interpreter"]: () => Device } = {
  wasm: createWasmDevice,
  interpreter: createInterpreterDevice,
};

let device: Device | undefined;

/** Kernels as WebAssembly, unless the environment says KINDLING_DEVICE=interpreter. */
export function defaultDevice(): Device {
  return (device ??= choose(platform.readEnv("KINDLING_DEVICE") ?? "wasm"));
}

function choose(name: string): Device {
  if (name === "wasm" || name === "interpreter") return makers[name]();
  throw new ArgumentError(`KINDLING_DEVICE=${name}: wants wasm or interpreter`, { name });
}
