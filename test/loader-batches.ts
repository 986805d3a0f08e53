// The numbers of loader-rows.ts, with batches that are made in the worker.

import { getWorkerInfo, type ShapedArray } from "../src/data.ts";
import { tensor } from "../src/tensor/create.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

export interface Args {
  readonly n: number;
  readonly add: number;
}
let started = -1;
let made = 0;

export const dataset = ({ n, add }: Args): number[] => Array.from({ length: n }, (_, i) => i + add);
export function workerInitFn(workerId: number): void {
  started = workerId;
}
export function collateFn(rows: readonly number[]): Batch {
  return {
    ids: { data: Int32Array.from(rows), shape: [rows.length], dtype: "int32" },
    sum: tensor([...rows]).sum(),
    worker: getWorkerInfo()?.id ?? -1,
    started,
    made: made++,
  };
}
export interface Batch {
  readonly ids: ShapedArray;
  readonly sum: Tensor;
  readonly worker: number;
  readonly started: number;
  readonly made: number;
}
