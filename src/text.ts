// Tokenizers and their trainers.

export { savePretrained as saveTokenizer } from "#runtime/text/tokenizer";
export { AutoTokenizer } from "./models/pretrained-files.ts";
export { loadTokenizer } from "./text/load-tokenizer.ts";
export { PreTrainedTokenizer } from "./text/pretrained-tokenizer.ts";
export { Tokenizer } from "./text/tokenizer.ts";
export { trainBpe } from "./text/train-bpe.ts";
export { type TrainTokenizerOptions, trainTokenizer } from "./text/train-tokenizer.ts";
