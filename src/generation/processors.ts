// What changes the scores of the next token before one is chosen. Each works in place on one row of scores, given what the
// row has made so far (its start token first).

import type { CheckedOptions } from "./options.ts";

export type LogitsProcessor = (scores: Float32Array, ids: readonly number[]) => void;

/** The processors that the options ask for, in Hugging Face's order. `ids` begin with one start token. */
export function processorsFor(options: CheckedOptions, eosTokenId: number): LogitsProcessor[] {
  const list: LogitsProcessor[] = [];
  if (options.repetitionPenalty !== 1) list.push(repetitionPenalty(options.repetitionPenalty));
  if (options.noRepeatNgramSize > 0) list.push(noRepeatNgrams(options.noRepeatNgramSize));
  if (options.minNewTokens > 0) list.push(minNewTokens(options.minNewTokens, eosTokenId));
  return list;
}

function repetitionPenalty(penalty: number): LogitsProcessor {
  return (scores, ids) => {
    for (const id of new Set(ids)) scores[id] = scores[id]! < 0 ? scores[id]! * penalty : scores[id]! / penalty;
  };
}

function noRepeatNgrams(size: number): LogitsProcessor {
  return (scores, ids) => {
    const tail = ids.slice(ids.length - size + 1).join();
    if (ids.length + 1 < size) return;
    for (let at = 0; at + size <= ids.length; at++) {
      if (ids.slice(at, at + size - 1).join() === tail) scores[ids[at + size - 1]!] = Number.NEGATIVE_INFINITY;
    }
  };
}

function minNewTokens(least: number, eosTokenId: number): LogitsProcessor {
  return (scores, ids) => {
    if (ids.length - 1 < least) scores[eosTokenId] = Number.NEGATIVE_INFINITY;
  };
}
