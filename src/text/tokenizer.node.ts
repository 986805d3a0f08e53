// Tokenizers on disk, where Node finds them: a folder with tokenizer.json, or with older files.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { makeFolder } from "../base/make-folder.node.ts";
import { writeWhole } from "../base/write-whole.node.ts";
import type { PreTrainedTokenizer, PreTrainedTokenizerOptions } from "./pretrained-tokenizer.ts";
import { readTokenizer } from "./read-tokenizer.ts";
import { TokenizerFolder } from "./tokenizer-folder.ts";

export const AutoTokenizer: {
  /** The tokenizer in a folder; `options` go before what its files say. */
  fromPretrained(folder: string, options?: PreTrainedTokenizerOptions): Promise<PreTrainedTokenizer>;
} = {
  async fromPretrained(folder, options = {}) {
    const names = await readdir(folder).catch((cause: unknown) => {
      throw new CheckpointError(
        `AutoTokenizer: there is no folder "${folder}". Give the path of a folder that holds a tokenizer's files.`,
        { folder },
        { cause },
      );
    });
    const templates = names.includes("additional_chat_templates")
      ? await readdir(join(folder, "additional_chat_templates"))
      : [];
    const inside = templates.map((name) => `additional_chat_templates/${name}`);
    return readTokenizer(
      new TokenizerFolder(folder, [...names, ...inside], (name) => readFile(join(folder, name))),
      options,
    );
  },
};

/** Writes the tokenizer's files into a folder, which is made if need be. */
export async function savePretrained(tokenizer: PreTrainedTokenizer, folder: string): Promise<void> {
  const files = Object.entries(tokenizer.toFiles());
  try {
    await makeFolder(folder);
    for (const [name, content] of files) {
      const bytes = content instanceof Uint8Array ? content : `${JSON.stringify(content, null, 2)}\n`;
      await writeWhole(join(folder, name), bytes);
    }
  } catch (cause) {
    throw new CheckpointError(
      `savePretrained: the tokenizer could not be written to "${folder}": ${(cause as Error).message}`,
      { folder },
      { cause },
    );
  }
}
