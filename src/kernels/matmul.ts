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
import { noEpilogue } from "./matmul-epilogue.ts";
import { plainLaunch } from "./matmul-plain.ts";
import type { MatmulProblem } from "./matmul-problem.ts";
import { constants, folded, itemsOf } from "./matmul-problem.ts";
import { fewRows } from "./matmul-rows.ts";
import { tiled } from "./matmul-tiled.ts";

export type { Activation } from "./matmul-epilogue.ts";
export type { Batch, MatmulProblem } from "./matmul-problem.ts";

/** Multiplications up to which setting up a tile costs more than it saves. */
const tiny = 2048;

export function matmul(device: Device, problem: MatmulProblem): void {
  if (isEmpty(problem)) return;
  let p = withoutBias(device, folded(problem));
  if (p.N === 1 && p.M > 1 && p.cRow === 1 && p.bias === undefined && p.half === undefined) p = turned(p);
  if (p.dtype !== "f32" || p.M * p.N * p.K <= tiny) run(device, plainLaunch(device, p));
  else if (p.M <= 3 && p.bCol === 1) fewRows(device, p);
  else if (isDot(p)) run(device, dotLaunch(device, p));
  else tiled(device, p);
}

/** Whether dot products beat packing B: few rows would use it, or it has few columns. */
function isDot({ M, N, K, aCol, bRow }: MatmulProblem): boolean {
  if (aCol !== 1 || bRow !== 1 || K < 8) return false;
  return M <= 3 || N <= 4 || (Math.min(M, N) <= 8 && K >= 256);
}

export function isEmpty({ M, N, batch }: Pick<MatmulProblem, "M" | "N" | "batch">): boolean {
  return M === 0 || N === 0 || itemsOf(batch) === 0;
}

function run(device: Device, { kernel, args, tasks, grain }: Launch): void {
  device.run(kernel, args, tasks, grain);
}

/** A product that accumulates starts from C, so its bias is added to C before: C += 1 bias. */
export function withoutBias(device: Device, p: MatmulProblem): MatmulProblem {
  if (!p.accumulate || p.bias === undefined) return p;
  const batch = p.batch.map((d) => ({ ...d, a: 0, b: 0 }));
  const ones = { a: constants(device).ones[p.dtype], aRow: 0, aCol: 1 };
  const row = { b: p.bias, bRow: 0, bCol: 1 };
  const rest = { ...p, bias: undefined };
  matmul(device, { ...rest, ...noEpilogue, ...ones, ...row, half: undefined, K: 1, batch });
  return rest;
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
