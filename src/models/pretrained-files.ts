// What a model or a tokenizer is loaded from, by name: a folder, or a repository of the hub, in Node and in browsers. The
// checkpoint, text and hub folders stand on one floor and do not know each other; here they meet.

import { platform } from "#runtime/base/platform";
import { openModelFolder, readModelConfig } from "#runtime/checkpoint/model-files";
import { openHubFile } from "#runtime/hub/cache";
import { AutoTokenizer as FolderTokenizer } from "#runtime/text/tokenizer";
import { CheckpointError } from "../base/errors.ts";
import { openFolder } from "../checkpoint/open-source.ts";
import { blobSource } from "../checkpoint/source.ts";
import type { Folder } from "../checkpoint/weight-files.ts";
import { openWeights, type Weights } from "../checkpoint/weights.ts";
import {
  modelFiles,
  type PretrainedOptions,
  pretrainedFolder,
  pretrainedOptions,
  tokenizerFiles,
} from "../hub/pretrained-folder.ts";
import type { PreTrainedTokenizer, PreTrainedTokenizerOptions } from "../text/pretrained-tokenizer.ts";
import { readTokenizer } from "../text/read-tokenizer.ts";
import { TokenizerFolder } from "../text/tokenizer-folder.ts";

export interface PretrainedFiles {
  readonly configFile: string;
  readonly config: unknown;
  /** Opened for reading; whoever opened them closes them. */
  readonly weights: Weights;
}

/** The configuration and weights of the model of that name. */
export async function openPretrained(name: string, options: PretrainedOptions = {}): Promise<PretrainedFiles> {
  if (platform.name !== "web") {
    return openModelFolder(await pretrainedFolder(name, modelFiles, pretrainedOptions(options)));
  }
  const folder = await browserFolder(name, modelFiles, options);
  const configFile = `${folder.path}/config.json`;
  return { configFile, config: await folder.readJson("config.json"), weights: await openWeights(folder) };
}

/** Only the configuration. */
export async function readPretrainedConfig(
  name: string,
  options: PretrainedOptions = {},
): Promise<Omit<PretrainedFiles, "weights">> {
  const onlyConfig = (paths: readonly string[]) => paths.filter((path) => path === "config.json");
  if (platform.name !== "web") {
    return readModelConfig(await pretrainedFolder(name, onlyConfig, pretrainedOptions(options)));
  }
  const folder = await browserFolder(name, onlyConfig, options);
  return { configFile: `${folder.path}/config.json`, config: await folder.readJson("config.json") };
}

export const AutoTokenizer: {
  /** The tokenizer in a folder or of a repository of the hub; `options` go before what its files say. */
  fromPretrained(name: string, options?: PreTrainedTokenizerOptions & PretrainedOptions): Promise<PreTrainedTokenizer>;
} = {
  async fromPretrained(name, options = {}) {
    const { revision, token, cacheDir, localFilesOnly, endpoint, signal, ...own } = options;
    if (platform.name !== "web") {
      return FolderTokenizer.fromPretrained(
        await pretrainedFolder(name, tokenizerFiles, pretrainedOptions(options)),
        own,
      );
    }
    const folder = await browserFolder(name, tokenizerFiles, options);
    const bytes = async (file: string) =>
      new Uint8Array(await (await openHubFile(`${folder.path}/${file}`)).arrayBuffer());
    return readTokenizer(new TokenizerFolder(folder.path, folder.names, bytes), own);
  },
};

/** The files that `choose` takes of what has that name: of a folder, or of a repository of the hub. */
export async function openFiles(
  name: string,
  choose: (paths: readonly string[]) => readonly string[],
  options: PretrainedOptions = {},
): Promise<Folder> {
  if (platform.name === "web") return browserFolder(name, choose, options);
  const path = await pretrainedFolder(name, choose, pretrainedOptions(options));
  const folder = await openFolder(path);
  if (folder !== undefined) return folder;
  throw new CheckpointError(`${path}: there is no such folder.`, { folder: path });
}

/** A repository's files as they lie in the browser's cache. */
async function browserFolder(
  name: string,
  choose: (paths: readonly string[]) => readonly string[],
  options: PretrainedOptions,
): Promise<Folder & { readonly names: readonly string[] }> {
  let names: readonly string[] = [];
  const path = await pretrainedFolder(
    name,
    (paths) => {
      names = choose(paths);
      return names;
    },
    pretrainedOptions(options),
  );
  const open = (file: string) => openHubFile(`${path}/${file}`);
  return {
    path,
    names,
    has: (file) => names.includes(file),
    open: async (file) => blobSource(await open(file), `${path}/${file}`),
    readJson: async (file) => JSON.parse(await (await open(file)).text()),
  };
}
