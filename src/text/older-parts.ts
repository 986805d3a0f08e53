// What each class of tokenizer says of itself, where there is no tokenizer.json to say it.

import { CheckpointError } from "../base/errors.ts";
import type { DecoderConfig } from "./decoders.ts";
import { type Fields, isObject, type JsonObject } from "./fields.ts";
import type { ModelConfig } from "./models.ts";
import type { NormalizerConfig } from "./normalizers.ts";
import type { PreTokenizerConfig } from "./pre-tokenizers.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";

/** What tokenizer.json holds, but for the post-processor, which wants the ids of the special tokens. */
export type Parts = {
  readonly model: ModelConfig;
  readonly normalizer: NormalizerConfig | null;
  readonly preTokenizer: PreTokenizerConfig | null;
  readonly decoder: DecoderConfig;
  /** Tokens of the model that are added ones too. */
  readonly addedTokens?: readonly JsonObject[];
  /** What tokenizer_config.json would say if it said nothing. */
  readonly defaults: JsonObject;
  /** By the tokens' texts: one template for a text, one for a pair; without it bos and eos are added as the config says. */
  readonly templates?: (config: Fields) => Templates;
};

/** `$A` and `$B` are the texts; `:1` behind a name is its type id. */
export type Templates = { readonly single: string; readonly pair: string } | { readonly roberta: JsonObject };

export type Kind = (folder: TokenizerFolder, config: Fields) => Promise<Parts>;

/** A token's text, of a token written as its text or as an object with flags. */
export function textOf(token: unknown): string {
  return isObject(token) ? String(token["content"]) : String(token);
}

/** The text of a role's token. */
export function tokenOf(config: Fields, role: string): string {
  if (!config.has(role))
    throw new CheckpointError(`${config.where}: ${role} is missing, and this tokenizer needs it.`, { role });
  return textOf(config.object[role]);
}
