// How far a run is: what callbacks see, what `trainer_state.json` keeps, what the curve is drawn from.

import { CheckpointError } from "../base/errors.ts";
import { camelCase, mapKeys, snakeCase } from "../base/spelling.ts";

/** Numbers under their names: `loss`, `evalLoss`, `evalRougeL`. */
export type Metrics = Readonly<Record<string, number>>;

/** One entry of the history: what was measured, after which step. */
export type LogEntry = Metrics & { readonly step: number; readonly epoch: number };

export interface TrainerState {
  /** Steps of the optimizer that are done. */
  globalStep: number;
  /** Passes over the data that are done; a part counts as a fraction. */
  epoch: number;
  /** Steps of the whole run; in a run bounded by time alone, an estimate. */
  maxSteps: number;
  logHistory: LogEntry[];
  bestMetric: number | null;
  bestGlobalStep: number | null;
  bestModelCheckpoint: string | null;
  /** Tokens of the rows learnt from, and seconds of training and evaluation, those before a resume included. */
  numTokensSeen: number;
  trainSeconds: number;
  /** The losses that no log entry has yet. */
  lossSinceLog: number;
  stepsSinceLog: number;
  /** The evaluation after this step was due and did not happen, because the run was stopped. */
  evaluationPending: boolean;
  /** Of a stream: which pass over it the run is in, and how many of the pass's rows were learnt. */
  stream?: { pass: number; rows: number };
}

export function newState(): TrainerState {
  return {
    globalStep: 0,
    epoch: 0,
    maxSteps: 0,
    logHistory: [],
    bestMetric: null,
    bestGlobalStep: null,
    bestModelCheckpoint: null,
    numTokensSeen: 0,
    trainSeconds: 0,
    lossSinceLog: 0,
    stepsSinceLog: 0,
    evaluationPending: false,
  };
}

/** The JSON text, in Hugging Face's spelling. NaN and infinities, which JSON has not, become null. */
export function formatState(state: TrainerState): string {
  return `${JSON.stringify(mapKeys(state, snakeCase), null, 2)}\n`;
}

export function parseState(json: unknown, file: string): TrainerState {
  const state = mapKeys(json, camelCase);
  const wanted = newState() as unknown as Readonly<Record<string, unknown>>; // read by name
  const given = (typeof state === "object" && state !== null ? state : {}) as Readonly<Record<string, unknown>>; // too
  const missing = Object.keys(wanted).filter((name) => !(name in given));
  if (missing.length > 0) {
    throw new CheckpointError(
      `${file}: it is no state of a Trainer; it has no "${missing.map(snakeCase).join('", "')}".`,
      {
        file,
        missing,
      },
    );
  }
  return given as unknown as TrainerState; // all of its fields are there, and a checksum guards the file
}

/** A row of `log.jsonl`, in Hugging Face's spelling. */
export function logRow(entry: LogEntry): Record<string, unknown> {
  return mapKeys(entry, snakeCase) as Record<string, unknown>; // an object in, an object out
}

// How entries are shown to people.

/** Metrics that measure the measuring. */
export const timing: RegExp = /^eval(Runtime|SamplesPerSecond)$/;

/** `evalRougeL` → `rougeL` */
export function plainName(metric: string): string {
  const name = metric.slice("eval".length);
  return name.charAt(0).toLowerCase() + name.slice(1);
}

export function shortNumber(value: number | undefined): string {
  return value === undefined ? "" : String(Number(value.toPrecision(5)));
}
