// Tensors as entries of a safetensors file. Tensors that are one in memory are written once, as Hugging Face does, under the
// name that comes first in the alphabet; the metadata keep the other names. Tensors that share only a part of their memory cannot be said.

import { CheckpointError } from "../base/errors.ts";
import { sameShape } from "../base/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { rowMajorBytes } from "./npy.ts";
import { type SafetensorsEntry, safetensorsName } from "./safetensors.ts";

export interface StateEntries {
  readonly entries: readonly (SafetensorsEntry & { readonly nbytes: number })[];
  /** Each name that was left out, with the one that was written. */
  readonly tied: Readonly<Record<string, string>>;
}

/** The tensors by their names: a map as `stateDict()` gives, or a plain object. */
export function namedTensors(value: unknown, format: string): [string, Tensor][] {
  const isPlain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  const entries = value instanceof Map ? [...value] : isPlain ? Object.entries(value) : undefined;
  const todo = "Save it as .pt, which holds any value.";
  if (entries === undefined)
    throw new CheckpointError(`save: a ${format} file holds tensors by name, got something else. ${todo}`, {});
  return entries.map(([name, t]: [unknown, unknown]): [string, Tensor] => {
    if (typeof name === "string" && t instanceof Tensor) return [name, t];
    throw new CheckpointError(`save: a ${format} file holds tensors by name; "${String(name)}" is none. ${todo}`, {
      name,
    });
  });
}

export function stateEntries(tensors: readonly (readonly [string, Tensor])[]): StateEntries {
  const tied = new Map<string, string>();
  const byMemory = new Map<unknown, [string, Tensor][]>();
  for (const [name, t] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    t.check(`save ${name}`);
    const neighbours = byMemory.get(t.storage) ?? [];
    const twin = neighbours.find(([, other]) => isSame(other, t));
    if (twin !== undefined) tied.set(name, twin[0]);
    else {
      const overlapping = neighbours.find(([, other]) => overlap(other, t));
      if (overlapping !== undefined) throw partlyShared(overlapping[0], name);
      byMemory.set(t.storage, [...neighbours, [name, t]]);
    }
  }
  const entries = tensors
    .filter(([name]) => !tied.has(name))
    .map(([name, t]) => ({
      name,
      dtype: safetensorsName[t.dtype],
      shape: t.shape,
      nbytes: t.nbytes,
      bytes: () => rowMajorBytes(t),
    }));
  return { entries, tied: Object.fromEntries(tied) };
}

function isSame(a: Tensor, b: Tensor): boolean {
  return a.offset === b.offset && a.dtype === b.dtype && sameShape(a.shape, b.shape) && sameShape(a.strides, b.strides);
}

function overlap(a: Tensor, b: Tensor): boolean {
  if (a.numel === 0 || b.numel === 0) return false;
  const last = (t: Tensor): number => t.offset + t.shape.reduce((sum, n, d) => sum + (n - 1) * t.strides[d]!, 0);
  return a.offset <= last(b) && b.offset <= last(a);
}

function partlyShared(a: string, b: string): CheckpointError {
  return new CheckpointError(
    `save: "${a}" and "${b}" share a part of their memory, which a safetensors file cannot say. Save one as a clone(), or both as .pt.`,
    { names: [a, b] },
  );
}
