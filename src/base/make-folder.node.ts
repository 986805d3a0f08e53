// Making a folder with those above it. Node's own recursive `mkdir` never returns where a folder exists that takes no new ones and
// says ENOENT, as /proc does; this one ends with that error.

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes `path` and what is missing above it; one that is there already is fine. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // what fs throws
    if (code === "EEXIST" && (await isFolder(path))) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw error;
    if (!(await isFolder(parent))) await makeFolder(parent); // else somebody made it just now, or it takes no new ones
    await mkdir(path).catch(async (again: unknown) => {
      if (!(await isFolder(path))) throw again; // somebody else may have made it
    });
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
