// Words for masked places, as transformers 4.57 gives them.

import { ArgumentError } from "../base/errors.ts";
import type { MaskedLMOutput } from "../models/outputs.ts";
import { checkText, type PipelineCall, type PipelineOptions, pipelineCall } from "./calls.ts";
import { type Encoder, largestOnes, padded, rowsOfNumbers, runEncodings, softmax, truncationOf } from "./encoder.ts";

export interface FilledMask {
  readonly score: number;
  /** The token's id. */
  readonly token: number;
  readonly token_str: string;
  /** The text with the token in place of the mask. */
  readonly sequence: string;
}

export interface FillMaskOptions extends PipelineOptions {
  /** How many words are given for a place, best first. Default 5. */
  readonly topK?: number;
  /** Only these words come into question. One that is no token stands for its first token. */
  readonly targets?: string | readonly string[];
  /** Cut texts that are longer than the model takes. Default: they are an error. */
  readonly truncation?: boolean;
}

/** A list of words for a text with one mask; a list for each mask where there are several. */
export type FillMaskPipeline = PipelineCall<string, FilledMask[] | FilledMask[][], FillMaskOptions>;

export function fillMask(encoder: Encoder<MaskedLMOutput>): FillMaskPipeline {
  const { task, tokenizer } = encoder;
  const { maskTokenId: maskId, maskToken } = tokenizer;
  if (maskId === null)
    throw new ArgumentError(
      `${task}: the tokenizer has no mask token. Set tokenizer.maskToken, or choose a model that has one.`,
      {},
    );
  return pipelineCall(
    task,
    async (texts, options) => {
      const { truncation = false } = options;
      const cut = truncationOf(encoder, truncation);
      const encodings = texts.map((text, i) => {
        const encoding = tokenizer.backend.encode(text, { padding: null, truncation: cut });
        if (!encoding.ids.includes(maskId))
          throw new ArgumentError(`${task}: text ${i} has no mask; write ${maskToken} where a word is wanted.`, {
            text: i,
          });
        return encoding;
      });
      const targets = options.targets === undefined ? undefined : targetIds(encoder, options.targets);
      const topK = Math.min(checkedTopK(task, options.topK), targets?.length ?? Number.POSITIVE_INFINITY);
      const results = new Array<FilledMask[] | FilledMask[][]>(texts.length);
      await runEncodings(encoder, encodings, options, ({ logits }, rows, width) => {
        rows.forEach((place, row) => {
          const { ids } = encodings[place]!;
          const from = padded(tokenizer, ids.length, width);
          const masks = ids.flatMap((id, token) => (id === maskId ? [token] : []));
          const filled = masks.map((token) => {
            const [scores] = rowsOfNumbers(logits.select(0, row).select(0, from + token));
            const probabilities = softmax(scores!);
            const among =
              targets === undefined ? probabilities : Float64Array.from(targets, (id) => probabilities[id]!);
            return largestOnes(among, topK).map((at) => {
              const id = targets?.[at] ?? at;
              const sequence = tokenizer.decode(
                ids.with(token, id).filter((other) => other !== tokenizer.padTokenId),
                { skipSpecialTokens: masks.length === 1 },
              );
              return { score: among[at]!, token: id, token_str: tokenizer.decode([id]), sequence };
            });
          });
          results[place] = filled.length === 1 ? filled[0]! : filled;
        });
      });
      return results;
    },
    checkText,
  );
}

function checkedTopK(task: string, topK = 5): number {
  if (Number.isInteger(topK) && topK >= 1) return topK;
  throw new ArgumentError(`${task}: topK is ${topK}; it is a whole number of at least 1.`, { topK });
}

function targetIds({ task, tokenizer }: Encoder<MaskedLMOutput>, given: string | readonly string[]): number[] {
  const targets = typeof given === "string" ? [given] : given;
  const ids = targets.flatMap((target) => {
    const id = tokenizer.backend.tokenToId(target);
    return id === undefined ? tokenizer.encode(target, { addSpecialTokens: false }).slice(0, 1) : [id];
  });
  if (ids.length === 0)
    throw new ArgumentError(`${task}: targets ${JSON.stringify(given)} give no token. Name at least one word.`, {
      targets: given,
    });
  return [...new Set(ids)];
}
