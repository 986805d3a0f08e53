// The folder of an adapter, as PEFT lays it out.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { readJson, writeFileAtomic } from "../checkpoint/files.node.ts";

export interface AdapterFolder {
  readonly configFile: string;
  readonly config: unknown;
  readonly weightsFile: string;
}

/** Its configuration, and where its weights are: `.safetensors`, or PEFT's older `.bin`. */
export async function readAdapterFolder(folder: string): Promise<AdapterFolder> {
  const configFile = join(folder, "adapter_config.json");
  const config = await readJson(configFile);
  for (const name of ["adapter_model.safetensors", "adapter_model.bin"]) {
    const weightsFile = join(folder, name);
    if (await stat(weightsFile).catch(() => undefined)) return { configFile, config, weightsFile };
  }
  throw new CheckpointError(`${folder}: it has an adapter_config.json but no adapter_model.safetensors.`, { folder });
}

export async function writeAdapterConfig(folder: string, text: string): Promise<void> {
  await writeFileAtomic(join(folder, "adapter_config.json"), text);
}
