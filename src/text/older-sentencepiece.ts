// A SentencePiece model as tokenizer.json has it: Unigram, or BPE with merges in the order of what they make.

import type { BpeConfig } from "./bpe.ts";
import type { DecoderConfig } from "./decoders.ts";
import type { Fields, JsonObject } from "./fields.ts";
import type { ModelConfig } from "./models.ts";
import type { NormalizerConfig } from "./normalizers.ts";
import { type Kind, type Parts, textOf, tokenOf } from "./older-parts.ts";
import { bertTemplates } from "./older-word-piece.ts";
import type { PreTokenizerConfig } from "./pre-tokenizers.ts";
import { readSentencePiece, type SentencePieceModel } from "./sentencepiece.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";

const MARK = "▁";
const MBART =
  "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN".split(
    " ",
  );
const noEnd = { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" };
const fairseq = { ...noEnd, sep_token: "</s>", cls_token: "<s>", pad_token: "<pad>" };
const bert = { bos_token: "[CLS]", eos_token: "[SEP]", sep_token: "[SEP]", cls_token: "[CLS]", mask_token: "[MASK]" };
const lstripMask = { content: "<mask>", lstrip: true, normalized: true };

type Scored = readonly [piece: string, score: number];

export const sentencePieceKinds: {
  readonly [name in
    | "TokenizersBackend"
    | "LlamaTokenizer"
    | "GemmaTokenizer"
    | "T5Tokenizer"
    | "XLMRobertaTokenizer"
    | "CamembertTokenizer"
    | "AlbertTokenizer"
    | "DebertaV2Tokenizer"
    | "MBartTokenizer"
    | "PegasusTokenizer"
    | "XLNetTokenizer"]: Kind;
} = {
  TokenizersBackend: async (folder) => {
    const model = await readModel(folder);
    const space: NormalizerConfig = { type: "Replace", pattern: { String: " " }, content: MARK };
    return {
      model:
        model.modelType === "unigram" ? unigram(scored(model), model.unkId, model.byteFallback) : bpe(model, model),
      normalizer: { type: "Sequence", normalizers: [...precompiled(model), space] },
      preTokenizer: null,
      decoder: { type: "Sequence", decoders: model.byteFallback ? [...spaces] : spaces.slice(0, 1) },
      addedTokens: markedTokens(model, idsOf(model)),
      defaults: {
        ...(model.bosId >= 0 && { bos_token: model.bosPiece }),
        ...(model.eosId >= 0 && { eos_token: model.eosPiece }),
        ...(model.unkId >= 0 && { unk_token: model.unkPiece }),
      },
    };
  },
  LlamaTokenizer: async (folder, config) => {
    const model = await readModel(folder);
    const prefix = config.boolean("add_prefix_space", true);
    const strip: DecoderConfig = { type: "Strip", content: " ", start: 1, stop: 0 };
    const scheme = !prefix ? "never" : config.boolean("legacy", false) ? "always" : "first";
    return {
      model: bpe(model, { unkPiece: null, byteFallback: true }),
      normalizer: null,
      preTokenizer: { type: "Metaspace", replacement: MARK, prepend_scheme: scheme, split: false },
      decoder: { type: "Sequence", decoders: prefix ? [...spaces, strip] : spaces },
      addedTokens: markedTokens(model, idsOf(model)),
      defaults: { ...noEnd, padding_side: "left" },
    };
  },
  GemmaTokenizer: async (folder, config) => {
    const model = await readModel(folder);
    return {
      model: bpe(model, {
        unkPiece: config.has("unk_token") ? tokenOf(config, "unk_token") : "<unk>",
        byteFallback: true,
      }),
      normalizer: { type: "Replace", pattern: { String: " " }, content: MARK },
      preTokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
      decoder: { type: "Sequence", decoders: spaces },
      addedTokens: markedTokens(model, idsOf(model)),
      defaults: {
        unk_token: "<unk>",
        bos_token: "<bos>",
        eos_token: "<eos>",
        pad_token: "<pad>",
        mask_token: "<mask>",
        padding_side: "left",
      },
    };
  },
  T5Tokenizer: async (folder, config) => {
    const model = await readModel(folder);
    const count = config.count("extra_ids", 100);
    const extra = Array.from({ length: count }, (_, i) => `<extra_id_${count - 1 - i}>`);
    const vocab = [...scored(model), ...zero(extra)];
    return {
      ...words(model, vocab, 2, "always"),
      addedTokens: [
        ...markedTokens(model, idsOf(model)),
        ...extra.map((content, i) => special(content, model.pieces.length + i)),
      ],
      defaults: { eos_token: "</s>", unk_token: "<unk>", pad_token: "<pad>" },
      templates: (whole) => {
        const eos = tokenOf(whole, "eos_token");
        return { single: `$A ${eos}`, pair: `$A ${eos} $B ${eos}` };
      },
    };
  },
  XLMRobertaTokenizer: async (folder, config) => {
    const model = await readModel(folder);
    const vocab = [
      ...zero(named(config, fairseq, "bos pad eos unk")),
      ...scored(model).slice(3),
      ...zero(mask(config)),
    ];
    return {
      ...words(model, vocab, 3, config.boolean("add_prefix_space", true) ? "always" : "never"),
      addedTokens: markedTokens(model, places(vocab)),
      defaults: { ...fairseq, mask_token: "<mask>" },
      templates: fairseqTemplates,
    };
  },
  CamembertTokenizer: async (folder, config) => {
    const model = await readModel(folder);
    const [pad = "", unk = ""] = named(config, fairseq, "pad unk");
    const first: Scored[] = [...zero(["<s>NOTUSED", pad, "</s>NOTUSED", unk]), ["<unk>NOTUSED", -100]];
    const vocab = [...first, ...scored(model).slice(1), ...zero(mask(config))];
    return {
      ...words(model, vocab, 3, config.boolean("add_prefix_space", true) ? "always" : "never"),
      addedTokens: markedTokens(model, places(vocab)),
      defaults: { ...fairseq, mask_token: lstripMask },
      templates: fairseqTemplates,
    };
  },
  AlbertTokenizer: async (folder, config) => {
    const model = await readModel(folder);
    const scheme = config.boolean("add_prefix_space", true) ? "always" : "never";
    const keep = config.boolean("keep_accents", false);
    return {
      ...words(model, scored(model), 1, scheme),
      normalizer: quotesAnd(model, keep, config.boolean("do_lower_case", true)),
      addedTokens: markedTokens(model, idsOf(model)),
      defaults: { ...bert, unk_token: "<unk>", pad_token: "<pad>" },
      templates: () => bertTemplates("[CLS]", "[SEP]"),
    };
  },
  DebertaV2Tokenizer: async (folder, config) => {
    const model = await readModel(folder);
    const vocab = scored(model);
    const unk = vocab.findIndex(
      ([piece, score]) => piece === (config.has("unk_token") ? tokenOf(config, "unk_token") : "[UNK]") && score === 0,
    );
    const metaspace: PreTokenizerConfig = spacing(config.boolean("add_prefix_space", true) ? "always" : "first");
    const lower: NormalizerConfig[] = config.boolean("do_lower_case", false) ? [{ type: "Lowercase" }] : [];
    const cut: PreTokenizerConfig[] = config.boolean("split_by_punct", false)
      ? [{ type: "Punctuation", behavior: "Isolated" }]
      : [];
    return {
      model: unigram(vocab, unk < 0 ? model.unkId : unk),
      normalizer: {
        type: "Sequence",
        normalizers: [
          ...lower,
          { type: "Replace", pattern: { Regex: "\\s{2,}|[\\n\\r\\t]" }, content: " " },
          { type: "NFC" },
          { type: "Strip", strip_left: false, strip_right: true },
        ],
      },
      preTokenizer: { type: "Sequence", pretokenizers: [...cut, metaspace] },
      decoder: spacing(config.boolean("add_prefix_space", true) ? "always" : "first"),
      addedTokens: markedTokens(model, idsOf(model)),
      defaults: {
        ...bert,
        unk_token: "[UNK]",
        pad_token: "[PAD]",
        model_input_names: ["input_ids", "attention_mask", "token_type_ids"],
      },
      templates: (whole) => bertTemplates(tokenOf(whole, "cls_token"), tokenOf(whole, "sep_token")),
    };
  },
  MBartTokenizer: async (folder, config) => {
    const model = await readModel(folder);
    const first = zero(named(config, fairseq, "bos pad eos unk"));
    const vocab = [...first, ...scored(model).slice(3), ...zero([...MBART, ...mask(config)])];
    const ids = places(vocab);
    return {
      ...words(model, vocab, 3, "always"),
      normalizer: null,
      addedTokens: [...markedTokens(model, ids), ...MBART.map((code) => special(code, ids.get(code) ?? 0))],
      defaults: { ...fairseq, mask_token: lstripMask },
    };
  },
  PegasusTokenizer: async (folder, config) => {
    const model = await readModel(folder);
    const unknown = Array.from({ length: config.count("offset", 103) - 2 }, (_, i): Scored => [`<unk_${i + 2}>`, -100]);
    const text = (role: string, fallback: string) => (config.has(role) ? tokenOf(config, role) : fallback);
    const first = [
      text("pad_token", "<pad>"),
      text("eos_token", "</s>"),
      text("mask_token_sent", "<mask_1>"),
      text("mask_token", "<mask_2>"),
    ];
    const vocab = [...zero(first), ...unknown, ...scored(model).slice(2)];
    const ids = places(vocab);
    const newline: NormalizerConfig = { type: "Replace", pattern: { Regex: "\\n" }, content: " " };
    return {
      model: unigram(vocab, ids.get("<unk>") ?? 1),
      normalizer: {
        type: "Sequence",
        normalizers: [...(model.charsmap.length > 0 ? precompiled(model) : [newline]), oneSpace],
      },
      preTokenizer: spacing("always"),
      decoder: spacing("always"),
      addedTokens: [...first.slice(2), ...unknown.map(([token]) => token)].map((token) =>
        special(token, ids.get(token) ?? 0),
      ),
      defaults: { pad_token: "<pad>", eos_token: "</s>", unk_token: "<unk>", mask_token: "<mask_2>" },
      templates: (whole) => ({
        single: `$A ${tokenOf(whole, "eos_token")}`,
        pair: `$A $B ${tokenOf(whole, "eos_token")}`,
      }),
    };
  },
  XLNetTokenizer: async (folder, config) => {
    const model = await readModel(folder);
    return {
      ...words(model, scored(model), 0, "always"),
      normalizer: quotesAnd(model, false, config.boolean("do_lower_case", false)),
      addedTokens: markedTokens(model, idsOf(model)),
      defaults: {
        ...noEnd,
        sep_token: "<sep>",
        pad_token: "<pad>",
        cls_token: "<cls>",
        mask_token: lstripMask,
        padding_side: "left",
        pad_token_type_id: 3,
      },
      templates: (whole) => {
        const [sep, cls] = [tokenOf(whole, "sep_token"), tokenOf(whole, "cls_token")];
        return { single: `$A ${sep} ${cls}:2`, pair: `$A ${sep} $B:1 ${sep}:1 ${cls}:2` };
      },
    };
  },
};

const spaces: readonly DecoderConfig[] = [
  { type: "Replace", pattern: { String: MARK }, content: " " },
  { type: "ByteFallback" },
  { type: "Fuse" },
];
const oneSpace: NormalizerConfig = { type: "Replace", pattern: { Regex: " {2,}" }, content: " " };

async function readModel(folder: TokenizerFolder): Promise<SentencePieceModel> {
  const known = ["spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model"];
  const name = known.find((one) => folder.names.includes(one)) ?? folder.names.find((one) => one.endsWith(".model"));
  if (name === undefined) await folder.text("tokenizer.model"); // which says what is there instead
  return readSentencePiece(await folder.bytes(name ?? ""), `${folder.path}/${name}`);
}

function scored(model: SentencePieceModel): Scored[] {
  return model.pieces.map(({ piece, score }) => [piece, score]);
}

function zero(tokens: readonly string[]): Scored[] {
  return tokens.map((token) => [token, 0]);
}

/** The texts of some roles, as the config has them or by default. */
function named(config: Fields, defaults: JsonObject, roles: string): string[] {
  return roles.split(" ").map((role) => textOf(config.object[`${role}_token`] ?? defaults[`${role}_token`]));
}

function mask(config: Fields): string[] {
  return named(config, { mask_token: "<mask>" }, "mask");
}

function places(vocab: readonly Scored[]): ReadonlyMap<string, number> {
  return new Map(vocab.map(([piece], id) => [piece, id]));
}

function idsOf(model: SentencePieceModel): ReadonlyMap<string, number> {
  return new Map(model.pieces.map(({ piece }, id) => [piece, id]));
}

function special(content: string, id: number, isSpecial = true): JsonObject {
  return { id, content, special: isSpecial, normalized: false };
}

/** Control tokens, which are special, and the symbols of the trainer's user, which are not. */
function markedTokens(model: SentencePieceModel, ids: ReadonlyMap<string, number>): JsonObject[] {
  return model.pieces
    .filter(({ type, piece }) => (type === "control" || type === "userDefined") && ids.has(piece))
    .map(({ piece, type }) => special(piece, ids.get(piece) ?? 0, type === "control"));
}

function precompiled({ charsmap }: SentencePieceModel): NormalizerConfig[] {
  if (charsmap.length === 0) return [];
  let binary = "";
  for (const byte of charsmap) binary += String.fromCharCode(byte);
  return [{ type: "Precompiled", precompiled_charsmap: btoa(binary) }];
}

function unigram(vocab: readonly Scored[], unkId: number, byteFallback = false): ModelConfig {
  return { type: "Unigram", unk_id: unkId, vocab, byte_fallback: byteFallback };
}

function spacing(scheme: "always" | "never" | "first") {
  return { type: "Metaspace", replacement: MARK, prepend_scheme: scheme, split: true } as const;
}

/** Words cut at blanks, each with the mark before it. */
function words(
  model: SentencePieceModel,
  vocab: readonly Scored[],
  unkId: number,
  scheme: "always" | "never",
): Pick<Parts, "model" | "normalizer" | "preTokenizer" | "decoder"> {
  return {
    model: unigram(vocab, unkId),
    normalizer: precompiled(model)[0] ?? null,
    preTokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, spacing(scheme)] },
    decoder: spacing(scheme),
  };
}

/** ALBERT's and XLNet's: quotes of TeX, accents and case. */
function quotesAnd(model: SentencePieceModel, keepAccents: boolean, lowercase: boolean): NormalizerConfig {
  const accents: NormalizerConfig[] = keepAccents ? [] : [{ type: "NFKD" }, { type: "StripAccents" }];
  const lower: NormalizerConfig[] = lowercase ? [{ type: "Lowercase" }] : [];
  return {
    type: "Sequence",
    normalizers: [
      { type: "Replace", pattern: { String: "``" }, content: '"' },
      { type: "Replace", pattern: { String: "''" }, content: '"' },
      ...accents,
      ...lower,
      ...precompiled(model),
    ],
  };
}

function fairseqTemplates(config: Fields): { single: string; pair: string } {
  const [bos, eos] = [tokenOf(config, "bos_token"), tokenOf(config, "eos_token")];
  return { single: `${bos} $A ${eos}`, pair: `${bos} $A ${eos} ${eos} $B ${eos}` };
}

/** Each way to cut a piece in two other pieces is a merge; those that make an earlier piece go first. */
function bpe(
  model: SentencePieceModel,
  { unkPiece, byteFallback }: { readonly unkPiece: string | null; readonly byteFallback: boolean },
): BpeConfig {
  const ids = idsOf(model);
  const merges: (readonly [string, string])[] = [];
  for (const { piece } of model.pieces) {
    for (let at = 1; at < piece.length; at++) {
      const inside = piece.charCodeAt(at);
      if (inside >= 0xdc00 && inside <= 0xdfff) continue; // half of a character
      const [left, right] = [piece.slice(0, at), piece.slice(at)];
      if (ids.has(left) && ids.has(right)) merges.push([left, right]);
    }
  }
  return {
    type: "BPE",
    dropout: null,
    unk_token: unkPiece,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: byteFallback,
    ignore_merges: false,
    vocab: Object.fromEntries(ids),
    merges,
  };
}
