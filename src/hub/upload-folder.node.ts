// Folders on disk, for uploads.

import { openAsBlob } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { ArgumentError } from "../base/errors.ts";

/** Every file below a folder by its path there, with what opens it; nothing is read yet. */
export async function listFolder(folder: string): Promise<Map<string, () => Promise<Blob>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new ArgumentError(`uploadFolder: there is no folder "${folder}".`, { folder }, { cause });
  });
  const files = new Map<string, () => Promise<Blob>>();
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (!(await stat(path)).isFile()) continue;
    files.set(relative(folder, path).split(sep).join("/"), () => openAsBlob(path));
  }
  return files;
}

/** A folder that is gone afterwards. */
export async function withScratchFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "kindling-push-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
