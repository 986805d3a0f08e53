// Weights kept at a length, or at a largest stretch.

import { ArgumentError } from "../base/errors.ts";
import { normalizeDim } from "../base/shape.ts";
import { normalize } from "../tensor/functional/distance.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type AnyModule, Module } from "./module.ts";
import { Buffer } from "./parameter.ts";
import { registerParametrization } from "./parametrize.ts";

/** `g v / ‖v‖`, each slice along `dim` with a length of its own; without `dim` one length for all. */
class _WeightNorm extends Module<[g: Tensor, v: Tensor], Tensor> {
  readonly dim: number | null;
  constructor(dim: number | null) {
    super();
    this.dim = dim;
  }
  forward(g: Tensor, v: Tensor): Tensor {
    return v.mul(g.div(this.#lengths(v)));
  }
  rightInverse(weight: Tensor): [g: Tensor, v: Tensor] {
    return [this.#lengths(weight), weight];
  }
  #lengths(v: Tensor): Tensor {
    if (this.dim === null || this.dim === -1) return v.norm(2); // PyTorch's -1 is no dimension either
    const own = normalizeDim("weightNorm", this.dim, v.ndim);
    const others = v.shape.flatMap((_, d) => (d === own ? [] : [d]));
    return others.length === 0 ? v.abs() : v.norm(2, { dim: others, keepdim: true });
  }
}

/**
 * Trains the length and the direction of a weight apart: `weight = g v / ‖v‖`, g and v under `parametrizations.weight.original0` and
 * `original1`. Loads the `weight_g` and `weight_v` of older checkpoints too. `dim: null` has one length for the whole weight.
 * https://arxiv.org/abs/1602.07868
 */
export function weightNorm<M extends AnyModule>(
  module: M,
  name = "weight",
  options: { readonly dim?: number | null } = {},
): M {
  const { dim = 0 } = options;
  registerParametrization(module, name, new _WeightNorm(dim), { unsafe: true });
  const key = module.spell(name);
  module.registerLoadStateDictPreHook((_, state, prefix) => {
    const [g, v] = [`${prefix}${key}_g`, `${prefix}${key}_v`].map((old) => state.get(old));
    if (g === undefined || v === undefined) return;
    state.delete(`${prefix}${key}_g`);
    state.delete(`${prefix}${key}_v`);
    state.set(`${prefix}parametrizations.${key}.original0`, g).set(`${prefix}parametrizations.${key}.original1`, v);
  });
  return module;
}

export interface SpectralNormOptions {
  /** Steps of the power method at each reading in training. Default: 1. */
  readonly nPowerIterations?: number;
  /** The smallest length that is divided by. */
  readonly eps?: number;
  /** Which dimension is that of the outputs. Default: 0. */
  readonly dim?: number;
}

/** `W / σ`, where `σ = uᵀ W v` is the largest singular value; u and v come nearer with each step of the power method. */
class _SpectralNorm extends Module<[weight: Tensor], Tensor> {
  readonly dim: number;
  readonly eps: number;
  readonly nPowerIterations: number;
  /** `[rows]` and `[columns]` of the weight as a matrix; a vector needs neither. */
  readonly _u: Buffer | undefined;
  readonly _v: Buffer | undefined;

  constructor(weight: Tensor, { nPowerIterations = 1, eps = 1e-12, dim = 0 }: SpectralNormOptions) {
    super();
    if (!(nPowerIterations > 0))
      throw new ArgumentError(`spectralNorm: ${nPowerIterations} power iterations; wants at least 1.`, {
        nPowerIterations,
      });
    this.dim = normalizeDim("spectralNorm", dim, weight.ndim);
    this.eps = eps;
    this.nPowerIterations = nPowerIterations;
    if (weight.ndim < 2) return;
    noGrad(() =>
      tidy(() => {
        const matrix = this.#matrix(weight);
        const [u, v] = matrix.shape.map((size) => this.#unit(matrix.zerosOf([size]).normal_())) as [Tensor, Tensor]; // rows, columns
        Object.assign(this, { _u: new Buffer(u), _v: new Buffer(v) });
        this.#iterate(matrix, 15);
      }),
    );
  }

  forward(weight: Tensor): Tensor {
    const { _u, _v } = this;
    if (_u === undefined || _v === undefined) return this.#unit(weight);
    const matrix = this.#matrix(weight);
    if (this.training) noGrad(() => tidy(() => this.#iterate(matrix.detach(), this.nPowerIterations)));
    const [u, v] = [_u.clone(), _v.clone()]; // the next reading changes them
    return weight.div(u.dot(matrix.mv(v)));
  }
  rightInverse(value: Tensor): Tensor {
    return value;
  }

  #unit(x: Tensor): Tensor {
    return normalize(x, { dim: 0, eps: this.eps });
  }
  #matrix(weight: Tensor): Tensor {
    const rest = weight.shape.flatMap((_, d) => (d === this.dim ? [] : [d]));
    return weight.permute(this.dim, ...rest).flatten(1);
  }
  #iterate(matrix: Tensor, steps: number): void {
    for (let i = 0; i < steps; i++) {
      this._u!.copy_(this.#unit(matrix.mv(this._v!)));
      this._v!.copy_(this.#unit(matrix.t().mv(this._u!)));
    }
  }
}

/**
 * Divides a weight by its largest singular value, so that the layer stretches nothing. The vectors of the power method are the buffers
 * `parametrizations.weight.0._u` and `_v`; a step is taken whenever the weight is read in training. https://arxiv.org/abs/1802.05957
 */
export function spectralNorm<M extends AnyModule>(module: M, name = "weight", options: SpectralNormOptions = {}): M {
  const weight: unknown = Reflect.get(module, name);
  if (!(weight instanceof Tensor))
    throw new ArgumentError(`spectralNorm: ${module.constructor.name} has no parameter or buffer "${name}".`, { name });
  return registerParametrization(module, name, new _SpectralNorm(weight, options));
}
