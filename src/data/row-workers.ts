// Threads that read rows and make batches, for data sets whose rows take long to make. Each makes the data set from its module
// (`moduleDataset`) and answers in the order in which it is asked.

import { platform } from "#runtime/base/platform";
import { DataError } from "../base/errors.ts";
import type { WorkerHandle } from "../base/platform.ts";
import type { RowReply, RowRequest, StreamOptions } from "./rows.worker.ts";

export type Made = Extract<RowReply, { done: true } | { value: unknown }>;

interface Waiting {
  readonly worker: number;
  readonly indices: readonly number[] | undefined;
  readonly resolve: (made: Made) => void;
  readonly reject: (error: Error) => void;
}

export class RowWorkers {
  readonly seed: bigint;
  readonly #workers: WorkerHandle[];
  readonly #ended: (Error | undefined)[];
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #alive: ReturnType<typeof setInterval> | undefined;

  /** `collates`: whether batches are made there, or rows come back. Worker i draws from the seed `seed + i`. */
  constructor(
    { module, args }: { readonly module: URL; readonly args: unknown },
    numWorkers: number,
    seed: bigint,
    collates: boolean,
  ) {
    this.seed = seed;
    this.#ended = new Array(numWorkers).fill(undefined);
    this.#workers = Array.from({ length: numWorkers }, (_, id) => {
      const worker = platform.spawnWorker(new URL("./rows.worker.ts", import.meta.url));
      worker.onMessage((message) => this.#receive(message as RowReply)); // what rows.worker.ts posts
      worker.onError((error) => this.#lose(id, error));
      const info = { id, numWorkers, seed: BigInt.asUintN(64, seed + BigInt(id)) };
      worker.postMessage({ kind: "open", module: module.href, args, info, collates } satisfies RowRequest);
      return worker;
    });
  }

  get length(): number {
    return this.#workers.length;
  }

  /** Begins an epoch of an iterable in one worker. */
  stream(worker: number, stream: StreamOptions): void {
    this.#workers[worker]!.postMessage({ kind: "stream", stream } satisfies RowRequest);
  }

  /** The batch of these rows from one worker, or its stream's next one. */
  batch(worker: number, indices?: readonly number[]): Promise<Made> {
    const ended = this.#ended[worker];
    const id = this.#next++;
    const promise = new Promise<Made>((resolve, reject) => {
      if (ended !== undefined) reject(ended);
      else this.#waiting.set(id, { worker, indices, resolve, reject });
    });
    promise.catch(() => {}); // said when the batch is asked for
    if (ended !== undefined) return promise;
    this.#alive ??= setInterval(() => {}, 2 ** 30); // a worker keeps no process alive, a batch that is awaited does
    this.#workers[worker]!.postMessage({ kind: "batch", id, indices } satisfies RowRequest);
    return promise;
  }

  /** Nobody waits for what was asked so far. */
  forget(): void {
    this.#waiting.clear();
    this.#rest();
  }
  end(): void {
    this.forget();
    for (const worker of this.#workers) worker.terminate();
  }

  #receive(reply: RowReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#rest();
    if (waiting === undefined) return;
    if ("error" in reply) waiting.reject(failed(waiting, reply.error));
    else waiting.resolve(reply);
  }

  /** A worker that ended by itself makes no batch any more, neither those that were asked of it nor others. */
  #lose(worker: number, cause: Error): void {
    const error = new DataError(
      `DataLoader: worker ${worker} ended and makes no more batches: ${cause.message}. Its code may have called process.exit(), or run out of memory.`,
      { worker },
      { cause },
    );
    this.#ended[worker] = error;
    for (const [id, waiting] of this.#waiting) {
      if (waiting.worker !== worker) continue;
      waiting.reject(error);
      this.#waiting.delete(id);
    }
    if (this.#waiting.size === 0) this.#rest();
  }
  #rest(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
  }
}

/** A worker's error as the loader's, with the stack that it has in the worker. */
function failed(
  { worker, indices }: Waiting,
  { name, message, stack }: Extract<RowReply, { error: unknown }>["error"],
): DataError {
  const cause = new Error(message);
  cause.name = name;
  if (stack !== undefined) cause.stack = stack;
  const what = indices === undefined ? "its stream" : `the batch of rows ${indices.join(", ")}`;
  return new DataError(
    `DataLoader: worker ${worker} failed at ${what}: ${message}`,
    { worker, indices, stack },
    { cause },
  );
}
