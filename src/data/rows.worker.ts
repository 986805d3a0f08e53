// A thread of a loader: makes the user's data set, then one batch after another, in the order in which it is asked. See
// `row-workers.ts` for who asks and `module-dataset.ts` for the module.

import type { WorkerInfo } from "../base/worker-info.ts";
import type { DataModule } from "./module-dataset.ts";

export type RowRequest =
  | {
      readonly kind: "open";
      readonly module: string;
      readonly args: unknown;
      readonly info: Omit<WorkerInfo, "dataset">;
      readonly collates: boolean;
    }
  | { readonly kind: "stream"; readonly stream: StreamOptions }
  /** The batch of these rows, or the stream's next one. */
  | { readonly kind: "batch"; readonly id: number; readonly indices: readonly number[] | undefined };

/** Begins an epoch of an iterable. */
export interface StreamOptions {
  readonly batchSize: number;
  readonly dropLast: boolean;
  /** Where to go on: after this many batches, or where the data set's own state says. */
  readonly skip: number;
  readonly state: unknown;
}

export type RowReply =
  /** `isBatch`: made by the module's `collateFn`; otherwise `value` is the rows. `state`: the data set's after it. */
  | { readonly id: number; readonly isBatch: boolean; readonly value: unknown; readonly state: unknown }
  | { readonly id: number; readonly done: true }
  | {
      readonly id: number;
      readonly error: { readonly name: string; readonly message: string; readonly stack: string | undefined };
    };

/** What of a data set is used here. */
interface Rows {
  getItem?(index: number): unknown;
  readonly numShards?: number;
  shard?(numShards: number, index: number): Rows;
  stateDict?(): unknown;
  loadStateDict?(state: unknown): void;
  [Symbol.iterator]?(): Iterator<unknown>;
  [Symbol.asyncIterator]?(): AsyncIterator<unknown>;
}

interface Opened {
  readonly rows: Rows;
  readonly collateFn: ((rows: readonly unknown[]) => unknown) | undefined;
}

interface Stream {
  readonly options: StreamOptions;
  readonly rows: Rows;
  readonly next: () => unknown;
  readonly end: () => unknown;
}

let opened: Opened | undefined;
let stream: Stream | undefined;
let failure: unknown;

async function open({ module, args, info, collates }: Extract<RowRequest, { kind: "open" }>): Promise<void> {
  const about: { dataset: unknown } = { ...info, dataset: undefined };
  Object.assign(globalThis, { [Symbol.for("kindling.workerInfo")]: about }); // getWorkerInfo() reads it
  const { dataset, collateFn, workerInitFn } = (await import(module)) as DataModule; // moduleDataset() has looked at it
  const rows = (await dataset(args)) as Rows; // what DataModule says
  about.dataset = rows;
  await workerInitFn?.(info.id);
  opened = { rows: partOf(rows, info), collateFn: collates ? (collateFn as Opened["collateFn"]) : undefined };
}

/** What this worker reads of an iterable; nothing if there are fewer parts than workers. */
function partOf(rows: Rows, { id, numWorkers }: Omit<WorkerInfo, "dataset">): Rows {
  if (rows.getItem !== undefined || Array.isArray(rows) || rows.shard === undefined) return rows;
  const parts = Math.min(numWorkers, rows.numShards ?? numWorkers);
  return id < parts ? rows.shard(parts, id) : ([] as Rows);
}

async function beginStream(options: StreamOptions): Promise<void> {
  const { rows } = opened!; // requests come in order
  await stream?.end(); // of the epoch before
  const stateful = options.state !== undefined && rows.loadStateDict !== undefined;
  if (stateful) rows.loadStateDict!(options.state);
  const iterator = rows[Symbol.asyncIterator]?.() ?? rows[Symbol.iterator]!();
  stream = { options, next: () => iterator.next(), end: () => iterator.return?.(), rows };
  if (!stateful) for (let i = 0; i < options.skip * options.batchSize; i++) await iterator.next();
}

async function readRows(indices: readonly number[] | undefined): Promise<unknown[] | undefined> {
  if (indices !== undefined) {
    const { rows } = opened!;
    return Promise.all(indices.map((i) => (Array.isArray(rows) ? rows[i] : rows.getItem!(i))));
  }
  const { options, next } = stream!;
  const rows: unknown[] = [];
  while (rows.length < options.batchSize) {
    const step = (await next()) as IteratorResult<unknown>; // of either kind of iterator
    if (step.done === true) break;
    rows.push(await step.value);
  }
  return rows.length === 0 || (options.dropLast && rows.length < options.batchSize) ? undefined : rows;
}

async function makeBatch(id: number, indices: readonly number[] | undefined): Promise<RowReply> {
  if (failure !== undefined) throw failure;
  const rows = await readRows(indices);
  if (rows === undefined) return { id, done: true };
  const state = indices === undefined ? stream!.rows.stateDict?.() : undefined;
  const { collateFn } = opened!;
  return { id, isBatch: collateFn !== undefined, value: plain(collateFn ? await collateFn(rows) : rows), state };
}

/** Tensors live in this thread's memory; what leaves it is their numbers. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  const { toArray, shape, dtype } = value as { toArray?: unknown; shape?: unknown; dtype?: unknown }; // perhaps
  if (typeof toArray === "function" && shape !== undefined && dtype !== undefined) {
    return { data: toArray.call(value), shape: [...(shape as number[])], dtype };
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

async function answer(request: RowRequest): Promise<void> {
  if (request.kind !== "batch") {
    if (request.kind === "stream") {
      if (opened === undefined) return; // the failure stays
      failure = undefined;
    }
    try {
      await (request.kind === "open" ? open(request) : beginStream(request.stream));
    } catch (thrown) {
      failure = thrown; // said with the first batch
    }
    return;
  }
  const { id, indices } = request;
  try {
    self.postMessage(await makeBatch(id, indices));
  } catch (thrown) {
    const { name, message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
    self.postMessage({ id, error: { name, message, stack } } satisfies RowReply);
  }
}

let last: Promise<void> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<RowRequest>): void => {
  last = last.then(() => answer(data));
};
