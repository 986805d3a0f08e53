// Browsers have no folders; models come from the hub or from bytes there.

import { UnsupportedError } from "../base/errors.ts";
import type { SafetensorsEntry } from "./safetensors.ts";

const refuse = (folder: string): never => {
  throw new UnsupportedError(
    `${folder}: there are no folders in a browser. Read the files' bytes with readSafetensors().`,
    { folder },
  );
};

export async function openModelFolder(folder: string): Promise<never> {
  return refuse(folder);
}
export async function readModelConfig(folder: string): Promise<never> {
  return refuse(folder);
}
export async function saveModelFolder(
  folder: string,
  _config: string,
  _entries: readonly SafetensorsEntry[],
  _maxShardSize?: number | string,
): Promise<void> {
  refuse(folder);
}
