// BERT's and MPNet's vocab.txt: one token a line.

import { CheckpointError } from "../base/errors.ts";
import type { Fields } from "./fields.ts";
import { type Kind, type Parts, tokenOf } from "./older-parts.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";

export const wordPieceKinds: { readonly [name in "BertTokenizer" | "MPNetTokenizer"]: Kind } = {
  BertTokenizer: async (folder, config) => ({
    ...(await wordPiece(folder, config)),
    defaults: {
      unk_token: "[UNK]",
      sep_token: "[SEP]",
      pad_token: "[PAD]",
      cls_token: "[CLS]",
      mask_token: "[MASK]",
      model_input_names: ["input_ids", "token_type_ids", "attention_mask"],
    },
    templates: (whole) => bertTemplates(tokenOf(whole, "cls_token"), tokenOf(whole, "sep_token")),
  }),
  MPNetTokenizer: async (folder, config) => ({
    ...(await wordPiece(folder, config)),
    defaults: {
      bos_token: "<s>",
      eos_token: "</s>",
      sep_token: "</s>",
      cls_token: "<s>",
      unk_token: "[UNK]",
      pad_token: "<pad>",
      mask_token: { content: "<mask>", lstrip: true },
    },
    templates: (whole) => ({
      roberta: {
        sep: tokenOf(whole, "sep_token"),
        cls: tokenOf(whole, "cls_token"),
        trim_offsets: true,
        add_prefix_space: false,
      },
    }),
  }),
};

/** `[CLS] A [SEP] B [SEP]`. */
export function bertTemplates(cls: string, sep: string): { single: string; pair: string } {
  return { single: `${cls} $A ${sep}`, pair: `${cls} $A ${sep} $B:1 ${sep}:1` };
}

async function wordPiece(
  folder: TokenizerFolder,
  config: Fields,
): Promise<Pick<Parts, "model" | "normalizer" | "preTokenizer" | "decoder">> {
  const lines = (await folder.text("vocab.txt")).split("\n");
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new CheckpointError(`${folder.path}/vocab.txt: it is empty.`, { folder: folder.path });
  return {
    model: {
      type: "WordPiece",
      unk_token: config.has("unk_token") ? tokenOf(config, "unk_token") : "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(lines.map((line, id) => [line.trimEnd(), id])),
    },
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: config.boolean("tokenize_chinese_chars", true),
      strip_accents: config.has("strip_accents") ? config.boolean("strip_accents") : null,
      lowercase: config.boolean("do_lower_case", true),
    },
    preTokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  };
}
