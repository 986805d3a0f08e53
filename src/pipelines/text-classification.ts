// Classes of texts, or of pairs of texts, as transformers 4.57 gives them.

import { ArgumentError } from "../base/errors.ts";
import type { EncoderConfig } from "../models/encoder-config.ts";
import type { SequenceClassifierOutput } from "../models/outputs.ts";
import { checkText, type PipelineOptions, pipelineCall } from "./calls.ts";
import {
  type Encoder,
  labelOf,
  largestOnes,
  rowsOfNumbers,
  runEncodings,
  sigmoid,
  softmax,
  truncationOf,
} from "./encoder.ts";

export interface Classification {
  readonly label: string;
  readonly score: number;
}

/** A text, or two that are read together. */
export type TextOrPair = string | { readonly text: string; readonly text_pair: string };

export interface TextClassificationOptions extends PipelineOptions {
  /** How many classes are given, best first; null gives all. Without it, the best alone. */
  readonly topK?: number | null;
  /**
   * What scores are made of logits by. Default: "none" for regression, "sigmoid" for several labels at once or a single one,
   * "softmax" for classes.
   */
  readonly functionToApply?: "sigmoid" | "softmax" | "none";
  /** Cut texts that are longer than the model takes. Default: they are an error. */
  readonly truncation?: boolean;
  readonly maxLength?: number;
}

/** Without `topK` the best class of each text, in a list also for a single text; with it a list for each text. */
export interface TextClassificationPipeline {
  (text: TextOrPair, options?: TextClassificationOptions): Promise<Classification[]>;
  (
    texts: readonly TextOrPair[],
    options: TextClassificationOptions & { topK: number | null },
  ): Promise<Classification[][]>;
  (texts: readonly TextOrPair[], options?: TextClassificationOptions): Promise<Classification[]>;
  (
    texts: AsyncIterable<TextOrPair> | Generator<TextOrPair>,
    options?: TextClassificationOptions,
  ): AsyncGenerator<Classification[]>;
}

export function textClassification(encoder: Encoder<SequenceClassifierOutput>): TextClassificationPipeline {
  const { task, tokenizer } = encoder;
  const { config } = encoder.model;
  const call = pipelineCall<TextOrPair, Classification[], TextClassificationOptions>(
    task,
    async (inputs, options) => {
      const { topK = 1, truncation = false, maxLength } = options;
      if (topK !== null && !(Number.isInteger(topK) && topK >= 1))
        throw new ArgumentError(`${task}: topK is ${topK}; it is a whole number of at least 1, or null for all.`, {
          topK,
        });
      const cut = truncationOf(encoder, truncation, { maxLength });
      const encodings = inputs.map((input) => {
        const { text, text_pair: pair } = typeof input === "string" ? { text: input } : input;
        return tokenizer.backend.encode(text, { padding: null, truncation: cut, ...(pair !== undefined && { pair }) });
      });
      const results = new Array<Classification[]>(inputs.length);
      const scoresOf = scoring(config, options.functionToApply);
      await runEncodings(encoder, encodings, options, ({ logits }, rows) => {
        rowsOfNumbers(logits).forEach((row, i) => {
          const scores = scoresOf(row);
          const best = largestOnes(scores, topK ?? scores.length);
          results[rows[i]!] = best.map((id) => ({ label: labelOf(config, id), score: scores[id]! }));
        });
      });
      return results;
    },
    checkTextOrPair,
  );
  const one = (input: unknown, options: TextClassificationOptions = {}): unknown => {
    const results = call(input as never, options); // any of its signatures
    return Array.isArray(input) && options.topK === undefined
      ? (results as unknown as Promise<Classification[][]>).then((rows) => rows.flat()) // a list's results
      : results;
  };
  return one as TextClassificationPipeline; // as its signatures say
}

function scoring(
  { problemType, numLabels }: EncoderConfig,
  given: TextClassificationOptions["functionToApply"],
): (logits: Float64Array) => Float64Array {
  const usual =
    problemType === "regression"
      ? "none"
      : problemType === "multi_label_classification" || numLabels === 1
        ? "sigmoid"
        : "softmax";
  const name = given ?? usual;
  switch (name) {
    case "none":
      return (logits) => logits;
    case "sigmoid":
      return sigmoid;
    case "softmax":
      return softmax;
    default:
      throw new ArgumentError(
        `text-classification: functionToApply is "${name satisfies never}"; it is "sigmoid", "softmax" or "none".`,
        { functionToApply: name },
      );
  }
}

function checkTextOrPair(input: unknown, place: string): void {
  if (typeof input !== "object" || input === null) return checkText(input, place);
  const { text, text_pair } = input as { readonly text?: unknown; readonly text_pair?: unknown }; // an object
  checkText(text, `${place}, its "text",`);
  if (text_pair !== undefined) checkText(text_pair, `${place}, its "text_pair",`);
}
