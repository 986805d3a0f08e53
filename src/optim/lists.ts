// Which tensors a kernel over lists may take together: float32 in row-major order, on one device, no two in one memory. Optimizers
// and clipping send the others through the plain loop, whose numbers are the same to rounding.

import type { Device } from "../ir/device.ts";
import type { Storage } from "../tensor/storage.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface Split<T> {
  /** The device of all of `together`; undefined if there are none. */
  readonly device: Device | undefined;
  readonly together: readonly T[];
  readonly alone: readonly T[];
}

/** Parts items by whether all their tensors fit a list. `tensorsOf` names those that the kernel touches, none twice. */
export function splitForList<T>(items: readonly T[], tensorsOf: (item: T) => readonly Tensor[]): Split<T> {
  const taken = new Set<Storage>();
  const together: T[] = [];
  const alone: T[] = [];
  let device: Device | undefined;
  for (const item of items) {
    const tensors = tensorsOf(item);
    const fits = tensors.every((t) => {
      return t.dtype === "float32" && t.isContiguous() && !taken.has(t.storage) && t.device === (device ?? t.device);
    });
    (fits ? together : alone).push(item);
    if (!fits) continue;
    device ??= tensors[0]?.device;
    for (const { storage } of tensors) taken.add(storage);
  }
  return { device, together, alone };
}
