// Further views and copies in another order, and what is made like another tensor.

import { emptyLike, fullLike, onesLike, trilIndices, triuIndices, zerosLike } from "../../src/tensor/create.ts";
import type { PadMode } from "../../src/tensor/rearranging.ts";
import { broadcastTensors, dstack, hstack, meshgrid, vstack } from "../../src/tensor/stacking.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type Adapter, dtypeOf, N, numbers, of, optionalN, options, S, T, tensors, type Value } from "./adapter.ts";

const unary = (f: (x: Tensor) => Tensor): Adapter => of("input", (x) => f(T(x)));
const typed = (dtype: Value) => options({ dtype: dtype === undefined || dtype === null ? undefined : dtypeOf(dtype) });
const padded = (mode: PadMode): Adapter => of("input pad mode", (x, pad) => T(x).pad(numbers(pad), mode));
/** One number, or a list. */
const some = (value: Value): number | number[] => (Array.isArray(value) ? numbers(value) : N(value));

export const rearranging: Readonly<Record<string, Adapter>> = {
  ravel: unary((x) => x.ravel()),
  T: unary((x) => x.T),
  mT: unary((x) => x.mT),
  atleast_1d: unary((x) => x.atleast1d()),
  atleast_2d: unary((x) => x.atleast2d()),
  atleast_3d: unary((x) => x.atleast3d()),
  tensor_split: of("input indices_or_sections dim", (x, sections, dim) => {
    const given = typeof sections === "number" || Array.isArray(sections) ? some(sections) : T(sections).tolist();
    return T(x).tensorSplit(given as number | number[], optionalN(dim)); // a tensor of whole numbers
  }),
  hstack: of("tensors", (list) => hstack(tensors(list))),
  vstack: of("tensors", (list) => vstack(tensors(list))),
  dstack: of("tensors", (list) => dstack(tensors(list))),
  tile: of("input dims", (x, dims) => T(x).tile(...numbers(dims))),
  fliplr: unary((x) => x.fliplr()),
  flipud: unary((x) => x.flipud()),
  roll: of("input shifts dims", (x, shifts, dims) => {
    return T(x).roll(some(shifts), dims === undefined || dims === null ? undefined : some(dims));
  }),
  rot90: of("input k dims", (x, k, dims) => T(x).rot90(optionalN(k), dims === undefined ? undefined : numbers(dims))),
  diag: of("input diagonal", (x, diagonal) => T(x).diag(optionalN(diagonal))),
  diag_embed: of("input offset dim1 dim2", (x, offset, a, b) => {
    return T(x).diagEmbed(optionalN(offset), optionalN(a), optionalN(b));
  }),
  unfold: of("input dimension size step", (x, dim, size, step) => T(x).unfold(N(dim), N(size), N(step))),
  as_strided: of("input size stride storage_offset", (x, size, stride, offset) => {
    return T(x).asStrided(numbers(size), numbers(stride), optionalN(offset));
  }),
  take_along_dim: of("input indices dim", (x, ids, dim) => T(x).takeAlongDim(T(ids).int(), optionalN(dim))),
  take: of("input index", (x, ids) => T(x).take(T(ids).int())),
  broadcast_tensors: of("tensors*", (list) => broadcastTensors(...tensors(list))),
  "meshgrid.variadic_tensors": of("tensors* indexing", (list, indexing) => {
    return meshgrid(tensors(list), S(indexing) as "ij" | "xy"); // PyTorch has no other
  }),
  "nn.functional.pad.reflect": padded("reflect"),
  "nn.functional.pad.replicate": padded("replicate"),
  "nn.functional.pad.circular": padded("circular"),
  tril_indices: of("row col offset dtype", (r, c, offset, dtype) =>
    trilIndices(N(r), N(c), optionalN(offset), typed(dtype)),
  ),
  triu_indices: of("row col offset dtype", (r, c, offset, dtype) =>
    triuIndices(N(r), N(c), optionalN(offset), typed(dtype)),
  ),
  new_zeros: of("input size dtype", (x, size, dtype) => T(x).newZeros(numbers(size), typed(dtype))),
  new_ones: of("input size dtype", (x, size, dtype) => T(x).newOnes(numbers(size), typed(dtype))),
  new_full: of("input size fill_value dtype", (x, size, value, dtype) => {
    return T(x).newFull(numbers(size), N(value), typed(dtype));
  }),
  zeros_like: of("input dtype", (x, dtype) => zerosLike(T(x), typed(dtype))),
  ones_like: of("input dtype", (x, dtype) => onesLike(T(x), typed(dtype))),
  empty_like: of("input dtype", (x, dtype) => emptyLike(T(x), typed(dtype)).zero_()), // as the generator does
  full_like: of("input fill_value dtype", (x, value, dtype) => fullLike(T(x), N(value), typed(dtype))),
};
