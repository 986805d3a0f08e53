// Matrix products on a device: picks the kernel for the shape and runs it.
//
//   plain   tiny ones, and every dtype but f32                 any strides, scalar
//   rows    at most three rows, B's columns adjacent           streams B
//   dot     a few rows, B's rows adjacent (a Linear's weight)  streams B
//   tile    all else                                           6x16 register tiles; B packed by the task or before it
//
// The order of additions of one element depends on the shape alone, never on the threads.

import type { Device, Launch } from "../ir/device.ts";
import { dotLaunch } from "./matmul-dot.ts";
import type { Packing } from "./matmul-pack.ts";
import {
  layoutOf,
  low,
  packALaunch,
  packBLaunch,
  packedABytes,
  packedBBytes,
  paddedRows,
  panelColumns,
  rowPanels,
  tall,
} from "./matmul-pack.ts";
import { plainLaunch } from "./matmul-plain.ts";
import type { Batch, MatmulProblem } from "./matmul-problem.ts";
import { constants, folded, itemsOf, problemArgs } from "./matmul-problem.ts";
import { rowsLaunch } from "./matmul-rows.ts";
import type { Source } from "./matmul-tile.ts";
import { tileKernel, tileScratch } from "./matmul-tile.ts";

export type { Activation } from "./matmul-activation.ts";
export type { Batch, MatmulProblem } from "./matmul-problem.ts";

/** Multiplications up to which setting up a tile costs more than it saves. */
const tiny = 2048;
/** Rows up to which dot products beat packing B. */
const dotRows = 6;
/** Bytes that a packed operand may take; larger problems are cut. */
const packedLimit = 32 * 2 ** 20;

export function matmul(device: Device, problem: MatmulProblem): void {
  if (problem.M === 0 || problem.N === 0 || itemsOf(problem.batch) === 0) return;
  let p = folded(problem);
  if (p.accumulate && p.bias !== undefined) {
    addBias(device, p, p.bias);
    p = { ...p, bias: undefined };
  }
  if (p.N === 1 && p.M > 1 && p.cRow === 1 && p.bias === undefined) p = turned(p);
  if (p.dtype !== "f32" || p.M * p.N * p.K <= tiny) run(device, plainLaunch(device, p));
  else if (p.M <= 3 && p.bCol === 1) run(device, rowsLaunch(device, p));
  else if (p.M <= dotRows && p.bRow === 1 && p.aCol === 1 && p.K >= 8) run(device, dotLaunch(device, p));
  else tile(device, p);
}

function run(device: Device, { kernel, args, tasks, grain }: Launch): void {
  device.run(kernel, args, tasks, grain);
}

/** C += 1 bias, as an outer product. */
function addBias(device: Device, p: MatmulProblem, bias: number): void {
  const batch = p.batch.map((d) => ({ ...d, a: 0, b: 0 }));
  const ones = { a: constants(device).ones[p.dtype], aRow: 0, aCol: 1 };
  const row = { b: bias, bRow: 0, bCol: 1 };
  matmul(device, { ...p, ...ones, ...row, K: 1, batch, bias: undefined, activation: undefined });
}

/** A single column as a single row: C' = B' A'. */
function turned(p: MatmulProblem): MatmulProblem {
  const batch = p.batch.map((d) => ({ ...d, a: d.b, b: d.a }));
  return {
    ...p,
    M: 1,
    N: p.M,
    a: p.b,
    aRow: p.bCol,
    aCol: p.bRow,
    b: p.a,
    bRow: p.aCol,
    bCol: p.aRow,
    cRow: p.M,
    batch,
  };
}

/** Rows up to which each task packs its own panel of B, because few other tasks would use it. */
const ownRows = 192;

function tile(device: Device, p: MatmulProblem): void {
  const packA = p.aCol !== 1 && p.N > 3 * panelColumns;
  const packB = p.M > ownRows;
  const layout = layoutOf(p.bRow, p.bCol);
  if (!packA && !packB) {
    const direct = layout === "rows" && p.M <= 2 * tall;
    run(device, tileLaunch(device, p, direct ? "rows" : `copy ${layout}`));
    return;
  }
  const a = { from: p.a, row: p.aRow, column: p.aCol, K: p.K, size: p.M, batch: changing(p.batch, "a") };
  const b = { from: p.b, row: p.bRow, column: p.bCol, K: p.K, size: p.N, batch: changing(p.batch, "b") };
  const aBytes = packA ? packedABytes(a) : 0;
  const bBytes = packB ? packedBBytes(b) : 0;
  if (Math.max(aBytes, bBytes) > packedLimit) {
    const parts = cut(p);
    if (parts !== undefined) {
      for (const part of parts) matmul(device, part);
      return;
    }
  }
  const space = device.alloc(aBytes + bBytes);
  try {
    const launches: Launch[] = [];
    let packed = p;
    let source: Source = `copy ${layout}`;
    if (packA) {
      launches.push(packALaunch(device, a, space));
      packed = { ...packed, a: space, batch: restrided(packed.batch, "a", paddedRows(rowPanels(p.M)) * p.K) };
    }
    if (packB) {
      launches.push(packBLaunch(device, b, space + aBytes));
      const itemSize = Math.ceil(p.N / panelColumns) * panelColumns * p.K;
      packed = { ...packed, b: space + aBytes, batch: restrided(packed.batch, "b", itemSize) };
      source = "panels";
    }
    launches.push(tileLaunch(device, packed, source, packA));
    device.runAll(launches);
  } finally {
    device.free(space);
  }
}

/** The batch dimensions along which an operand changes: its packed copy has no others. */
function changing(batch: readonly Batch[], operand: "a" | "b"): Packing["batch"] {
  return batch.filter((d) => d[operand] !== 0).map((d) => ({ size: d.size, stride: d[operand] }));
}

/** The batch of a packed operand: items of `itemSize`, one after another. */
function restrided(batch: readonly Batch[], operand: "a" | "b", itemSize: number): Batch[] {
  let stride = itemSize;
  return batch
    .toReversed()
    .map((d) => {
      const moves = d[operand] === 0 ? 0 : stride;
      if (moves !== 0) stride *= d.size;
      return { ...d, [operand]: moves };
    })
    .toReversed();
}

/** Two smaller problems that make the same C one after the other, or nothing where there is nothing to cut. */
function cut(p: MatmulProblem): [MatmulProblem, MatmulProblem] | undefined {
  const [outer, ...inner] = p.batch;
  if (outer !== undefined) {
    const size = outer.size >> 1;
    const first = { ...outer, size };
    const second = { ...outer, size: outer.size - size };
    const rest = { ...p, a: p.a + 4 * size * outer.a, b: p.b + 4 * size * outer.b, c: p.c + 4 * size * outer.c };
    return [
      { ...p, batch: [first, ...inner] },
      { ...rest, batch: [second, ...inner] },
    ];
  }
  const half = (n: number): number => cutUnit * Math.ceil(n / (2 * cutUnit));
  if (Math.max(p.M, p.N, p.K) <= cutUnit) return undefined;
  if (p.K >= p.M && p.K >= p.N) {
    const K = half(p.K);
    const rest = {
      ...p,
      a: p.a + 4 * K * p.aCol,
      b: p.b + 4 * K * p.bRow,
      K: p.K - K,
      accumulate: true,
      bias: undefined,
    };
    return [{ ...p, K, activation: undefined }, rest];
  }
  if (p.N >= p.M) {
    const N = half(p.N);
    const bias = p.bias === undefined ? undefined : p.bias + 4 * N;
    return [
      { ...p, N },
      { ...p, b: p.b + 4 * N * p.bCol, c: p.c + 4 * N, bias, N: p.N - N },
    ];
  }
  const M = half(p.M);
  return [
    { ...p, M },
    { ...p, a: p.a + 4 * M * p.aRow, c: p.c + 4 * M * p.cRow, M: p.M - M },
  ];
}

const cutUnit = 1024;

/** Multiplications that are worth handing to another thread, and that a task should have. */
const grainWork = 131072;

function tileLaunch(device: Device, p: MatmulProblem, source: Source, packedA = false): Launch {
  const { talls, lows } = rowPanels(p.M);
  const columnPanels = Math.ceil(p.N / panelColumns);
  const items = itemsOf(p.batch);
  const group = groupSize(talls, columnPanels * items, source);
  const groups = Math.max(1, Math.ceil(talls / group));
  const tasks = items * groups * columnPanels;
  const a = packedA ? { ...p, aRow: 1 } : p;
  const aSteps = packedA ? [p.K, tall, low] : [p.aRow, p.aCol, p.aCol];
  return {
    kernel: device.compile(`matmul/tile/${source}/${p.activation}`, () => tileKernel(source, p.activation)),
    args: [...problemArgs(device, a), device.scratch(tileScratch), ...aSteps, talls, lows, group, groups, columnPanels],
    tasks,
    grain: Math.ceil(grainWork / ((p.M * p.N * p.K * items) / tasks + 1)),
  };
}

/** Tall panels in a task: many where the task packs its own B, fewer where that leaves too few tasks. */
function groupSize(talls: number, others: number, source: Source): number {
  const most = source === "panels" ? 16 : Math.ceil(ownRows / tall);
  const wanted = Math.ceil(minTasks / others);
  return Math.max(1, Math.min(most, Math.ceil(talls / wanted)));
}

const minTasks = 16;
