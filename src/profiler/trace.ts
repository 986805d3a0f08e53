// The Chrome trace event format, which chrome://tracing and Perfetto draw. Times are microseconds from the profile's start.
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
//
//   X   a complete event, nested in those it lies in         b, e   one that overlaps others, by its id
//   C   a counter: bytes of live tensors                     M      names of the process and the thread

import { showShape } from "../base/shape.ts";
import type { OperationEvent, ProfileEvent, Recording } from "./recording.ts";

export interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "b" | "e" | "C" | "M";
  readonly ts: number;
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  /** Of "X". */
  readonly dur?: number;
  /** Of "b" and "e". */
  readonly id?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

const place = { pid: 1, tid: 1 };

export function toTraceEvents({ events, startMs }: Recording): TraceEvent[] {
  const at = (ms: number): number => Math.max(0, Math.round((ms - startMs) * 1e6) / 1e3); // whole nanoseconds
  const names: TraceEvent[] = [
    { name: "process_name", ph: "M", ts: 0, ...place, args: { name: "Kindling" } },
    { name: "thread_name", ph: "M", ts: 0, ...place, args: { name: "operations" } },
  ];
  const timed = events.flatMap((event, id): TraceEvent[] => {
    const [from, to] = [at(event.startMs), at(event.endMs)];
    const head = { name: event.name, cat: event.kind, ...place };
    if ("overlaps" in event && event.overlaps) {
      return [
        { ...head, ph: "b", ts: from, id },
        { ...head, ph: "e", ts: to, id },
      ];
    }
    const whole: TraceEvent = {
      ...head,
      ph: "X",
      ts: from,
      dur: Math.round((to - from) * 1e3) / 1e3,
      ...details(event),
    };
    if (event.kind !== "operation") return [whole];
    return [whole, { name: "memory", ph: "C", ts: to, ...place, args: { "live bytes": event.liveBytes } }];
  });
  return [...names, ...timed.sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))];
}

/** What a click on an operation shows. */
function details(event: ProfileEvent): { args?: Readonly<Record<string, unknown>> } {
  if (event.kind !== "operation") return {};
  const { inputs, flops, bytesRead, bytesWritten, within }: OperationEvent = event;
  const shapes = inputs.map((t) => `${t.dtype} ${showShape(t.shape)}`);
  return { args: { inputs: shapes, flops, bytesRead, bytesWritten, ...(within !== undefined && { within }) } };
}
