// A safetensors file, opened for reading single tensors.

import { openSource } from "./open-source.ts";
import { readSafetensorsFrom, type SafetensorsReader } from "./safetensors-reader.ts";
import type { FileSource } from "./source.ts";

/** Opens a file to read single tensors or slices of it: only its header is read. Close it when done. */
export async function openSafetensors(from: FileSource): Promise<SafetensorsReader> {
  const source = await openSource(from);
  try {
    return await readSafetensorsFrom(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}
