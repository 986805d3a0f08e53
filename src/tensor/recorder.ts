// Where a profile listens. Without one `recorder` is undefined, and every place that can be recorded looks at nothing but
// that: an operator as it runs, a node of the graph, a module's call, a range of the user's.

import type { Op } from "../ops/op.ts";
import type { Tensor } from "./core.ts";

/** What a range is: named by the user, the call of a module, or a step of backward(). */
export type RangeKind = "user" | "module" | "autograd";

/** An operator with its attributes, where work is one. */
export interface Declared {
  readonly op: Op<never>;
  readonly attrs: unknown;
}

export interface Recorder {
  /** Runs `body`, which computes `outputs` from `inputs`. */
  operation<T>(
    name: string,
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    body: () => T,
    declared?: Declared,
  ): T;
  /** Runs `body` as a range, which holds what is recorded meanwhile; one that returns a promise ends with it. */
  range<T>(kind: RangeKind, name: string, body: () => T): T;
  /** The name under which calls of a module are ranges; undefined if they are none. */
  moduleName(module: object): string | undefined;
}

export let recorder: Recorder | undefined;

/** Makes `next` the one that listens, and returns the one before. */
export function setRecorder(next: Recorder | undefined): Recorder | undefined {
  const before = recorder;
  recorder = next;
  return before;
}

/**
 * Runs `body` and returns what it returns; a profile shows the time as a range of this name. A body that returns a promise
 * ends with it. Without a profile it is only a call.
 */
export function recordFunction<T>(name: string, body: () => T): T {
  return recorder === undefined ? body() : recorder.range("user", name, body);
}

/** Work on tensors that is no declared operator: draws, fills, kernels that an optimizer starts by itself. */
export function recordOperation<T>(
  name: string,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  body: () => T,
): T {
  if (outputs[0]?.isMeta === true) return undefined as T; // what writes into tensors returns nothing
  return recorder === undefined ? body() : recorder.operation(name, inputs, outputs, body);
}
