// vocab.json with merges.txt: byte-level BPE, as GPT-2, RoBERTa and Qwen 2 have it.

import { CheckpointError } from "../base/errors.ts";
import { Fields } from "./fields.ts";
import type { ModelConfig } from "./models.ts";
import { type Kind, tokenOf } from "./older-parts.ts";
import type { PreTokenizerConfig } from "./pre-tokenizers.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";

const QWEN2 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const decoder = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true } as const;

export const byteLevelKinds: { readonly [name in "GPT2Tokenizer" | "RobertaTokenizer" | "Qwen2Tokenizer"]: Kind } = {
  GPT2Tokenizer: async (folder, config) => ({
    model: await byteLevelModel(folder),
    normalizer: null,
    preTokenizer: byteLevel(config.boolean("add_prefix_space", false), true),
    decoder,
    defaults: { unk_token: "<|endoftext|>", bos_token: "<|endoftext|>", eos_token: "<|endoftext|>" },
  }),
  RobertaTokenizer: async (folder, config) => {
    const addPrefixSpace = config.boolean("add_prefix_space", false);
    return {
      model: await byteLevelModel(folder),
      normalizer: null,
      preTokenizer: byteLevel(addPrefixSpace, true),
      decoder,
      defaults: {
        bos_token: "<s>",
        eos_token: "</s>",
        sep_token: "</s>",
        cls_token: "<s>",
        unk_token: "<unk>",
        pad_token: "<pad>",
        mask_token: "<mask>",
      },
      templates: (whole: Fields) => ({
        roberta: {
          sep: tokenOf(whole, "sep_token"),
          cls: tokenOf(whole, "cls_token"),
          trim_offsets: whole.boolean("trim_offsets", true),
          add_prefix_space: addPrefixSpace,
        },
      }),
    };
  },
  Qwen2Tokenizer: async (folder, config) => ({
    model: await byteLevelModel(folder),
    normalizer: { type: "NFC" },
    preTokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: QWEN2 }, behavior: "Isolated", invert: false },
        byteLevel(config.boolean("add_prefix_space", false), false),
      ],
    },
    decoder,
    defaults: { unk_token: "<|endoftext|>", eos_token: "<|endoftext|>", pad_token: "<|endoftext|>" },
  }),
};

function byteLevel(addPrefixSpace: boolean, useRegex: boolean): PreTokenizerConfig {
  return { type: "ByteLevel", add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: useRegex };
}

async function byteLevelModel(folder: TokenizerFolder): Promise<ModelConfig> {
  const { object } = new Fields(await folder.json("vocab.json", true), "vocab.json");
  return {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: "",
    end_of_word_suffix: "",
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: object as { [token: string]: number }, // the model checks the ids
    merges: await readMerges(folder),
  };
}

async function readMerges(folder: TokenizerFolder): Promise<(readonly [left: string, right: string])[]> {
  const merges: (readonly [string, string])[] = [];
  for (const [i, line] of (await folder.text("merges.txt")).split("\n").entries()) {
    if (line.startsWith("#version") || line.trimEnd() === "") continue;
    const [left, right, ...more] = line.trimEnd().split(" ");
    if (left === undefined || right === undefined || more.length > 0) {
      throw new CheckpointError(
        `${folder.path}/merges.txt: line ${i + 1} is no pair of tokens: "${line.slice(0, 40)}".`,
        {
          folder: folder.path,
          line: i + 1,
        },
      );
    }
    merges.push([left, right]);
  }
  return merges;
}
