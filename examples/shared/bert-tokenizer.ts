// Tokenizers for a fresh BERT, learnt from the texts it will read, with BERT's special tokens around each text: pieces that occur
// often, or whole words and letters.

import { PreTrainedTokenizer, Tokenizer, trainBpe } from "kindling";

const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

export interface BertTokenizerOptions {
  readonly vocabSize: number;
  readonly modelMaxLength: number;
}

/** Byte-level BPE: often seen words are one token, others some pieces. */
export function bertTokenizer(
  texts: Iterable<string>,
  { vocabSize, modelMaxLength }: BertTokenizerOptions,
): PreTrainedTokenizer {
  return framed(trainBpe(texts, { vocabSize, specialTokens }), modelMaxLength);
}

/**
 * WordPiece of whole words, the most frequent ones, and of letters for all others: words stay apart from signs, which tagging
 * wants, and a name that was never seen is spelt.
 */
export function wordTokenizer(
  texts: Iterable<string>,
  { vocabSize, modelMaxLength }: BertTokenizerOptions,
): PreTrainedTokenizer {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of text.match(/[\p{L}\p{N}]+|\S/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const letters = [...new Set([...counts.keys()].join(""))].sort();
  const words = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)!);
  const tokens = new Set([...specialTokens, ...letters, ...letters.map((letter) => `##${letter}`), ...words]);
  const vocab = Object.fromEntries([...tokens].slice(0, vocabSize).map((token, id) => [token, id]));
  const model = {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
  };
  const backend = Tokenizer.fromJson({
    ...{ version: "1.0", truncation: null, padding: null, normalizer: null, post_processor: null },
    added_tokens: specialTokens.map((content, id) => ({
      ...{ id, content, special: true },
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
    })),
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: { ...model, vocab },
  });
  return framed(backend, modelMaxLength);
}

/** `[CLS] a text [SEP]`, `[CLS] a text [SEP] another [SEP]`. */
function framed(backend: Tokenizer, modelMaxLength: number): PreTrainedTokenizer {
  const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const text = (id: "A" | "B", type_id: number) => ({ Sequence: { id, type_id } });
  const single = [special("[CLS]", 0), text("A", 0), special("[SEP]", 0)];
  const described = (token: (typeof specialTokens)[number]) => [
    token,
    { id: token, ids: [specialTokens.indexOf(token)], tokens: [token] },
  ];
  backend.postProcessor = {
    type: "TemplateProcessing",
    single,
    pair: [...single, text("B", 1), special("[SEP]", 1)],
    special_tokens: Object.fromEntries([described("[CLS]"), described("[SEP]")]),
  };
  return new PreTrainedTokenizer(backend, {
    ...{ padToken: "[PAD]", unkToken: "[UNK]", clsToken: "[CLS]", sepToken: "[SEP]", maskToken: "[MASK]" },
    modelMaxLength,
  });
}
