// Tags of the words of texts (named entities, parts of speech), as transformers 4.57 gives them, with offsets in the text.

import { argmax } from "../base/argmax.ts";
import { ArgumentError } from "../base/errors.ts";
import type { TokenClassifierOutput } from "../models/outputs.ts";
import type { Encoding } from "../text/encoding.ts";
import { checkText, type PipelineCall, type PipelineOptions, pipelineCall } from "./calls.ts";
import {
  type Encoder,
  labelOf,
  lengthLimit,
  padded,
  rowsOfNumbers,
  runEncodings,
  softmax,
  truncationOf,
} from "./encoder.ts";

/** A token with its tag, or with an aggregation a run of them; `text.slice(start, end)` is the text that it covers. */
export type Entity = {
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
} & (
  | { readonly entity: string; readonly index: number; readonly entity_group?: never }
  | { readonly entity_group: string; readonly entity?: never; readonly index?: never }
);

/**
 * "none" gives each token; "simple" joins neighbours of one tag. The others first give all tokens of a word one tag: that of its
 * "first" token, the one with the best "average" score, or that of the token which is surest ("max").
 */
export type AggregationStrategy = "none" | "simple" | "first" | "average" | "max";

export interface TokenClassificationOptions extends PipelineOptions {
  /** Default "none". */
  readonly aggregationStrategy?: AggregationStrategy;
  /** Tags that are left out. Default `["O"]`. */
  readonly ignoreLabels?: readonly string[];
  /** Reads long texts in windows that share so many tokens. Default: what is longer than the model takes is cut off. */
  readonly stride?: number;
  /** The texts are lists of words, which `delimiter` (default a space) joins for offsets. */
  readonly isSplitIntoWords?: boolean;
  readonly delimiter?: string;
}

export interface TokenClassificationPipeline
  extends PipelineCall<string, Entity[], TokenClassificationOptions & { isSplitIntoWords?: false }> {
  (words: readonly string[], options: TokenClassificationOptions & { isSplitIntoWords: true }): Promise<Entity[]>;
  (
    texts: readonly (readonly string[])[],
    options: TokenClassificationOptions & { isSplitIntoWords: true },
  ): Promise<Entity[][]>;
}

/** A token before aggregation. */
interface Token {
  readonly word: string;
  readonly scores: Float64Array;
  readonly start: number;
  readonly end: number;
  readonly index: number;
  readonly isSubword: boolean;
}
/** A token or word with its tag. */
interface Tagged {
  readonly entity: string;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
  readonly index?: number;
}

type Input = string | readonly string[];

export function tokenClassification(encoder: Encoder<TokenClassifierOutput>): TokenClassificationPipeline {
  const { task } = encoder;
  const call = pipelineCall<Input, Entity[], TokenClassificationOptions>(
    task,
    (inputs, options) => tagTexts(encoder, inputs, options),
    (input, place) => {
      if (Array.isArray(input)) input.forEach((word, i) => checkText(word, `${place}, word ${i},`));
      else checkText(input, place);
    },
  );
  const one = (input: unknown, options: TokenClassificationOptions = {}): unknown => {
    checkAggregation(encoder, options);
    const isOneText = options.isSplitIntoWords === true && Array.isArray(input) && typeof input[0] === "string";
    if (!isOneText) return call(input as never, options); // any of its signatures
    return call([input as readonly string[]], options).then(([result]) => result); // the words of one text
  };
  return one as TokenClassificationPipeline; // as its signatures say
}

function checkAggregation(encoder: Encoder<TokenClassifierOutput>, options: TokenClassificationOptions): void {
  const { task } = encoder;
  const { aggregationStrategy: strategy = "none", stride } = options;
  const known: readonly string[] = ["none", "simple", "first", "average", "max"];
  if (!known.includes(strategy))
    throw new ArgumentError(`${task}: aggregationStrategy is "${strategy}"; it is one of ${known.join(", ")}.`, {
      strategy,
    });
  if (stride === undefined) return;
  const longest = lengthLimit(encoder);
  if (!(Number.isInteger(stride) && stride >= 0 && stride < longest))
    throw new ArgumentError(
      `${task}: stride is ${stride}; it is a whole number below what tokenizer and model take, ${longest}.`,
      { stride },
    );
  if (strategy === "none")
    throw new ArgumentError(`${task}: with a stride tokens are seen twice; choose an aggregationStrategy.`, { stride });
}

/** A text, or its words joined, and the windows of tokens that the model reads. */
interface Text {
  readonly sentence: string;
  readonly windows: readonly Encoding[];
  /** Where each word begins in the sentence, if the text came as words. */
  readonly wordStarts: readonly number[] | undefined;
}

async function tagTexts(
  encoder: Encoder<TokenClassifierOutput>,
  inputs: readonly Input[],
  options: TokenClassificationOptions,
): Promise<Entity[][]> {
  const { aggregationStrategy: strategy = "none", ignoreLabels = ["O"] } = options;
  const texts = inputs.map((input) => read(encoder, input, options));
  const windows = texts.flatMap((text) => text.windows.map((window) => ({ text, window })));
  const found = new Array<Entity[]>(windows.length);
  await runEncodings(
    encoder,
    windows.map(({ window }) => window),
    options,
    ({ logits }, rows, width) => {
      const scores = rowsOfNumbers(logits); // B · T rows
      rows.forEach((place, row) => {
        const { text, window } = windows[place]!;
        const first = row * width + padded(encoder.tokenizer, window.length, width);
        const tokens = tokensOf(encoder, text, window, (i) => softmax(scores[first + i]!));
        found[place] = aggregate(encoder, tokens, strategy).filter(
          ({ entity, entity_group }) => !ignoreLabels.includes(entity ?? entity_group),
        );
      });
    },
  );
  let at = 0;
  return texts.map((text) => {
    const own = found.slice(at, at + text.windows.length).flat();
    at += text.windows.length;
    return text.windows.length > 1 ? withoutOverlaps(own) : own;
  });
}

function read(encoder: Encoder<TokenClassifierOutput>, input: Input, options: TokenClassificationOptions): Text {
  const { stride, isSplitIntoWords = false, delimiter = " " } = options;
  const isWords = typeof input !== "string";
  if (isWords !== isSplitIntoWords)
    throw new ArgumentError(
      isWords
        ? "token-classification: a text is a list of words; set isSplitIntoWords."
        : "token-classification: with isSplitIntoWords a text is a list of words.",
      {},
    );
  const truncation = truncationOf(encoder, true, { stride: stride ?? 0 });
  const whole = encoder.tokenizer.backend.encode(input, { padding: null, truncation });
  const windows = stride === undefined ? [whole] : [whole, ...whole.overflowing];
  if (!isWords) return { sentence: input, windows, wordStarts: undefined };
  let at = 0;
  const wordStarts = input.map((word) => {
    const start = at;
    at += word.length + delimiter.length;
    return start;
  });
  return { sentence: input.join(delimiter), windows, wordStarts };
}

function tokensOf(
  { tokenizer }: Encoder<TokenClassifierOutput>,
  { sentence, wordStarts }: Text,
  window: Encoding,
  scoresOf: (token: number) => Float64Array,
): Token[] {
  const { offsets, wordIds, ids, specialTokensMask } = window;
  const { subwordPrefix } = tokenizer.backend.model;
  const letters = (text: string): number => [...text].length;
  return ids.flatMap((id, index) => {
    if (specialTokensMask[index] === 1) return [];
    const from = wordStarts?.[wordIds[index] ?? -1] ?? 0;
    const [start, end] = [offsets[index]![0] + from, offsets[index]![1] + from];
    const covered = sentence.slice(start, end);
    const token = tokenizer.backend.idToToken(id) ?? "";
    const isUnknown = id === tokenizer.unkTokenId;
    // A prefix makes a token longer than what it covers. Without prefixes a token goes on a word if no space is before it.
    const continues =
      subwordPrefix !== undefined && subwordPrefix !== null && subwordPrefix !== ""
        ? letters(token) !== letters(covered)
        : start > 0 && !sentence.slice(start - 1, start + 1).includes(" ");
    return [
      {
        word: isUnknown ? covered : token,
        scores: scoresOf(index),
        start,
        end,
        index,
        isSubword: continues && !isUnknown,
      },
    ];
  });
}

// ── from tokens to entities ───────────────────────────────────────────────────────────────────────────────────────

function aggregate(
  encoder: Encoder<TokenClassifierOutput>,
  tokens: readonly Token[],
  strategy: AggregationStrategy,
): Entity[] {
  const { config } = encoder.model;
  if (strategy !== "none" && strategy !== "simple") {
    const words: Token[][] = [];
    for (const token of tokens) {
      const word = words.at(-1);
      if (word !== undefined && token.isSubword) word.push(token);
      else words.push([token]);
    }
    return grouped(
      encoder,
      words.map((word) => tagWord(encoder, word, strategy)),
    );
  }
  const tagged = tokens.map(({ scores, word, start, end, index }) => {
    const best = argmax(scores);
    return { entity: labelOf(config, best), score: scores[best]!, index, word, start, end };
  });
  return strategy === "none" ? tagged : grouped(encoder, tagged);
}

function tagWord(
  { model, tokenizer }: Encoder<TokenClassifierOutput>,
  word: readonly Token[],
  strategy: "first" | "average" | "max",
): Tagged {
  const scores = { first: () => word[0]!.scores, average: () => mean(word), max: () => surest(word) }[strategy]();
  const best = argmax(scores);
  return {
    entity: labelOf(model.config, best),
    score: scores[best]!,
    word: tokenizer.backend.decodeTokens(word.map((token) => token.word)),
    start: word[0]!.start,
    end: word.at(-1)!.end,
  };
}

function mean(word: readonly Token[]): Float64Array {
  return word[0]!.scores.map((_, label) => word.reduce((sum, { scores }) => sum + scores[label]!, 0) / word.length);
}

/** The scores of the token that is surest of its tag. */
function surest(word: readonly Token[]): Float64Array {
  const most = (token: Token): number => token.scores[argmax(token.scores)]!;
  return word.reduce((best, token) => (most(token) > most(best) ? token : best)).scores;
}

/** Neighbours of one tag are one entity; one with B- begins anew. */
function grouped({ tokenizer }: Encoder<TokenClassifierOutput>, tagged: readonly Tagged[]): Entity[] {
  const groups: Tagged[][] = [];
  for (const one of tagged) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    const goesOn = before !== undefined && kindOf(before.entity) === kindOf(one.entity) && !one.entity.startsWith("B-");
    if (goesOn) group!.push(one);
    else groups.push([one]);
  }
  return groups.map((group) => ({
    entity_group: group[0]!.entity.replace(/^[^-]*-/, ""),
    score: group.reduce((sum, { score }) => sum + score, 0) / group.length,
    word: tokenizer.backend.decodeTokens(group.map(({ word }) => word)),
    start: group[0]!.start,
    end: group.at(-1)!.end,
  }));
}

/** A tag without B- or I-. */
const kindOf = (tag: string): string => tag.replace(/^[BI]-/, "");

/** Of entities that windows share, the longer one; of equally long ones the surer. */
function withoutOverlaps(entities: readonly Entity[]): Entity[] {
  const kept: Entity[] = [];
  for (const entity of [...entities].sort((a, b) => a.start - b.start)) {
    const before = kept.at(-1);
    if (before === undefined || entity.start < before.start || entity.start >= before.end) {
      kept.push(entity);
      continue;
    }
    const [length, lengthBefore] = [entity.end - entity.start, before.end - before.start];
    const isBetter = length > lengthBefore || (length === lengthBefore && entity.score > before.score);
    if (isBetter) kept[kept.length - 1] = entity;
  }
  return kept;
}
