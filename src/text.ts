// Tokenizers and their trainers.

export { savePretrained as saveTokenizer } from "#runtime/text/tokenizer";
export { AutoTokenizer } from "./models/pretrained-files.ts";
export type { AddedToken } from "./text/added-tokens.ts";
export type { OverflowingRows } from "./text/batch.ts";
export { Bpe } from "./text/bpe.ts";
export { byteAlphabet } from "./text/byte-level.ts";
export type { Chat, ChatMessage, ChatOptions, ChatRow, ChatRows } from "./text/chat-template.ts";
export type { ChatTemplates } from "./text/chat-template-files.ts";
export { DecodeStream } from "./text/decode-stream.ts";
export type { Encoding } from "./text/encoding.ts";
export { loadTokenizer } from "./text/load-tokenizer.ts";
export type { MarianTokenizer } from "./text/marian-tokenizer.ts";
export { templateProcessing } from "./text/post-processors.ts";
export { PreTrainedTokenizer } from "./text/pretrained-tokenizer.ts";
export type { RetrainOptions } from "./text/retrain.ts";
export { type DecodeOptions, type EncodeOptions, Tokenizer, type TokenizerParts } from "./text/tokenizer.ts";
export { BpeTrainer, type BpeTrainerOptions, trainBpe } from "./text/train-bpe.ts";
export {
  type TrainTokenizerOptions,
  trainEncoderTokenizer,
  trainTokenizer,
  trainWordPieceTokenizer,
} from "./text/train-tokenizer.ts";
export { UnigramTrainer, type UnigramTrainerOptions } from "./text/train-unigram.ts";
export { WordLevelTrainer, type WordLevelTrainerOptions } from "./text/train-word-level.ts";
export { WordPieceTrainer, type WordPieceTrainerOptions } from "./text/train-word-piece.ts";
export type { TokenizerTrainer } from "./text/trainer.ts";
export { TranslationTokenizer } from "./text/translation-tokenizer.ts";
export type { Truncation } from "./text/truncation.ts";
export { Unigram } from "./text/unigram.ts";
export { WordLevel } from "./text/word-level.ts";
export { WordPiece } from "./text/word-piece.ts";
