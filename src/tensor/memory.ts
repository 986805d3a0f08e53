// What memory is in use.

import { defaultDevice } from "../devices/default.ts";
import type { MemoryStats } from "../ir/device.ts";

/** Bytes and blocks that tensors hold now, the most they ever held, and what was taken from the system. */
export function memoryStats(): MemoryStats {
  return defaultDevice().memoryStats();
}
