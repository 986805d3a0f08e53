// A tokenizer of BERT's kind for tagging, learnt from the texts it will read: WordPiece that keeps capitals, since they tell names.

import { PreTrainedTokenizer, Tokenizer, WordPiece, WordPieceTrainer } from "kindling";

export function casedWordPieces(
  texts: Iterable<string>,
  { vocabSize, modelMaxLength }: { readonly vocabSize: number; readonly modelMaxLength: number },
): PreTrainedTokenizer {
  const named = { padToken: "[PAD]", unkToken: "[UNK]", clsToken: "[CLS]", sepToken: "[SEP]", maskToken: "[MASK]" };
  const specialTokens = Object.values(named);
  const backend = new Tokenizer({
    model: new WordPiece(new Map()),
    normalizer: {
      type: "BertNormalizer",
      ...{ clean_text: true, handle_chinese_chars: true, strip_accents: false, lowercase: false },
    },
    preTokenizer: { type: "BertPreTokenizer" }, // signs are words of their own
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  });
  backend.trainFromIterator(texts, new WordPieceTrainer({ vocabSize, specialTokens }));
  const id = (token: string): number => specialTokens.indexOf(token); // they come first
  backend.postProcessor = {
    type: "BertProcessing",
    cls: ["[CLS]", id("[CLS]")],
    sep: ["[SEP]", id("[SEP]")],
  };
  return new PreTrainedTokenizer(backend, { ...named, modelMaxLength });
}
