// Filling parameters before training, with PyTorch's own draws.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";
export type Fan = "fanIn" | "fanOut";

/** How much a nonlinearity shrinks the variance of what goes through it. */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  const gains: { readonly [n in Nonlinearity]: number } = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + param ** 2)),
    selu: 3 / 4,
  };
  return gains[nonlinearity];
}

/** How many inputs and outputs each element of a weight `[out, in, …]` connects. */
export function fans(t: Tensor): { readonly fanIn: number; readonly fanOut: number } {
  if (t.ndim < 2) throw new ShapeError(`init: fan in and fan out need at least 2 dimensions, got [${t.shape.join(", ")}].`, { shape: t.shape });
  const field = t.shape.slice(2).reduce((n, s) => n * s, 1);
  return { fanIn: t.shape[1]! * field, fanOut: t.shape[0]! * field };
}

export function uniform_(t: Tensor, from = 0, to = 1): Tensor {
  return noGrad(() => t.uniform_(from, to));
}
export function normal_(t: Tensor, mean = 0, std = 1): Tensor {
  return noGrad(() => t.normal_(mean, std));
}
export function constant_(t: Tensor, value: number): Tensor {
  return noGrad(() => t.fill_(value));
}
export function zeros_(t: Tensor): Tensor {
  return constant_(t, 0);
}
export function ones_(t: Tensor): Tensor {
  return constant_(t, 1);
}
/** Uniform within `gain √(6 / (fanIn + fanOut))`: https://proceedings.mlr.press/v9/glorot10a.html */
export function xavierUniform_(t: Tensor, gain = 1): Tensor {
  const { fanIn, fanOut } = fans(t);
  const bound = Math.sqrt(3) * gain * Math.sqrt(2 / (fanIn + fanOut));
  return uniform_(t, -bound, bound);
}
export function xavierNormal_(t: Tensor, gain = 1): Tensor {
  const { fanIn, fanOut } = fans(t);
  return normal_(t, 0, gain * Math.sqrt(2 / (fanIn + fanOut)));
}

export interface KaimingOptions {
  /** The slope of the leaky ReLU that follows. */
  readonly a?: number;
  readonly mode?: Fan;
  readonly nonlinearity?: Nonlinearity;
}
function kaimingStd(t: Tensor, options: KaimingOptions): number {
  const { a = 0, mode = "fanIn", nonlinearity = "leakyRelu" } = options;
  return calculateGain(nonlinearity, a) / Math.sqrt(fans(t)[mode]);
}
/** Uniform within `√3 gain / √fan`: https://arxiv.org/abs/1502.01852 */
export function kaimingUniform_(t: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd(t, options);
  return uniform_(t, -bound, bound);
}
export function kaimingNormal_(t: Tensor, options: KaimingOptions = {}): Tensor {
  return normal_(t, 0, kaimingStd(t, options));
}
/** Normal numbers, drawn again where they fall outside of `a … b`. */
export function truncNormal_(t: Tensor, mean = 0, std = 1, a = -2, b = 2): Tensor {
  if (!(b > a)) throw new ArgumentError(`truncNormal_: nothing lies between ${a} and ${b}.`, { a, b });
  return noGrad(() => {
    t.normal_(mean, std);
    for (;;) {
      const values = t.toArray();
      if (!values.some((x) => x < a || x > b)) return t;
      const again = t.zerosLike().normal_(mean, std);
      t.copy_(again.where(t.lt(a).logicalOr(t.gt(b)), t));
    }
  });
}
