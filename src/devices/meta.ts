// The device without memory: its tensors have a shape and a dtype, and no values. For models that get their weights later, and for
// shapes of what would not fit.

import { DeviceError } from "../base/errors.ts";
import type { Compiled, Device, MemoryStats } from "../ir/device.ts";

function noValues(): never {
  throw new DeviceError(
    "a tensor on the meta device has a shape and a dtype, but no values. Give the module memory with toEmpty(), or weights with " +
      "loadStateDict(state, { assign: true }).",
  );
}

class MetaDevice implements Device {
  readonly name = "meta";
  readonly threads = 1;
  onPressure: Device["onPressure"] = undefined;
  onCompile: Device["onCompile"] = undefined;

  alloc(): number {
    return 0;
  }
  free(): void {}
  resetPeak(): void {}
  memoryStats(): MemoryStats {
    return { liveBytes: 0, liveBlocks: 0, peakBytes: 0, reservedBytes: 0, limitBytes: 0 };
  }

  // Operators are not run here; what comes to these by another way wants values.
  get f32(): Float32Array {
    return noValues();
  }
  get f64(): Float64Array {
    return noValues();
  }
  get i32(): Int32Array {
    return noValues();
  }
  get u8(): Uint8Array {
    return noValues();
  }
  get i64(): BigInt64Array {
    return noValues();
  }
  compile(): Compiled {
    return noValues();
  }
  run(): void {
    noValues();
  }
  runAll(): void {
    noValues();
  }
  scratch(): number {
    return noValues();
  }
}

export const metaDevice: Device = new MetaDevice();
