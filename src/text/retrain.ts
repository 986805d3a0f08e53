// A tokenizer like another one, with the vocabulary of other texts: transformers' `train_new_from_iterator`. Normalizer,
// pre-tokenizer, settings of the model and special tokens stay; the vocabulary and with it the ids are new.

import { ArgumentError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import { Bpe } from "./bpe.ts";
import { byteAlphabet } from "./byte-level.ts";
import type { JsonObject } from "./fields.ts";
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
  /** New names of special tokens, by the old ones. */
  readonly specialTokensMap?: { readonly [token: string]: string };
  readonly progress?: TrainerProgress;
};

type Texts = Iterable<TrainingText>;
type LaterTexts = AsyncIterable<TrainingText>;

/** As in transformers, added tokens stay if they are special; those of Unigram all stay, and are special then. */
export function retrained(old: Tokenizer, texts: Texts, vocabSize: number, options?: RetrainOptions): Tokenizer;
export function retrained(
  old: Tokenizer,
  texts: Texts | LaterTexts,
  vocabSize: number,
  options?: RetrainOptions,
): Tokenizer | Promise<Tokenizer>;
export function retrained(
  old: Tokenizer,
  texts: Texts | LaterTexts,
  vocabSize: number,
  options: RetrainOptions = {},
): Tokenizer | Promise<Tokenizer> {
  const renamed = renaming(options);
  const kept = [...old.addedTokens.values()]
    .filter((token) => token.special || old.model instanceof Unigram)
    .map((token) => ({ ...token, special: true, content: renamed(token.content) }));
  const known = new Set(kept.map(({ content }) => content));
  const others = (options.newSpecialTokens ?? []).filter(
    (token) => !known.has(typeof token === "string" ? token : token.content),
  );
  const trainer = trainerFor(old, vocabSize, [...kept, ...others], options);
  const model = withoutVocabulary(old.model.toJson(), renamed);
  const made = Tokenizer.fromJson({ ...old.toJson(), model, added_tokens: [], post_processor: null });
  const finish = (): Tokenizer => {
    made.postProcessor = old.postProcessor === null ? null : withIdsOf(made, old.postProcessor, renamed);
    return made;
  };
  if (Symbol.asyncIterator in Object(texts)) return made.trainFromIterator(texts as LaterTexts, trainer).then(finish);
  made.trainFromIterator(texts as Texts, trainer); // it says what else came
  return finish();
}

/** The name that a special token has in the new tokenizer. */
export function renaming({ specialTokensMap = {} }: RetrainOptions): (token: string) => string {
  return (token) => (Object.hasOwn(specialTokensMap, token) ? (specialTokensMap[token] ?? token) : token);
}

/** A model that knows its settings and the unknown token, but no other. */
function withoutVocabulary(model: JsonObject, renamed: (token: string) => string): JsonObject {
  const { unk_token: unkToken, unk_id: unkId, vocab } = model;
  const unknown = typeof unkToken === "string" ? { unk_token: renamed(unkToken) } : {};
  if (!Array.isArray(vocab)) return { ...model, ...unknown, vocab: {}, ...("merges" in model && { merges: [] }) };
  const piece: unknown = typeof unkId === "number" ? vocab[unkId] : undefined;
  return Array.isArray(piece)
    ? { ...model, unk_id: 0, vocab: [[renamed(String(piece[0])), 0]] }
    : { ...model, vocab: [] };
}

function trainerFor(
  { model, preTokenizer }: Tokenizer,
  vocabSize: number,
  specialTokens: readonly (string | AddedToken)[],
  options: RetrainOptions,
): TokenizerTrainer {
  const { progress } = options;
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
    return new UnigramTrainer({ ...common, ...letters, unkToken: unkToken && renaming(options)(unkToken) });
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

/** The same post-processor, with the names and ids that its tokens have in `tokenizer`. */
function withIdsOf(
  tokenizer: Tokenizer,
  config: PostProcessorConfig,
  renamed: (token: string) => string,
): PostProcessorConfig {
  const named = (old: string): readonly [token: string, id: number] => {
    const token = renamed(old);
    const id = tokenizer.tokenToId(token);
    if (id !== undefined) return [token, id];
    throw new ArgumentError(
      `trainNewFromIterator: the post-processor puts "${token}" around texts, which is no special token. ` +
        `Pass { newSpecialTokens: ["${token}"] }.`,
      { token },
    );
  };
  switch (config.type) {
    case "BertProcessing":
    case "RobertaProcessing":
      return { ...config, sep: named(config.sep[0]), cls: named(config.cls[0]) };
    case "TemplateProcessing": {
      const tokens = Object.entries(config.special_tokens).map(([name, token]) => {
        const pairs = token.tokens.map(named);
        return [name, { ...token, tokens: pairs.map(([one]) => one), ids: pairs.map(([, id]) => id) }] as const;
      });
      return { ...config, special_tokens: Object.fromEntries(tokens) };
    }
    case "Sequence":
      return { ...config, processors: config.processors.map((one) => withIdsOf(tokenizer, one, renamed)) };
    case "ByteLevel":
      return config;
    default:
      return config satisfies never;
  }
}
