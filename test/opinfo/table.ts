// All operators that are here, by PyTorch's names.

import type { Adapter } from "./adapter.ts";
import { layers } from "./layers.ts";
import { pointwise } from "./pointwise.ts";
import { products } from "./products.ts";
import { reductions } from "./reductions.ts";
import { shapes } from "./shapes.ts";

export const adapters: Readonly<Record<string, Adapter>> = {
  ...pointwise,
  ...reductions,
  ...shapes,
  ...products,
  ...layers,
};
