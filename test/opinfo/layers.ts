// Layers as functions: normalisation, convolution, pooling, distances, attention.

import { nn } from "../../src/index.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  type Adapter,
  B,
  dims,
  N,
  NotApplicable,
  numbers,
  of,
  optionalN,
  optionalT,
  options,
  type Result,
  S,
  T,
  type Value,
} from "./adapter.ts";

const F = nn.functional;

const flag = (value: Value): boolean | undefined => (value === undefined || value === null ? undefined : B(value));
const sizes = (value: Value): number | number[] | undefined =>
  Array.isArray(value) && value.length === 0 ? undefined : dims(value);
const padding = (value: Value): number | number[] | "same" | "valid" | undefined => {
  return value === "same" || value === "valid" ? value : dims(value);
};
type Convolution = (x: Tensor, weight: Tensor, o: nn.functional.ConvOptions) => Tensor;
const convolution = (f: Convolution): Adapter =>
  of("input weight bias stride padding dilation groups", (x, w, bias, stride, pad, dilation, groups) => {
    return f(T(x), T(w), {
      ...options({ bias: optionalT(bias), stride: sizes(stride), padding: padding(pad), dilation: sizes(dilation) }),
      ...options({ groups: optionalN(groups) }),
    });
  });
type Transposed = (x: Tensor, weight: Tensor, o: nn.functional.ConvTransposeOptions) => Tensor;
const transposed = (f: Transposed): Adapter =>
  of(
    "input weight bias stride padding output_padding groups dilation",
    (x, w, bias, stride, pad, more, groups, dilation) => {
      return f(T(x), T(w), {
        ...options({ bias: optionalT(bias), stride: sizes(stride), padding: sizes(pad), outputPadding: sizes(more) }),
        ...options({ dilation: sizes(dilation), groups: optionalN(groups) }),
      });
    },
  );
type Maximum = (x: Tensor, kernel: number | number[], o: nn.functional.MaxPoolOptions) => Result;
const maximum = (f: Maximum): Adapter =>
  of("input kernel_size stride padding dilation ceil_mode return_indices", (x, kernel, stride, pad, dilation, ceil) => {
    return f(T(x), sizes(kernel)!, {
      ...options({ stride: sizes(stride), padding: sizes(pad), dilation: sizes(dilation), ceilMode: flag(ceil) }),
    });
  });
type Mean = (
  x: Tensor,
  kernel: number | number[],
  o: nn.functional.AvgPoolOptions & { divisorOverride?: number },
) => Tensor;
const mean = (f: Mean): Adapter =>
  of(
    "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
    (x, kernel, stride, pad, ceil, count, divisor) => {
      return f(T(x), sizes(kernel)!, {
        ...options({ stride: sizes(stride), padding: sizes(pad), ceilMode: flag(ceil), countIncludePad: flag(count) }),
        ...options({ divisorOverride: optionalN(divisor) }),
      });
    },
  );
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
  "nn.functional.conv1d": convolution(F.conv1d),
  "nn.functional.conv2d": convolution(F.conv2d),
  "nn.functional.conv_transpose1d": transposed(F.convTranspose1d),
  "nn.functional.conv_transpose2d": transposed(F.convTranspose2d),
  "nn.functional.adaptive_max_pool1d": of("input output_size return_indices", (x, size) => {
    return F.adaptiveMaxPool1dWithIndices(T(x), numbers(size));
  }),
  "nn.functional.adaptive_max_pool2d": of("input output_size return_indices", (x, size) => {
    const keep = (s: Value): number | null => (s === null ? null : N(s));
    return F.adaptiveMaxPool2dWithIndices(T(x), Array.isArray(size) ? size.map(keep) : N(size));
  }),
  "nn.functional.max_pool1d": maximum(F.maxPool1dWithIndices),
  "nn.functional.max_pool2d": maximum(F.maxPool2dWithIndices),
  "nn.functional.avg_pool1d": mean(F.avgPool1d),
  "nn.functional.avg_pool2d": mean(F.avgPool2d),
  "nn.functional.adaptive_avg_pool1d": of("input output_size", (x, size) => F.adaptiveAvgPool1d(T(x), numbers(size))),
  "nn.functional.adaptive_avg_pool2d": of("input output_size", (x, size) => {
    const keep = (s: Value): number | null => (s === null ? null : N(s));
    return F.adaptiveAvgPool2d(T(x), Array.isArray(size) ? size.map(keep) : N(size));
  }),
  "nn.functional.embedding_bag": of(
    "weight input offsets max_norm norm_type scale_grad_by_freq mode sparse per_sample_weights include_last_offset padding_idx",
    (weight, ids, offsets, maxNorm, normType, byFrequency, mode, _, factors, last, padding) => {
      return F.embeddingBag(T(ids).int(), T(weight), {
        ...options({ offsets: optionalT(offsets)?.int(), perSampleWeights: optionalT(factors) }),
        ...options({
          includeLastOffset: flag(last),
          paddingIdx: optionalN(padding),
          scaleGradByFreq: flag(byFrequency),
        }),
        ...options({ maxNorm: optionalN(maxNorm), normType: optionalN(normType) }),
        ...(mode === undefined ? {} : { mode: S(mode) as "sum" }), // or another of PyTorch's three
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
    {
      tolerance: { rtol: 5e-6, atol: 5e-5, why: "PyTorch's own tolerance for this operator: scores reach 80 and more" },
    },
  ),
};
