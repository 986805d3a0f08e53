// safetensors files on disk: reading one tensor at a time, so that a checkpoint need never be in memory twice, and writing
// that leaves the old file whole until the new one is.

import { open } from "node:fs/promises";
import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { reporting, writeFileAtomic } from "./files.node.ts";
import {
  headerEnd,
  lengthBytes,
  parseHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type TensorInfo,
  writeSafetensors,
} from "./safetensors.ts";

/** An open file. Close it when done. */
export interface SafetensorsReader extends SafetensorsHeader {
  readonly file: string;
  /** In the order of their bytes in the file. */
  readonly names: readonly string[];
  /** The bytes of a tensor, into `into` if given, which must be exactly as long. */
  read(name: string, into?: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const file = await reporting("read", path, () => open(path, "r"));
  const fill = async (into: Uint8Array, from: number): Promise<void> => {
    for (let at = 0; at < into.length; ) {
      const length = Math.min(into.length - at, 2 ** 28); // one read takes no 2 GiB
      const { bytesRead } = await reporting("read", path, () => file.read(into, at, length, from + at));
      if (bytesRead === 0) {
        const what = `read ${path}: the file ended at byte ${from + at} while it was read. Is another program writing it?`;
        throw new CheckpointError(what, { file: path, at: from + at });
      }
      at += bytesRead;
    }
  };
  try {
    const { size } = await reporting("read", path, () => file.stat());
    const start = new Uint8Array(Math.min(size, lengthBytes));
    await fill(start, 0);
    const bytes = new Uint8Array(headerEnd(start, size, path));
    await fill(bytes, 0);
    const { tensors, metadata } = parseHeader(bytes, size, path);
    return {
      file: path,
      names: [...tensors.keys()],
      tensors,
      metadata,
      read: async (name, into) => {
        const { begin, end } = find(tensors, name, path);
        const target = into ?? new Uint8Array(end - begin);
        if (target.length !== end - begin) {
          throw new ArgumentError(
            `read "${name}" of ${path}: got an array of ${target.length} bytes, the tensor has ${end - begin}.`,
            { name, got: target.length, want: end - begin },
          );
        }
        await fill(target, begin);
        return target;
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes a whole file, atomically. Nothing is written when an entry is wrong. */
export async function saveSafetensors(
  path: string,
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, writeSafetensors(entries, metadata).chunks);
}

function find(tensors: ReadonlyMap<string, TensorInfo>, name: string, path: string): TensorInfo {
  const info = tensors.get(name);
  if (info !== undefined) return info;
  const last = name.split(".").at(-1) ?? name;
  const similar = [...tensors.keys()].filter((key) => key.split(".").at(-1) === last).slice(0, 5);
  const hint = similar.length > 0 ? ` It has ${similar.map((key) => `"${key}"`).join(", ")}.` : "";
  throw new CheckpointError(`read ${path}: no tensor is named "${name}".${hint}`, { file: path, name });
}
