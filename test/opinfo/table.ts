// All operators that are here, by PyTorch's names.

import type { Adapter } from "./adapter.ts";
import { layers } from "./layers.ts";
import { algebra } from "./linalg.ts";
import { placing } from "./placing.ts";
import { pointwise } from "./pointwise.ts";
import { products } from "./products.ts";
import { rearranging } from "./rearranging.ts";
import { reductions } from "./reductions.ts";
import { searching } from "./searching.ts";
import { shapes } from "./shapes.ts";

export const adapters: Readonly<Record<string, Adapter>> = {
  ...algebra,
  ...layers,
  ...placing,
  ...pointwise,
  ...reductions,
  ...searching,
  ...shapes,
  ...rearranging,
  ...products,
};
