// How a product is laid out for the register tile: what is packed before, what each task packs for itself, how C is
// cut into tasks, and how a product whose packed operands would be too large is cut in two.

import type { Device, Launch } from "../ir/device.ts";
import type { Packing } from "./matmul-pack.ts";
import {
  layoutOf,
  low,
  packALaunch,
  packBLaunch,
  packedABytes,
  packedBBytes,
  panelColumns,
  rowPanels,
  tall,
} from "./matmul-pack.ts";
import type { Batch, MatmulProblem } from "./matmul-problem.ts";
import { itemsOf, problemArgs } from "./matmul-problem.ts";
import type { Source } from "./matmul-tile.ts";
import { tileKernel, tileScratch } from "./matmul-tile.ts";

/** Rows up to which each task packs its own panel of B, because few other tasks would use it. */
const ownRows = 192;
/** Rows up to which B is read where it lies. */
const directRows = 2 * tall;
/** Columns up to which an A without adjacent columns is read where it lies. */
const directColumns = 3 * panelColumns;
/** Bytes that a packed operand may take; larger problems are cut. */
const packedLimit = 32 * 2 ** 20;
/** Cuts are at multiples of this. */
const cutUnit = 1024;
/** Multiplications that are worth handing to another thread. */
const grainWork = 131072;
/** So many tasks keep all threads busy to the end. */
const minTasks = 16;

/**
 * Runs a product of f32 that is not empty and does not both accumulate and add a bias. No packed operand takes more than
 * `limit` bytes unless it is small anyway.
 */
export function tiled(device: Device, p: MatmulProblem, limit: number = packedLimit): void {
  const layout = layoutOf(p.bRow, p.bCol);
  if (p.M > ownRows) laidOut(device, p, "packed first", limit);
  else laidOut(device, p, layout === "rows" && p.M <= directRows ? layout : `copy ${layout}`, limit);
}

/** The same where B lies in panels already. */
export function tiledPanels(device: Device, p: MatmulProblem): void {
  laidOut(device, p, "panels", packedLimit);
}

function laidOut(device: Device, p: MatmulProblem, from: Source | "packed first", limit: number): void {
  const a = p.aCol !== 1 && p.N > directColumns ? packingOfA(p) : undefined;
  const b = from === "packed first" ? packingOfB(p) : undefined;
  const source = from === "packed first" ? "panels" : from;
  const aBytes = a === undefined ? 0 : packedABytes(a);
  const bBytes = b === undefined ? 0 : packedBBytes(b);
  if (aBytes + bBytes === 0) {
    const { kernel, args, tasks, grain } = tileLaunch(device, p, source, false);
    device.run(kernel, args, tasks, grain);
    return;
  }
  const parts = Math.max(aBytes, bBytes) > limit ? cut(p, from === "panels") : undefined;
  if (parts !== undefined) {
    for (const part of parts) laidOut(device, part, from, limit);
    return;
  }
  const space = device.alloc(aBytes + bBytes);
  try {
    const launches: Launch[] = [];
    if (a !== undefined) launches.push(packALaunch(device, a, space));
    if (b !== undefined) launches.push(packBLaunch(device, b, space + aBytes));
    let packed = p;
    if (a !== undefined)
      packed = { ...packed, a: space, batch: restrided(packed, "a", packedABytes({ ...a, batch: [] })) };
    if (b !== undefined) {
      packed = { ...packed, b: space + aBytes, batch: restrided(packed, "b", packedBBytes({ ...b, batch: [] })) };
    }
    launches.push(tileLaunch(device, packed, source, a !== undefined));
    device.runAll(launches);
  } finally {
    device.free(space);
  }
}

function packingOfA(p: MatmulProblem): Packing {
  return { from: p.a, row: p.aRow, column: p.aCol, K: p.K, size: p.M, batch: changing(p.batch, "a") };
}
function packingOfB(p: MatmulProblem): Packing {
  return { from: p.b, row: p.bRow, column: p.bCol, K: p.K, size: p.N, batch: changing(p.batch, "b") };
}

/** The batch dimensions along which an operand changes: its packed copy has no others. */
function changing(batch: readonly Batch[], operand: "a" | "b"): Packing["batch"] {
  return batch.filter((d) => d[operand] !== 0).map((d) => ({ size: d.size, stride: d[operand] }));
}

/** The batch of a packed operand: its items lie one after another. */
function restrided({ batch }: MatmulProblem, operand: "a" | "b", itemBytes: number): Batch[] {
  let stride = itemBytes / 4;
  const inner: Batch[] = [];
  for (const d of batch.toReversed()) {
    const moves = d[operand] === 0 ? 0 : stride;
    inner.unshift({ ...d, [operand]: moves });
    if (moves !== 0) stride *= d.size;
  }
  return inner;
}

/** Two smaller products that make the same C one after the other, or nothing where there is nothing to cut. */
function cut(p: MatmulProblem, onlyRows: boolean): readonly [MatmulProblem, MatmulProblem] | undefined {
  const [outer, ...inner] = p.batch;
  if (outer !== undefined) {
    if (outer.size === 1) return cut({ ...p, batch: inner }, onlyRows);
    const size = outer.size >> 1;
    const rest = { ...p, a: p.a + 4 * size * outer.a, b: p.b + 4 * size * outer.b, c: p.c + 4 * size * outer.c };
    return [
      { ...p, batch: [{ ...outer, size }, ...inner] },
      { ...rest, batch: [{ ...outer, size: outer.size - size }, ...inner] },
    ];
  }
  const longest = onlyRows ? p.M : Math.max(p.M, p.N, p.K);
  if (longest <= cutUnit) return undefined;
  const half = cutUnit * Math.ceil(longest / (2 * cutUnit));
  if (p.M === longest) {
    return [
      { ...p, M: half },
      { ...p, a: p.a + 4 * half * p.aRow, c: p.c + 4 * half * p.cRow, M: p.M - half },
    ];
  }
  if (p.N === longest) {
    const bias = p.bias === undefined ? undefined : p.bias + 4 * half;
    return [
      { ...p, N: half },
      { ...p, b: p.b + 4 * half * p.bCol, c: p.c + 4 * half, bias, N: p.N - half },
    ];
  }
  const rest = { ...p, a: p.a + 4 * half * p.aCol, b: p.b + 4 * half * p.bRow, K: p.K - half };
  return [
    { ...p, K: half, activation: undefined },
    { ...rest, accumulate: true, bias: undefined },
  ];
}

function tileLaunch(device: Device, p: MatmulProblem, source: Source, packedA: boolean): Launch {
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
