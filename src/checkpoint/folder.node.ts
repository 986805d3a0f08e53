// Folders on disk.

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readJson, reporting } from "./files.node.ts";
import { openFile } from "./open-file.node.ts";
import type { Folder } from "./weight-files.ts";

/** The folder of that path; undefined if it is a file, or nothing. */
export async function findFolder(path: string): Promise<Folder | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return undefined;
  const names = new Set(await reporting("read", path, () => readdir(path)));
  return {
    path,
    has: (name) => names.has(name),
    open: (name) => openFile(join(path, name)),
    readJson: (name) => readJson(join(path, name)),
  };
}
