// Tensors of a file by name, and reading one into its place.

import { bytesOf, type DType, isFloating } from "../base/dtype.ts";
import { fillMemory, pieceBytes } from "../checkpoint/place.ts";
import { type SafetensorsDType, safetensorsName } from "../checkpoint/safetensors.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Something that reads tensors by name, whole or in parts, as an open safetensors file does. */
export interface WeightsSource {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, { readonly dtype: SafetensorsDType; readonly shape: readonly number[] }>;
  read(name: string, into?: Uint8Array): Promise<Uint8Array>;
  /** As many bytes of a tensor as `into` has, from its byte `from` on. */
  readPart(name: string, into: Uint8Array, from: number): Promise<void>;
}

/** The dtypes of files that tensors can have. */
export const dtypeOf: ReadonlyMap<string, DType> = new Map(
  Object.entries(safetensorsName).map(([dtype, name]) => [name, dtype as DType]), // keys of that table
);

/**
 * Fills a tensor from the one of that name, converting the dtype, which must be one of `dtypeOf`: in pieces, so that a file in
 * another dtype takes no second copy of a table of words. `check` sees each piece, flat, when it is there.
 */
export async function readInto(
  t: Tensor,
  name: string,
  source: WeightsSource,
  check: (piece: Tensor) => void = () => {},
): Promise<void> {
  const dtype = dtypeOf.get(source.tensors.get(name)!.dtype)!; // callers refuse others
  const { numel } = t;
  const width = bytesOf(dtype);
  const most = Math.min(pieceBytes / width, numel);
  const flat = noGrad(() => t.view(numel));
  const between = dtype === t.dtype ? undefined : Tensor.empty([most], dtype);
  try {
    for (let at = 0; at < numel; at += most) {
      const length = Math.min(most, numel - at);
      const target = between?.narrow(0, 0, length) ?? flat.narrow(0, at, length);
      const { device, address } = target;
      await fillMemory({ device, address, length: length * width }, (into) => source.readPart(name, into, at * width));
      noGrad(() =>
        tidy(() => {
          const piece = flat.narrow(0, at, length);
          if (between !== undefined) piece.copy_(target);
          check(piece);
        }),
      );
      target.dispose();
    }
    t.storage.version++;
  } finally {
    between?.dispose();
    flat.dispose();
  }
}

/** Whether it holds NaN: what no weights may, as nothing but NaN would come out. */
export function hasNaN(t: Tensor): boolean {
  return noGrad(() =>
    tidy(() => {
      if (t.dtype === "float32" && !Number.isNaN(t.sum().item())) return false;
      return isFloating(t.dtype) && Number(t.isnan().any().item()) === 1;
    }),
  );
}

/** The first few names, for a message. */
export function someOf(names: readonly string[], shown = 8): string {
  return `${names.slice(0, shown).join(", ")}${names.length > shown ? ` and ${names.length - shown} more` : ""}`;
}
