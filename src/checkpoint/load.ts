// `load`: any file of tensors, told by its content.

import { CheckpointError } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { isNpy, loadNpy } from "./npy.ts";
import { loadNpz } from "./npz.ts";
import { openFolder, openSource } from "./open-source.ts";
import { loadSafetensors } from "./safetensors-reader.ts";
import { checkShard } from "./shards.ts";
import { type ByteSource, type FileSource, readBytes } from "./source.ts";
import { loadLegacyTorch, loadTorchZip, torchFolder } from "./torch-file.ts";
import { isTar, startBytes } from "./torch-legacy.ts";
import type { Value } from "./torch-values.ts";
import { type Folder, weightFiles } from "./weight-files.ts";
import { isZip, openZip } from "./zip.ts";

export interface LoadOptions {
  /** Keep tensors of dtypes that Kindling does not have (float8, uint16, complex, …) as `RawTensor`s instead of refusing them. */
  readonly raw?: boolean;
}

/**
 * Reads a file of tensors: PyTorch's (`.pt`, `.pth`, `.bin`, the formats before 1.6 too), safetensors, NumPy's `.npy` and `.npz`;
 * or a folder with a model's weights, in one file or in shards. `from` is a path (Node), an address, a Blob or bytes.
 *
 * PyTorch's files give the value that was saved (see `Value`), `.npy` a tensor, the others a map of tensors by name. Nothing of
 * a pickle is run: what asks for more than tensors and plain values is refused. Tensors that shared memory share it again.
 * `T` is the caller's word for what the file holds. Throws CheckpointError, with the file and what is wrong with it.
 */
export async function load<T extends Value = Value>(from: FileSource, options: LoadOptions = {}): Promise<T> {
  const folder = await openFolder(from);
  if (folder !== undefined) return (await loadFolder(folder, options)) as T; // the caller's word
  const source = await openSource(from);
  try {
    return (await loadSource(source, options)) as T; // the caller's word
  } finally {
    await source.close();
  }
}

/** The tensors of a file or folder by their names, as `Module.loadStateDict` takes them. Throws if it holds anything else. */
export async function loadTensors(from: FileSource): Promise<Map<string, Tensor>> {
  const value = await load(from);
  const file = from instanceof Blob || typeof from === "string" || from instanceof URL ? String(from) : "the file";
  const entries = value instanceof Map ? [...value] : isPlain(value) ? Object.entries(value) : undefined;
  if (entries === undefined)
    throw new CheckpointError(`load ${file}: it holds no tensors by name. Use load() and look.`, { file });
  return new Map(
    entries.map(([name, t]: readonly [Value, Value]): [string, Tensor] => {
      if (typeof name === "string" && t instanceof Tensor) return [name, t];
      throw new CheckpointError(
        `load ${file}: "${String(name)}" is no tensor. Use load(), and take the part that is a state dict.`,
        { file, name },
      );
    }),
  );
}

function isPlain(value: Value): value is { [key: string]: Value } {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

async function loadSource(source: ByteSource, options: LoadOptions): Promise<Value> {
  const start = await readBytes(source, 0, Math.min(source.size, startBytes));
  if (isZip(start)) {
    const zip = await openZip(source);
    return torchFolder(zip) === undefined ? loadNpz(zip, options) : loadTorchZip(zip, options);
  }
  if (isNpy(start)) return loadNpy(source, options);
  if (isTar(start) || start[0] === 0x80) return loadLegacyTorch(source, start, options);
  return loadSafetensors(source, options);
}

async function loadFolder(folder: Folder, options: LoadOptions): Promise<Map<Value, Value>> {
  const all = new Map<Value, Value>();
  for (const [file, names] of await weightFiles(folder)) {
    const source = await folder.open(file);
    try {
      const part = await loadSource(source, options);
      const entries = part instanceof Map ? part : new Map<Value, Value>(isPlain(part) ? Object.entries(part) : []);
      checkShard(source.name, names, (name) => entries.has(name));
      for (const [name, value] of entries) all.set(name, value);
    } finally {
      await source.close();
    }
  }
  return all;
}
