// safetensors opened for reading single tensors: a file, or a folder with a model in one file or in shards.

import { CheckpointError } from "../base/errors.ts";
import { openFolder, openSource } from "./open-source.ts";
import { readSafetensorsFrom, type SafetensorsReader } from "./safetensors-reader.ts";
import { checkShard } from "./shards.ts";
import type { ByteSource, FileSource } from "./source.ts";
import { type Folder, weightFiles } from "./weight-files.ts";

/** Opens a file, or a folder of shards, to read single tensors or slices of them: only headers are read. Close it when done. */
export async function openSafetensors(from: FileSource): Promise<SafetensorsReader> {
  const folder = await openFolder(from);
  return folder === undefined ? openOne(await openSource(from)) : openShards(folder);
}

async function openOne(source: ByteSource): Promise<SafetensorsReader> {
  try {
    return await readSafetensorsFrom(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openShards(folder: Folder): Promise<SafetensorsReader> {
  const shards: SafetensorsReader[] = [];
  const close = async (): Promise<void> => {
    for (const shard of shards) await shard.close();
  };
  try {
    for (const [file, names] of await weightFiles(folder)) {
      const shard = await openOne(await folder.open(file));
      shards.push(shard);
      checkShard(shard.file, names, (name) => shard.tensors.has(name));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const holders = new Map(shards.flatMap((shard) => shard.names.map((name) => [name, shard])));
  const holding = (name: string): SafetensorsReader => {
    const shard = holders.get(name);
    if (shard !== undefined) return shard;
    throw new CheckpointError(`read ${folder.path}: no tensor is named "${name}".`, { folder: folder.path, name });
  };
  return {
    file: folder.path,
    names: [...holders.keys()],
    tensors: new Map(shards.flatMap((shard) => [...shard.tensors])),
    metadata: Object.assign({}, ...shards.map(({ metadata }) => metadata)),
    read: async (name, into) => holding(name).read(name, into),
    readPart: async (name, into, from) => holding(name).readPart(name, into, from),
    tensor: async (name) => holding(name).tensor(name),
    slice: async (name, ...ranges) => holding(name).slice(name, ...ranges),
    close,
  };
}
