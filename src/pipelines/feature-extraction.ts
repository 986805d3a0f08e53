// Hidden states of texts, as transformers 4.57 gives them, or one vector for each text.

import { ArgumentError } from "../base/errors.ts";
import type { BaseModelOutput } from "../models/outputs.ts";
import { checkText, type PipelineOptions, pipelineCall } from "./calls.ts";
import { type Encoder, padded, rowsOfNumbers, runEncodings, truncationOf } from "./encoder.ts";

export interface FeatureExtractionOptions extends PipelineOptions {
  /** One vector for a text: the mean of its tokens, or the first token. Without it, a vector for each token. */
  readonly pooling?: "mean" | "cls";
  /** Scales pooled vectors to length 1. */
  readonly normalize?: boolean;
  /** Cut texts that are longer than the model takes. Default: they are an error. */
  readonly truncation?: boolean;
}

/** `[1][T][C]` for a text, as in Python; with `pooling` `[C]`. */
export interface FeatureExtractionPipeline {
  (text: string, options: FeatureExtractionOptions & { pooling: "mean" | "cls" }): Promise<number[]>;
  (texts: readonly string[], options: FeatureExtractionOptions & { pooling: "mean" | "cls" }): Promise<number[][]>;
  (text: string, options?: FeatureExtractionOptions): Promise<number[][][]>;
  (texts: readonly string[], options?: FeatureExtractionOptions): Promise<number[][][][]>;
  (texts: AsyncIterable<string> | Generator<string>, options?: FeatureExtractionOptions): AsyncGenerator<number[][][]>;
}

export function featureExtraction(encoder: Encoder<BaseModelOutput>): FeatureExtractionPipeline {
  const { task, tokenizer } = encoder;
  const call = pipelineCall<string, unknown, FeatureExtractionOptions>(
    task,
    async (texts, options) => {
      const { truncation = false, pooling, normalize = false } = options;
      if (pooling !== undefined && pooling !== "mean" && pooling !== "cls")
        throw new ArgumentError(`${task}: pooling is "${pooling as string}"; it is "mean" or "cls".`, { pooling });
      if (normalize && pooling === undefined)
        throw new ArgumentError(`${task}: normalize scales pooled vectors; set pooling.`, {});
      const cut = truncationOf(encoder, truncation);
      const encodings = texts.map((text) => tokenizer.backend.encode(text, { padding: null, truncation: cut }));
      const results = new Array<unknown>(texts.length);
      await runEncodings(encoder, encodings, options, ({ lastHiddenState }, rows, width) => {
        const vectors = rowsOfNumbers(lastHiddenState); // B · T of them
        rows.forEach((place, row) => {
          const { length } = encodings[place]!;
          const first = row * width + padded(tokenizer, length, width);
          const own = vectors.slice(first, first + length);
          results[place] = pooling === undefined ? [own.map((v) => [...v])] : pooled(own, pooling, normalize);
        });
      });
      return results;
    },
    checkText,
  );
  return call as unknown as FeatureExtractionPipeline; // what it gives follows from the options, as the signatures say
}

function pooled(vectors: readonly Float64Array[], pooling: "mean" | "cls", normalize: boolean): number[] {
  const vector =
    pooling === "cls"
      ? [...vectors[0]!]
      : Array.from(vectors[0]!, (_, c) => vectors.reduce((sum, v) => sum + v[c]!, 0) / vectors.length);
  if (!normalize) return vector;
  const length = Math.hypot(...vector);
  return vector.map((x) => x / Math.max(length, 1e-12));
}
