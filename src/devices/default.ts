// The device that tensors live on when nobody says otherwise: made on first use.

import { platform } from "#runtime/base/platform";
import { ArgumentError } from "../base/errors.ts";
import type { Device } from "../ir/device.ts";
import { createInterpreterDevice } from "./interpreter/device.ts";
import { metaDevice } from "./meta.ts";
import { createWasmDevice } from "./wasm/device.ts";

const makers: { readonly [name in "wasm" | "interpreter"]: () => Device } = {
  wasm: createWasmDevice,
  interpreter: createInterpreterDevice,
};

let device: Device | undefined;
let within: Device | undefined;

/** Kernels as WebAssembly, unless the environment says KINDLING_DEVICE=interpreter, or `withDevice` something else. */
export function defaultDevice(): Device {
  return within ?? engine();
}
function engine(): Device {
  return (device ??= choose(platform.readEnv("KINDLING_DEVICE") ?? "wasm"));
}

/** Where tensors can be made: in memory, or nowhere, with a shape alone. */
export type DeviceName = "cpu" | "meta";

/**
 * Runs `body`, in which new tensors are on this device. On "meta" they have shapes and dtypes, but neither memory nor values:
 * `withDevice("meta", () => new Model(config))` takes no time, and its weights come by `loadStateDict(state, { assign: true })`.
 */
export function withDevice<T>(name: DeviceName, body: () => T): T {
  const before = within;
  within = deviceNamed(name);
  try {
    return body();
  } finally {
    within = before;
  }
}
function deviceNamed(name: DeviceName): Device {
  if (name === "meta") return metaDevice;
  if (name === "cpu") return engine();
  name satisfies never;
  throw new ArgumentError(`device "${name}": wants cpu or meta.`, { name });
}

function choose(name: string): Device {
  if (name === "wasm" || name === "interpreter") return makers[name]();
  throw new ArgumentError(`KINDLING_DEVICE=${name}: wants wasm or interpreter`, { name });
}
