// `map` in several threads. Functions do not travel between threads, so they are given by the address of a module that exports
// one as `map`. The rows are read and written here; the threads only compute, which pays where computing is what takes long.

import { platform } from "#runtime/base/platform";
import { ArgumentError, DataError } from "../../base/errors.ts";
import type { WorkerHandle } from "../../base/platform.ts";
import type { Columns } from "../table/table.ts";
import type { TableWriter } from "../table/writer.ts";
import type { MapReply, MapRequest } from "./map.worker.ts";
import { type Applied, type RowSource, writeResults } from "./mapping.ts";

interface Waiting {
  readonly resolve: (results: unknown[]) => void;
  readonly reject: (error: Error) => void;
}

class MapWorkers {
  readonly #workers: WorkerHandle[];
  readonly #waiting = new Map<number, Waiting>();
  readonly #alive = setInterval(() => {}, 2 ** 30); // a worker keeps no process alive, but its answers are awaited

  constructor(module: URL, count: number) {
    this.#workers = Array.from({ length: count }, () => {
      const handle = platform.spawnWorker(new URL("./map.worker.ts", import.meta.url));
      handle.onMessage((message) => this.#receive(message as MapReply)); // what map.worker.ts posts
      handle.onError((error) => this.#fail(error));
      handle.postMessage({ module: module.href });
      return handle;
    });
  }
  apply(request: MapRequest): Promise<unknown[]> {
    const promise = new Promise<unknown[]>((resolve, reject) => this.#waiting.set(request.id, { resolve, reject }));
    promise.catch(() => {}); // said when the block is written
    this.#workers[request.id % this.#workers.length]!.postMessage(request);
    return promise;
  }
  end(): void {
    clearInterval(this.#alive);
    for (const worker of this.#workers) worker.terminate();
  }
  #receive(reply: MapReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("results" in reply) waiting?.resolve(reply.results);
    else waiting?.reject(new DataError(`map, in a thread: ${reply.error}`, { stack: reply.stack }));
  }
  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new DataError(`map: a thread failed: ${error.message}`, {}, { cause: error }));
    }
    this.#waiting.clear();
  }
}

/** Writes what the module's function makes of the rows, in their order. Says whether it made anything. */
export async function mapInWorkers(
  source: RowSource,
  how: Applied,
  removeColumns: readonly string[],
  writer: TableWriter,
  module: URL,
  numProc = 1,
): Promise<boolean> {
  if (!Number.isInteger(numProc) || numProc < 1) {
    throw new ArgumentError(`map: numProc ${numProc}; it is a whole number of at least 1.`, { numProc });
  }
  const workers = new MapWorkers(module, numProc);
  const { batched, inputColumns, fnKwargs } = how;
  const size = batched ? how.batchSize || Math.max(1, source.length) : source.blockRows;
  const ahead: {
    readonly columns: Columns;
    readonly from: number;
    readonly rows: number;
    readonly results: Promise<unknown[]>;
  }[] = []; // prettier-ignore
  let updates: boolean | undefined;
  try {
    for (let from = 0, id = 0; from < source.length || ahead.length > 0; ) {
      while (from < source.length && ahead.length < 2 * numProc) {
        const rows = Math.min(size, source.length - from);
        const columns = source.block(from, from + rows);
        ahead.push({
          columns,
          from,
          rows,
          results: workers.apply({ id: id++, columns, from, rows, batched, inputColumns, fnKwargs }),
        }); // prettier-ignore
        from += rows;
      }
      const block = ahead.shift()!;
      const results = await block.results;
      updates ??= results[0] !== undefined && results[0] !== null;
      if (updates) writeResults({ ...block, results }, batched, removeColumns, writer);
    }
    return updates ?? false;
  } catch (error) {
    writer.abandon();
    throw error;
  } finally {
    workers.end();
  }
}
