// Looking up rows of a table.

import * as g from "../../ops/gather.ts";
import type { Tensor } from "../core.ts";
import { apply1 } from "../dispatch.ts";

/** The rows of `weight` `[V, D]` named by `ids` (int32, any shape): `[…ids, D]`. The gradient of row `paddingIdx` is 0. */
export function embedding(
  ids: Tensor,
  weight: Tensor,
  options: { readonly paddingIdx?: number | undefined } = {},
): Tensor {
  const { paddingIdx } = options; // a negative one counts from the end
  const padding = paddingIdx !== undefined && paddingIdx < 0 ? weight.shape[0]! + paddingIdx : paddingIdx;
  return apply1(g.embedding, [weight, ids], { paddingIdx: padding });
}
