// One step of a recurrent network, from plain operators: for cells that are called by hand, for second derivatives, and as
// the meaning that the fused layers of `recurrent.ts` must equal.

import type { Tensor } from "../core.ts";
import { linear } from "../linear.ts";
import { tidy } from "../scope.ts";

export interface RecurrentWeights {
  /** `[gates H, I]` */
  readonly weightIh: Tensor;
  /** `[gates H, H]` */
  readonly weightHh: Tensor;
  /** `[gates H]` */
  readonly biasIh?: Tensor | undefined;
  readonly biasHh?: Tensor | undefined;
}

/** `tanh(W_ih x + b_ih + W_hh h + b_hh)`, or relu: x `[B, I]` and h `[B, H]` to the new h. */
export function rnnCell(x: Tensor, h: Tensor, w: RecurrentWeights, nonlinearity: "tanh" | "relu" = "tanh"): Tensor {
  return tidy(() => {
    const sum = linear(x, w.weightIh, w.biasIh).add(linear(h, w.weightHh, w.biasHh)); // [B, H]
    return nonlinearity === "tanh" ? sum.tanh() : sum.relu();
  });
}

/** `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh(c')`: x `[B, I]`, h and c `[B, H]` to the new h and c. */
export function lstmCell(
  x: Tensor,
  [h, c]: readonly [h: Tensor, c: Tensor],
  w: RecurrentWeights,
): [h: Tensor, c: Tensor] {
  return tidy(() => {
    const gates = linear(x, w.weightIh, w.biasIh).add(linear(h, w.weightHh, w.biasHh)); // [B, 4 H]
    const [i, f, g, o] = gates.chunk(4, 1) as [Tensor, Tensor, Tensor, Tensor]; // of four equal parts
    const newC = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    return [o.sigmoid().mul(newC.tanh()), newC];
  });
}

/** `n = tanh(x_n + σ(r) h_n)`, `h' = n + σ(z) (h − n)`: x `[B, I]` and h `[B, H]` to the new h. */
export function gruCell(x: Tensor, h: Tensor, w: RecurrentWeights): Tensor {
  return tidy(() => {
    const [xr, xz, xn] = linear(x, w.weightIh, w.biasIh).chunk(3, 1) as [Tensor, Tensor, Tensor]; // of three equal parts
    const [hr, hz, hn] = linear(h, w.weightHh, w.biasHh).chunk(3, 1) as [Tensor, Tensor, Tensor]; // likewise
    const n = xn.add(xr.add(hr).sigmoid().mul(hn)).tanh();
    return n.add(xz.add(hz).sigmoid().mul(h.sub(n)));
  });
}
