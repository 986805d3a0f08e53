// A profile as text: one line for each operation, the ranges below, and what they add up to.

import type { MachinePeaks } from "./peaks.ts";
import type { Profile } from "./profile.ts";
import type { OperationRow } from "./rows.ts";

export interface TableOptions {
  /** Largest first; names from a to z. Default: self time. */
  readonly sortBy?: SortKey;
  /** So many rows at most. Default: 20. */
  readonly limit?: number;
}
export type SortKey = "selfTime" | "totalTime" | "calls" | "bytes" | "flops" | "name";

const orders: { readonly [k in SortKey]: (a: OperationRow, b: OperationRow) => number } = {
  selfTime: (a, b) => b.selfMs - a.selfMs,
  totalTime: (a, b) => b.totalMs - a.totalMs,
  calls: (a, b) => b.calls - a.calls,
  bytes: (a, b) => b.bytes - a.bytes,
  flops: (a, b) => (b.flops ?? 0) - (a.flops ?? 0),
  name: (a, b) => titleOf(a).localeCompare(titleOf(b)),
};

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly left?: true;
}

const columns: readonly Column<OperationRow>[] = [
  { title: "operation", text: titleOf, left: true },
  { title: "calls", text: (row) => String(row.calls) },
  { title: "self ms", text: (row) => row.selfMs.toFixed(2) },
  { title: "share", text: (row) => percent(row.share) },
  { title: "total ms", text: (row) => row.totalMs.toFixed(2) },
  { title: "µs/call", text: (row) => ((row.totalMs * 1000) / row.calls).toFixed(1) },
  { title: "GB/s", text: (row) => row.gigabytesPerSecond.toFixed(1) },
  { title: "GFLOP/s", text: (row) => row.gigaflopsPerSecond?.toFixed(1) ?? "?" },
  { title: "of peak", text: (row) => percent(row.peakShare) },
  { title: "bound by", text: (row) => row.bound, left: true },
];

/** In backward, with the step it is part of; with shapes, if they were recorded. */
function titleOf({ name, within, shapes }: OperationRow): string {
  const step = within === undefined ? "" : ` (${within})`;
  return `${name}${step}${shapes === undefined ? "" : ` ${shapes}`}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** A header and the rows, in columns. */
export function lines<Row>(shown: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = [shown.map((c) => c.title), ...rows.map((row) => shown.map((c) => c.text(row)))];
  const widths = shown.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  return cells.map((line) =>
    line
      .map((cell, i) => (shown[i]!.left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

export function toTable(
  profile: Profile,
  peaks: MachinePeaks,
  { sortBy = "selfTime", limit = 20 }: TableOptions,
): string {
  const rows = [...profile.operations].sort(orders[sortBy]);
  const out = lines(columns, rows.slice(0, limit));
  if (rows.length > limit) out.push(`… and ${rows.length - limit} more`);
  const ranges = profile.ranges.filter((row) => row.kind !== "autograd" || row.name === "backward");
  if (ranges.length > 0) {
    const shown: Column<(typeof ranges)[number]>[] = [
      { title: "range", text: (row) => row.name, left: true },
      { title: "calls", text: (row) => String(row.calls) },
      { title: "total ms", text: (row) => row.totalMs.toFixed(2) },
      { title: "share", text: (row) => percent(row.share) },
    ];
    out.push("", ...lines(shown, ranges));
  }
  return [...out, "", ...summary(profile, peaks)].join("\n");
}

function summary(p: Profile, peaks: MachinePeaks): string[] {
  const part = (ms: number): string => `${ms.toFixed(2)} ms (${percent(p.wallMs === 0 ? 0 : ms / p.wallMs)})`;
  const kernels = p.compiledKernels === 0 ? "" : ` of ${p.compiledKernels} kernels`;
  return [
    `wall ${p.wallMs.toFixed(2)} ms: operations ${part(p.operationMs)}, outside of them ${part(p.outsideMs)}, ` +
      `compiling${kernels} ${part(p.compileMs)}`,
    `memory peak ${megabytes(p.peakBytes)}`,
    `machine ${peaks.gigaflopsPerSecond.toFixed(0)} GFLOP/s, reading ${peaks.readGigabytesPerSecond.toFixed(1)} GB/s, ` +
      `copying ${peaks.copyGigabytesPerSecond.toFixed(1)} GB/s`,
  ];
}
