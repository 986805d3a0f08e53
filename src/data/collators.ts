// Hugging Face's data collators: from tokenized rows to padded batches with what a task learns from. Random ones draw as
// PyTorch does, so that a seed masks the tokens that transformers would mask.
//
//     const collate = DataCollatorForLanguageModeling({ tokenizer, mlmProbability: 0.15 });
//     for await (const { inputIds, labels } of new DataLoader(rows, { batchSize: 32, collate })) …

import { ArgumentError, DataError } from "../base/errors.ts";
import { defaultGenerator, Generator } from "../base/random.ts";
import {
  type ArrayBatch,
  type PadOptions,
  padArrays,
  type Seq2SeqOptions,
  type ShapedArray,
  seq2seqArrays,
  type TensorBatch,
  type TokenRow,
  toTensors,
} from "./collate.ts";

/** What collators ask of a tokenizer; any pretrained tokenizer has it. */
export interface Padding {
  readonly padTokenId: number | null;
  readonly padTokenTypeId?: number;
  readonly paddingSide?: "left" | "right";
}
/** What masking asks of it. */
export interface Masking extends Padding {
  readonly maskTokenId: number | null;
  readonly vocabSize: number;
  readonly bosTokenId?: number | null;
  readonly eosTokenId?: number | null;
  readonly unkTokenId?: number | null;
  readonly sepTokenId?: number | null;
  readonly clsTokenId?: number | null;
}

export interface PaddingCollatorOptions {
  readonly tokenizer: Padding;
  /** Pads on to a multiple of this. */
  readonly padToMultipleOf?: number;
  /** Pads to this length instead of the longest row's. */
  readonly maxLength?: number;
}
export interface LabelCollatorOptions extends PaddingCollatorOptions {
  /** Stands where nothing is to be learnt; default −100. */
  readonly labelPadTokenId?: number;
}
export type Collator = (rows: readonly TokenRow[]) => TensorBatch;

function padding({ tokenizer, padToMultipleOf, maxLength }: PaddingCollatorOptions): PadOptions {
  const { padTokenId, padTokenTypeId, paddingSide } = tokenizer;
  if (padTokenId === null) {
    throw new ArgumentError(
      "collator: the tokenizer has no padding token. Set tokenizer.padToken = tokenizer.eosToken.",
      {},
    );
  }
  return {
    padTokenId,
    ...(padTokenTypeId === undefined ? {} : { padTokenTypeId }),
    ...(paddingSide === undefined ? {} : { paddingSide }),
    ...(padToMultipleOf === undefined ? {} : { padToMultipleOf }),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
}

/** Rows of ids padded to the longest; single labels become `labels`, [B]. */
export function DataCollatorWithPadding(options: PaddingCollatorOptions): Collator {
  const pad = padArrays(padding(options));
  return (rows) => toTensors(pad(rows));
}

/** Rows with a label for each token; labels are padded by −100 as far as the ids. */
export function DataCollatorForTokenClassification(options: LabelCollatorOptions): Collator {
  const { labelPadTokenId = -100 } = options;
  const pad = padArrays({ ...padding(options), labelPadTokenId });
  return (rows) => {
    rows.forEach((row, i) => {
      const { inputIds, labels, label } = row as Readonly<Record<string, ArrayLike<number> | undefined>>; // as such rows are
      const own = labels ?? label;
      if (own === undefined || inputIds === undefined || own.length === inputIds.length) return;
      throw new DataError(
        `a batch: row ${i} has ${own.length} labels for ${inputIds.length} tokens. Align them by wordIds.`,
        {
          row: i,
        },
      );
    });
    return toTensors(pad(rows));
  };
}

export interface Seq2SeqCollatorOptions extends LabelCollatorOptions {
  /** Adds `decoderInputIds`: the labels, one place on, after this token. */
  readonly decoderStartTokenId?: number;
}

/** Rows whose labels are another text: ids and labels are padded each to their own longest, labels by −100. */
export function DataCollatorForSeq2Seq(options: Seq2SeqCollatorOptions): Collator {
  const { labelPadTokenId = -100, decoderStartTokenId } = options;
  const how: Seq2SeqOptions = { ...padding(options), labelPadTokenId, decoderStartTokenId };
  const pad = seq2seqArrays(how);
  return (rows) => toTensors(pad(rows));
}

export interface LanguageModelingOptions extends PaddingCollatorOptions {
  readonly tokenizer: Masking;
  /** False: labels are the ids, for models that predict the next token. Default true. */
  readonly mlm?: boolean;
  /** The share of tokens to be predicted; default 0.15. */
  readonly mlmProbability?: number;
  /** Of these, how many become the mask token, default 0.8, and another token, default 0.1; the rest stays. */
  readonly maskReplaceProb?: number;
  readonly randomReplaceProb?: number;
  /**
   * All tokens of a word or none; every one becomes the mask token. Words are those of the rows' `wordIds`, or else, as in Python, tokens
   * that touch by the rows' `offsetMapping`: then signs belong to the word that they stand at.
   */
  readonly wholeWordMask?: boolean;
  /** Begins a stream of draws of this collator's own; without it they come from the default stream. */
  readonly seed?: number;
}

/**
 * Batches for language models. Masked: `labels` hold the tokens to be predicted, −100 elsewhere. Special tokens, by the rows'
 * `specialTokensMask` or the tokenizer's own, are never chosen.
 */
export function DataCollatorForLanguageModeling(options: LanguageModelingOptions): Collator {
  const { tokenizer, mlm = true, mlmProbability = 0.15, wholeWordMask = false, seed } = options;
  const { maskReplaceProb = wholeWordMask ? 1 : 0.8, randomReplaceProb = wholeWordMask ? 0 : 0.1 } = options;
  const { maskTokenId } = tokenizer;
  const shares = { mlmProbability, maskReplaceProb, randomReplaceProb, sum: maskReplaceProb + randomReplaceProb };
  for (const [name, p] of Object.entries(shares)) {
    if (!(p >= 0 && p <= 1 + 1e-9)) {
      throw new ArgumentError(`DataCollatorForLanguageModeling: ${name} ${p}; it lies from 0 to 1.`, { [name]: p });
    }
  }
  if (mlm && maskTokenId === null) {
    throw new ArgumentError(
      "DataCollatorForLanguageModeling: the tokenizer has no mask token. mlm: false is for models that predict the next token.",
      {},
    );
  }
  const pad = padArrays(padding(options));
  const generator = seed === undefined ? defaultGenerator : new Generator(seed);
  return (rows) => {
    const words = wholeWordMask ? rows.map(wordsOf) : undefined;
    const { specialTokensMask, wordIds: _, labels: __, ...batch } = pad(rows.map(withoutTexts));
    const ids = batch["inputIds"];
    if (ids === undefined) throw new DataError("a batch: rows have no inputIds. Tokenize the texts first.", {});
    if (!mlm) {
      const labels = { ...ids, data: Float64Array.from(ids.data, (id) => (id === tokenizer.padTokenId ? -100 : id)) };
      return toTensors({ ...batch, labels });
    }
    const special = specialTokensMask?.data ?? specialIds(tokenizer, ids);
    const first = words === undefined ? undefined : firstOfWords(words, ids, tokenizer.paddingSide ?? "right");
    const chosen = chooseTokens(special, first, mlmProbability, generator);
    const masked = maskTokens(ids, chosen, {
      maskReplaceProb,
      randomReplaceProb,
      maskTokenId: maskTokenId!,
      tokenizer,
      generator,
    }); // prettier-ignore
    return toTensors({ ...batch, ...masked });
  };
}

/** `DataCollatorForLanguageModeling` with `wholeWordMask`. */
export function DataCollatorForWholeWordMask(
  options: Omit<LanguageModelingOptions, "mlm" | "wholeWordMask">,
): Collator {
  return DataCollatorForLanguageModeling({ ...options, wholeWordMask: true });
}

type Fields = Readonly<Record<string, unknown>>;

/** Word ids hold nulls, which are no numbers to pad; places are for choosing only; labels are made here. */
function withoutTexts(row: TokenRow): TokenRow {
  const { wordIds: _, labels: __, label: ___, offsetMapping: ____, ...rest } = row as Fields; // read by name
  return rest;
}
function wordsOf(row: TokenRow, i: number): readonly (number | null)[] {
  const { wordIds, offsetMapping, specialTokensMask } = row as Fields; // read by name
  if (Array.isArray(wordIds)) return wordIds;
  if (Array.isArray(offsetMapping) && Array.isArray(specialTokensMask))
    return touchingWords(offsetMapping, specialTokensMask);
  throw new DataError(
    `a batch: row ${i} has no wordIds, by which whole words are masked. The tokenizer's encodings give them.`,
    { row: i },
  );
}

/** A new word begins where a token does not go on where the one before ended. */
function touchingWords(
  offsets: readonly (readonly [start: number, end: number])[],
  special: readonly number[],
): (number | null)[] {
  let word = -1;
  return offsets.map(([start], t) => {
    if (special[t] === 1) return null;
    if (t === 0 || special[t - 1] === 1 || start !== offsets[t - 1]![1]) word++;
    return word;
  });
}

function specialIds(tokenizer: Masking, { data }: ShapedArray): Uint8Array {
  const { bosTokenId, eosTokenId, unkTokenId, sepTokenId, padTokenId, clsTokenId, maskTokenId } = tokenizer;
  const ids = new Set([bosTokenId, eosTokenId, unkTokenId, sepTokenId, padTokenId, clsTokenId, maskTokenId]);
  return Uint8Array.from(data, (id) => Number(ids.has(id)));
}

/** For each place of the padded batch the place where its word begins; −1 for what belongs to none. */
function firstOfWords(
  words: readonly (readonly (number | null)[])[],
  ids: ShapedArray,
  side: "left" | "right",
): Int32Array {
  const [, T] = ids.shape as [number, number]; // padded lists
  const first = new Int32Array(ids.data.length).fill(-1);
  words.forEach((own, row) => {
    const start = row * T + (side === "right" ? 0 : T - own.length);
    own.forEach((word, i) => {
      if (word === null) return;
      first[start + i] = i > 0 && own[i - 1] === word ? first[start + i - 1]! : start + i;
    });
  });
  return first;
}

/** One draw a place, as `torch.bernoulli` of a matrix: words are chosen by the draw of their first token. */
function chooseTokens(
  special: ArrayLike<number>,
  first: Int32Array | undefined,
  p: number,
  generator: Generator,
): Uint8Array {
  const share = Math.fround(p);
  const chosen = new Uint8Array(special.length);
  for (let i = 0; i < chosen.length; i++) {
    const may = first === undefined ? special[i] === 0 : first[i] === i;
    chosen[i] = Number(generator.single() < (may ? share : 0));
  }
  return first === undefined ? chosen : chosen.map((own, i) => (first[i]! < 0 ? 0 : (chosen[first[i]!] ?? own)));
}

interface Replacing {
  readonly maskReplaceProb: number;
  readonly randomReplaceProb: number;
  readonly maskTokenId: number;
  readonly tokenizer: Masking;
  readonly generator: Generator;
}

function maskTokens(ids: ShapedArray, chosen: Uint8Array, how: Replacing): ArrayBatch {
  const { maskReplaceProb, randomReplaceProb, maskTokenId, tokenizer, generator } = how;
  const data = Float64Array.from(ids.data);
  const labels = data.map((id, i) => (chosen[i] === 1 ? id : -100));
  const drawn = (p: number): Uint8Array => Uint8Array.from(chosen, () => Number(generator.single() < Math.fround(p)));
  const replaced = drawn(maskReplaceProb);
  for (let i = 0; i < data.length; i++) if (chosen[i] === 1 && replaced[i] === 1) data[i] = maskTokenId;
  if (maskReplaceProb !== 1 && randomReplaceProb !== 0) {
    const other = drawn(randomReplaceProb / (1 - maskReplaceProb));
    const words = Int32Array.from(chosen, () => generator.integer(0, tokenizer.vocabSize));
    for (let i = 0; i < data.length; i++) {
      if (chosen[i] === 1 && replaced[i] === 0 && other[i] === 1) data[i] = words[i]!;
    }
  }
  return { inputIds: { ...ids, data }, labels: { ...ids, data: labels } };
}
