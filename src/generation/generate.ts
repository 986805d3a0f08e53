// Decoding: from an encoded input to ids, token by token. Greedy search follows the likeliest token; beam search follows several
// prefixes by their total log-probability, by the rules of transformers 5 (`_beam_search`).

import { fromArray } from "../tensor/create.ts";
import { logSoftmax } from "../tensor/functional/softmax.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { forEachTensor, persist, tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type CheckedOptions, checkOptions, type GenerateOptions } from "./options.ts";
import { type LogitsProcessor, processorsFor } from "./processors.ts";

/** What a model must do to be decoded. `State` is a plain object of tensors. */
export interface Decodable<State> {
  readonly config: { readonly eosTokenId: number; readonly padTokenId: number; readonly decoderStartTokenId: number };
  readonly training: boolean;
  train(mode?: boolean): unknown;
  encode(inputIds: Tensor, attentionMask?: Tensor): State;
  /** The logits `[rows, V]` after the last ids `[rows]`. */
  decodeStep(lastIds: Tensor, state: State): { readonly logits: Tensor; readonly state: State };
  /** Each row `times` times in a row. */
  repeat(state: State, times: number): State;
  /** Each row goes on from the one that `rows` names. */
  reorder(state: State, rows: Tensor): State;
}

export interface GenerateInputs {
  /** `[B, S]`, int32 */
  readonly inputIds: Tensor;
  readonly attentionMask?: Tensor;
}

/**
 * The ids that the model makes for each row, without start, end and padding. The promise settles after the last token; between
 * tokens other work gets its turn.
 */
export async function generate<State>(
  model: Decodable<State>,
  inputs: GenerateInputs,
  options: GenerateOptions = {},
): Promise<number[][]> {
  const checked = checkOptions(options);
  const wasTraining = model.training;
  model.train(false);
  try {
    return await (checked.numBeams === 1 ? greedySearch : beamSearch)(model, inputs, checked);
  } finally {
    model.train(wasTraining);
  }
}

/** The first state. It may hold the inputs, so it gets handles of its own: those of the caller are not ours to free. */
function encode<State>(model: Decodable<State>, { inputIds, attentionMask }: GenerateInputs): State {
  return model.encode(inputIds.alias(), attentionMask?.alias());
}

/** The state between tokens, which no scope may free; the one before is freed when the next is there. */
class Carried<State> {
  #state: State;
  constructor(make: () => State) {
    this.#state = persist(noGrad(() => tidy(make)));
  }
  /** One step: takes what `advance` reads out of the new tensors, keeps its new state. */
  step<T>(advance: (state: State) => { readonly state: State; readonly value: T }): T {
    const before = this.#state;
    const { state, value } = noGrad(() => tidy(() => advance(before)));
    this.#state = persist(state);
    const kept = new Set<Tensor>();
    forEachTensor(state, (t) => kept.add(t));
    forEachTensor(before, (t) => {
      if (!kept.has(t)) t.dispose("the next step of generate()");
    });
    return value;
  }
  dispose(): void {
    forEachTensor(this.#state, (t) => t.dispose("the end of generate()"));
  }
}

/** Lets timers, signals and progress have their turn. */
async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  signal?.throwIfAborted();
}

function ids32(ids: readonly number[]): Tensor {
  return fromArray(ids, [ids.length], { dtype: "int32" });
}

function process(processors: readonly LogitsProcessor[], scores: Float32Array, ids: readonly number[]): void {
  for (const processor of processors) processor(scores, ids);
}

async function greedySearch<State>(
  model: Decodable<State>,
  inputs: GenerateInputs,
  options: CheckedOptions,
): Promise<number[][]> {
  const { eosTokenId, padTokenId, decoderStartTokenId } = model.config;
  const B = inputs.inputIds.size(0);
  const processors = processorsFor(options, eosTokenId);
  const rows = Array.from({ length: B }, () => [decoderStartTokenId]);
  const done = new Array<boolean>(B).fill(false);
  const carried = new Carried(() => encode(model, inputs));
  try {
    for (let made = 0; made < options.maxNewTokens && done.includes(false); made++) {
      const last = rows.map((row, r) => (done[r] === true ? padTokenId : row.at(-1)!));
      const logits = carried.step((before) => {
        const { logits, state } = model.decodeStep(ids32(last), before);
        return { state, value: logits.toArray() as Float32Array }; // models compute in float32
      });
      const V = logits.length / B;
      rows.forEach((row, r) => {
        if (done[r] === true) return;
        const scores = logits.subarray(r * V, (r + 1) * V);
        process(processors, scores, row);
        const next = indexOfMax(scores);
        if (next === eosTokenId) done[r] = true;
        else row.push(next);
      });
      await breathe(options.signal);
    }
  } finally {
    carried.dispose();
  }
  return rows.map((row) => row.slice(1));
}

function indexOfMax(scores: Float32Array): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
}

/** A prefix with its total log-probability. */
interface Beam {
  readonly ids: readonly number[];
  readonly score: number;
}

/** The beams of one text: those still running, best first, and those finished, with scores by length. */
interface Search {
  running: Beam[];
  finished: Beam[];
  done: boolean;
}

async function beamSearch<State>(
  model: Decodable<State>,
  inputs: GenerateInputs,
  options: CheckedOptions,
): Promise<number[][]> {
  const { decoderStartTokenId, eosTokenId } = model.config;
  const { numBeams, maxNewTokens } = options;
  const B = inputs.inputIds.size(0);
  const processors = processorsFor(options, eosTokenId);
  const first = (_: unknown, beam: number): Beam => ({ ids: [decoderStartTokenId], score: beam === 0 ? 0 : -1e9 }); // only one beam is real at first
  const searches: Search[] = Array.from({ length: B }, () => ({
    running: Array.from({ length: numBeams }, first),
    finished: [],
    done: false,
  }));
  const carried = new Carried(() => model.repeat(encode(model, inputs), numBeams));
  try {
    let rows: number[] | undefined; // which row each row goes on from
    for (let made = 1; made <= maxNewTokens && searches.some((s) => !s.done); made++) {
      const last = searches.flatMap((s) => s.running.map((beam) => beam.ids.at(-1)!));
      const order = rows;
      const scores = carried.step((before) => {
        const moved = order === undefined ? before : model.reorder(before, ids32(order));
        const { logits, state } = model.decodeStep(ids32(last), moved);
        return { state, value: logSoftmax(logits, -1).toArray() as Float32Array }; // models compute in float32
      });
      const V = scores.length / (B * numBeams);
      rows = searches.flatMap((search, b) => {
        const from = b * numBeams;
        const stay = search.running.map((_, beam) => from + beam);
        if (search.done) return stay;
        search.running.forEach((beam, i) =>
          process(processors, scores.subarray((from + i) * V, (from + i + 1) * V), beam.ids),
        );
        return advance(search, scores.subarray(from * V, (from + numBeams) * V), V, made, options, eosTokenId).map(
          (beam) => from + beam,
        );
      });
      await breathe(options.signal);
    }
  } finally {
    carried.dispose();
  }
  return searches.map(({ finished, running }) => {
    const best = finished[0] ?? running[0]!;
    return best.ids.slice(1).filter((id) => id !== eosTokenId);
  });
}

/** One token more for one text; returns, for each running beam, the beam that it continues. */
function advance(
  search: Search,
  scores: Float32Array,
  V: number,
  made: number,
  options: CheckedOptions,
  eosTokenId: number,
): number[] {
  const { numBeams, lengthPenalty, maxNewTokens, earlyStopping } = options;
  const candidates = best(search.running, scores, V, 2 * numBeams);
  const norm = made ** lengthPenalty;
  const running: { readonly beam: Beam; readonly from: number }[] = [];
  candidates.forEach(({ score, from, id }, rank) => {
    const beam = { ids: [...search.running[from]!.ids, id], score };
    const ends = id === eosTokenId || made === maxNewTokens;
    if (!ends) running.push({ beam, from });
    else if (rank < numBeams) search.finished.push({ ids: beam.ids, score: score / norm });
  });
  search.finished.sort((a, b) => b.score - a.score);
  search.finished.length = Math.min(search.finished.length, numBeams);
  if (made === maxNewTokens) {
    search.done = true;
    return search.running.map((_, i) => i);
  }
  running.length = Math.min(running.length, numBeams);
  search.running = running.map((r) => r.beam);
  const full = search.finished.length === numBeams;
  if (full && earlyStopping === true) search.done = true;
  else if (full) {
    const length = earlyStopping === "never" && lengthPenalty > 0 ? maxNewTokens : made;
    const hope = search.running[0]!.score / length ** lengthPenalty;
    if (hope <= search.finished.at(-1)!.score) search.done = true;
  }
  return running.map((r) => r.from);
}

interface Candidate {
  readonly score: number;
  readonly from: number;
  readonly id: number;
}

/** The `count` best continuations of all beams, best first; the first of equals wins. */
function best(beams: readonly Beam[], scores: Float32Array, V: number, count: number): Candidate[] {
  const top: Candidate[] = [];
  beams.forEach((beam, from) => {
    for (let id = 0; id < V; id++) {
      const score = Math.fround(beam.score + scores[from * V + id]!);
      if (top.length === count && !(score > top[count - 1]!.score)) continue;
      let at = top.length;
      while (at > 0 && score > top[at - 1]!.score) at--;
      top.splice(at, 0, { score, from, id });
      if (top.length > count) top.pop();
    }
  });
  return top;
}
