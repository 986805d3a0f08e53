// Elements of another tensor in given places.

import type { ScatterReduction } from "../../src/tensor/placing.ts";
import { type Adapter, B, N, of, operand, options, S, T, tensors } from "./adapter.ts";

const reducing: Adapter = of("input dim index src reduce include_self", (x, dim, index, src, reduce, includeSelf) => {
  const included = includeSelf === undefined ? undefined : B(includeSelf);
  return T(x).scatterReduce(
    N(dim),
    T(index).int(),
    T(src),
    S(reduce) as ScatterReduction, // PyTorch's words are ours
    options({ includeSelf: included }),
  );
});

export const placing: Readonly<Record<string, Adapter>> = {
  scatter: of("input dim index src reduce value", (x, dim, index, src, reduce, value) => {
    const how = reduce === undefined || reduce === null ? {} : { reduce: S(reduce) as "add" | "multiply" }; // its two words
    return T(x).scatter(N(dim), T(index).int(), operand(src ?? value), how);
  }),
  "scatter_reduce.sum": reducing,
  "scatter_reduce.prod": reducing,
  "scatter_reduce.mean": reducing,
  "scatter_reduce.amax": reducing,
  "scatter_reduce.amin": reducing,
  index_copy: of("input dim index source", (x, dim, index, source) => {
    return T(x).indexCopy(N(dim), T(index).int(), T(source));
  }),
  index_fill: of("input dim index value", (x, dim, index, value) => {
    return T(x).indexFill(N(dim), T(index).int(), operand(value));
  }),
  index_put: of("input indices values accumulate", (x, indices, values, accumulate) => {
    return T(x).indexPut(tensors(indices), T(values), { accumulate: B(accumulate) });
  }),
  put: of("input index source accumulate", (x, index, source, accumulate) => {
    return T(x).put(T(index).int(), T(source), { accumulate: B(accumulate) });
  }),
  masked_scatter: of("input mask source", (x, mask, source) => T(x).maskedScatter(T(mask), T(source))),
};
