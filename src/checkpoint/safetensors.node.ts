// safetensors files on disk: reading one tensor at a time, so that a checkpoint need never be in memory twice, and writing
// that leaves the old file whole until the new one is.

import { writeFileAtomic } from "./files.node.ts";
import { openFile } from "./open-file.node.ts";
import { type SafetensorsEntry, writeSafetensors } from "./safetensors.ts";
import { readSafetensorsFrom, type SafetensorsReader } from "./safetensors-reader.ts";

export type { SafetensorsReader } from "./safetensors-reader.ts";

export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const source = await openFile(path);
  try {
    return await readSafetensorsFrom(source);
  } catch (error) {
    await source.close();
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
