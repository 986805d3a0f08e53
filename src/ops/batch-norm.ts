// Batch normalisation of [N, C, L]; the tensor layer brings other shapes into this one.

import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import * as kernels from "../kernels/batch-norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backward, Meta, Op, View } from "./op.ts";
import { realOf } from "./softmax.ts";

export interface BatchNormAttrs {
  readonly eps: number;
  /** Which of weight and bias `[C]` follow the input and the given statistics. */
  readonly affine: "none" | "weight" | "both";
  /** Mean and variance `[C]` follow the input; otherwise they are its own. */
  readonly given: boolean;
}

const parametersAt = ({ given }: BatchNormAttrs): number => (given ? 3 : 1);

/** `(x − mean) / √(var + eps) · weight + bias` for each channel; also mean, variance (over all, not one less) and 1/√(var + eps). */
export const batchNorm: Op<BatchNormAttrs> = {
  name: "batchNorm",
  contiguous: true,
  infer([x, ...rest]): readonly Meta[] {
    realOf("batchNorm", x!);
    const [, C] = x!.shape;
    for (const p of rest) {
      if (x!.shape.length === 3 && p.shape.length === 1 && p.shape[0] === C && p.dtype === x!.dtype) continue;
      throw new ShapeError(
        `batchNorm: ${p.dtype}${showShape(p.shape)} does not fit x ${x!.dtype}${showShape(x!.shape)}; wants [C] for [N, C, L].`,
        { parameter: p.shape, x: x!.shape },
      );
    }
    const channel = { shape: [C!], dtype: x!.dtype };
    return [{ shape: x!.shape, dtype: x!.dtype }, channel, channel, channel];
  },
  run(device, inputs, [y, mean, variance, rstd], attrs) {
    const x = inputs[0]!;
    const [weight, bias] = inputs.slice(parametersAt(attrs));
    const statistics = attrs.given ? inputs.slice(1, 3) : [mean!, variance!];
    kernels.batchNorm(device, {
      ...problem(x, weight, attrs),
      eps: attrs.eps,
      bias: bias?.address ?? 0,
      mean: statistics[0]!.address,
      variance: statistics[1]!.address,
      rstd: rstd!.address,
      y: y!.address,
    });
  },
  save: (attrs) => ({
    inputs: [0, ...(attrs.given ? [1] : []), ...(attrs.affine === "none" ? [] : [parametersAt(attrs)])],
    outputs: attrs.given ? [3] : [1, 3],
  }),
  grad(k) {
    const { attrs } = k;
    const weight = attrs.affine === "none" ? undefined : k.input(parametersAt(attrs));
    const mean = attrs.given ? k.input(1) : k.output(1);
    const all = k.createGraph
      ? byAlgebra(k, weight)
      : k.g.applyOpAll(batchNormBackward, [k.input(0), mean, k.output(3), ...(weight ? [weight] : [])], attrs);
    const [dx, dWeight, dBias] = all;
    const affine = attrs.affine === "none" ? [] : attrs.affine === "weight" ? [dWeight] : [dWeight, dBias];
    return [dx, ...(attrs.given ? [undefined, undefined] : []), ...affine];
  },
};

/** From g, x, mean, rstd and perhaps weight: the gradients of input, weight and bias. */
const batchNormBackward: Op<BatchNormAttrs> = {
  name: "batchNormBackward",
  contiguous: true,
  infer([g, , mean]): readonly Meta[] {
    const channel = { shape: mean!.shape, dtype: g!.dtype };
    return [{ shape: g!.shape, dtype: g!.dtype }, channel, channel];
  },
  run(device, [g, x, mean, rstd, weight], [dx, dWeight, dBias], attrs) {
    kernels.batchNormBackward(device, {
      ...problem(x!, weight, attrs),
      g: g!.address,
      mean: mean!.address,
      rstd: rstd!.address,
      dx: dx!.address,
      dWeight: dWeight!.address,
      dBias: dBias!.address,
    });
  },
};

/** The same gradients in tensor algebra, for derivatives of them. */
function byAlgebra(k: Backward<BatchNormAttrs>, weight: Tensor | undefined): Tensor[] {
  const x = k.input(0);
  const across = { dim: [0, 2], keepdim: true };
  const { g } = k;
  const mean = k.attrs.given ? k.input(1).unsqueeze(1) : x.mean(across); // [C, 1] or [1, C, 1]
  const centred = x.sub(mean);
  const rstd = k.attrs.given
    ? k.output(3).detach().unsqueeze(1)
    : centred.square().mean(across).add(k.attrs.eps).rsqrt();
  const hat = centred.mul(rstd);
  const scaled = weight === undefined ? g : g.mul(weight.unsqueeze(1));
  const through = k.attrs.given ? scaled : scaled.sub(scaled.mean(across)).sub(hat.mul(scaled.mul(hat).mean(across)));
  return [through.mul(rstd), g.mul(hat).sum({ dim: [0, 2] }), g.sum({ dim: [0, 2] })];
}

function problem(x: View, weight: View | undefined, attrs: BatchNormAttrs) {
  const [N, C, L] = x.shape as [number, number, number]; // checked by infer
  const dtype = realOf("batchNorm", x);
  return { dtype, N, C, L, x: x.address, weight: weight?.address ?? 0, own: !attrs.given };
}
