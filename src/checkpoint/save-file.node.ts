// `save` to a disk: every file is whole, and nothing that was there is lost before all of them are.

import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeFilesAtomic } from "./files.node.ts";
import { filesOf, type SaveOptions } from "./save.ts";
import { isPartOf } from "./shards.ts";

/**
 * Writes a value as its path's ending says: any value of tensors, numbers, strings, arrays, maps and objects as `.pt`, as
 * `torch.save` does and `torch.load` reads it; tensors by name as `.safetensors` or `.npz`; one tensor as `.npy`. A file
 * takes its name only when it is whole; with `maxShardSize`, when all are, and then those of an earlier division go.
 * Throws CheckpointError before anything is written if the value does not fit the format.
 */
export async function save(value: unknown, path: string, options: SaveOptions = {}): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  const files = await filesOf(value, name, options);
  await writeFilesAtomic(folder, files);
  if (options.maxShardSize !== undefined) await removeOlder(folder, name, new Set(files.map((file) => file.name)));
}

/** Removes the parts of a file that was divided differently before: a reader would take them for this one's. */
export async function removeOlder(folder: string, name: string, written: ReadonlySet<string>): Promise<void> {
  for (const other of await readdir(folder)) {
    if (isPartOf(other, name) && !written.has(other)) await rm(join(folder, other));
  }
}
