// Decoding: from an encoded input to ids, token by token. Greedy search takes the likeliest token each time; beam search
// follows several prefixes (see beams.ts).

import { fromArray } from "../tensor/create.ts";
import { logSoftmax } from "../tensor/functional/softmax.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { forEachTensor, persist, tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Beams } from "./beams.ts";
import { type CheckedOptions, checkOptions, type GenerateOptions } from "./options.ts";
import { processorsFor } from "./processors.ts";

/** What a model must do to be decoded. `State` is a plain object; the tensors in it are freed when the next state is there. */
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
  checked.signal?.throwIfAborted();
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

/** The state between tokens. Other work runs there in scopes of its own, and none of them may free it. */
class Carried<State> {
  #state: State;
  constructor(first: () => State) {
    this.#state = persist(noGrad(() => tidy(first)));
  }
  /** Goes on to the next state, frees the one before, and returns the scores, `[rows V]`. */
  step(next: (state: State) => { readonly logits: Tensor; readonly state: State }): Float32Array {
    const before = this.#state;
    const { scores, state } = noGrad(() =>
      tidy(() => {
        const { logits, state } = next(before);
        return { scores: logits.toArray() as Float32Array, state }; // models compute in float32
      }),
    );
    this.#state = persist(state);
    const kept = new Set<Tensor>();
    forEachTensor(state, (t) => kept.add(t));
    forEachTensor(before, (t) => {
      if (!kept.has(t)) t.dispose("the next step of generate()");
    });
    return scores;
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

async function greedySearch<State>(
  model: Decodable<State>,
  inputs: GenerateInputs,
  options: CheckedOptions,
): Promise<number[][]> {
  const { eosTokenId, padTokenId, decoderStartTokenId } = model.config;
  const B = inputs.inputIds.size(0);
  const processors = processorsFor(options, eosTokenId);
  const rows = Array.from({ length: B }, () => ({ ids: [decoderStartTokenId], done: false }));
  const carried = new Carried(() => encode(model, inputs));
  try {
    for (let made = 0; made < options.maxNewTokens && rows.some((row) => !row.done); made++) {
      const last = rows.map(({ ids, done }) => (done ? padTokenId : ids.at(-1)!));
      const logits = carried.step((state) => model.decodeStep(ids32(last), state)); // [B V]
      const V = logits.length / B;
      rows.forEach((row, r) => {
        if (row.done) return;
        const scores = logits.subarray(r * V, (r + 1) * V);
        for (const processor of processors) processor(scores, row.ids);
        const next = indexOfMax(scores);
        if (next === eosTokenId) row.done = true;
        else row.ids.push(next);
      });
      await breathe(options.signal);
    }
  } finally {
    carried.dispose();
  }
  return rows.map(({ ids }) => ids.slice(1));
}

function indexOfMax(scores: Float32Array): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
}

async function beamSearch<State>(
  model: Decodable<State>,
  inputs: GenerateInputs,
  options: CheckedOptions,
): Promise<number[][]> {
  const { decoderStartTokenId, eosTokenId } = model.config;
  const { numBeams } = options;
  const B = inputs.inputIds.size(0);
  const texts = Array.from({ length: B }, () => new Beams(options, decoderStartTokenId, eosTokenId));
  const carried = new Carried(() => model.repeat(encode(model, inputs), numBeams)); // rows are [B numBeams]
  try {
    let from: number[] | undefined; // which row of before each row continues; at first, itself
    while (texts.some((text) => !text.done)) {
      const last = texts.flatMap((text) => text.lastIds);
      const order = from;
      const scores = carried.step((before) => {
        const moved = order === undefined ? before : model.reorder(before, ids32(order));
        const { logits, state } = model.decodeStep(ids32(last), moved);
        return { logits: logSoftmax(logits, -1), state };
      }); // [B numBeams V]
      const perText = scores.length / B;
      from = texts.flatMap((text, b) => {
        const beams = text.advance(scores.subarray(b * perText, (b + 1) * perText));
        return beams.map((beam) => b * numBeams + beam);
      });
      await breathe(options.signal);
    }
  } finally {
    carried.dispose();
  }
  return texts.map((text) => text.best);
}
