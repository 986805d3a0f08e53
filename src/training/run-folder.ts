// The folder of a run, as the Trainer sees it. `run-folder.node.ts` writes it; browsers have none.
//
//   log.jsonl, loss.svg                        as training goes
//   checkpoint-500/                            whole or not there; SHA256SUMS says how its files were saved
//   model.safetensors, config.json, …          the model, at the end

import type { SafetensorsEntry } from "../checkpoint/safetensors.ts";
import type { WeightsSource } from "../models/weights-source.ts";
import type { LogRow } from "./jsonl-log.node.ts";
import type { LogEntry } from "./state.ts";

/** Names to texts or tensors. */
export type FolderFiles = ReadonlyMap<string, string | Uint8Array | readonly SafetensorsEntry[]>;

/** A checkpoint whose files are all as they were saved. */
export interface Checkpoint {
  readonly path: string;
  readonly step: number;
  /** The path of another checkpoint of the same run; undefined if it is not there. */
  sibling(step: number): Promise<string | undefined>;
  /** The path of a file in it, for messages. */
  file(name: string): string;
  has(name: string): boolean;
  readJson(name: string): Promise<unknown>;
  readText(name: string): Promise<string>;
  openWeights(name: string): Promise<WeightsSource & { close(): Promise<void> }>;
}

export interface RunFolder {
  readonly path: string;
  /** Opens the log and clears away what the run does not go on from; until then nothing is changed. */
  begin(): Promise<void>;
  log(row: LogRow): void;
  /** Draws the history into `loss.svg`. */
  drawCurve(history: readonly LogEntry[], metric: string): Promise<void>;
  /** Writes `checkpoint-{step}`, then deletes the oldest until `limit` are left, but not this one and not that of step `best`. */
  saveCheckpoint(
    step: number,
    files: FolderFiles,
    keep: { readonly limit?: number | undefined; readonly best: number | null },
  ): Promise<string>;
  close(): void;
}

export interface OpenOptions {
  /** `true`: from the newest checkpoint, or from the beginning if there is none. A text: from that checkpoint. */
  readonly resume: boolean | string;
  readonly overwrite: boolean;
}

export interface OpenedRun {
  readonly folder: RunFolder;
  readonly checkpoint: Checkpoint | undefined;
}

export function checkpointName(step: number): string {
  return `checkpoint-${step}`;
}
