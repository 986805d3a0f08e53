// Tokenizers of folders without a tokenizer.json: vocab.txt, vocab.json with merges.txt, or a SentencePiece model. Each class
// says what tokenizer.json would hold and which tokens have which part; from there on it is loaded like any other.

import { CheckpointError, UnsupportedError } from "../base/errors.ts";
import { Fields, type JsonObject } from "./fields.ts";
import { byteLevelKinds } from "./older-byte-level.ts";
import { type Kind, type Templates, textOf, tokenOf } from "./older-parts.ts";
import { sentencePieceKinds } from "./older-sentencepiece.ts";
import { wordPieceKinds } from "./older-word-piece.ts";
import type { PostProcessorConfig, TemplatePiece, TemplateToken } from "./post-processors.ts";
import { type TokenizerClass, tokenizerClass, tokenizerClasses, tokenizerClassOfModel } from "./tokenizer-classes.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";

const kinds: { readonly [name in Exclude<TokenizerClass, "MarianTokenizer">]: Kind } = {
  ...wordPieceKinds,
  ...byteLevelKinds,
  ...sentencePieceKinds,
};

/** The files that a folder with a tokenizer.json would have had. */
export async function convertOlder(
  folder: TokenizerFolder,
  config: Fields,
  map: Fields,
): Promise<{
  readonly tokenizerJson: (idOf: (token: string) => number) => JsonObject;
  readonly tokenizerConfig: JsonObject;
}> {
  const kind = await kindOf(folder, config);
  const parts = await kinds[kind](folder, config);
  const whole = await wholeConfig(folder, config, map, { tokenizer_class: kind, ...parts.defaults });
  const fields = new Fields(whole, config.where);
  return {
    tokenizerConfig: whole,
    tokenizerJson: (idOf) => ({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: parts.addedTokens ?? [],
      normalizer: parts.normalizer,
      pre_tokenizer: parts.preTokenizer,
      post_processor: postProcessor(parts.templates?.(fields) ?? bosAndEos(fields), idOf),
      decoder: parts.decoder,
      model: parts.model,
    }),
  };
}

/** What tokenizer_config.json says, with what older files and the class say beside it. */
export async function wholeConfig(
  folder: TokenizerFolder,
  config: Fields,
  map: Fields,
  defaults: JsonObject,
): Promise<JsonObject> {
  // special_tokens_map.json is from the time before added_tokens_decoder, and goes before the config then.
  const named = config.has("added_tokens_decoder") ? {} : map.object;
  const { additional_special_tokens: _extra, ...inMap } = named; // Python takes these from the config alone
  const given = Object.fromEntries(
    Object.entries({ ...config.object, ...inMap }).filter(([, value]) => value !== null),
  );
  const tokenizerConfig: JsonObject = { ...defaults, ...given };
  const declared = await olderAddedTokens(folder, new Fields(tokenizerConfig, config.where));
  return { ...tokenizerConfig, ...(declared && { added_tokens_decoder: declared }) };
}

/** The class that the folder's files name, if it is one of those made here. */
export async function namedClass(folder: TokenizerFolder, config: Fields): Promise<TokenizerClass | undefined> {
  const { name, model } = await names(folder, config);
  if (name !== null) return tokenizerClass(name);
  return model === null ? undefined : tokenizerClassOfModel(model);
}

async function names(
  folder: TokenizerFolder,
  config: Fields,
): Promise<{ readonly name: string | null; readonly model: string | null }> {
  const modelConfig = new Fields((await folder.json("config.json")) ?? {}, "config.json");
  const name = config.optionalString("tokenizer_class") ?? modelConfig.optionalString("tokenizer_class");
  return { name, model: modelConfig.optionalString("model_type") };
}

async function kindOf(folder: TokenizerFolder, config: Fields): Promise<keyof typeof kinds> {
  const found = await namedClass(folder, config);
  if (found !== undefined && found !== "MarianTokenizer") return found;
  const { name, model } = await names(folder, config);
  if (name === null && folder.names.includes("vocab.txt")) return "BertTokenizer";
  if (name === null && folder.names.includes("merges.txt")) return "GPT2Tokenizer";
  const holds = folder.names.slice(0, 8).join(", ") || "nothing";
  const what = name ?? (model === null ? undefined : `model_type "${model}"`);
  const why =
    what === undefined
      ? "no vocabulary whose kind is told by a tokenizer_class or a model_type"
      : `a ${what} is not made from other files here: there are ${tokenizerClasses.join(", ")}`;
  throw new (what === undefined ? CheckpointError : UnsupportedError)(
    `AutoTokenizer: "${folder.path}" holds no tokenizer.json but ${holds}, and ${why}. ` +
      "Python makes the file: AutoTokenizer.from_pretrained(folder).save_pretrained(folder).",
    { folder: folder.path, tokenizerClass: name, modelType: model },
  );
}

/** added_tokens.json as added_tokens_decoder, which came after it. */
async function olderAddedTokens(folder: TokenizerFolder, config: Fields): Promise<JsonObject | null> {
  const file = await folder.json("added_tokens.json");
  if (file === undefined || config.has("added_tokens_decoder")) return null;
  const { object } = new Fields(file, "added_tokens.json");
  const special = new Set(
    Object.entries(config.object).flatMap(([name, value]) => {
      if (name === "extra_special_tokens" && Array.isArray(value)) return value.map(textOf);
      return name.endsWith("_token") ? [textOf(value)] : [];
    }),
  );
  const entries = Object.keys(object).map((content) => {
    const id = new Fields(object, "added_tokens.json").count(content);
    return [id, { content, normalized: !special.has(content), special: special.has(content) }];
  });
  return Object.fromEntries(entries);
}

function bosAndEos(config: Fields): Templates {
  const bos = config.boolean("add_bos_token", false) && config.has("bos_token") ? [tokenOf(config, "bos_token")] : [];
  const eos = config.boolean("add_eos_token", false) && config.has("eos_token") ? [tokenOf(config, "eos_token")] : [];
  const single = [...bos, "$A", ...eos].join(" ");
  const second = [...bos.map((token) => `${token}:1`), "$B:1", ...eos.map((token) => `${token}:1`)];
  return { single, pair: `${single} ${second.join(" ")}` };
}

function postProcessor(templates: Templates, idOf: (token: string) => number): JsonObject {
  if ("roberta" in templates) {
    const { sep, cls, ...flags } = templates.roberta;
    const named = (token: unknown) => [String(token), idOf(String(token))];
    return { type: "RobertaProcessing", sep: named(sep), cls: named(cls), ...flags };
  }
  const special: { [token: string]: TemplateToken } = {};
  const read = (template: string): TemplatePiece[] =>
    template.split(" ").map((piece) => {
      const [, name = "", type = "0"] = /^(.*?)(?::(\d))?$/.exec(piece) ?? [];
      const type_id = Number(type);
      if (name === "$A" || name === "$B") return { Sequence: { id: name === "$A" ? "A" : "B", type_id } };
      special[name] = { id: name, ids: [idOf(name)], tokens: [name] };
      return { SpecialToken: { id: name, type_id } };
    });
  const [single, pair] = [read(templates.single), read(templates.pair)];
  return { type: "TemplateProcessing", single, pair, special_tokens: special } satisfies PostProcessorConfig;
}
