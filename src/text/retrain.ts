// A tokenizer like another one, with the vocabulary of other texts: transformers' `train_new_from_iterator`. Normalizer,
// pre-tokenizer, settings of the model and special tokens stay; the vocabulary and with it the ids are new.

import { ArgumentError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import { Bpe } from "./bpe.ts";
import { byteAlphabet } from "./byte-level.ts";
import type { PostProcessorConfig } from "./post-processors.ts";
import type { PreTokenizerConfig } from "./pre-tokenizers.ts";
import { Tokenizer } from "./tokenizer.ts";
import { BpeTrainer } from "./train-bpe.ts";
import { UnigramTrainer } from "./train-unigram.ts";
import { WordLevelTrainer } from "./train-word-level.ts";
import { WordPieceTrainer } from "./train-word-piece.ts";
import type { TrainingText } from "./train-words.ts";
import type { TokenizerTrainer, TrainerProgress } from "./trainer.ts";
import { Unigram } from "./unigram.ts";
import { WordLevel } from "./word-level.ts";
import { WordPiece } from "./word-piece.ts";

export type RetrainOptions = {
  /** Special tokens beside those that the tokenizer has. */
  readonly newSpecialTokens?: readonly (string | AddedToken)[];
  readonly progress?: TrainerProgress;
};

/** As in transformers, added tokens stay if they are special; those of Unigram all stay. */
export function retrained(
  old: Tokenizer,
  texts: Iterable<TrainingText>,
  vocabSize: number,
  options: RetrainOptions = {},
): Tokenizer {
  const kept = [...old.addedTokens.values()].filter((token) => token.special || old.model instanceof Unigram);
  const known = new Set(kept.map(({ content }) => content));
  const others = (options.newSpecialTokens ?? []).filter(
    (token) => !known.has(typeof token === "string" ? token : token.content),
  );
  const trainer = trainerFor(old, vocabSize, [...kept, ...others], options.progress);
  const made = Tokenizer.fromJson({ ...old.toJson(), added_tokens: [], post_processor: null });
  made.trainFromIterator(texts, trainer);
  made.postProcessor = old.postProcessor === null ? null : withIdsOf(made, old.postProcessor);
  return made;
}

function trainerFor(
  { model, preTokenizer }: Tokenizer,
  vocabSize: number,
  specialTokens: readonly (string | AddedToken)[],
  progress: TrainerProgress | undefined,
): TokenizerTrainer {
  const common = { vocabSize, specialTokens, ...(progress && { progress }) };
  const letters = spellsBytes(preTokenizer) ? { initialAlphabet: byteAlphabet } : {};
  if (model instanceof Bpe) {
    const { continuing_subword_prefix: prefix, end_of_word_suffix: suffix } = model.toJson();
    return new BpeTrainer({ ...common, ...letters, continuingSubwordPrefix: prefix, endOfWordSuffix: suffix });
  }
  if (model instanceof WordPiece) return new WordPieceTrainer({ ...common, ...letters });
  if (model instanceof WordLevel) return new WordLevelTrainer({ vocabSize, specialTokens });
  if (model instanceof Unigram) {
    const unkToken = model.unkId === null ? null : (model.idToToken(model.unkId) ?? null);
    return new UnigramTrainer({ ...common, ...letters, unkToken });
  }
  throw new ArgumentError(
    `trainNewFromIterator: no trainer makes models of the kind ${model.constructor.name}. ` +
      "Train a Tokenizer with trainFromIterator and a trainer of your own.",
    {},
  );
}

function spellsBytes(config: PreTokenizerConfig | null): boolean {
  if (config?.type === "Sequence") return config.pretokenizers.some(spellsBytes);
  return config?.type === "ByteLevel";
}

/** The same post-processor, with the ids that its tokens have in `tokenizer`. */
function withIdsOf(tokenizer: Tokenizer, config: PostProcessorConfig): PostProcessorConfig {
  const idOf = (token: string): number => {
    const id = tokenizer.tokenToId(token);
    if (id !== undefined) return id;
    throw new ArgumentError(
      `trainNewFromIterator: the post-processor puts "${token}" around texts, which is no special token. ` +
        `Pass { newSpecialTokens: ["${token}"] }.`,
      { token },
    );
  };
  switch (config.type) {
    case "BertProcessing":
    case "RobertaProcessing":
      return { ...config, sep: [config.sep[0], idOf(config.sep[0])], cls: [config.cls[0], idOf(config.cls[0])] };
    case "TemplateProcessing": {
      const tokens = Object.entries(config.special_tokens).map(
        ([name, token]) => [name, { ...token, ids: token.tokens.map(idOf) }] as const,
      );
      return { ...config, special_tokens: Object.fromEntries(tokens) };
    }
    case "Sequence":
      return { ...config, processors: config.processors.map((one) => withIdsOf(tokenizer, one)) };
    case "ByteLevel":
      return config;
    default:
      return config satisfies never;
  }
}
