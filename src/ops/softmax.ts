// Softmax and its logarithm over the last dimension; the tensor layer brings other dimensions there.

import { DTypeError } from "../base/errors.ts";
import { numel } from "../base/shape.ts";
import * as kernels from "../kernels/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Meta, Op, View } from "./op.ts";

/** The kernels' word for a floating dtype. */
export function realOf(op: string, m: Meta): "f32" | "f64" {
  if (m.dtype === "float32") return "f32";
  if (m.dtype === "float64") return "f64";
  throw new DTypeError(`${op}: wants float32 or float64, got ${m.dtype}. Convert with .float().`, {
    op,
    dtype: m.dtype,
  });
}

/** The tensor as rows of its last dimension. */
export function rowsOf(
  op: string,
  v: View,
): { readonly dtype: "f32" | "f64"; readonly rows: number; readonly cols: number } {
  const cols = v.shape.at(-1) ?? 1;
  return { dtype: realOf(op, v), rows: cols === 0 ? 0 : numel(v.shape) / cols, cols };
}

const same = ([x]: readonly Meta[]): readonly Meta[] => {
  realOf("softmax", x!);
  return [{ shape: x!.shape, dtype: x!.dtype }];
};

export const softmax: Op = {
  name: "softmax",
  contiguous: true,
  infer: same,
  run: (device, [x], [y]) => kernels.softmax(device, { ...rowsOf("softmax", x!), x: x!.address, y: y!.address }),
  save: () => ({ outputs: [0] }),
  grad: (k) => [k.g.applyOp(softmaxBackward, [k.output(0)])],
};

/** `y (g − Σ g y)` from g and y. */
const softmaxBackward: Op = {
  name: "softmaxBackwardData",
  contiguous: true,
  infer: same,
  run(device, [g, y], [dx]) {
    kernels.softmaxBackward(device, { ...rowsOf("softmax", y!), y: y!.address, g: g!.address, dx: dx!.address });
  },
  save: () => ({ inputs: [0, 1] }),
  grad(k) {
    const [g, y] = [k.input(0), k.input(1)];
    const along = (t: Tensor): Tensor => t.sum({ dim: -1, keepdim: true });
    const dg = y.mul(k.g.sub(along(k.g.mul(y))));
    const dy = k.g.mul(g.sub(along(g.mul(y)))).sub(g.mul(along(k.g.mul(y))));
    return [dg, dy];
  },
};

export const logSoftmax: Op = {
  name: "logSoftmax",
  contiguous: true,
  infer: same,
  run: (device, [x], [y]) => kernels.logSoftmax(device, { ...rowsOf("logSoftmax", x!), x: x!.address, y: y!.address }),
  save: () => ({ outputs: [0] }),
  grad: (k) => [k.g.applyOp(logSoftmaxBackward, [k.output(0)])],
};

/** `g − e^y Σ g` from g and y. */
const logSoftmaxBackward: Op = {
  name: "logSoftmaxBackwardData",
  contiguous: true,
  infer: same,
  run(device, [g, y], [dx]) {
    kernels.logSoftmaxBackward(device, { ...rowsOf("logSoftmax", y!), y: y!.address, g: g!.address, dx: dx!.address });
  },
  save: () => ({ inputs: [0, 1] }),
  grad(k) {
    const [g, y] = [k.input(0), k.input(1)];
    const p = y.exp();
    const along = (t: Tensor): Tensor => t.sum({ dim: -1, keepdim: true });
    const dg = k.g.sub(along(k.g.mul(p)));
    const dy = k.g.mul(p).mul(along(g)).neg();
    return [dg, dy];
  },
};
