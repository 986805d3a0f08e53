// Packed weights kept between calls: the right operand of many products (inference, the steps of an RNN), laid out
// once as the register tile reads it.

import type { Device } from "../ir/device.ts";
import { isEmpty, withoutBias } from "./matmul.ts";
import type { Half } from "./matmul-half.ts";
import type { Packing } from "./matmul-pack.ts";
import { packBLaunch, packedBBytes, panelColumns } from "./matmul-pack.ts";
import type { MatmulProblem } from "./matmul-problem.ts";
import { folded } from "./matmul-problem.ts";
import { tiledFrom } from "./matmul-tiled.ts";

/** A copy of a matrix [K, N] of f32; who made it gives `address` back to the device. */
export interface PackedB {
  readonly K: number;
  readonly N: number;
  readonly address: number;
}

export interface Matrix {
  readonly K: number;
  readonly N: number;
  readonly b: number;
  readonly bRow: number;
  readonly bCol: number;
  /** The weight holds halves; the packed copy is f32. */
  readonly half?: Half;
}

export function packB(device: Device, { K, N, b, bRow, bCol, half }: Matrix): PackedB {
  const packing: Packing = { from: b, row: bRow, column: bCol, K, size: N, batch: [], half };
  const address = device.alloc(packedBBytes(packing));
  const { kernel, args, tasks, grain } = packBLaunch(device, packing, address);
  device.run(kernel, args, tasks, grain);
  return { K, N, address };
}

/** How much memory `packB` takes. */
export function packedBytes(N: number, K: number): number {
  return packedBBytes({ from: 0, row: 0, column: 0, K, size: N, batch: [] });
}

/** A product whose B is packed; every batch item shares it. */
export type PackedProblem = Omit<MatmulProblem, "dtype" | "N" | "K" | "b" | "bRow" | "bCol" | "half">;

export function matmulPacked(device: Device, problem: PackedProblem, { K, N, address }: PackedB): void {
  const own = { dtype: "f32", N, K, b: address, bRow: panelColumns, bCol: 1, half: undefined } as const;
  const p = withoutBias(device, { ...problem, ...own });
  if (!isEmpty(p)) tiledFrom(device, folded(p), "panels");
}
