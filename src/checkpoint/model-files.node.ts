// A model's folder as Hugging Face lays it out: `config.json`, and the weights in `model.safetensors` or in shards with their
// index; for reading, also in PyTorch's own format.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { makeFolder } from "../base/make-folder.node.ts";
import { readJson, writeFileAtomic, writeFilesAtomic } from "./files.node.ts";
import { findFolder } from "./folder.node.ts";
import { type SafetensorsEntry, sizeOf, writeSafetensors } from "./safetensors.ts";
import { removeOlder } from "./save-file.node.ts";
import { planShards } from "./shards.ts";
import { weightsName } from "./weight-files.ts";
import { openWeights, type Weights } from "./weights.ts";

export { weightsName } from "./weight-files.ts";
export const configName = "config.json";

export interface ModelFolder {
  readonly configFile: string;
  readonly config: unknown;
  /** Opened for reading; whoever opened the folder closes it. */
  readonly weights: Weights;
}

/** Reads the configuration and opens the weights. Throws CheckpointError for what is missing or torn. */
export async function openModelFolder(folder: string): Promise<ModelFolder> {
  await checkFolder(folder);
  const configFile = join(folder, configName);
  const config = await readJson(configFile);
  return { configFile, config, weights: await openWeights((await findFolder(folder))!) }; // checked above
}

/** Only the configuration. */
export async function readModelConfig(folder: string): Promise<Omit<ModelFolder, "weights">> {
  await checkFolder(folder);
  const configFile = join(folder, configName);
  return { configFile, config: await readJson(configFile) };
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) {
    throw new CheckpointError(
      `${folder}: there is no such folder. A model's folder holds ${configName} and ${weightsName}.`,
      { folder },
    );
  }
  if (!found.isDirectory())
    throw new CheckpointError(`${folder}: it is a file. A model's folder holds ${configName} and ${weightsName}.`, {
      folder,
    });
}

/**
 * Writes the weights and then the configuration. Files take their names only when all of the weights are whole; weights beyond
 * `maxShardSize` are divided, and what an earlier division left is removed.
 */
export async function saveModelFolder(
  folder: string,
  config: string,
  entries: readonly SafetensorsEntry[],
  maxShardSize?: number | string,
): Promise<void> {
  const { shards, index } = planShards(entries, ({ name, dtype, shape }) => sizeOf(name, dtype, shape), {
    file: weightsName,
    ...(maxShardSize !== undefined && { maxShardSize }),
  });
  await makeFolder(folder).catch((error: Error) => {
    throw new CheckpointError(`${folder}: the folder cannot be made: ${error.message}.`, { folder }, { cause: error });
  });
  const files = shards.map(({ file, entries: part }) => ({
    name: file,
    chunks: writeSafetensors(part, { format: "pt" }).chunks,
  }));
  if (index !== undefined) files.push({ name: index.file, chunks: [new TextEncoder().encode(index.text)] });
  await writeFilesAtomic(folder, files);
  await removeOlder(folder, weightsName, new Set(files.map(({ name }) => name)));
  await writeFileAtomic(join(folder, configName), config);
}
