// Layers as functions: normalisation, distances, attention.

import { nn } from "../../src/index.ts";
import {
  type Adapter,
  B,
  N,
  NotApplicable,
  numbers,
  of,
  optionalN,
  optionalT,
  options,
  T,
  type Value,
} from "./adapter.ts";

const F = nn.functional;

const flag = (value: Value): boolean | undefined => (value === undefined || value === null ? undefined : B(value));
const affine = (weight: Value, bias: Value, eps: Value) =>
  options({ weight: optionalT(weight), bias: optionalT(bias), eps: optionalN(eps) });

export const layers: Readonly<Record<string, Adapter>> = {
  "nn.functional.group_norm": of("input num_groups weight bias eps", (x, groups, weight, bias, eps) =>
    F.groupNorm(T(x), N(groups), affine(weight, bias, eps)),
  ),
  "nn.functional.rms_norm": of("input normalized_shape weight eps", (x, shape, weight, eps) => {
    return F.rmsNorm(T(x), numbers(shape), options({ weight: optionalT(weight), eps: optionalN(eps) }));
  }),
  "nn.functional.batch_norm": of(
    "input running_mean running_var weight bias training momentum eps",
    (x, mean, variance, weight, bias, training, momentum, eps) => {
      if (T(x).ndim < 2) throw new NotApplicable("an input without channels is an error here");
      return F.batchNorm(T(x), optionalT(mean), optionalT(variance), {
        ...affine(weight, bias, eps),
        ...options({ training: flag(training), momentum: optionalN(momentum) }),
      });
    },
  ),
  "nn.functional.instance_norm": of(
    "input running_mean running_var weight bias use_input_stats momentum eps",
    (x, mean, variance, weight, bias, own, momentum, eps) => {
      return F.instanceNorm(T(x), {
        ...affine(weight, bias, eps),
        ...options({
          runningMean: optionalT(mean),
          runningVar: optionalT(variance),
          useInputStats: flag(own),
          momentum: optionalN(momentum),
        }),
      });
    },
  ),
  "nn.functional.normalize": of("input p dim eps", (x, p, dim, eps) => {
    return F.normalize(T(x), options({ p: optionalN(p), dim: optionalN(dim), eps: optionalN(eps) }));
  }),
  "nn.functional.pairwise_distance": of("x1 x2 p eps keepdim", (a, b, p, eps, keepdim) => {
    return F.pairwiseDistance(T(a), T(b), options({ p: optionalN(p), eps: optionalN(eps), keepdim: flag(keepdim) }));
  }),
  "nn.functional.scaled_dot_product_attention": of(
    "query key value attn_mask dropout_p is_causal scale enable_gqa",
    (q, k, v, mask, dropout, causal, scale, gqa) => {
      return F.scaledDotProductAttention(T(q), T(k), T(v), {
        ...options({ attnMask: optionalT(mask), dropoutP: optionalN(dropout), isCausal: flag(causal) }),
        ...options({ scale: optionalN(scale), enableGqa: flag(gqa) }),
      });
    },
  ),
};
