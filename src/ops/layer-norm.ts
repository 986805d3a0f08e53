// Layer and RMS normalisation over the last dimension, alone and of a sum that is wanted as well: `y = norm(x + residual)`
// is what a block of a transformer begins or ends with.

import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import * as kernels from "../kernels/layer-norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Meta, Op, View } from "./op.ts";
import { realOf, rowsOf } from "./softmax.ts";

export interface NormAttrs {
  readonly eps: number;
  /** Which of weight and bias follow the input. */
  readonly affine: "none" | "weight" | "both";
}

function inferNorm(op: string, [x, weight, bias]: readonly Meta[]): readonly Meta[] {
  const cols = x!.shape.at(-1) ?? 1;
  for (const p of [weight, bias]) {
    if (p !== undefined && (p.shape.length !== 1 || p.shape[0] !== cols)) {
      throw new ShapeError(`${op}: weight or bias ${showShape(p.shape)} does not fit rows of ${cols}.`, {
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
  infer: (inputs) => inferNorm("layerNorm", inputs),
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
    const weight = k.attrs.affine === "none" ? undefined : k.input(1);
    if (k.createGraph) return layerNormAlgebra(k.g, k.input(0), weight, k.attrs);
    const inputs = [k.input(0), k.output(1), k.output(2), ...listed(weight)];
    const [dx, dWeight, dBias] = k.g.applyOpAll(layerNormBackward, inputs, { summed: false });
    return [dx, ...affineOf(k.attrs, dWeight!, dBias!)];
  },
};

const listed = (t: Tensor | undefined): Tensor[] => (t === undefined ? [] : [t]);

/** The gradients that there are parameters for. */
function affineOf({ affine }: NormAttrs, dWeight: Tensor, dBias: Tensor): Tensor[] {
  return affine === "none" ? [] : affine === "weight" ? [dWeight] : [dWeight, dBias];
}

interface BackwardAttrs {
  /** Whether a further gradient of x, to be added, follows the statistics. */
  readonly summed: boolean;
}

/** From g, x, mean, rstd and perhaps gSum and weight: the gradients of input, weight and bias. */
const layerNormBackward: Op<BackwardAttrs> = {
  name: "nativeLayerNormBackward",
  contiguous: true,
  infer([g]): readonly Meta[] {
    const column = { shape: [g!.shape.at(-1) ?? 1], dtype: g!.dtype };
    return [{ shape: g!.shape, dtype: g!.dtype }, column, column];
  },
  run(device, [g, x, mean, rstd, ...rest], [dx, dWeight, dBias], { summed }) {
    kernels.layerNormBackward(device, {
      ...rowsOf("layerNorm", x!),
      x: x!.address,
      mean: mean!.address,
      rstd: rstd!.address,
      ...furtherOf(rest, summed),
      g: g!.address,
      dx: dx!.address,
      dWeight: dWeight!.address,
      dBias: dBias!.address,
    });
  },
};

function furtherOf(rest: readonly View[], summed: boolean): { readonly gSum: number; readonly weight: number } {
  const [gSum, weight] = summed ? rest : [undefined, rest[0]];
  return { gSum: gSum?.address ?? 0, weight: weight?.address ?? 0 };
}

/** The same gradients in tensor algebra, for derivatives of them. */
function layerNormAlgebra(g: Tensor, x: Tensor, weight: Tensor | undefined, attrs: NormAttrs): Tensor[] {
  const centred = x.sub(x.mean({ dim: -1, keepdim: true }));
  const rstd = centred.square().mean({ dim: -1, keepdim: true }).add(attrs.eps).rsqrt();
  const hat = centred.mul(rstd);
  const scaled = weight === undefined ? g : g.mul(weight);
  const dx = scaled
    .sub(scaled.mean({ dim: -1, keepdim: true }))
    .sub(hat.mul(scaled.mul(hat).mean({ dim: -1, keepdim: true })))
    .mul(rstd);
  const columns = [x.shape.at(-1) ?? 1];
  return [dx, ...affineOf(attrs, g.mul(hat).sumTo(columns), g.sumTo(columns))];
}

/** x, residual, then as `layerNorm`: the norm of `x + residual`, that sum, and the rows' means and reciprocal deviations. */
export const addLayerNorm: Op<NormAttrs> = {
  name: "addLayerNorm",
  contiguous: true,
  infer: (inputs) => inferAdded("addLayerNorm", inputs),
  run(device, [x, residual, weight, bias], [y, sum, mean, rstd], { eps }) {
    kernels.layerNorm(device, {
      ...rowsOf("addLayerNorm", x!),
      eps,
      x: x!.address,
      added: { residual: residual!.address, sum: sum!.address },
      y: y!.address,
      weight: weight?.address ?? 0,
      bias: bias?.address ?? 0,
      mean: mean!.address,
      rstd: rstd!.address,
    });
  },
  save: ({ affine }) => ({ inputs: affine === "none" ? [] : [2], outputs: [1, 2, 3] }),
  grad(k) {
    const [g, gSum] = k.grads;
    if (g === undefined) return [gSum, gSum];
    const weight = k.attrs.affine === "none" ? undefined : k.input(2);
    if (k.createGraph) {
      const [dx, ...affine] = layerNormAlgebra(g, k.output(1), weight, k.attrs) as [Tensor, ...Tensor[]]; // dx comes first
      const all = gSum === undefined ? dx : dx.add(gSum);
      return [all, all, ...affine];
    }
    const inputs = [k.output(1), k.output(2), k.output(3), ...listed(gSum), ...listed(weight)];
    const [dx, dWeight, dBias] = g.applyOpAll(layerNormBackward, inputs, { summed: gSum !== undefined });
    return [dx, dx, ...affineOf(k.attrs, dWeight!, dBias!)];
  },
};

function inferAdded(op: string, [x, residual, ...affine]: readonly Meta[]): readonly Meta[] {
  if (!sameShape(x!.shape, residual!.shape) || x!.dtype !== residual!.dtype) {
    throw new ShapeError(
      `${op}: x ${x!.dtype}${showShape(x!.shape)} and residual ${residual!.dtype}${showShape(residual!.shape)} differ.`,
      { x: x!.shape, residual: residual!.shape },
    );
  }
  realOf(op, x!);
  const [y, ...rows] = inferNorm(op, [x!, ...affine]) as [Meta, Meta, Meta]; // y, mean, rstd
  return [y, y, ...rows];
}

export interface RmsNormAttrs {
  readonly eps: number;
}

/** `x / √(mean x² + eps) · weight`, the weight being optional; also the rows' factors. https://arxiv.org/abs/1910.07467 */
export const rmsNorm: Op<RmsNormAttrs> = {
  name: "rmsNorm",
  contiguous: true,
  infer: (inputs) => inferNorm("rmsNorm", inputs).slice(0, 2),
  run(device, [x, weight], [y, rstd], { eps }) {
    const { dtype, rows, cols } = rowsOf("rmsNorm", x!);
    const [from, to] = [x!.address, y!.address];
    kernels.rmsNorm(device, {
      dtype,
      rows,
      cols,
      eps,
      x: from,
      y: to,
      weight: weight?.address ?? 0,
      rstd: rstd!.address,
    });
  },
  save: (_, needs) => ({ inputs: needs.map((__, i) => i), outputs: [1] }),
  grad(k) {
    const weight = k.metas.length > 1 ? k.input(1) : undefined;
    if (k.createGraph) return rmsNormAlgebra(k.g, k.input(0), weight, k.attrs);
    const inputs = [k.input(0), k.output(1), ...listed(weight)];
    const [dx, dWeight] = k.g.applyOpAll(rmsNormBackward, inputs, { summed: false });
    return weight === undefined ? [dx] : [dx, dWeight];
  },
};

/** From g, x, rstd and perhaps gSum and weight: the gradients of input and weight. */
const rmsNormBackward: Op<BackwardAttrs> = {
  name: "rmsNormBackward",
  contiguous: true,
  infer: ([g]) => [
    { shape: g!.shape, dtype: g!.dtype },
    { shape: [g!.shape.at(-1) ?? 1], dtype: g!.dtype },
  ],
  run(device, [g, x, rstd, ...rest], [dx, dWeight], { summed }) {
    kernels.rmsNormBackward(device, {
      ...rowsOf("rmsNorm", x!),
      x: x!.address,
      ...furtherOf(rest, summed),
      rstd: rstd!.address,
      g: g!.address,
      dx: dx!.address,
      dWeight: dWeight!.address,
    });
  },
};

function rmsNormAlgebra(g: Tensor, x: Tensor, weight: Tensor | undefined, { eps }: RmsNormAttrs): Tensor[] {
  const rstd = x.square().mean({ dim: -1, keepdim: true }).add(eps).rsqrt();
  const hat = x.mul(rstd);
  const scaled = weight === undefined ? g : g.mul(weight);
  const dx = scaled.sub(hat.mul(scaled.mul(hat).mean({ dim: -1, keepdim: true }))).mul(rstd);
  return weight === undefined ? [dx] : [dx, g.mul(hat).sumTo([x.shape.at(-1) ?? 1])];
}

/** x, residual, and perhaps weight: the RMS norm of `x + residual`, that sum, and the rows' factors. */
export const addRmsNorm: Op<RmsNormAttrs> = {
  name: "addRmsNorm",
  contiguous: true,
  infer: (inputs) => inferAdded("addRmsNorm", inputs).slice(0, 3),
  run(device, [x, residual, weight], [y, sum, rstd], { eps }) {
    kernels.rmsNorm(device, {
      ...rowsOf("addRmsNorm", x!),
      eps,
      x: x!.address,
      added: { residual: residual!.address, sum: sum!.address },
      y: y!.address,
      weight: weight?.address ?? 0,
      rstd: rstd!.address,
    });
  },
  save: (_, needs) => ({ inputs: needs.length > 2 ? [2] : [], outputs: [1, 2] }),
  grad(k) {
    const [g, gSum] = k.grads;
    if (g === undefined) return [gSum, gSum];
    const weight = k.metas.length > 2 ? k.input(2) : undefined;
    if (k.createGraph) {
      const [dx, ...affine] = rmsNormAlgebra(g, k.output(1), weight, k.attrs) as [Tensor, ...Tensor[]]; // dx comes first
      const all = gSum === undefined ? dx : dx.add(gSum);
      return [all, all, ...affine];
    }
    const inputs = [k.output(1), k.output(2), ...listed(gSum), ...listed(weight)];
    const [dx, dWeight] = g.applyOpAll(rmsNormBackward, inputs, { summed: gSum !== undefined });
    return weight === undefined ? [dx, dx] : [dx, dx, dWeight];
  },
};
