// Tensors of a file by name, and reading one into its place.

import type { DType } from "../base/dtype.ts";
import { type SafetensorsDType, safetensorsName } from "../checkpoint/safetensors.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { Tensor } from "../tensor/tensor.ts";
import { bytesView } from "../tensor/transfer.ts";

/** Something that reads tensors by name, one at a time, as an open safetensors file does. */
export interface WeightsSource {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, { readonly dtype: SafetensorsDType; readonly shape: readonly number[] }>;
  read(name: string, into?: Uint8Array): Promise<Uint8Array>;
}

/** The dtypes of files that tensors can have. */
export const dtypeOf: ReadonlyMap<string, DType> = new Map(
  Object.entries(safetensorsName).map(([dtype, name]) => [name, dtype as DType]), // keys of that table
);

/** Fills a tensor from the one of that name, converting the dtype, which must be one of `dtypeOf`. */
export async function readInto(t: Tensor, name: string, source: WeightsSource): Promise<void> {
  const dtype = dtypeOf.get(source.tensors.get(name)!.dtype)!; // callers refuse others
  if (dtype === t.dtype) {
    await source.read(name, bytesView(t));
    t.storage.version++;
    return;
  }
  const read = Tensor.empty(t.shape, dtype);
  await source.read(name, bytesView(read));
  noGrad(() => t.copy_(read));
  read.dispose();
}

/** The first few names, for a message. */
export function someOf(names: readonly string[], shown = 8): string {
  return `${names.slice(0, shown).join(", ")}${names.length > shown ? ` and ${names.length - shown} more` : ""}`;
}
