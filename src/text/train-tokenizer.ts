// A tokenizer of one's own texts, ready for a model: byte-level BPE whose texts end with `</s>`, with `<pad>` to fill
// batches and `<s>` for a decoder to begin with; the same with an encoder's special tokens; and WordPiece for taggers.

import { PreTrainedTokenizer, type PreTrainedTokenizerOptions } from "./pretrained-tokenizer.ts";
import { Tokenizer } from "./tokenizer.ts";
import { trainBpe } from "./train-bpe.ts";
import { WordPieceTrainer } from "./train-word-piece.ts";
import { WordPiece } from "./word-piece.ts";

export interface TrainTokenizerOptions {
  /** Tokens in all; at least the 256 byte letters (of WordPiece the texts' own) and the special ones. */
  readonly vocabSize: number;
  /** Longer texts are cut where truncation is asked for. */
  readonly modelMaxLength?: number;
  /** Called now and then with the tokens so far and the tokens wanted. */
  readonly progress?: (tokens: number, vocabSize: number) => void;
}

const specialTokens = ["<pad>", "<s>", "</s>", "<unk>"] as const;

/** Learns the vocabulary from `texts`, which are read once. */
export function trainTokenizer(
  texts: Iterable<string>,
  { vocabSize, modelMaxLength, progress }: TrainTokenizerOptions,
): PreTrainedTokenizer {
  const backend = trainBpe(texts, { vocabSize, specialTokens, ...(progress && { progress }) });
  const text = (id: "A" | "B", type_id: number) => [
    { Sequence: { id, type_id } },
    { SpecialToken: { id: "</s>", type_id } },
  ];
  backend.postProcessor = {
    type: "TemplateProcessing",
    single: text("A", 0),
    pair: [...text("A", 0), ...text("B", 1)],
    special_tokens: { "</s>": { id: "</s>", ids: [specialTokens.indexOf("</s>")], tokens: ["</s>"] } },
  };
  return new PreTrainedTokenizer(backend, {
    padToken: "<pad>",
    bosToken: "<s>",
    eosToken: "</s>",
    unkToken: "<unk>",
    ...(modelMaxLength !== undefined && { modelMaxLength }),
  });
}

const encoderTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

/**
 * A tokenizer for an encoder of the BERT kind: byte-level BPE whose texts stand between `[CLS]` and `[SEP]`, pairs with types 0 and 1,
 * and `[MASK]`. Words are the same at the beginning of a text and within it.
 */
export function trainEncoderTokenizer(
  texts: Iterable<string>,
  { vocabSize, modelMaxLength, progress }: TrainTokenizerOptions,
): PreTrainedTokenizer {
  const backend = trainBpe(texts, {
    vocabSize,
    specialTokens: encoderTokens,
    addPrefixSpace: true,
    ...(progress && { progress }),
  });
  const special = (token: "[CLS]" | "[SEP]", type_id: number) => ({ SpecialToken: { id: token, type_id } });
  const text = (id: "A" | "B", type_id: number) => [{ Sequence: { id, type_id } }, special("[SEP]", type_id)];
  const entry = (token: "[CLS]" | "[SEP]") => ({ id: token, ids: [encoderTokens.indexOf(token)], tokens: [token] });
  const template = {
    type: "TemplateProcessing",
    single: [special("[CLS]", 0), ...text("A", 0)],
    pair: [special("[CLS]", 0), ...text("A", 0), ...text("B", 1)],
    special_tokens: { "[CLS]": entry("[CLS]"), "[SEP]": entry("[SEP]") },
  } as const;
  const trimmed = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true } as const; // offsets without the space
  backend.postProcessor = { type: "Sequence", processors: [trimmed, template] };
  return new PreTrainedTokenizer(backend, ofEncoder(modelMaxLength));
}

/**
 * A tokenizer for taggers, of the BERT kind: WordPiece that keeps capitals and accents. A word's first token is its first letters and
 * signs are words of their own, where byte-level BPE may begin with a space alone or join a sign to a word. Letters that `texts` have not
 * make a word `[UNK]`.
 */
export function trainWordPieceTokenizer(
  texts: Iterable<string>,
  { vocabSize, modelMaxLength, progress }: TrainTokenizerOptions,
): PreTrainedTokenizer {
  const backend = new Tokenizer({
    model: new WordPiece(new Map()),
    normalizer: {
      type: "BertNormalizer",
      ...{ clean_text: true, handle_chinese_chars: true, strip_accents: false, lowercase: false },
    },
    preTokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  });
  const trainer = new WordPieceTrainer({ vocabSize, specialTokens: encoderTokens, ...(progress && { progress }) });
  backend.trainFromIterator(texts, trainer);
  const id = (token: "[CLS]" | "[SEP]"): [string, number] => [token, encoderTokens.indexOf(token)];
  backend.postProcessor = { type: "BertProcessing", cls: id("[CLS]"), sep: id("[SEP]") };
  return new PreTrainedTokenizer(backend, ofEncoder(modelMaxLength));
}

function ofEncoder(modelMaxLength: number | undefined): PreTrainedTokenizerOptions {
  return {
    padToken: "[PAD]",
    unkToken: "[UNK]",
    clsToken: "[CLS]",
    sepToken: "[SEP]",
    maskToken: "[MASK]",
    modelInputNames: ["input_ids", "token_type_ids", "attention_mask"],
    ...(modelMaxLength !== undefined && { modelMaxLength }),
  };
}
