// `kindling/profiler`: where the time goes, and what the machine could do. For users; inside `src/` import the file that
// holds the thing.

export { type LayerRow, Monitor, monitor, type NonFinite } from "./profiler/monitor.ts";
export { type MachinePeaks, machinePeaks } from "./profiler/peaks.ts";
export { Profile, type ProfileOptions, ProfilerError, profile } from "./profiler/profile.ts";
export type { OperationRow, RangeRow } from "./profiler/rows.ts";
export type { SortKey, TableOptions } from "./profiler/table.ts";
export type { TraceEvent } from "./profiler/trace.ts";
export { type RangeKind, recordFunction } from "./tensor/recorder.ts";
