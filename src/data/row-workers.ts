// Threads that read rows and make batches of plain arrays, for datasets whose rows take long to make. They load a module of
// the user's, since functions do not travel between threads.

import { platform } from "#runtime/base/platform";
import { ArgumentError, DataError } from "../base/errors.ts";
import type { WorkerHandle } from "../base/platform.ts";
import type { RowReply, RowRequest } from "./rows.worker.ts";

/** What a module for workers exports. Nothing in it may hold tensors: they live in the main thread's memory. */
export interface RowModule<T = unknown, B = unknown> {
  /** Called once in each worker. `seed` differs from worker to worker and from epoch to epoch. */
  open?(about: { readonly worker: number; readonly seed: bigint; readonly args: unknown }): void | Promise<void>;
  get(index: number): T | Promise<T>;
  /** A batch of plain values and shaped arrays, as `padArrays` makes them. */
  collate(rows: readonly T[]): B | Promise<B>;
}

export interface WorkerSource {
  /** The module's address: `new URL("./rows.ts", import.meta.url)`. */
  readonly module: URL;
  readonly count: number;
  /** Plain data for the module's `open`. */
  readonly args?: unknown;
}

interface Waiting {
  readonly resolve: (batch: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The workers of one epoch; batches are given to them in turn. */
export class RowWorkers {
  readonly #workers: WorkerHandle[];
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #alive: ReturnType<typeof setInterval> | undefined;

  constructor({ module, count, args }: WorkerSource, seed: bigint) {
    if (!Number.isInteger(count) || count < 1)
      throw new ArgumentError(`DataLoader: ${count} workers; wants at least 1.`, { count });
    this.#workers = Array.from({ length: count }, (_, worker) => {
      const handle = platform.spawnWorker(new URL("./rows.worker.ts", import.meta.url));
      handle.onMessage((message) => this.#receive(message as RowReply)); // what rows.worker.ts posts
      handle.onError((error) => this.#fail(worker, error));
      const about = { worker, seed: BigInt.asUintN(64, seed + BigInt(worker)), args };
      handle.postMessage({ open: about, module: module.href } satisfies RowRequest);
      return handle;
    });
  }

  /** The batch of these rows. */
  load(indices: readonly number[]): Promise<unknown> {
    const id = this.#next++;
    const promise = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    promise.catch(() => {}); // said when the batch is asked for
    this.#alive ??= setInterval(() => {}, 2 ** 30); // a worker keeps no process alive, a batch that is awaited does
    this.#workers[id % this.#workers.length]!.postMessage({ id, indices } satisfies RowRequest);
    return promise;
  }

  end(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#rest();
  }

  #receive(reply: RowReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#rest();
    if (waiting === undefined) return;
    if ("batch" in reply) waiting.resolve(reply.batch);
    else waiting.reject(new DataError(`a worker of the loader: ${reply.error}`, { stack: reply.stack }));
  }
  #fail(worker: number, error: Error): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new DataError(`worker ${worker} of the loader: ${error.message}`, { worker }, { cause: error }));
    }
    this.#waiting.clear();
    this.#rest();
  }
  #rest(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
  }
}
