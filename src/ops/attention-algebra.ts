// The gradient of attention in tensor algebra: for derivatives of it, and for masks that want a gradient themselves. It
// holds matrices of all scores.
//
//   dv = Pᵀ g     dP = g vᵀ     dS = P (dP − Σ dP P)     dq = scale dS k     dk = scale dSᵀ q     dmask = dS

import type { WeightDropout } from "../kernels/attention.ts";
import { keptWeights } from "../kernels/attention.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AttentionAttrs } from "./attention.ts";
import type { Backward, Meta, Op } from "./op.ts";
import { realOf, softmax } from "./softmax.ts";

// What hidden scores are set to: their weights are 0, and a row of them still has a softmax.
const lowest = -3.4028234663852886e38;

export function gradientByAlgebra(node: Backward<AttentionAttrs>): (Tensor | undefined)[] {
  const { causal, scale, dropout } = node.attrs;
  const [q, k, v] = [node.input(0), node.input(1), node.input(2)]; // [B, H, Tq, D], [B, KV, Tk, D], [B, KV, Tk, Dv]
  const mask = node.metas.length > 3 ? node.input(3) : undefined;
  const [B, H, Tq] = q.dims(4);
  const [, KV, Tk] = k.dims(4);
  const g = node.g.transpose(1, 2); // [B, H, Tq, Dv]
  const keys = spread(k, H!); //       [B, H, Tk, D]
  const values = spread(v, H!); //     [B, H, Tk, Dv]

  let scores = q.matmul(keys.mT).mul(scale); // [B, H, Tq, Tk]
  if (mask !== undefined && mask.dtype !== "bool") scores = scores.add(mask);
  const visible = visibility(q, mask, causal, [Tq!, Tk!]);
  const weights = weigh(scores, visible);
  const kept = dropout === undefined ? undefined : q.detach().applyOp(attentionDropout, [], { keys: Tk!, dropout });
  const keep = (t: Tensor): Tensor => (kept === undefined ? t : t.mul(kept));

  const through = keep(g.matmul(values.mT));
  const ds = weights.mul(through.sub(through.mul(weights).sum({ dim: -1, keepdim: true })));
  const gathered = (t: Tensor): Tensor =>
    H === KV ? t : t.reshape(B!, KV!, H! / KV!, Tk!, t.size(-1)).sum({ dim: 2 });
  return [
    node.needs[0] === true ? ds.matmul(keys).mul(scale) : undefined,
    node.needs[1] === true ? gathered(ds.mT.matmul(q).mul(scale)) : undefined,
    node.needs[2] === true ? gathered(keep(weights).mT.matmul(g)) : undefined,
    ...(mask === undefined ? [] : [node.needs[3] === true ? ds.sumTo(mask.shape) : undefined]),
  ];
}

/** Heads of k or v, each as often as heads of q share it. */
function spread(t: Tensor, H: number): Tensor {
  const [B, KV, T, width] = t.dims(4) as [number, number, number, number];
  if (KV === H) return t;
  return t
    .unsqueeze(2)
    .expand(B, KV, H / KV, T, width)
    .reshape(B, H, T, width);
}

/** Which scores take part, where not all do. */
function visibility(
  q: Tensor,
  mask: Tensor | undefined,
  causal: boolean,
  scores: readonly [number, number],
): Tensor | undefined {
  const before = causal ? q.zerosOf(scores).fill_(1).tril().bool() : undefined;
  const allowed =
    mask === undefined ? undefined : mask.dtype === "bool" ? mask : mask.detach().ne(Number.NEGATIVE_INFINITY);
  if (before === undefined || allowed === undefined) return before ?? allowed;
  return before.logicalAnd(allowed);
}

/** Softmax over the visible scores; 0 where there are none. */
function weigh(scores: Tensor, visible: Tensor | undefined): Tensor {
  if (visible === undefined) return scores.applyOp(softmax, []);
  return scores.where(visible, lowest).applyOp(softmax, []).mul(visible);
}

/** What dropout multiplies the weights of `q`'s attention over `keys` keys by: 0 or 1 / (1 − p), [B, H, Tq, keys]. */
const attentionDropout: Op<{ readonly keys: number; readonly dropout: WeightDropout }> = {
  name: "attentionDropout",
  infer([q], { keys }): readonly Meta[] {
    return [{ shape: [...q!.shape.slice(0, 3), keys], dtype: q!.dtype }];
  },
  run(device, [q], [out], { dropout }) {
    const [B, H, Tq, keys] = out!.shape as [number, number, number, number]; // as infer says
    const dtype = realOf("scaledDotProductAttention", q!);
    keptWeights(device, { dtype, items: B * H, Tq, keys, dropout, out: out!.address });
  },
};
