// NumPy's file of several arrays: a zip file of .npy files, stored (`np.savez`) or deflated (`np.savez_compressed`).

import type { Tensor } from "../tensor/tensor.ts";
import { crc32 } from "./crc32.ts";
import { isNpy, loadNpy, writeNpy } from "./npy.ts";
import type { RawTensor } from "./place.ts";
import { readBytes } from "./source.ts";
import { deflate, openEntry, unsummed, type ZipReader } from "./zip.ts";
import { type WrittenFile, writeZip, type ZipContent } from "./zip-writer.ts";

const ending = ".npy";

/** The arrays by their names, without the ending. Entries that are no arrays are left out. */
export async function loadNpz(
  zip: ZipReader,
  options: { readonly raw?: boolean | undefined } = {},
): Promise<Map<string, Tensor | RawTensor>> {
  const loaded = new Map<string, Tensor | RawTensor>();
  try {
    for (const [name, entry] of zip.entries) {
      const source = await openEntry(zip, entry);
      if (!name.endsWith(ending) && !isNpy(await readBytes(source, 0, Math.min(source.size, 6)))) continue;
      loaded.set(
        name.endsWith(ending) ? name.slice(0, -ending.length) : name,
        await loadNpy(source, { ...options, crc: entry.method === 0 ? entry.crc : unsummed }),
      );
    }
    return loaded;
  } catch (error) {
    for (const t of loaded.values()) if ("dispose" in t) t.dispose("an error while loading");
    throw error;
  }
}

/** The file of the tensors, deflated with `compress`. */
export async function writeNpz(tensors: Iterable<readonly [string, Tensor]>, compress = false): Promise<WrittenFile> {
  const contents: ZipContent[] = [];
  for (const [name, t] of tensors) {
    const { byteLength: size, chunks } = writeNpy(t);
    const parts = (): readonly Uint8Array[] => [...chunks];
    contents.push({ name: `${name}${ending}`, size, ...(compress ? await packed(size, parts()) : { bytes: parts }) });
  }
  return writeZip(contents);
}

async function packed(size: number, parts: readonly Uint8Array[]): Promise<Pick<ZipContent, "bytes" | "packed">> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  const bytes = await deflate(whole);
  return { bytes: () => [bytes], packed: { size: bytes.length, crc: crc32(whole) } };
}
