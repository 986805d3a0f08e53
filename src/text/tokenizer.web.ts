// Browsers have no folders; a tokenizer is made there from its files' contents.

import { UnsupportedError } from "../base/errors.ts";
import type { PreTrainedTokenizer, PreTrainedTokenizerOptions } from "./pretrained-tokenizer.ts";

const refuse = (folder: string): never => {
  throw new UnsupportedError(
    `${folder}: there are no folders in a browser. Fetch the files and call loadTokenizer().`,
    { folder },
  );
};

export const AutoTokenizer: {
  fromPretrained(folder: string, options?: PreTrainedTokenizerOptions): Promise<PreTrainedTokenizer>;
} = {
  fromPretrained: async (folder) => refuse(folder),
};

export async function savePretrained(_tokenizer: PreTrainedTokenizer, folder: string): Promise<void> {
  refuse(folder);
}
