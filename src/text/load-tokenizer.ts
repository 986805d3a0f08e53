// A tokenizer from the files of a checkpoint: tokenizer.json says how text becomes ids, tokenizer_config.json which tokens
// have a part to play and what the model takes.

import type { AddedToken } from "./added-tokens.ts";
import { Bpe } from "./bpe.ts";
import { configChatTemplates } from "./chat-template-files.ts";
import { Fields, isObject } from "./fields.ts";
import {
  configName,
  PreTrainedTokenizer,
  type PreTrainedTokenizerOptions,
  roles,
  type SpecialTokens,
} from "./pretrained-tokenizer.ts";
import { Tokenizer } from "./tokenizer.ts";
import { TranslationTokenizer, translationLayout } from "./translation-tokenizer.ts";

/** The files of a tokenizer as `JSON.parse` leaves them; tokenizer.json may come as its bytes, which loads large ones sooner. */
export type TokenizerFiles = { tokenizerJson: unknown; tokenizerConfig?: unknown; specialTokensMap?: unknown };

/** A tokenizer from its files; `options` go before what they say. */
export function loadTokenizer(files: TokenizerFiles, options: PreTrainedTokenizerOptions = {}): PreTrainedTokenizer {
  const { tokenizerJson } = files;
  const backend =
    tokenizerJson instanceof Uint8Array ? Tokenizer.fromBytes(tokenizerJson) : Tokenizer.fromJson(tokenizerJson);
  const config = new Fields(files.tokenizerConfig ?? {}, "tokenizer_config.json");
  const map = new Fields(files.specialTokensMap ?? {}, "special_tokens_map.json");
  addDeclared(backend, config);
  const all = { ...configured(config, map, backend.model instanceof Bpe), ...options };
  const layout = translationLayout(config);
  return layout === null ? new PreTrainedTokenizer(backend, all) : new TranslationTokenizer(backend, all, layout);
}

/** What the configuration says of a tokenizer; nothing is cleaned up after BPE, whose tokens hold their spaces. */
export function configured(config: Fields, map: Fields, isBpe = false): PreTrainedTokenizerOptions {
  const limit = config.number("model_max_length", Number.POSITIVE_INFINITY);
  const sides = ["left", "right"] as const;
  return {
    ...namedTokens(map),
    ...namedTokens(config),
    modelMaxLength: limit > 1e20 ? Number.POSITIVE_INFINITY : limit, // Hugging Face writes 1e30 for no limit
    paddingSide: config.oneOf("padding_side", sides, "right"),
    truncationSide: config.oneOf("truncation_side", sides, "right"),
    padTokenTypeId: config.count("pad_token_type_id", 0),
    cleanUpTokenizationSpaces: config.boolean("clean_up_tokenization_spaces", false) && !isBpe,
    ...(config.has("model_input_names") && { modelInputNames: config.array("model_input_names").map(String) }),
    ...(config.has("chat_template") && { chatTemplate: configChatTemplates(config) }),
    ...(config.has("src_lang") && { srcLang: config.string("src_lang") }),
    ...(config.has("tgt_lang") && { tgtLang: config.string("tgt_lang") }),
    extraSpecialTokens: extraTokens(config),
    config: config.object,
  };
}

/** Adds the tokens that the config declares beside the vocabulary, in the order of their ids. */
export function addDeclared(backend: Tokenizer, config: Fields): void {
  if (!config.has("added_tokens_decoder")) return;
  const declared = config.fields("added_tokens_decoder");
  const known = new Set([...backend.addedTokens.values()].map((token) => token.content));
  for (const id of Object.keys(declared.object).sort((a, b) => Number(a) - Number(b))) {
    const token = tokenFrom(declared.object[id], `${declared.where}.${id}`);
    if (!known.has(token.content)) backend.addTokens([token]);
  }
}

/** Special tokens without a part, under the name of today or of before; a model's own parts are an object of them. */
function extraTokens(config: Fields): AddedToken[] {
  const name = config.has("extra_special_tokens") ? "extra_special_tokens" : "additional_special_tokens";
  const value = config.object[name] ?? [];
  const tokens = isObject(value) ? Object.values(value) : config.array(name, []);
  return tokens.map((token, i) => tokenFrom(token, `${config.where}.${name}[${i}]`, true));
}

function namedTokens(fields: Fields): SpecialTokens {
  const given = roles.filter((role) => fields.has(configName(role)));
  return Object.fromEntries(
    given.map((role) => [
      role,
      tokenFrom(fields.object[configName(role)], `${fields.where}.${configName(role)}`, true),
    ]),
  );
}

/** A token is written as its text, or as an object with its flags. */
function tokenFrom(value: unknown, where: string, special = false): AddedToken {
  if (typeof value === "string") return { content: value, special };
  const fields = new Fields(isObject(value) ? value : { content: value }, where);
  return {
    content: fields.string("content"),
    special: special || fields.boolean("special", false),
    singleWord: fields.boolean("single_word", false),
    lstrip: fields.boolean("lstrip", false),
    rstrip: fields.boolean("rstrip", false),
    normalized: fields.boolean("normalized", !special),
  };
}
