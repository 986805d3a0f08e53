// Which files of a model's folder hold its weights: Hugging Face's names, in the order in which `from_pretrained` looks.

import { CheckpointError } from "../base/errors.ts";
import { indexEnding, parseIndex } from "./shards.ts";
import type { ByteSource } from "./source.ts";

export const weightsName = "model.safetensors";
const torchName = "pytorch_model.bin";

export interface Folder {
  readonly path: string;
  has(name: string): boolean;
  open(name: string): Promise<ByteSource>;
  readJson(name: string): Promise<unknown>;
}

/** Each file, with the names that an index promises of it. */
export async function weightFiles(folder: Folder): Promise<Map<string, readonly string[]>> {
  for (const name of [weightsName, torchName]) {
    if (folder.has(name)) return new Map([[name, []]]);
    const index = `${name}${indexEnding}`;
    if (!folder.has(index)) continue;
    const files = parseIndex(await folder.readJson(index), `${folder.path}/${index}`);
    const missing = [...files.keys()].filter((file) => !folder.has(file));
    if (missing.length === 0) return files;
    throw new CheckpointError(
      `${folder.path}: of its ${files.size} files of weights ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing. Download ${missing.length === 1 ? "it" : "them"} again.`,
      { folder: folder.path, missing },
    );
  }
  throw new CheckpointError(
    `${folder.path}: there are no weights in it: neither ${weightsName} nor ${torchName}, nor the index of either.`,
    { folder: folder.path },
  );
}
