// What was recorded, added up by name, and held against the machine's peaks.

import { showShape } from "../base/shape.ts";
import type { Meta } from "../ops/op.ts";
import type { RangeKind } from "../tensor/recorder.ts";
import type { MachinePeaks } from "./peaks.ts";
import type { OperationEvent, ProfileEvent } from "./recording.ts";

/** All calls of one operation. Times are in milliseconds. */
export interface OperationRow {
  /** PyTorch's word: "matmul", in place "add_". */
  readonly name: string;
  /** The step of backward() it is part of, as "GeluBackward0"; undefined in the forward pass. */
  readonly within: string | undefined;
  /** The inputs' shapes, as "[8, 128, 768] [768, 768]", with `recordShapes`. */
  readonly shapes: string | undefined;
  readonly calls: number;
  /** With the operations inside of it, without compiling. */
  readonly totalMs: number;
  /** Without the operations inside of it. */
  readonly selfMs: number;
  /** Making kernels on first use. */
  readonly compileMs: number;
  /** Self time over the profile's. */
  readonly share: number;
  /** Bytes of the inputs, read once, and of the outputs, written once. */
  readonly bytes: number;
  /** Undefined where the operation's arithmetic is not known. */
  readonly flops: number | undefined;
  readonly gigabytesPerSecond: number;
  readonly gigaflopsPerSecond: number | undefined;
  /** The least time that the machine's peaks allow, over self time. Above 1 where data came from a cache. */
  readonly peakShare: number;
  /** Which peak it runs into. */
  readonly bound: "arithmetic" | "memory";
}

interface Sums {
  name: string;
  within: string | undefined;
  shapes: string | undefined;
  calls: number;
  totalMs: number;
  selfMs: number;
  compileMs: number;
  bytes: number;
  flops: number | undefined;
  arithmeticMs: number;
  memoryMs: number;
  /** Of each call the longer of both. */
  leastMs: number;
}

export function operationRows(
  events: readonly ProfileEvent[],
  wallMs: number,
  peaks: MachinePeaks,
  byShapes: boolean,
): OperationRow[] {
  const rows = new Map<string, Sums>();
  for (const event of events) {
    if (event.kind !== "operation") continue;
    const shapes = byShapes ? showInputs(event.inputs) : undefined;
    const key = `${event.name}|${event.within}|${shapes}`;
    let row = rows.get(key);
    if (row === undefined) {
      const zero = {
        calls: 0,
        totalMs: 0,
        selfMs: 0,
        compileMs: 0,
        bytes: 0,
        arithmeticMs: 0,
        memoryMs: 0,
        leastMs: 0,
      };
      row = { name: event.name, within: event.within, shapes, flops: 0, ...zero };
      rows.set(key, row);
    }
    add(row, event, peaks);
  }
  return [...rows.values()].map((row) => finished(row, wallMs)).sort((a, b) => b.selfMs - a.selfMs);
}

function add(row: Sums, event: OperationEvent, peaks: MachinePeaks): void {
  const { flops, bytesRead, bytesWritten, inputs } = event;
  const durationMs = event.endMs - event.startMs;
  row.calls++;
  row.totalMs += durationMs - event.compileMs;
  row.selfMs += durationMs - event.nestedMs;
  row.compileMs += event.compileMs;
  row.bytes += bytesRead + bytesWritten;
  row.flops = row.flops === undefined || flops === undefined ? undefined : row.flops + flops;
  const arithmeticMs = arithmeticTime(flops ?? 0, inputs, peaks);
  const memoryMs = memoryTime(bytesRead, bytesWritten, peaks);
  row.arithmeticMs += arithmeticMs;
  row.memoryMs += memoryMs;
  row.leastMs += Math.max(arithmeticMs, memoryMs);
}

/** In float64 half as many operations fit into a register. */
function arithmeticTime(flops: number, inputs: readonly Meta[], { gigaflopsPerSecond }: MachinePeaks): number {
  const lanes = inputs.some((t) => t.dtype === "float64") ? 0.5 : 1;
  return flops / lanes / gigaflopsPerSecond / 1e6;
}

/** A copied byte is one read and one written, so that the measured copy says what writing takes: w = 2/copy − 1/read. */
export function memoryTime(bytesRead: number, bytesWritten: number, peaks: MachinePeaks): number {
  const read = 1 / peaks.readGigabytesPerSecond;
  const copied = 1 / peaks.copyGigabytesPerSecond;
  const written = Math.max(2 * copied - read, copied / 2);
  return (bytesRead * read + bytesWritten * written) / 1e6;
}

function finished({ arithmeticMs, memoryMs, leastMs, ...row }: Sums, wallMs: number): OperationRow {
  const perSecond = (count: number): number => (row.selfMs === 0 ? 0 : count / row.selfMs / 1e6);
  return {
    ...row,
    share: wallMs === 0 ? 0 : row.selfMs / wallMs,
    gigabytesPerSecond: perSecond(row.bytes),
    gigaflopsPerSecond: row.flops === undefined ? undefined : perSecond(row.flops),
    peakShare: row.selfMs === 0 ? 0 : leastMs / row.selfMs,
    bound: arithmeticMs > memoryMs ? "arithmetic" : "memory",
  };
}

function showInputs(inputs: readonly Meta[]): string {
  return inputs.map((t) => (t.dtype === "float32" ? "" : `${t.dtype} `) + showShape(t.shape)).join(" ");
}

/** All calls of one range. Times are in milliseconds, with compiling. */
export interface RangeRow {
  readonly name: string;
  readonly kind: RangeKind;
  readonly calls: number;
  readonly totalMs: number;
  /** Neither in an operation nor in a range inside of it. */
  readonly selfMs: number;
  /** Total time over the profile's. */
  readonly share: number;
}

export function rangeRows(events: readonly ProfileEvent[], wallMs: number): RangeRow[] {
  const rows = new Map<string, { name: string; kind: RangeKind; calls: number; totalMs: number; selfMs: number }>();
  for (const event of events) {
    if (event.kind === "operation" || event.kind === "compile") continue;
    const { name, kind } = event;
    const row = rows.get(`${kind}|${name}`) ?? { name, kind, calls: 0, totalMs: 0, selfMs: 0 };
    rows.set(`${kind}|${name}`, row);
    const durationMs = event.endMs - event.startMs;
    row.calls++;
    row.totalMs += durationMs;
    row.selfMs += Math.max(0, durationMs - event.nestedMs);
  }
  return [...rows.values()].map((row) => ({ ...row, share: wallMs === 0 ? 0 : row.totalMs / wallMs }));
}
