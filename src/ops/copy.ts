// Moving values: the two formulas that every copy and every fill share, so that each has one kernel a dtype and layout.

import { bytesOf, type DType } from "../base/dtype.ts";
import { isContiguous, numel, sameShape } from "../base/shape.ts";
import type { Device } from "../ir/device.ts";
import { copyBytes } from "../kernels/move.ts";
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

/** What is only moved travels as numbers of its size, whatever it means. */
const words: { readonly [d in DType]: DType } = {
  ...{ float32: "float32", float64: "float64", int32: "int32", int64: "int64" },
  ...{ float16: "int16", bfloat16: "int16", int16: "int16", int8: "uint8", uint8: "uint8", bool: "uint8" },
};

/** `out = input`, broadcast, in the output's dtype and layout. */
export function copyInto(device: Device, input: View, out: View): void {
  if (input.dtype !== out.dtype) {
    runPointwise(device, formulaOf(copies, "copy", input.dtype, false), [input], out);
    return;
  }
  if (isRowMajor(out) && sameShape(input.shape, out.shape) && isRowMajor(input)) {
    copyBytes(device, input.address, out.address, numel(out.shape) * bytesOf(out.dtype));
    return;
  }
  const dtype = words[input.dtype];
  const as = ({ shape, strides, address }: View): View => ({ shape, strides, address, dtype });
  runPointwise(device, formulaOf(copies, "copy", dtype, false), [as(input)], as(out));
}

const isRowMajor = ({ shape, strides }: View): boolean => isContiguous(shape, strides);

/** Every element of `out` becomes `value`. */
export function fillWith(device: Device, value: number, out: View): void {
  runPointwise(device, formulaOf(fills, "fill", out.dtype, true), [], out, [value]);
}
