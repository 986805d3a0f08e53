// Where the time of a piece of program goes: `profile(() => …)` runs it and tells, operation by operation, how long each
// took, what it moved and computed, and how near it came to what the machine can do.

import { saveTrace } from "#runtime/profiler/trace-file";
import { KindlingError } from "../base/errors.ts";
import { defaultDevice } from "../devices/default.ts";
import { recorder, setRecorder } from "../tensor/recorder.ts";
import { machinePeaks } from "./peaks.ts";
import { Recording } from "./recording.ts";
import { type OperationRow, operationRows, type RangeRow, rangeRows } from "./rows.ts";
import { type TableOptions, toTable } from "./table.ts";
import { type TraceEvent, toTraceEvents } from "./trace.ts";

export interface ProfileOptions {
  /** Tell calls of one operation apart by the shapes of their inputs. */
  readonly recordShapes?: boolean;
  /** Show the calls of this model's modules as ranges, under their names. */
  readonly modules?: { namedModules(): readonly (readonly [name: string, module: object])[] };
}

/** What a profile found. Times are in milliseconds. */
export class Profile<T = unknown> {
  /** What the profiled function returned. */
  readonly value: T;
  /** From the call to the return, less what the recording took. */
  readonly wallMs: number;
  /** In operations, compiling aside. */
  readonly operationMs: number;
  /** Making kernels that were not used before; a second run does not have it. */
  readonly compileMs: number;
  readonly compiledKernels: number;
  /** Outside of operations: dispatch, JavaScript, waiting. */
  readonly outsideMs: number;
  /** The most bytes that tensors held at once, with what was live before. */
  readonly peakBytes: number;

  readonly #recording: Recording;
  readonly #recordShapes: boolean;
  #operations: readonly OperationRow[] | undefined;

  constructor(value: T, recording: Recording, endMs: number, peakBytes: number, recordShapes: boolean) {
    this.value = value;
    this.#recording = recording;
    this.#recordShapes = recordShapes;
    this.peakBytes = peakBytes;
    const { events, startMs, overheadMs } = recording;
    const compiles = events.filter((e) => e.kind === "compile");
    this.compiledKernels = compiles.length;
    this.compileMs = compiles.reduce((sum, e) => sum + e.endMs - e.startMs, 0);
    this.operationMs = events.reduce(
      (sum, e) => sum + (e.kind === "operation" ? e.endMs - e.startMs - e.nestedMs : 0),
      0,
    );
    this.wallMs = endMs - startMs - overheadMs;
    this.outsideMs = Math.max(0, this.wallMs - this.operationMs - this.compileMs);
  }

  /** One row for each operation (and step of backward, and shapes if they were asked for), the longest self time first. */
  get operations(): readonly OperationRow[] {
    return (this.#operations ??= operationRows(
      this.#recording.events,
      this.wallMs,
      machinePeaks(),
      this.#recordShapes,
    ));
  }

  /** One row for each range: those of `recordFunction`, modules, and steps of backward; in order of their first end. */
  get ranges(): readonly RangeRow[] {
    return rangeRows(this.#recording.events, this.wallMs);
  }

  /** The operations as text, with what they add up to. */
  table(options: TableOptions = {}): string {
    return toTable(this, machinePeaks(), options);
  }
  toString(): string {
    return this.table();
  }

  /** The Chrome trace event format's list; `writeTrace` writes the file around it. */
  traceEvents(): TraceEvent[] {
    return toTraceEvents(this.#recording);
  }

  /** Writes a file that chrome://tracing and https://ui.perfetto.dev open; whole or not at all. Node only. */
  async writeTrace(path: string): Promise<void> {
    await saveTrace(path, JSON.stringify({ traceEvents: this.traceEvents(), displayTimeUnit: "ms" }));
  }
}

// What Node's `console.log` shows. Not written in the class, where declarations cannot name the symbol.
Object.defineProperty(Profile.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Profile): string {
    return this.toString();
  },
});

/**
 * Runs `body` and tells where its time went. A body that returns a promise is profiled until it settles, with all that runs
 * meanwhile. What it throws is thrown. Profiles do not nest; `recordFunction` names parts of one.
 *
 *     const result = profile(() => model(x));
 *     console.log(String(result));
 */
export function profile<T>(body: () => Promise<T>, options?: ProfileOptions): Promise<Profile<T>>;
export function profile<T>(body: () => T, options?: ProfileOptions): Profile<T>;
export function profile<T>(body: () => T | Promise<T>, options: ProfileOptions = {}): Profile<T> | Promise<Profile<T>> {
  if (recorder !== undefined) {
    throw new ProfilerError(
      "profile: one is running already, and would count this one's time as its own. Name parts with recordFunction(name, body).",
    );
  }
  const finish = start(options);
  let value: T | Promise<T>;
  try {
    value = body();
  } catch (error) {
    finish();
    throw error;
  }
  if (!(value instanceof Promise)) return finish().of(value);
  return value.then(
    (settled) => finish().of(settled),
    (error: unknown) => {
      finish();
      throw error;
    },
  );
}

/** The profiler was used in a way that it cannot answer. */
export class ProfilerError extends KindlingError {}

interface Finished {
  of<T>(value: T): Profile<T>;
}

/** Begins to record; what it returns ends that, and gives the profile of a value. */
function start({ recordShapes = false, modules }: ProfileOptions): () => Finished {
  const device = defaultDevice();
  const moduleNames = new Map(modules?.namedModules().map(([name, module]) => [module, rangeName(name, module)]));
  const { peakBytes: peakBefore } = device.memoryStats();
  device.resetPeak();
  const recording = new Recording({ moduleNames, liveBytes: () => device.memoryStats().liveBytes });
  const heard = device.onCompile;
  device.onCompile = (name, startMs, endMs) => recording.compiled(name, startMs, endMs);
  setRecorder(recording);
  return () => {
    const endMs = performance.now();
    setRecorder(undefined);
    device.onCompile = heard;
    recording.finish();
    const { peakBytes } = device.memoryStats();
    device.resetPeak(Math.max(peakBefore, peakBytes));
    return { of: (value) => new Profile(value, recording, endMs, peakBytes, recordShapes) };
  };
}

/** `layers.0.attention (SelfAttention)`; the root has no name but its class. */
function rangeName(name: string, module: object): string {
  const kind = module.constructor.name;
  return name === "" ? kind : `${name} (${kind})`;
}
