// Scaled dot-product attention: https://arxiv.org/abs/1706.03762

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { defaultGenerator, type Generator } from "../../base/random.ts";
import { showShape } from "../../base/shape.ts";
import { attention } from "../../ops/attention.ts";
import type { Tensor } from "../core.ts";
import { apply } from "../dispatch.ts";
import { tidy } from "../scope.ts";

export interface AttentionOptions {
  /** Broadcasts to `[…, Tq, Tk]`: bool, true where a key takes part, or of the query's dtype, added to the scores. */
  readonly attnMask?: Tensor | undefined;
  /** The probability with which each weight is dropped; functions have no training mode, so pass 0 outside of training. */
  readonly dropoutP?: number;
  /** Query i sees keys 0 … i, counted from the first key, also where the lengths differ. */
  readonly isCausal?: boolean;
  /** What scores are multiplied by; `1 / √D` if left out. */
  readonly scale?: number | undefined;
  /** Lets groups of query heads share a head of key and value. */
  readonly enableGqa?: boolean;
  /** Where dropout takes its seed from. */
  readonly generator?: Generator;
}

/**
 * `softmax(scale q kᵀ + mask) v` for q `[…, H, Tq, D]`, k `[…, KV, Tk, D]` and v `[…, KV, Tk, Dv]` of two to four dimensions, to
 * `[…, H, Tq, Dv]`. H is KV, or with `enableGqa` a multiple of it. No matrix of scores is held, forward or backward (but for
 * second derivatives and for the gradient of `attnMask`). A query that sees no key gives 0, and so do its gradients.
 *
 * The result lies in memory as `[B, Tq, H, Dv]`, so that `y.transpose(1, 2).reshape(B, Tq, H * Dv)` costs nothing; q, k and v
 * may be views of that layout. Dropout is drawn from a hash with a seed of the generator: the draws are not PyTorch's.
 *
 * Throws ShapeError where the sizes do not fit, DTypeError for dtypes other than float32 and float64 or for mixed ones.
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { attnMask, dropoutP = 0, isCausal = false, scale, enableGqa = false, generator = defaultGenerator } = options;
  checkOptions(q, k, v, options);
  const rank = q.ndim;
  const heads = rank < 3 ? 1 : q.size(-3);
  const shared = rank < 3 ? 1 : k.size(-3);
  if (heads !== shared && !enableGqa) {
    throw new ShapeError(
      `scaledDotProductAttention: ${heads} query heads and ${shared} key heads. Pass enableGqa: true if groups of queries share a key head.`,
      { query: q.shape, key: k.shape },
    );
  }
  if (!(dropoutP >= 0 && dropoutP <= 1)) {
    throw new ArgumentError(`scaledDotProductAttention: dropoutP ${dropoutP}; it lies from 0 to 1.`, { dropoutP });
  }
  return tidy(() => {
    const whole = [q, k, v].map((t) =>
      t.ndim === 2 ? t.unsqueeze(0).unsqueeze(0) : t.ndim === 3 ? t.unsqueeze(0) : t,
    );
    const attrs = {
      causal: isCausal,
      scale: scale ?? 1 / Math.sqrt(Math.max(1, q.size(-1))),
      dropout: dropoutP === 0 ? undefined : { p: dropoutP, seed: [generator.u32(), generator.u32()] as const },
    };
    const [out] = apply(attention, attnMask === undefined ? whole : [...whole, attnMask], attrs); // [B, Tq, H, Dv]
    const turned = out!.transpose(1, 2); // [B, H, Tq, Dv]
    return rank === 4 ? turned : rank === 3 ? turned.squeeze(0) : turned.squeeze(0).squeeze(0);
  });
}

function checkOptions(q: Tensor, k: Tensor, v: Tensor, { attnMask, isCausal }: AttentionOptions): void {
  if (attnMask !== undefined && isCausal === true) {
    throw new ArgumentError(
      "scaledDotProductAttention: takes attnMask or isCausal, not both. Put the triangle into the mask.",
      {},
    );
  }
  if (q.ndim < 2 || q.ndim > 4 || k.ndim !== q.ndim || v.ndim !== q.ndim) {
    throw new ShapeError(
      `scaledDotProductAttention: query ${showShape(q.shape)}, key ${showShape(k.shape)}, value ${showShape(v.shape)}: wants two to four dimensions each, […, heads, length, width].`,
      { query: q.shape, key: k.shape, value: v.shape },
    );
  }
}
