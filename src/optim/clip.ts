// Keeping gradients small.

import { NonFiniteError } from "../base/errors.ts";
import type { Device } from "../ir/device.ts";
import { globalNorm, type Span, scaleAll as scaleList } from "../kernels/optimizer.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { touch } from "../tensor/in-place.ts";
import { stack } from "../tensor/indexing.ts";
import { recordOperation } from "../tensor/recorder.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Split, splitForList } from "./lists.ts";

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
  return noGrad(() => {
    const split = splitForList(grads, (g) => [g]);
    const total = normType === 2 ? euclideanNorm(split) : normOfNorms(grads, normType);
    if (errorIfNonfinite && !Number.isFinite(total)) {
      throw new NonFiniteError(`clipGradNorm_: the gradients' norm is ${total}; nothing was scaled.`, { total });
    }
    scaleToNorm(split, maxNorm, total);
    return total;
  });
}

/** The norm of all tensors as one vector; `normType` may be infinite. */
export function getTotalNorm(
  tensors: readonly Tensor[],
  options: { readonly normType?: number; readonly errorIfNonfinite?: boolean } = {},
): number {
  const { normType = 2, errorIfNonfinite = false } = options;
  if (tensors.length === 0) return 0;
  const total = noGrad(() =>
    normType === 2 ? euclideanNorm(splitForList(tensors, (t) => [t])) : normOfNorms(tensors, normType),
  );
  if (errorIfNonfinite && !Number.isFinite(total))
    throw new NonFiniteError(`getTotalNorm: the norm is ${total}.`, { total });
  return total;
}

/** Scales the gradients of `params` in place to a norm of at most `maxNorm`, given the norm they have together. */
export function clipGradsWithNorm_(params: readonly Tensor[], maxNorm: number, totalNorm: number): void {
  const grads = params.flatMap((p) => (p.grad === undefined ? [] : [p.grad]));
  if (grads.length === 0) return;
  noGrad(() =>
    scaleToNorm(
      splitForList(grads, (g) => [g]),
      maxNorm,
      totalNorm,
    ),
  );
}

function scaleToNorm(split: Split<Tensor>, maxNorm: number, total: number): void {
  const scale = Math.min(1, maxNorm / (total + 1e-6));
  if (!(scale >= 1)) scaleAll(split, scale); // a NaN spreads, as in PyTorch
}

/** One launch over all that fit a list. */
function euclideanNorm({ device, together, alone }: Split<Tensor>): number {
  const listed = (on: Device): number => globalNorm(on, "f32", spansOf(together));
  const norm = device === undefined ? 0 : recordOperation("foreachNorm", together, [], () => listed(device));
  return alone.length === 0 ? norm : Math.hypot(norm, normOfNorms(alone, 2));
}

function normOfNorms(grads: readonly Tensor[], normType: number): number {
  return tidy(() =>
    stack(grads.map((g) => g.norm(normType).float()))
      .norm(normType)
      .item(),
  );
}

function scaleAll({ device, together, alone }: Split<Tensor>, factor: number): void {
  if (device !== undefined) {
    recordOperation("foreachMul_", together, together, () => scaleList(device, "f32", spansOf(together), factor));
  }
  for (const g of together) touch(g);
  for (const g of alone) g.mul_(factor);
}

function spansOf(tensors: readonly Tensor[]): Span[] {
  return tensors.map((t) => ({ at: t.address, n: t.numel }));
}

/** Cuts each element of the gradients to −clipValue … clipValue. */
export function clipGradValue_(params: readonly Tensor[], clipValue: number): void {
  noGrad(() => {
    for (const p of params) p.grad?.clamp_({ min: -clipValue, max: clipValue });
  });
}
