// Small files that others may read at any moment: one is written beside its name and renamed, so that a reader finds the old
// content or the new one, never a half. What was begun and failed goes.

import { rename, rm, writeFile } from "node:fs/promises";

/** Writes or replaces a file; its folder is there. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const aside = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await writeFile(aside, content);
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
}
