// Looking up rows of a table.

import * as g from "../../ops/gather.ts";
import type { Tensor } from "../core.ts";
import { apply1 } from "../dispatch.ts";

/** The rows of `weight` `[V, D]` named by `ids` (int32, any shape): `[…ids, D]`. The gradient of row `paddingIdx` is 0. */
export function embedding(ids: Tensor, weight: Tensor, options: { readonly paddingIdx?: number | undefined } = {}): Tensor {
  return apply1(g.embedding, [weight, ids], { paddingIdx: options.paddingIdx });
}
