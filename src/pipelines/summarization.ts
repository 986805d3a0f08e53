// Summaries of texts, as transformers 4.57 gave them.

import { ArgumentError, UnsupportedError } from "../base/errors.ts";
import { generate } from "../generation/generate.ts";
import type { GenerateOptions } from "../generation/options.ts";
import { type PretrainedOptions, pretrainedOptions } from "../hub/pretrained-folder.ts";
import { AutoModelForSeq2SeqLM } from "../models/auto.ts";
import { AutoTokenizer } from "../models/pretrained-files.ts";
import { Seq2SeqRnn } from "../models/rnn-seq2seq.ts";
import type { AnyModule } from "../nn/module.ts";
import { fromArray } from "../tensor/create.ts";
import { persist, tidy } from "../tensor/scope.ts";
import type { PreTrainedTokenizer } from "../text/pretrained-tokenizer.ts";

/** One result; the key is spelled as in Python's results. */
export interface Summary {
  readonly summary_text: string;
}

export interface SummarizationOptions extends GenerateOptions {
  /** Texts that are encoded together. Default 16. */
  readonly batchSize?: number;
  /** Called after each batch with the number of texts done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** One text or many; the results come in the texts' order. */
export type SummarizationPipeline = (
  texts: string | readonly string[],
  options?: SummarizationOptions,
) => Promise<Summary[]>;

/** The pipeline of a trained model, by its folder or its name on the hub, or there already. */
export async function loadSummarization(
  source: string | { readonly model: AnyModule; readonly tokenizer: PreTrainedTokenizer },
  options: PretrainedOptions = {},
): Promise<SummarizationPipeline> {
  if (typeof source === "string") {
    const tokenizer = await AutoTokenizer.fromPretrained(source, pretrainedOptions(options));
    return summarization(await AutoModelForSeq2SeqLM.fromPretrained(source, pretrainedOptions(options)), tokenizer);
  }
  const { model, tokenizer } = source;
  if (!(model instanceof Seq2SeqRnn))
    throw new UnsupportedError(`summarization: ${model.constructor.name} cannot write texts; wants a Seq2SeqRnn.`, {});
  return summarization(model, tokenizer);
}

/** The pipeline of a model and a tokenizer that are there already. */
export function summarization(model: Seq2SeqRnn, tokenizer: PreTrainedTokenizer): SummarizationPipeline {
  return async (texts, options = {}) => {
    const list = typeof texts === "string" ? [texts] : texts;
    checkTexts(list);
    const { batchSize = 16, onProgress, ...generation } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new ArgumentError(`summarization: batchSize is ${batchSize}; it is at least 1.`, { batchSize });
    // Texts of like length share a batch, so that little is padded.
    const encoded = list.map((text) => tokenizer(text, { truncation: true }).inputIds);
    const order = list.map((_, i) => i).sort((a, b) => encoded[b]!.length - encoded[a]!.length);
    const results = new Array<Summary>(list.length);
    for (let at = 0; at < order.length; at += batchSize) {
      const rows = order.slice(at, at + batchSize);
      const ids = await generateRows(
        model,
        rows.map((i) => encoded[i]!),
        generation,
      );
      rows.forEach((i, r) => {
        results[i] = { summary_text: tokenizer.decode(ids[r]!, { skipSpecialTokens: true }).trim() };
      });
      onProgress?.(Math.min(at + batchSize, order.length), order.length);
    }
    return results;
  };
}

function checkTexts(texts: readonly string[]): void {
  texts.forEach((text, i) => {
    if (typeof text !== "string")
      throw new ArgumentError(`summarization: text ${i} is ${text === null ? "null" : typeof text}, not a string.`, {
        text: i,
      });
    if (text.trim() === "") throw new ArgumentError(`summarization: text ${i} is empty.`, { text: i });
  });
}

async function generateRows(
  model: Seq2SeqRnn,
  rows: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<number[][]> {
  const S = Math.max(...rows.map((row) => row.length));
  const { padTokenId } = model.config;
  const inputIds = tidy(() => {
    const padded = rows.flatMap((row) => [...row, ...new Array<number>(S - row.length).fill(padTokenId)]);
    return persist(fromArray(padded, [rows.length, S], { dtype: "int32" }));
  });
  try {
    return await generate(model, { inputIds }, options);
  } finally {
    inputIds.dispose();
  }
}
