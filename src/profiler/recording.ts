// What happens while a profile runs: operations and ranges as they open and close, nested as they are called.
//
//   range "step"        |----------------------------------------|
//     operation linear    |------------|     |------|
//       compile             |---|
//
// Time that lies in what is nested belongs to that; the rest of it is an entry's own ("self").

import type { Meta } from "../ops/op.ts";
import type { Tensor } from "../tensor/core.ts";
import type { Declared, RangeKind, Recorder } from "../tensor/recorder.ts";
import { type Cost, costOf } from "./costs.ts";

interface Timed {
  readonly name: string;
  readonly startMs: number;
  endMs: number;
  /** What is nested in it, and what of that is compiling. */
  nestedMs: number;
  compileMs: number;
}

export interface OperationEvent extends Timed, Cost {
  readonly kind: "operation";
  /** The step of backward() it belongs to. */
  readonly within: string | undefined;
  readonly inputs: readonly Meta[];
  /** Inside of another operation. */
  readonly nested: boolean;
  /** Bytes of live tensors when it ended. */
  liveBytes: number;
}

export interface RangeEvent extends Timed {
  readonly kind: RangeKind;
  /** Ranges that were open at once without one holding the other; only functions that return promises can do that. */
  overlaps: boolean;
}

export interface CompileEvent {
  readonly kind: "compile";
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

export type ProfileEvent = OperationEvent | RangeEvent | CompileEvent;

type Open = OperationEvent | RangeEvent;

export interface RecordingOptions {
  readonly moduleNames: ReadonlyMap<object, string>;
  readonly liveBytes: () => number;
}

export class Recording implements Recorder {
  readonly events: ProfileEvent[] = [];
  readonly startMs: number = performance.now();
  /** What the recording itself took. */
  overheadMs = 0;
  readonly #options: RecordingOptions;
  readonly #open: Open[] = [];

  constructor(options: RecordingOptions) {
    this.#options = options;
  }

  operation<T>(
    name: string,
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    body: () => T,
    declared?: Declared,
  ): T {
    const enteredMs = performance.now();
    const event: OperationEvent = {
      kind: "operation",
      within: this.#open.findLast((open) => open.kind === "autograd")?.name,
      inputs: inputs.map(({ shape, dtype }) => ({ shape, dtype })), // never the tensors: they would live as long
      nested: this.#open.some((open) => open.kind === "operation"),
      ...costOf(name, inputs, outputs, declared),
      liveBytes: 0,
      ...begun(shownName(name, declared !== undefined && inputs.includes(outputs[0]!))),
    };
    this.overheadMs += event.startMs - enteredMs;
    this.#open.push(event);
    try {
      return body();
    } finally {
      this.#close(event);
      event.liveBytes = this.#options.liveBytes();
      this.overheadMs += performance.now() - event.endMs;
    }
  }

  range<T>(kind: RangeKind, name: string, body: () => T): T {
    const event: RangeEvent = { kind, overlaps: false, ...begun(name) };
    this.#open.push(event);
    let result: T;
    try {
      result = body();
    } catch (error) {
      this.#close(event);
      throw error;
    }
    if (!(result instanceof Promise)) {
      this.#close(event);
      return result;
    }
    return result.finally(() => this.#close(event)) as T; // a promise of the same
  }

  moduleName(module: object): string | undefined {
    return this.#options.moduleNames.get(module);
  }

  compiled(name: string, startMs: number, endMs: number): void {
    this.events.push({ kind: "compile", name, startMs, endMs });
    const open = this.#open.at(-1);
    if (open === undefined) return;
    open.nestedMs += endMs - startMs;
    open.compileMs += endMs - startMs;
  }

  /** Whatever is still open ends here; what it does afterwards is not seen. */
  finish(): void {
    while (this.#open.length > 0) this.#close(this.#open.at(-1)!);
  }

  #close(event: Open): void {
    const at = this.#open.lastIndexOf(event);
    if (at < 0) return; // the profile was over before
    event.endMs = performance.now();
    this.events.push(event);
    const wasLast = at === this.#open.length - 1;
    this.#open.splice(at, 1);
    if (!wasLast && event.kind !== "operation") event.overlaps = true;
    const around = this.#open.at(-1);
    if (around !== undefined && wasLast) around.nestedMs += event.endMs - event.startMs;
  }
}

/** PyTorch's word: derived gradients, `geluGrad0`, are "geluBackward", and what writes over its input ends in "_". */
function shownName(name: string, inPlace: boolean): string {
  return `${name.replace(/Grad\d+$/, "Backward")}${inPlace ? "_" : ""}`;
}

function begun(name: string): Timed {
  return { name, nestedMs: 0, compileMs: 0, endMs: 0, startMs: performance.now() };
}
