// A piece of device memory that tensors share. It is counted: each tensor handle holds it once, and the last one that
// lets go gives the memory back. The version counts writes, so that autograd notices a saved value that changed.

import { platform } from "#runtime/base/platform";
import type { Device } from "../ir/device.ts";
import { collect } from "./scope.ts";

/** Under pressure a device has the dead tensors found, so that their memory is used again before more is taken. */
function relieve(): boolean {
  const { forceGc } = platform;
  return forceGc !== undefined && collect(forceGc);
}

/** Memory made from a storage's values. */
export interface Derived {
  drop(): void;
}

export class Storage {
  readonly device: Device;
  readonly address: number;
  readonly bytes: number;
  version = 0;
  /** How many writes gradients were recorded for: handles that have not seen the last one have a graph of old values. */
  rewrites = 0;
  /** What goes when these bytes go. */
  derived: Derived | undefined = undefined;
  #holders = 1;

  constructor(device: Device, bytes: number) {
    this.device = device;
    device.onPressure ??= relieve;
    this.bytes = bytes;
    this.address = device.alloc(bytes);
  }

  get holders(): number {
    return this.#holders;
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders !== 0) return;
    this.device.free(this.address);
    this.derived?.drop();
  }
}
