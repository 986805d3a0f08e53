// What the pipelines of encoders share: a model with its tokenizer, and running encoded texts through it in batches.

import { ArgumentError, DataError } from "../base/errors.ts";
import type { EncoderConfig } from "../models/encoder-config.ts";
import type { EncoderInputs } from "../models/outputs.ts";
import { longestText } from "../models/pretrained-transformer.ts";
import type { AnyModule } from "../nn/module.ts";
import { fromArray } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Encoding } from "../text/encoding.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { breathe } from "../training/breathe.ts";
import { checkBatchSize, defaultBatchSize, type PipelineOptions } from "./calls.ts";

/** A model that reads texts, with the tokenizer it was trained with. */
export interface Encoder<Output> {
  /** For messages. */
  readonly task: string;
  readonly model: AnyModule & { readonly config: EncoderConfig };
  readonly tokenizer: PreTrainedTokenizer;
  /** Only for the type of what the model gives. */
  readonly output?: Output;
}

/**
 * Runs encodings through the model, those of like length together. `read` gets a batch's output, in a scope of its own, with the
 * places of its rows among the encodings; `width` is the padded length. The model is in evaluation mode during each batch only, so
 * that calls which overlap do not end each other's.
 */
export async function runEncodings<Output>(
  { model, tokenizer, task }: Encoder<Output>,
  encodings: readonly Encoding[],
  { batchSize = defaultBatchSize, signal, onProgress }: PipelineOptions,
  read: (output: Output, rows: readonly number[], width: number) => void,
): Promise<void> {
  checkBatchSize(task, batchSize);
  checkLengths(task, model, encodings);
  checkIds(task, { model, tokenizer }, encodings);
  const order = encodings.map((_, i) => i).sort((a, b) => encodings[b]!.length - encodings[a]!.length || a - b);
  for (let at = 0; at < order.length; at += batchSize) {
    signal?.throwIfAborted();
    const rows = order.slice(at, at + batchSize);
    const batch = rows.map((i) => encodings[i]!);
    const width = Math.max(...batch.map(({ length }) => length));
    const run = (): void => read(model(inputsOf(task, tokenizer, batch, width)) as Output, rows, width);
    inEvaluation(model, () => noGrad(() => tidy(run)));
    onProgress?.(Math.min(at + batchSize, order.length), order.length);
    await breathe();
  }
}

/** Runs `body` with every module in evaluation mode, and leaves each as it was. */
function inEvaluation(model: AnyModule, body: () => void): void {
  const training = model.modules().filter((module) => module.training);
  model.eval();
  try {
    body();
  } finally {
    for (const module of training) module.training = true;
  }
}

/** Throws before work starts for a text that has more tokens than the model has positions. */
function checkLengths(task: string, model: AnyModule, encodings: readonly Encoding[]): void {
  const most = longestText(model);
  const at = encodings.findIndex(({ length }) => length > most);
  if (at < 0) return;
  throw new DataError(
    `${task}: text ${at} has ${encodings[at]!.length} tokens, the model takes ${most}. Pass { truncation: true } or a stride, or cut the text.`,
    { text: at, tokens: encodings[at]!.length, most },
  );
}

/** Throws before work starts for a token that the model's table of words does not have: the tokenizer is another model's, or has grown. */
function checkIds(
  task: string,
  { model, tokenizer }: Pick<Encoder<unknown>, "model" | "tokenizer">,
  encodings: readonly Encoding[],
): void {
  const { vocabSize } = model.config;
  const id = encodings.flatMap(({ ids }) => ids.find((each) => each >= vocabSize) ?? [])[0];
  if (id === undefined) return;
  throw new DataError(
    `${task}: the token "${tokenizer.backend.idToToken(id)}" has the id ${id}, the model knows ids below ${vocabSize}. Is the tokenizer this model's? After tokens were added: model.resizeTokenEmbeddings(${tokenizer.vocabSize}).`,
    { id, vocabSize },
  );
}

/** Ids, mask and types `[B, T]`, padded on the tokenizer's side. */
function inputsOf(
  task: string,
  tokenizer: PreTrainedTokenizer,
  batch: readonly Encoding[],
  width: number,
): EncoderInputs {
  const isRagged = batch.some(({ length }) => length < width);
  const padId = tokenizer.padTokenId;
  if (isRagged && padId === null)
    throw new ArgumentError(
      `${task}: texts of unlike length need a padding token. Set tokenizer.padToken, or batchSize: 1.`,
      {},
    );
  const column = (values: (e: Encoding) => readonly number[], fill: number): Tensor => {
    const data = new Int32Array(batch.length * width).fill(fill);
    batch.forEach((e, row) => data.set(values(e), row * width + padded(tokenizer, e.length, width)));
    return fromArray(data, [batch.length, width], { dtype: "int32" });
  };
  const takes = (name: string): boolean => tokenizer.modelInputNames.includes(name);
  return {
    inputIds: column((e) => e.ids, padId ?? 0),
    attentionMask: column((e) => e.attentionMask, 0),
    ...(takes("token_type_ids") && { tokenTypeIds: column((e) => e.typeIds, tokenizer.padTokenTypeId) }),
  };
}

/** How many places of padding stand before a text. */
export function padded({ paddingSide }: PreTrainedTokenizer, length: number, width: number): number {
  return paddingSide === "left" ? width - length : 0;
}

/** How texts are cut, to what the tokenizer says and the model can read: `true` is "longestFirst"; without a limit nothing is. */
export function truncationOf(
  { tokenizer, model }: Pick<Encoder<unknown>, "tokenizer" | "model">,
  truncation: boolean | "longestFirst" | "onlyFirst" | "onlySecond",
  options: { readonly maxLength?: number | undefined; readonly stride?: number } = {},
): {
  maxLength: number;
  strategy: "longestFirst" | "onlyFirst" | "onlySecond";
  side: "left" | "right";
  stride: number;
} | null {
  const { maxLength = lengthLimit({ tokenizer, model }), stride = 0 } = options;
  const { truncationSide: side } = tokenizer;
  if (truncation === false || maxLength === Number.POSITIVE_INFINITY) return null;
  return { maxLength, strategy: truncation === true ? "longestFirst" : truncation, side, stride };
}

/** What texts are cut to: the tokenizer's length, or the model's if that is less. */
export function lengthLimit({ tokenizer, model }: Pick<Encoder<unknown>, "tokenizer" | "model">): number {
  return Math.min(tokenizer.modelMaxLength, longestText(model));
}

/** Rows `[…, size]` of a tensor as plain numbers. */
export function rowsOfNumbers(t: Tensor): Float64Array[] {
  const size = t.shape.at(-1)!;
  const data = t.float().toArray();
  return Array.from({ length: data.length / Math.max(size, 1) }, (_, i) =>
    Float64Array.from(data.subarray(i * size, (i + 1) * size) as Float32Array),
  );
}

export function softmax(logits: Float64Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = logits.map((x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
}
export function sigmoid(logits: Float64Array): Float64Array {
  return logits.map((x) => 1 / (1 + Math.exp(-x)));
}
/** The places of the `k` largest numbers, largest first; equal ones in their order. */
export function largestOnes(values: Float64Array, k: number): number[] {
  const order: number[] = [];
  if (k > 100) return [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b).slice(0, k);
  values.forEach((value, i) => {
    if (order.length === k && !(value > values[order[k - 1]!]!)) return;
    let at = order.length;
    while (at > 0 && value > values[order[at - 1]!]!) at--;
    order.splice(at, 0, i);
    if (order.length > k) order.pop();
  });
  return order;
}

/** The name of a class. */
export function labelOf({ id2label }: Pick<EncoderConfig, "id2label">, id: number): string {
  return id2label[id] ?? `LABEL_${id}`;
}
