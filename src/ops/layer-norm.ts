// Layer and RMS normalisation over the last dimension.

import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import * as kernels from "../kernels/layer-norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backward, Meta, Op } from "./op.ts";
import { rowsOf } from "./softmax.ts";

export interface NormAttrs {
  readonly eps: number;
  /** Which of weight and bias follow the input. */
  readonly affine: "none" | "weight" | "both";
}

function inferNorm([x, weight, bias]: readonly Meta[]): readonly Meta[] {
  const cols = x!.shape.at(-1) ?? 1;
  for (const p of [weight, bias]) {
    if (p !== undefined && (p.shape.length !== 1 || p.shape[0] !== cols)) {
      throw new ShapeError(`layerNorm: weight or bias ${showShape(p.shape)} does not fit rows of ${cols}.`, {
        parameter: p.shape,
        cols,
      });
    }
  }
  const row = { shape: x!.shape.slice(0, -1), dtype: x!.dtype };
  return [{ shape: x!.shape, dtype: x!.dtype }, row, row];
}

/** `(x − mean) / √(var + eps) · weight + bias`; also the rows' means and reciprocal deviations. https://arxiv.org/abs/1607.06450 */
export const layerNorm: Op<NormAttrs> = {
  name: "nativeLayerNorm",
  contiguous: true,
  infer: inferNorm,
  run(device, [x, weight, bias], [y, mean, rstd], { eps }) {
    kernels.layerNorm(device, {
      ...rowsOf("layerNorm", x!),
      eps,
      x: x!.address,
      y: y!.address,
      weight: weight?.address ?? 0,
      bias: bias?.address ?? 0,
      mean: mean!.address,
      rstd: rstd!.address,
    });
  },
  save: ({ affine }) => ({ inputs: affine === "none" ? [0] : [0, 1], outputs: [1, 2] }),
  grad(k) {
    if (k.createGraph) return byAlgebra(k);
    const inputs = [k.input(0), k.output(1), k.output(2), ...(k.attrs.affine === "none" ? [] : [k.input(1)])];
    const [dx, dWeight, dBias] = k.g.applyOpAll(layerNormBackward, inputs, undefined);
    return [dx, ...(k.attrs.affine === "none" ? [] : [dWeight]), ...(k.attrs.affine === "both" ? [dBias] : [])];
  },
};

/** From g, x, mean, rstd and perhaps weight: the gradients of input, weight and bias. */
const layerNormBackward: Op = {
  name: "nativeLayerNormBackward",
  contiguous: true,
  infer([g]): readonly Meta[] {
    const column = { shape: [g!.shape.at(-1) ?? 1], dtype: g!.dtype };
    return [{ shape: g!.shape, dtype: g!.dtype }, column, column];
  },
  run(device, [g, x, mean, rstd, weight], [dx, dWeight, dBias]) {
    kernels.layerNormBackward(device, {
      ...rowsOf("layerNorm", x!),
      x: x!.address,
      weight: weight?.address ?? 0,
      mean: mean!.address,
      rstd: rstd!.address,
      g: g!.address,
      dx: dx!.address,
      dWeight: dWeight!.address,
      dBias: dBias!.address,
    });
  },
};

/** The same gradients in tensor algebra, for derivatives of them. */
function byAlgebra(k: Backward<NormAttrs>): (Tensor | undefined)[] {
  const x = k.input(0);
  const mean = x.mean({ dim: -1, keepdim: true });
  const centred = x.sub(mean);
  const rstd = centred.square().mean({ dim: -1, keepdim: true }).add(k.attrs.eps).rsqrt();
  const hat = centred.mul(rstd);
  const { g } = k;
  const scaled = k.attrs.affine === "none" ? g : g.mul(k.input(1));
  const dx = scaled
    .sub(scaled.mean({ dim: -1, keepdim: true }))
    .sub(hat.mul(scaled.mul(hat).mean({ dim: -1, keepdim: true })))
    .mul(rstd);
  const columns = [x.shape.at(-1) ?? 1];
  return [
    dx,
    ...(k.attrs.affine === "none" ? [] : [g.mul(hat).sumTo(columns)]),
    ...(k.attrs.affine === "both" ? [g.sumTo(columns)] : []),
  ];
}
