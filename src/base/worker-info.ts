// What a DataLoader's worker knows of itself. It stands at one global place, written before any module of the user's is loaded,
// so that every copy of this package in the thread finds the same.

export interface WorkerInfo {
  /** 0 … numWorkers − 1. */
  readonly id: number;
  readonly numWorkers: number;
  /** The loader's base seed plus `id`: where the default random stream of this worker began. */
  readonly seed: bigint;
  /** This worker's copy of the data set; undefined while it is being made. */
  readonly dataset: unknown;
}

const place = Symbol.for("kindling.workerInfo"); // rows.worker.ts writes there

/** In a worker of a `DataLoader`: which one it is. Undefined elsewhere. */
export function getWorkerInfo(): WorkerInfo | undefined {
  return (globalThis as { [place]?: WorkerInfo })[place]; // only rows.worker.ts writes it
}
