// A tokenizer from a folder. What is in it decides how it is read.

import { CheckpointError } from "../base/errors.ts";
import { readChatTemplates } from "./chat-template-files.ts";
import { Fields } from "./fields.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { convertOlder, namedClass } from "./older-files.ts";
import type { PreTrainedTokenizer, PreTrainedTokenizerOptions } from "./pretrained-tokenizer.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";
import { TranslationTokenizer } from "./translation-tokenizer.ts";

/** The tokenizer in a folder, from tokenizer.json or from older files; `options` go before what its files say. */
export async function readTokenizer(
  folder: TokenizerFolder,
  options: PreTrainedTokenizerOptions = {},
): Promise<PreTrainedTokenizer> {
  const [tokenizerJson, tokenizerConfig, specialTokensMap, chatTemplate] = await Promise.all([
    folder.names.includes("tokenizer.json") ? folder.bytes("tokenizer.json") : undefined,
    folder.json("tokenizer_config.json"),
    folder.json("special_tokens_map.json"),
    readChatTemplates(folder),
  ]);
  const own = chatTemplate === null ? options : { chatTemplate, ...options };
  const config = new Fields(tokenizerConfig ?? {}, "tokenizer_config.json");
  const map = new Fields(specialTokensMap ?? {}, "special_tokens_map.json");
  // Python reads Marian's pair even where somebody made a tokenizer.json of one half.
  const hasOlder = tokenizerJson === undefined || folder.names.includes("source.spm");
  if (hasOlder && (await namedClass(folder, config)) === "MarianTokenizer") {
    const { readMarian } = await import("./marian-tokenizer.ts");
    return readMarian(folder, config, map, own);
  }
  if (tokenizerJson !== undefined) return loadTokenizer({ tokenizerJson, tokenizerConfig, specialTokensMap }, own);
  const older = await convertOlder(folder, config, map);
  // The post-processor wants the ids that special tokens get when they are added.
  const draft = loadTokenizer(
    { tokenizerJson: older.tokenizerJson(() => 0), tokenizerConfig: older.tokenizerConfig },
    own,
  );
  if (draft instanceof TranslationTokenizer) return draft; // it has its own, which follows the languages
  const idOf = (token: string) => {
    const id = draft.backend.tokenToId(token);
    if (id === undefined) throw new CheckpointError(`AutoTokenizer: "${token}" has no id.`, { token });
    return id;
  };
  const post = older.tokenizerJson(idOf)["post_processor"];
  draft.backend.postProcessor = post as Tokenizer["postProcessor"]; // it is read there, and checked
  return draft;
}
