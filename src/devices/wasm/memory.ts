// The WebAssembly memory of a device, shared between threads where the runtime allows it.

import { DeviceError } from "../../base/errors.ts";
import type { Backing } from "../memory.ts";

const pageBytes = 65536;
const firstPages = 16 * 2 ** 4;
/** 4 GiB; a runtime that cannot reserve so much address space gets less. */
const maxPageChoices = [65536, 32768, 16384, 8192];

export class WasmBacking implements Backing {
  readonly memory: WebAssembly.Memory;
  readonly maxPages: number;
  readonly shared: boolean;

  constructor(shared: boolean) {
    this.shared = shared;
    [this.memory, this.maxPages] = reserve(shared);
  }

  get buffer(): ArrayBufferLike {
    return this.memory.buffer;
  }

  get maxBytes(): number {
    return this.maxPages * pageBytes;
  }

  grow(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil((bytes - this.memory.buffer.byteLength) / pageBytes));
      return true;
    } catch {
      return false; // RangeError: the system or the maximum says no
    }
  }
}

function reserve(shared: boolean): [WebAssembly.Memory, number] {
  let cause: unknown;
  for (const maximum of maxPageChoices) {
    try {
      return [new WebAssembly.Memory({ initial: firstPages, maximum, shared }), maximum];
    } catch (error) {
      cause = error;
    }
  }
  const message = "device: the system gives no memory of even 512 MiB of address space; close other programs";
  throw new DeviceError(message, {}, { cause });
}
