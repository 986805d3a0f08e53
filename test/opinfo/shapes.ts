// Views, copies in another order, and reading or writing at places.

import type { DType } from "../../src/base/dtype.ts";
import { nn } from "../../src/index.ts";
import { arange, eye, full, linspace, ones, zeros } from "../../src/tensor/create.ts";
import { cat, stack } from "../../src/tensor/indexing.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  type Adapter,
  B,
  dims,
  dtypeOf,
  N,
  numbers,
  of,
  optionalN,
  options,
  T,
  tensors,
  type Value,
} from "./adapter.ts";

const F = nn.functional;

const typed = (dtype: Value): { dtype?: DType } =>
  dtype === undefined || dtype === null ? {} : { dtype: dtypeOf(dtype) };

/** Sizes given one by one or as a list. */
const sizes = (rest: Value): number[] => {
  const list = rest as readonly Value[];
  return list.length === 1 && Array.isArray(list[0]) ? numbers(list[0]) : list.map(N);
};
const shaped = (f: (x: Tensor, shape: number[]) => Tensor): Adapter =>
  of("input shape*", (x, rest) => f(T(x), sizes(rest)));

export const shapes: Readonly<Record<string, Adapter>> = {
  view: shaped((x, s) => x.view(...s)),
  reshape: shaped((x, s) => x.reshape(...s)),
  expand: shaped((x, s) => x.expand(...s)),
  permute: shaped((x, s) => x.permute(...s)),
  repeat: shaped((x, s) => x.repeat(...s)),
  broadcast_to: shaped((x, s) => x.expand(...s)),
  view_as: of("input other", (x, y) => T(x).viewAs(T(y))),
  reshape_as: of("input other", (x, y) => T(x).reshapeAs(T(y))),
  expand_as: of("input other", (x, y) => T(x).expandAs(T(y))),
  transpose: of("input dim0 dim1", (x, a, b) => T(x).transpose(N(a), N(b))),
  t: of("input", (x) => T(x).t()),
  squeeze: of("input dim", (x, dim) => T(x).squeeze(dims(dim))),
  "squeeze.multiple": of("input dim", (x, dim) => T(x).squeeze(dims(dim))),
  unsqueeze: of("input dim", (x, dim) => T(x).unsqueeze(N(dim))),
  flatten: of("input start_dim end_dim", (x, start, end) => T(x).flatten(optionalN(start), optionalN(end))),
  unflatten: of("input dim sizes", (x, dim, s) => T(x).unflatten(N(dim), numbers(s))),
  select: of("input dim index", (x, dim, index) => T(x).select(N(dim), N(index))),
  slice: of("input dim start end step", (x, dim, start, end, step) => {
    return T(x).slice(optionalN(dim) ?? 0, optionalN(start), optionalN(end), optionalN(step));
  }),
  narrow: of("input dim start length", (x, dim, start, length) => T(x).narrow(N(dim), N(start), N(length))),
  split: of("input size dim", (x, size, dim) => T(x).split(N(size), optionalN(dim))),
  "split.list_args": of("input size dim", (x, size, dim) => T(x).split(numbers(size), optionalN(dim))),
  split_with_sizes: of("input size dim", (x, size, dim) => T(x).split(numbers(size), optionalN(dim))),
  chunk: of("input chunks dim", (x, chunks, dim) => T(x).chunk(N(chunks), optionalN(dim))),
  unbind: of("input dim", (x, dim) => T(x).unbind(optionalN(dim))),
  diagonal: of("input offset dim1 dim2", (x, o, a, b) => T(x).diagonal(optionalN(o), optionalN(a), optionalN(b))),
  movedim: of("input source destination", (x, from, to) => T(x).movedim(numbers(from), numbers(to))),
  cat: of("tensors dim", (list, dim) => cat(tensors(list), optionalN(dim))),
  stack: of("tensors dim", (list, dim) => stack(tensors(list), optionalN(dim))),
  flip: of("input dims", (x, d) => T(x).flip(numbers(d))),
  tril: of("input diagonal", (x, d) => T(x).tril(optionalN(d))),
  triu: of("input diagonal", (x, d) => T(x).triu(optionalN(d))),
  repeat_interleave: of("input repeats dim", (x, repeats, dim) => {
    return T(x).repeatInterleave(typeof repeats === "number" ? repeats : T(repeats).int(), optionalN(dim));
  }),
  "nn.functional.pad.constant": of("input pad mode value", (x, pad, _, value) =>
    T(x).pad(numbers(pad), optionalN(value)),
  ),

  index_select: of("input dim index", (x, dim, index) => T(x).indexSelect(N(dim), T(index).int())),
  gather: of("input dim index sparse_grad", (x, dim, index) => T(x).gather(N(dim), T(index).int())),
  scatter_add: of("input dim index src", (x, dim, index, src) => T(x).scatterAdd(N(dim), T(index).int(), T(src))),
  index_add: of("input dim index source alpha", (x, dim, index, source, alpha) => {
    return T(x).indexAdd(N(dim), T(index).int(), T(source), options({ alpha: optionalN(alpha) }));
  }),
  masked_select: of("input mask", (x, mask) => T(x).maskedSelect(T(mask))),
  nonzero: of("input as_tuple", (x, asTuple) => {
    return B(asTuple) ? T(x).nonzero({ asTuple: true }) : T(x).nonzero();
  }),
  "nn.functional.one_hot": of("input num_classes", (x, classes) => {
    const n = optionalN(classes);
    return T(x)
      .int()
      .oneHot(n === -1 ? undefined : n);
  }),
  "nn.functional.embedding": of(
    "weight input padding_idx max_norm norm_type scale_grad_by_freq sparse",
    (weight, ids, padding, maxNorm, normType, byFrequency) => {
      return F.embedding(T(ids).int(), T(weight), {
        ...options({ paddingIdx: optionalN(padding), maxNorm: optionalN(maxNorm), normType: optionalN(normType) }),
        scaleGradByFreq: B(byFrequency),
      });
    },
  ),

  arange: of("start end step dtype", (start, end, step, dtype) => {
    return arange(N(start), optionalN(end), optionalN(step), typed(dtype));
  }),
  linspace: of("start end steps dtype", (start, end, steps, dtype) => {
    return linspace(N(start), N(end), N(steps), typed(dtype));
  }),
  eye: of("n m dtype", (n, m, dtype) => eye(N(n), optionalN(m), typed(dtype))),
  zeros: of("size dtype", (size, dtype) => zeros(numbers(size), typed(dtype))),
  ones: of("size dtype", (size, dtype) => ones(numbers(size), typed(dtype))),
  full: of("size fill_value dtype", (size, value, dtype) => full(numbers(size), N(value), typed(dtype))),
};
