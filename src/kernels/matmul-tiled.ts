// How a product is laid out for the register tile: what is packed before, what each task packs for itself, how C is
// cut into tasks, and how a product whose packed operands would be too large is cut in two.

import type { Device, Launch } from "../ir/device.ts";
import { epilogueOf, nameOf, noEpilogue } from "./matmul-epilogue.ts";
import { bytesOfB } from "./matmul-half.ts";
import type { Packing } from "./matmul-pack.ts";
import { layoutOf, low, packALaunch, packedABytes, panelColumns, rowPanels, tall } from "./matmul-pack.ts";
import type { Batch, MatmulProblem } from "./matmul-problem.ts";
import { itemsOf, problemArgs } from "./matmul-problem.ts";
import type { Source } from "./matmul-tile.ts";
import { tileKernel, tileScratch } from "./matmul-tile.ts";

/** Columns up to which an A without adjacent columns is read where it lies. */
const directColumns = 3 * panelColumns;
/** Bytes that a packed A may take; larger problems are cut, at multiples of `cutUnit`. */
const packedLimit = 32 * 2 ** 20;
const cutUnit = 1024;
/** Multiplications that are worth handing to another thread. */
const grainWork = 65536;
/** So many tasks keep all threads busy to the end. */
const minTasks = 16;
/** Tall panels in a task that packs B: the more, the less often; more than the most push A out of the cache. */
const minGroup = 8;
const maxGroup = 134;

/**
 * Runs a product of f32 that is not empty and does not both accumulate and add a bias. A packed A takes more than
 * `limit` bytes only where there is nothing to cut.
 */
export function tiled(device: Device, p: MatmulProblem, limit: number = packedLimit): void {
  const layout = layoutOf(p.bRow, p.bCol);
  tiledFrom(device, p, layout === "rows" && isDirect(p) ? layout : `copy ${layout}`, limit);
}

/** Whether B is better read where it lies: few rows use it, and its own rows do not all fall on the same cache lines. */
function isDirect({ M, K, bRow, half }: MatmulProblem): boolean {
  if (half !== undefined) return false;
  return M <= 4 * tall || (M <= 8 * tall && bRow % 1024 !== 0) || (M <= 16 * tall && K <= 64);
}

/** The same where B is found as `source` says. */
export function tiledFrom(device: Device, p: MatmulProblem, source: Source, limit: number = packedLimit): void {
  if (p.aCol === 1 || p.N <= directColumns) {
    const { kernel, args, tasks, grain } = tileLaunch(device, p, source, false);
    device.run(kernel, args, tasks, grain);
    return;
  }
  const a: Packing = {
    ...{ from: p.a, row: p.aRow, column: p.aCol, K: p.K, size: p.M },
    batch: p.batch.filter((d) => d.a !== 0).map((d) => ({ size: d.size, stride: d.a })),
  };
  const bytes = packedABytes(a);
  const parts = bytes > limit ? cut(p, source === "panels") : undefined;
  if (parts !== undefined) {
    for (const part of parts) tiledFrom(device, part, source, limit);
    return;
  }
  const space = device.alloc(bytes);
  try {
    const batch = restrided(p.batch, packedABytes({ ...a, batch: [] }) / 4);
    const compute = tileLaunch(device, { ...p, a: space, batch }, source, true);
    device.runAll([packALaunch(device, a, space), compute]);
  } finally {
    device.free(space);
  }
}

/** The batch of a packed A: an item for each place in the dimensions along which A changes, one after another. */
function restrided(batch: readonly Batch[], itemSize: number): Batch[] {
  let stride = itemSize;
  const made: Batch[] = [];
  for (const d of batch.toReversed()) {
    made.unshift({ ...d, a: d.a === 0 ? 0 : stride });
    if (d.a !== 0) stride *= d.size;
  }
  return made;
}

/** Two smaller products that make the same C one after the other, or nothing where there is nothing to cut. */
function cut(p: MatmulProblem, onlyRows: boolean): readonly [MatmulProblem, MatmulProblem] | undefined {
  const [outer, ...inner] = p.batch;
  const bBytes = bytesOfB(p.half);
  if (outer !== undefined) {
    if (outer.size === 1) return cut({ ...p, batch: inner }, onlyRows);
    const size = outer.size >> 1;
    const rest = { ...p, a: p.a + 4 * size * outer.a, b: p.b + bBytes * size * outer.b, c: p.c + 4 * size * outer.c };
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
      { ...p, b: p.b + bBytes * half * p.bCol, c: p.c + 4 * half, bias, N: p.N - half },
    ];
  }
  const rest = { ...p, a: p.a + 4 * half * p.aCol, b: p.b + bBytes * half * p.bRow, K: p.K - half };
  return [
    { ...p, ...noEpilogue, K: half },
    { ...rest, accumulate: true, bias: undefined },
  ];
}

function tileLaunch(device: Device, p: MatmulProblem, source: Source, packedA: boolean): Launch {
  const { talls, lows } = rowPanels(p.M);
  const columnPanels = Math.ceil(p.N / panelColumns);
  const items = itemsOf(p.batch);
  const packs = source.startsWith("copy") || (source === "rows" && p.N < panelColumns);
  const group = groupSize(talls, columnPanels * items, packs ? minGroup : 1);
  const groups = Math.max(1, Math.ceil(talls / group));
  const tasks = items * groups * columnPanels;
  const a = packedA ? { ...p, aRow: 1 } : p;
  const epilogue = epilogueOf(p);
  const aSteps = packedA ? [p.K, tall, low] : [p.aRow, p.aCol, p.aCol];
  return {
    kernel: device.compile(`matmul/tile/${source}/${p.half}/${nameOf(epilogue)}`, () =>
      tileKernel(source, p.half, epilogue),
    ),
    args: [...problemArgs(device, a), device.scratch(tileScratch), ...aSteps, talls, lows, group, groups, columnPanels],
    tasks,
    grain: Math.ceil(grainWork / ((p.M * p.N * p.K * items) / tasks + 1)),
  };
}

/** Tall panels in a task: groups of equal size, and smaller ones where there would be too few tasks. */
function groupSize(talls: number, others: number, smallest: number): number {
  const splits = Math.min(Math.floor(talls / smallest), Math.ceil(minTasks / others));
  const groups = Math.max(1, Math.ceil(talls / maxGroup), splits);
  return Math.max(1, Math.ceil(talls / groups)); // there may be only low panels
}
