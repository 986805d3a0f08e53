// Keeping gradients small.

import { NonFiniteError } from "../base/errors.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { stack } from "../tensor/indexing.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Scales the gradients of `params` in place so that their total norm is at most `maxNorm`, and returns the norm they had.
 * `normType` may be infinite. https://arxiv.org/abs/1211.5063
 */
export function clipGradNorm_(
  params: readonly Tensor[],
  maxNorm: number,
  options: { readonly normType?: number; readonly errorIfNonfinite?: boolean } = {},
): number {
  const { normType = 2, errorIfNonfinite = false } = options;
  const grads = params.flatMap((p) => (p.grad === undefined ? [] : [p.grad]));
  if (grads.length === 0) return 0;
  return noGrad(() =>
    tidy(() => {
      const total = stack(grads.map((g) => g.norm(normType).float()))
        .norm(normType)
        .item();
      if (errorIfNonfinite && !Number.isFinite(total)) {
        throw new NonFiniteError(`clipGradNorm_: the gradients' norm is ${total}; nothing was scaled.`, { total });
      }
      const scale = Math.min(1, maxNorm / (total + 1e-6));
      if (!(scale >= 1)) for (const g of grads) g.mul_(scale); // a NaN spreads, as in PyTorch
      return total;
    }),
  );
}

/** Cuts each element of the gradients to −clipValue … clipValue. */
export function clipGradValue_(params: readonly Tensor[], clipValue: number): void {
  noGrad(() => {
    for (const p of params) p.grad?.clamp_({ min: -clipValue, max: clipValue });
  });
}
