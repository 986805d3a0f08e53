// Elements of another tensor in given places.

import type { Index } from "../../src/tensor/at.ts";
import { tensor } from "../../src/tensor/create.ts";
import type { ScatterReduction } from "../../src/tensor/placing.ts";
import { type Adapter, B, N, of, operand, options, S, T, tensors, type Value } from "./adapter.ts";

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

/** One entry between Python's brackets. */
function keyOf(value: Value): Index {
  if (Array.isArray(value)) return tensor(value.map(N), { dtype: "int32" });
  const slice = typeof value === "object" && value !== null && "slice" in value ? value.slice : undefined;
  if (Array.isArray(slice)) return slice.map((n: number | null) => n ?? "").join(":");
  return value === null ? null : operand(value);
}
/** The fixture holds lists, which pick, and tuples alike: what is all numbers was a list. */
const keysOf = (value: Value): Index[] => {
  return Array.isArray(value) && !value.every((v) => typeof v === "number") ? value.map(keyOf) : [keyOf(value)];
};

export const placing: Readonly<Record<string, Adapter>> = {
  __getitem__: of("input index", (x, index) => T(x).at(...keysOf(index))),
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
