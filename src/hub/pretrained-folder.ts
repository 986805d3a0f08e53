// Where a pretrained thing is, by the name that `fromPretrained` takes: a folder that is there, else the cache, else the hub.

import { isFolder } from "#runtime/hub/local-folder";
import { ArgumentError } from "../base/errors.ts";
import { LocalEntryNotFoundError, RepositoryNotFoundError } from "./errors.ts";
import { isRepoId } from "./names.ts";
import type { HubOptions } from "./options.ts";

/** What of `HubOptions` says where to look; `fromPretrained` takes these among its own. */
export type PretrainedOptions = Pick<
  HubOptions,
  "revision" | "token" | "cacheDir" | "localFilesOnly" | "endpoint" | "signal"
>;

/** Only those options, out of an object that has others. */
export function pretrainedOptions(options: PretrainedOptions): PretrainedOptions {
  const { revision, token, cacheDir, localFilesOnly, endpoint, signal } = options;
  return {
    ...(revision !== undefined && { revision }),
    ...(token !== undefined && { token }),
    ...(cacheDir !== undefined && { cacheDir }),
    ...(localFilesOnly !== undefined && { localFilesOnly }),
    ...(endpoint !== undefined && { endpoint }),
    ...(signal !== undefined && { signal }),
  };
}

/**
 * The folder that `name` means: itself if it is one or can be nothing else, else the snapshot of that repository with the
 * files that `choose` takes from all.
 */
export async function pretrainedFolder(
  name: string,
  choose: (paths: readonly string[]) => readonly string[],
  options: PretrainedOptions = {},
): Promise<string> {
  if (typeof name !== "string" || name === "") {
    throw new ArgumentError(`fromPretrained: wants a folder or a repository's name, got ${JSON.stringify(name)}.`);
  }
  if ((await isFolder(name)) || !isRepoId(name)) return name;
  const { downloadChosen } = await import("./download.ts"); // most programs that load a folder need no hub
  try {
    return await downloadChosen(name, choose, options);
  } catch (error) {
    if (error instanceof RepositoryNotFoundError || error instanceof LocalEntryNotFoundError) {
      error.message = `"${name}" is no folder here. ${error.message}`;
    }
    throw error;
  }
}

/** The files that a model is loaded from: its configurations, and its weights in the first format that is there. */
export function modelFiles(paths: readonly string[]): string[] {
  const weights = ["model.safetensors", "pytorch_model.bin"].find(
    (name) => paths.includes(name) || paths.includes(`${name}.index.json`),
  );
  const [stem = "", ending = ""] = /^(.*)(\.\w+)$/.exec(weights ?? "")?.slice(1) ?? [];
  return paths.filter((path) => {
    if (/^(generation_)?config\.json$/.test(path)) return true;
    if (weights === undefined) return false;
    if (paths.includes(weights)) return path === weights;
    return (
      path === `${weights}.index.json` || (path.startsWith(`${stem}-`) && path.endsWith(ending) && !path.includes("/"))
    );
  });
}

/** The files that a tokenizer is loaded from, older kinds too. */
export function tokenizerFiles(paths: readonly string[]): string[] {
  const wanted =
    /^(tokenizer.*\.json|(special_tokens_map|added_tokens|config|vocab|target_vocab|chat_template)\.json|vocab\.txt|merges\.txt|[^/]+\.(model|spm|jinja)|additional_chat_templates\/[^/]+\.jinja)$/;
  return paths.filter((path) => wanted.test(path));
}
