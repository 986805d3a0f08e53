// Moving values: the two formulas that every copy and every fill share, so that each has one kernel a dtype and layout.

import type { DType } from "../base/dtype.ts";
import type { Device } from "../ir/device.ts";
import type { View } from "./op.ts";
import { type Formula, runPointwise } from "./pointwise-kernel.ts";

const copies = new Map<DType, Formula>();
const fills = new Map<DType, Formula>();

function formulaOf(table: Map<DType, Formula>, name: string, dtype: DType, isNumber: boolean): Formula {
  let formula = table.get(dtype);
  if (formula === undefined) {
    formula = { name, value: (x) => x!, computes: [dtype], scalars: [isNumber] };
    table.set(dtype, formula);
  }
  return formula;
}

/** `out = input`, broadcast, in the output's dtype and layout. */
export function copyInto(device: Device, input: View, out: View): void {
  runPointwise(device, formulaOf(copies, "copy", input.dtype, false), [input], out);
}

/** Every element of `out` becomes `value`. */
export function fillWith(device: Device, value: number, out: View): void {
  runPointwise(device, formulaOf(fills, "fill", out.dtype, true), [], out, [value]);
}
