// A model's folder: `config.json` and `model.safetensors`, as Hugging Face lays it out.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { makeFolder } from "../base/make-folder.node.ts";
import { readJson, writeFileAtomic } from "./files.node.ts";
import { openSafetensors, type SafetensorsReader, saveSafetensors } from "./safetensors.node.ts";
import type { SafetensorsEntry } from "./safetensors.ts";

export const configName = "config.json";
export const weightsName = "model.safetensors";

export interface ModelFolder {
  readonly configFile: string;
  readonly config: unknown;
  /** Opened for reading; whoever opened the folder closes it. */
  readonly weights: SafetensorsReader;
}

/** Reads the configuration and opens the weights. Throws CheckpointError for what is missing or torn. */
export async function openModelFolder(folder: string): Promise<ModelFolder> {
  await checkFolder(folder);
  const configFile = join(folder, configName);
  const config = await readJson(configFile);
  return { configFile, config, weights: await openSafetensors(join(folder, weightsName)) };
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

/** Writes both files into the folder, each beside its old version and renamed: weights first. */
export async function saveModelFolder(
  folder: string,
  config: string,
  entries: readonly SafetensorsEntry[],
): Promise<void> {
  await makeFolder(folder).catch((error: Error) => {
    throw new CheckpointError(`${folder}: the folder cannot be made: ${error.message}.`, { folder }, { cause: error });
  });
  await saveSafetensors(join(folder, weightsName), entries, { format: "pt" });
  await writeFileAtomic(join(folder, configName), config);
}
