// What the pipelines of encoders share: a model with its tokenizer, and running encoded texts through it in batches.

import { ArgumentError, DataError } from "../base/errors.ts";
import type { EncoderConfig } from "../models/encoder-config.ts";
import type { EncoderInputs } from "../models/outputs.ts";
import type { AnyModule } from "../nn/module.ts";
import { fromArray } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Encoding } from "../text/encoding.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";
import { breathe } from "../training/breathe.ts";
import { defaultBatchSize, type PipelineOptions } from "./calls.ts";

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
 * places of its rows among the encodings; `width` is the padded length. The model is in evaluation mode meanwhile.
 */
export async function runEncodings<Output>(
  { model, tokenizer, task }: Encoder<Output>,
  encodings: readonly Encoding[],
  { batchSize = defaultBatchSize, signal, onProgress }: PipelineOptions,
  read: (output: Output, rows: readonly number[], width: number) => void,
): Promise<void> {
  checkLengths(task, model.config, encodings);
  const order = encodings.map((_, i) => i).sort((a, b) => encodings[b]!.length - encodings[a]!.length || a - b);
  const wasTraining = model.training;
  model.eval();
  try {
    for (let at = 0; at < order.length; at += batchSize) {
      signal?.throwIfAborted();
      const rows = order.slice(at, at + batchSize);
      const batch = rows.map((i) => encodings[i]!);
      const width = Math.max(...batch.map(({ length }) => length));
      noGrad(() => tidy(() => read(model(inputsOf(task, tokenizer, batch, width)) as Output, rows, width)));
      onProgress?.(Math.min(at + batchSize, order.length), order.length);
      await breathe();
    }
  } finally {
    model.train(wasTraining);
  }
}

/** Throws before work starts for a text that has more tokens than the model has positions. */
function checkLengths(task: string, config: EncoderConfig, encodings: readonly Encoding[]): void {
  const { maxPositionEmbeddings: most } = config as { readonly maxPositionEmbeddings?: unknown }; // most models have it
  if (typeof most !== "number") return;
  const at = encodings.findIndex(({ length }) => length > most);
  if (at < 0) return;
  throw new DataError(
    `${task}: text ${at} has ${encodings[at]!.length} tokens, the model takes ${most}. Pass { truncation: true } or a stride, or cut the text.`,
    { text: at, tokens: encodings[at]!.length, most },
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

/** How texts are cut: `true` is "longestFirst"; without a limit of the tokenizer's own nothing is. */
export function truncationOf(
  { modelMaxLength, truncationSide: side }: PreTrainedTokenizer,
  truncation: boolean | "longestFirst" | "onlyFirst" | "onlySecond",
  {
    maxLength = modelMaxLength,
    stride = 0,
  }: { readonly maxLength?: number | undefined; readonly stride?: number } = {},
): {
  maxLength: number;
  strategy: "longestFirst" | "onlyFirst" | "onlySecond";
  side: "left" | "right";
  stride: number;
} | null {
  if (truncation === false || maxLength === Number.POSITIVE_INFINITY) return null;
  return { maxLength, strategy: truncation === true ? "longestFirst" : truncation, side, stride };
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
/** The first place of the largest number. */
export function largest(values: Float64Array): number {
  let best = 0;
  values.forEach((value, i) => {
    if (value > values[best]!) best = i;
  });
  return best;
}
/** The places of the `k` largest numbers, largest first; equal ones in their order. */
export function largestOnes(values: Float64Array, k: number): number[] {
  const order = [...values.keys()];
  return order.sort((a, b) => values[b]! - values[a]! || a - b).slice(0, k);
}

/** The name of a class. */
export function labelOf({ id2label }: Pick<EncoderConfig, "id2label">, id: number): string {
  return id2label[id] ?? `LABEL_${id}`;
}
