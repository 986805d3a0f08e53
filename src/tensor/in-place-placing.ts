// Methods that place elements of another tensor where this one lies, and those that keep a part of it. Each is its copying twin, whose
// result takes the place of the values.

import type { Index } from "./at.ts";
import type { Tensor } from "./core.ts";
import { replace } from "./in-place.ts";
import type { ScatterReduction } from "./placing.ts";

export const inPlacePlacingMethods = {
  /** As `scatter`. */
  scatter_(
    this: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor | number,
    options: { readonly reduce?: "add" | "multiply" } = {},
  ): Tensor {
    return replace("scatter_", this, (x) => x.scatter(dim, index, source, options));
  },
  /** As `scatterReduce`. */
  scatterReduce_(
    this: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor,
    reduce: ScatterReduction,
    options: { readonly includeSelf?: boolean } = {},
  ): Tensor {
    return replace("scatterReduce_", this, (x) => x.scatterReduce(dim, index, source, reduce, options));
  },
  /** As `scatterAdd`. */
  scatterAdd_(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    return replace("scatterAdd_", this, (x) => x.scatterAdd(dim, index, source));
  },
  /** As `indexAdd`. */
  indexAdd_(
    this: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor,
    options: { readonly alpha?: number } = {},
  ): Tensor {
    return replace("indexAdd_", this, (x) => x.indexAdd(dim, index, source, options));
  },
  /** As `indexCopy`. */
  indexCopy_(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    return replace("indexCopy_", this, (x) => x.indexCopy(dim, index, source));
  },
  /** As `indexFill`. */
  indexFill_(this: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
    return replace("indexFill_", this, (x) => x.indexFill(dim, index, value));
  },
  /** As `indexPut`. */
  indexPut_(
    this: Tensor,
    indices: readonly Index[],
    values: Tensor,
    options: { readonly accumulate?: boolean } = {},
  ): Tensor {
    return replace("indexPut_", this, (x) => x.indexPut(indices, values, options));
  },
  /** As `put`. */
  put_(this: Tensor, index: Tensor, source: Tensor, options: { readonly accumulate?: boolean } = {}): Tensor {
    return replace("put_", this, (x) => x.put(index, source, options));
  },
  /** As `maskedScatter`. */
  maskedScatter_(this: Tensor, mask: Tensor, source: Tensor): Tensor {
    return replace("maskedScatter_", this, (x) => x.maskedScatter(mask, source));
  },
  /** As `tril`. */
  tril_(this: Tensor, diagonal = 0): Tensor {
    return replace("tril_", this, (x) => x.tril(diagonal));
  },
  /** As `triu`. */
  triu_(this: Tensor, diagonal = 0): Tensor {
    return replace("triu_", this, (x) => x.triu(diagonal));
  },
  /** As `cumsum`. */
  cumsum_(this: Tensor, dim: number): Tensor {
    return replace("cumsum_", this, (x) => x.cumsum(dim));
  },
  /** As `cumprod`. */
  cumprod_(this: Tensor, dim: number): Tensor {
    return replace("cumprod_", this, (x) => x.cumprod(dim));
  },
};
export type InPlacePlacingMethods = typeof inPlacePlacingMethods;
