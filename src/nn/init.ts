// Filling parameters before training, with PyTorch's own draws.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { defaultGenerator } from "../base/random.ts";
import { erf } from "../ir/math.ts";
import { eye, fromArray } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
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
  if (t.ndim < 2)
    throw new ShapeError(`init: fan in and fan out need at least 2 dimensions, got [${t.shape.join(", ")}].`, {
      shape: t.shape,
    });
  const field = t.shape.slice(2).reduce((n, s) => n * s, 1);
  return { fanIn: t.shape[1]! * field, fanOut: t.shape[0]! * field };
}

let isSkipped = false;

/** Makes modules whose weights are read from a file afterwards: `body` is synchronous, and draws of this file leave tensors as they are. */
export function withoutInit<T>(body: () => T): T {
  const before = isSkipped;
  isSkipped = true;
  try {
    return body();
  } finally {
    isSkipped = before;
  }
}
/** Whether `withoutInit` is running. */
export function initIsSkipped(): boolean {
  return isSkipped;
}

export function uniform_(t: Tensor, from = 0, to = 1): Tensor {
  if (isSkipped) return t;
  return noGrad(() => t.uniform_(from, to));
}
export function normal_(t: Tensor, mean = 0, std = 1): Tensor {
  if (isSkipped) return t;
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
/** Ones on the diagonal of a matrix, zeros elsewhere. */
export function eye_(t: Tensor): Tensor {
  const [rows, columns] = t.dims(2, "eye_") as [number, number]; // two sizes, as checked
  return noGrad(() => t.copy_(eye(rows, columns)));
}
/** Passes channels through: 1 where a kernel `[out, in, …]` looks at its centre, for each channel its own. */
export function dirac_(t: Tensor): Tensor {
  if (t.ndim < 3) throw new ShapeError(`dirac_: wants [out, in, …], got [${t.shape.join(", ")}].`, { shape: t.shape });
  const [out, channels, ...field] = t.shape as [number, number, ...number[]]; // three sizes at least, as checked
  return noGrad(() => {
    t.fill_(0);
    for (let c = 0; c < Math.min(out, channels); c++) t.at(c, c, ...field.map((n) => Math.floor(n / 2))).fill_(1);
    return t;
  });
}
/** A matrix of normal numbers with `sparsity` of the rows 0 in each column. */
export function sparse_(t: Tensor, sparsity: number, std = 0.01): Tensor {
  const [rows, columns] = t.dims(2, "sparse_") as [number, number]; // two sizes, as checked
  return noGrad(() => {
    t.normal_(0, std);
    for (let column = 0; column < columns; column++) {
      const zeros = defaultGenerator.permutation(rows).subarray(0, Math.ceil(sparsity * rows));
      for (const row of zeros) t.at(row, column).fill_(0);
    }
    return t;
  });
}

/** Rows or columns (whichever are fewer) of length `gain`, at right angles to each other: https://arxiv.org/abs/1312.6120 */
export function orthogonal_(t: Tensor, gain = 1): Tensor {
  if (t.ndim < 2)
    throw new ShapeError(`orthogonal_: wants at least 2 dimensions, got [${t.shape.join(", ")}].`, { shape: t.shape });
  if (t.numel === 0) return t;
  const rows = t.shape[0]!;
  const columns = t.numel / rows;
  return noGrad(() =>
    tidy(() => {
      const drawn = t.zerosOf([rows, columns]).normal_();
      const wide = rows < columns;
      const vectors = (wide ? drawn : drawn.t().contiguous()).tolist() as number[][]; // a matrix gives rows of numbers
      orthonormalize(vectors);
      const unit = fromArray(vectors.flat(), [Math.min(rows, columns), Math.max(rows, columns)], { dtype: t.dtype });
      return t.copy_((wide ? unit : unit.t()).reshape(...t.shape).mul(gain));
    }),
  );
}

/** Gram and Schmidt, each vector twice, which is as exact as reflections. The signs are those of a positive diagonal of R. */
function orthonormalize(vectors: number[][]): void {
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  vectors.forEach((v, n) => {
    for (let pass = 0; pass < 2; pass++) {
      for (const u of vectors.slice(0, n)) {
        const along = dot(u, v);
        for (let i = 0; i < v.length; i++) v[i]! -= along * u[i]!;
      }
    }
    const length = Math.sqrt(dot(v, v));
    for (let i = 0; i < v.length; i++) v[i]! /= length;
  });
}

/** Normal numbers between `a` and `b`. */
export function truncNormal_(t: Tensor, mean = 0, std = 1, a = -2, b = 2): Tensor {
  if (isSkipped) return t;
  if (!(b > a)) throw new ArgumentError(`truncNormal_: nothing lies between ${a} and ${b}.`, { a, b });
  const below = (x: number): number => (1 + erf((x - mean) / std / Math.SQRT2)) / 2;
  const draw = below(b) - below(a) > 0.3 ? drawUntilInside : drawByDensity;
  return noGrad(() => tidy(() => draw(t, mean, std, a, b)));
}

/** Where much of the mass lies inside: whole tensors are drawn again, for the elements that were outside. */
function drawUntilInside(t: Tensor, mean: number, std: number, a: number, b: number): Tensor {
  t.normal_(mean, std);
  for (;;) {
    const outside = t.lt(a).logicalOr(t.gt(b));
    if (outside.any().item() === 0) return t;
    t.copy_(t.zerosLike().normal_(mean, std).where(outside, t));
  }
}

/** Where little does: uniform numbers, each kept with a probability in proportion to its density. */
function drawByDensity(t: Tensor, mean: number, std: number, a: number, b: number): Tensor {
  const mode = Math.max(a, Math.min(mean, b));
  const peak = -0.5 * ((mode - mean) / std) ** 2;
  const refused = (x: Tensor): Tensor => {
    const density = x.sub(mean).div(std).square().mul(-0.5).sub(peak);
    return x.zerosLike().uniform_().log().gt(density);
  };
  t.uniform_(a, b);
  let pending = refused(t);
  while (pending.any().item() !== 0) {
    const again = t.zerosLike().uniform_(a, b);
    t.copy_(again.where(pending, t));
    pending = refused(again).logicalAnd(pending);
  }
  return t;
}
