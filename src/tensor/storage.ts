// A piece of device memory that tensors share. It is counted: each tensor handle holds it once, and the last one that
// lets go gives the memory back. The version counts writes, so that autograd notices a saved value that changed.

import type { Device } from "../ir/device.ts";

export class Storage {
  readonly device: Device;
  readonly address: number;
  readonly bytes: number;
  version = 0;
  #holders = 1;

  constructor(device: Device, bytes: number) {
    this.device = device;
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
    if (--this.#holders === 0) this.device.free(this.address);
  }
}
