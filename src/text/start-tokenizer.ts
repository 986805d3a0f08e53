// Tokenizers that have yet to be trained, by the kind of their model or as known models have them: what stands around the
// model, its trainer, and the special tokens with their parts.

import { ArgumentError } from "../base/errors.ts";
import { Bpe } from "./bpe.ts";
import { byteAlphabet } from "./byte-level.ts";
import { type PostProcessorConfig, templateProcessing } from "./post-processors.ts";
import { PreTrainedTokenizer, type PreTrainedTokenizerOptions } from "./pretrained-tokenizer.ts";
import { Tokenizer, type TokenizerParts } from "./tokenizer.ts";
import { BpeTrainer } from "./train-bpe.ts";
import { UnigramTrainer } from "./train-unigram.ts";
import { WordLevelTrainer } from "./train-word-level.ts";
import { WordPieceTrainer } from "./train-word-piece.ts";
import type { TrainingText } from "./train-words.ts";
import type { TokenizerTrainer, TrainerProgress } from "./trainer.ts";
import { Unigram } from "./unigram.ts";
import { WordLevel } from "./word-level.ts";
import { WordPiece } from "./word-piece.ts";

export const kinds = ["bpe", "wordpiece", "unigram", "wordlevel"] as const;
export type Kind = (typeof kinds)[number];
export const presets = ["bert", "gpt2", "t5"] as const;
export type Preset = (typeof presets)[number];

type Start = {
  readonly parts: TokenizerParts;
  readonly specialTokens: readonly string[];
  readonly trainer: (options: Common) => TokenizerTrainer;
  readonly named: PreTrainedTokenizerOptions;
  /** What is done to the tokens of a text; it knows the ids of the special ones. */
  readonly postProcessor?: PostProcessorConfig;
};
type Common = {
  readonly vocabSize: number;
  readonly specialTokens: readonly string[];
  readonly progress?: TrainerProgress;
};

const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true } as const;
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true } as const;
const words = { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] } as const;
/** What takes the place of masked spans; they stand behind the vocabulary. */
const T5_SENTINELS = 100;
const plain = { unkToken: "<unk>", padToken: "<pad>" };

const bytes = (specialTokens: readonly string[], named: PreTrainedTokenizerOptions): Start => ({
  parts: { model: new Bpe(new Map(), []), preTokenizer: byteLevel, decoder: byteLevel },
  specialTokens,
  trainer: (options) => new BpeTrainer({ ...options, minFrequency: 2, initialAlphabet: byteAlphabet }),
  named,
});

const pieces = (specialTokens: readonly string[], named: PreTrainedTokenizerOptions): Start => ({
  parts: { model: new Unigram([]), normalizer: { type: "NFKC" }, preTokenizer: metaspace, decoder: metaspace },
  specialTokens,
  trainer: (options) => new UnigramTrainer({ ...options, unkToken: "<unk>" }),
  named,
});

const wordPieces = (): Start => ({
  parts: {
    model: new WordPiece(new Map()),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    preTokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  },
  specialTokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
  trainer: (options) => new WordPieceTrainer({ ...options, minFrequency: 2 }),
  named: { padToken: "[PAD]", unkToken: "[UNK]", clsToken: "[CLS]", sepToken: "[SEP]", maskToken: "[MASK]" },
});

const starts: { readonly [name in Kind | Preset]: () => Start } = {
  bpe: () => bytes(["<pad>", "<s>", "</s>", "<unk>"], { ...plain, bosToken: "<s>", eosToken: "</s>" }),
  wordpiece: wordPieces,
  unigram: () => pieces(["<pad>", "<s>", "</s>", "<unk>"], { ...plain, bosToken: "<s>", eosToken: "</s>" }),
  wordlevel: () => ({
    parts: { model: new WordLevel(new Map(), "<unk>"), preTokenizer: { type: "Whitespace" } },
    specialTokens: ["<pad>", "<unk>"],
    trainer: ({ vocabSize, specialTokens }) => new WordLevelTrainer({ vocabSize, specialTokens }),
    named: plain,
  }),
  // What follows is as in the models' own tokenizer.json, but for the vocabulary.
  bert: () => {
    const start = wordPieces();
    return {
      ...start,
      named: { ...start.named, modelInputNames: ["input_ids", "token_type_ids", "attention_mask"] },
      postProcessor: templateProcessing({
        single: "[CLS] $A [SEP]",
        pair: "[CLS] $A [SEP] $B:1 [SEP]:1",
        specialTokens: [
          ["[CLS]", 2],
          ["[SEP]", 3],
        ],
      }),
    };
  },
  gpt2: () => {
    const end = "<|endoftext|>";
    const start = bytes([end], { bosToken: end, eosToken: end, unkToken: end });
    const model = new Bpe(new Map(), [], { continuingSubwordPrefix: "", endOfWordSuffix: "" });
    return {
      ...start,
      parts: { ...start.parts, model, decoder: { ...byteLevel, add_prefix_space: true } },
      postProcessor: { ...byteLevel, add_prefix_space: true, trim_offsets: false }, // tokens keep their spaces
    };
  },
  t5: () => {
    const start = pieces(["<pad>", "</s>", "<unk>"], {
      ...plain,
      eosToken: "</s>",
      extraSpecialTokens: Array.from({ length: T5_SENTINELS }, (_, i) => `<extra_id_${T5_SENTINELS - 1 - i}>`),
    });
    return {
      ...start,
      parts: {
        ...start.parts,
        // T5's own table, nmt_nfkc, differs in three characters (U+0344, U+200D, U+FF5E) and knows none newer than itself.
        normalizer: { type: "Sequence", normalizers: [{ type: "Nmt" }, { type: "NFKC" }] },
        preTokenizer: words,
      },
      postProcessor: templateProcessing({
        single: "$A </s>",
        pair: "$A </s> $B </s>",
        specialTokens: [["</s>", 1]],
      }),
    };
  },
};

/** A tokenizer to be trained with `train`; its vocabulary has `vocabSize` tokens at the most. */
export function startTokenizer(
  name: Kind | Preset,
  { vocabSize, progress }: { readonly vocabSize: number; readonly progress?: TrainerProgress },
): { train(texts: AsyncIterable<TrainingText>): Promise<PreTrainedTokenizer> } {
  const { parts, specialTokens, trainer, named, postProcessor = null } = starts[name]();
  const behind = named.extraSpecialTokens?.length ?? 0;
  const least = specialTokens.length + behind + 1;
  if (vocabSize < least) {
    throw new ArgumentError(`startTokenizer: vocabSize is ${vocabSize}; ${name} needs at least ${least}.`, {
      vocabSize,
    });
  }
  const made = trainer({ vocabSize: vocabSize - behind, specialTokens, ...(progress && { progress }) });
  return {
    async train(texts) {
      const backend = await new Tokenizer(parts).trainFromIterator(texts, made);
      backend.postProcessor = postProcessor;
      return new PreTrainedTokenizer(backend, named);
    },
  };
}
