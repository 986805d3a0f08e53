// Tokenizers on disk, where Node finds them: a folder with tokenizer.json and tokenizer_config.json.

import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { makeFolder } from "../base/make-folder.node.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import type { PreTrainedTokenizer, PreTrainedTokenizerOptions } from "./pretrained-tokenizer.ts";

export const AutoTokenizer: {
  /** The tokenizer in a folder; `options` go before what its files say. */
  fromPretrained(folder: string, options?: PreTrainedTokenizerOptions): Promise<PreTrainedTokenizer>;
} = {
  async fromPretrained(folder, options = {}) {
    const names = await readdir(folder).catch((cause: unknown) => {
      throw new CheckpointError(
        `AutoTokenizer: there is no folder "${folder}". Give the path of a folder that holds a tokenizer.json.`,
        { folder },
        { cause },
      );
    });
    if (!names.includes("tokenizer.json")) {
      throw new CheckpointError(
        `AutoTokenizer: "${folder}" holds no tokenizer.json, but ${names.slice(0, 8).join(", ") || "nothing"}. ` +
          "Older folders get one from Python: AutoTokenizer.from_pretrained(folder).save_pretrained(folder).",
        { folder, names },
      );
    }
    const read = (name: string) => (names.includes(name) ? readJson(join(folder, name)) : undefined);
    const [tokenizerJson, tokenizerConfig, specialTokensMap] = await Promise.all([
      readBytes(join(folder, "tokenizer.json")),
      read("tokenizer_config.json"),
      read("special_tokens_map.json"),
    ]);
    return loadTokenizer({ tokenizerJson, tokenizerConfig, specialTokensMap }, options);
  },
};

/** Writes the tokenizer's files into a folder, which is made if need be. */
export async function savePretrained(tokenizer: PreTrainedTokenizer, folder: string): Promise<void> {
  const files = Object.entries(tokenizer.toFiles());
  try {
    await makeFolder(folder);
    for (const [name, content] of files) await writeWhole(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
  } catch (cause) {
    throw new CheckpointError(
      `savePretrained: the tokenizer could not be written to "${folder}": ${(cause as Error).message}`,
      { folder },
      { cause },
    );
  }
}

/** Writes beside the file and renames, so that a reader finds the old file or the new one, never a half. */
async function writeWhole(file: string, content: string): Promise<void> {
  const temporary = `${file}.${crypto.randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

const readBytes = (file: string): Promise<Uint8Array> => reading(file, () => readFile(file));

const readJson = (file: string): Promise<unknown> =>
  reading(file, async () => JSON.parse(await readFile(file, "utf8")) as unknown);

async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new CheckpointError(
      `AutoTokenizer: "${file}" could not be read: ${(cause as Error).message}. Is the download complete? Fetch or save it again.`,
      { file },
      { cause },
    );
  }
}
