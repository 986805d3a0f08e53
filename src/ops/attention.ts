// Scaled dot-product attention over [B, heads, T, width] in any layout with adjacent elements in rows.

import { bytesOf } from "../base/dtype.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { broadcastStrides, contiguousStrides, numel, showShape } from "../base/shape.ts";
import type { Device } from "../ir/device.ts";
import * as kernels from "../kernels/attention.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { gradientByAlgebra } from "./attention-algebra.ts";
import { copyInto } from "./copy.ts";
import type { Meta, Op, View } from "./op.ts";
import { realOf } from "./softmax.ts";

export interface AttentionAttrs {
  readonly causal: boolean;
  readonly scale: number;
  readonly dropout?: kernels.WeightDropout | undefined;
}

/** From q [B, H, Tq, D], k [B, KV, Tk, D], v [B, KV, Tk, Dv]: the sizes, checked. */
function sizesOf(q: Meta, k: Meta, v: Meta, mask: Meta | undefined) {
  realOf("scaledDotProductAttention", q);
  const all = [q, k, v];
  if (all.some((m) => m.dtype !== q.dtype)) {
    throw new DTypeError(
      `scaledDotProductAttention: query, key and value are ${all.map((m) => m.dtype).join(", ")}; wants one dtype. Convert with .to().`,
      { dtypes: all.map((m) => m.dtype) },
    );
  }
  const facts = { query: q.shape, key: k.shape, value: v.shape, mask: mask?.shape };
  const refuse = (why: string): never => {
    const shapes = `query ${showShape(q.shape)}, key ${showShape(k.shape)}, value ${showShape(v.shape)}`;
    throw new ShapeError(`scaledDotProductAttention: ${shapes}: ${why}`, facts);
  };
  if (all.some((m) => m.shape.length !== 4)) refuse("each wants four dimensions [batch, heads, length, width].");
  const [B, H, Tq, D] = q.shape as [number, number, number, number]; // four, as checked
  const [kB, KV, Tk, kD] = k.shape as typeof q.shape as [number, number, number, number];
  const [vB, vKV, vTk, Dv] = v.shape as [number, number, number, number];
  if (kB !== B || vB !== B) refuse(`batch sizes ${B}, ${kB} and ${vB} differ.`);
  if (D !== kD) refuse(`query rows have ${D} elements, key rows ${kD}.`);
  if (vKV !== KV || vTk !== Tk) refuse("key and value want equal heads and lengths.");
  if (KV === 0 ? H !== 0 : H % KV !== 0) refuse(`${H} query heads cannot share ${KV} key heads evenly.`);
  if (mask !== undefined) checkMask(mask, q.dtype, [B, H, Tq, Tk]);
  return { B, H, KV, Tq, Tk, D, Dv };
}

function checkMask(mask: Meta, dtype: Meta["dtype"], scores: readonly number[]): void {
  if (mask.dtype !== "bool" && mask.dtype !== dtype) {
    throw new DTypeError(`scaledDotProductAttention: attnMask is ${mask.dtype}; wants bool or ${dtype}.`, {
      mask: mask.dtype,
      dtype,
    });
  }
  const lead = 4 - mask.shape.length;
  if (lead < 0 || mask.shape.some((size, d) => size !== 1 && size !== scores[d + lead])) {
    throw new ShapeError(
      `scaledDotProductAttention: attnMask ${showShape(mask.shape)} does not broadcast to ${showShape(scores)} [batch, heads, queries, keys].`,
      { mask: mask.shape, scores },
    );
  }
}

/** Runs `body` with views whose rows are adjacent; what is not is copied for the time being. */
function withRows(device: Device, views: readonly View[], body: (rows: readonly View[]) => void): void {
  const copies: number[] = [];
  try {
    body(
      views.map((v) => {
        if (v.strides.at(-1) === 1 || v.shape.at(-1)! <= 1) return plainView(v);
        const address = device.alloc(Math.max(1, numel(v.shape)) * bytesOf(v.dtype));
        copies.push(address);
        const copy: View = { shape: v.shape, dtype: v.dtype, strides: contiguousStrides(v.shape), address };
        copyInto(device, v, copy);
        return copy;
      }),
    );
  } finally {
    for (const address of copies) device.free(address);
  }
}

function plainView({ shape, dtype, strides, address }: View): View {
  return { shape, dtype, strides, address };
}

function rowsOf({ address, strides }: View): kernels.Rows {
  const [b, h, t] = strides as [number, number, number]; // of four
  return { at: address, b, h, t };
}
/** Rows of [B, T, heads, width]. */
function turnedRows({ address, strides }: View): kernels.Rows {
  const [b, t, h] = strides as [number, number, number]; // of four
  return { at: address, b, h, t };
}

/** The mask under the scores' shape; a single column is spread, since keys must be adjacent. */
function maskView(mask: View, scores: readonly number[]): View {
  const strides = broadcastStrides(mask.shape, mask.strides, scores);
  const lead = scores.length - mask.shape.length;
  const shape = scores.map((size, d) => (d < lead || mask.shape[d - lead] === 1 ? 1 : size));
  return { shape: [...shape.slice(0, -1), scores.at(-1)!], dtype: mask.dtype, strides, address: mask.address };
}

function maskOf(mask: View | undefined): kernels.Mask | undefined {
  if (mask === undefined) return undefined;
  const [b, h, t] = mask.strides.map((stride, d) => (mask.shape[d] === 1 ? 0 : stride)) as [number, number, number];
  return { kind: mask.dtype === "bool" ? "bool" : "float", at: mask.address, b, h, t };
}

/**
 * `softmax(scale q kᵀ + mask) v` from q [B, H, Tq, D], k [B, KV, Tk, D], v [B, KV, Tk, Dv] and perhaps a mask that broadcasts
 * to [B, H, Tq, Tk], bool (true takes part) or of their dtype (added): out [B, Tq, H, Dv], and what the gradient needs of
 * each query [B, H, 2, Tq].
 */
export const attention: Op<AttentionAttrs> = {
  name: "scaledDotProductAttention",
  infer([q, k, v, mask]): readonly Meta[] {
    const { B, H, Tq, Dv } = sizesOf(q!, k!, v!, mask);
    return [
      { shape: [B, Tq, H, Dv], dtype: q!.dtype },
      { shape: [B, H, 2, Tq], dtype: q!.dtype },
    ];
  },
  run(device, inputs, [out, stats], { causal, scale, dropout }) {
    const [q, k, v, mask] = inputs as [View, View, View, View | undefined]; // as infer has checked
    const sizes = sizesOf(q, k, v, mask);
    const { B, H, Tq, Tk } = sizes;
    const views = [q, k, v, ...(mask === undefined ? [] : [maskView(mask, [B, H, Tq, Tk])])];
    withRows(device, views, ([qRows, kRows, vRows, maskRows]) => {
      kernels.attention(device, {
        ...{ dtype: realOf("attention", q), ...sizes, causal, scale, dropout, mask: maskOf(maskRows) },
        ...{ q: rowsOf(qRows!), k: rowsOf(kRows!), v: rowsOf(vRows!) },
        ...{ out: turnedRows(out!), stats: stats!.address },
      });
    });
  },
  save: (_, needs) => ({ inputs: needs.map((_need, i) => i), outputs: [0, 1] }),
  grad(k) {
    const masks = k.metas.length > 3 ? [k.input(3)] : [];
    if (k.createGraph || k.needs[3] === true) return gradientByAlgebra(k);
    const leaves = [k.input(0), k.input(1), k.input(2)];
    const turned = leaves.map((t) => !t.isContiguous());
    const given = [...leaves, k.output(0), k.output(1), ...masks];
    const grads: Tensor[] = k.g.applyOpAll(attentionBackward, given, { ...k.attrs, turned });
    return grads.map((t, i) => (turned[i] === true ? t.transpose(1, 2) : t));
  },
};

interface BackwardAttrs extends AttentionAttrs {
  /** Whether the gradients of q, k and v lie as [B, T, heads, width], as their inputs do, or as [B, heads, T, width]. */
  readonly turned: readonly boolean[];
}

/** From g [B, Tq, H, Dv], q, k, v, out, the statistics and perhaps the mask: the gradients of q, k and v. */
const attentionBackward: Op<BackwardAttrs> = {
  name: "scaledDotProductAttentionBackward",
  infer([, ...rest], { turned }): readonly Meta[] {
    return rest.slice(0, 3).map(({ shape, dtype }, i) => {
      const [B, heads, T, width] = shape as [number, number, number, number]; // as the forward pass has checked
      return { shape: turned[i] === true ? [B, T, heads, width] : [B, heads, T, width], dtype };
    });
  },
  run(device, inputs, outputs, { causal, scale, dropout, turned }) {
    const [g, q, k, v, out, stats, mask] = inputs as [View, View, View, View, View, View, View | undefined];
    const sizes = sizesOf(q, k, v, mask);
    const { B, H, Tq, Tk } = sizes;
    const views = [g, q, k, v, ...(mask === undefined ? [] : [maskView(mask, [B, H, Tq, Tk])])];
    const [dq, dk, dv] = outputs.map((t, i) => (turned[i] === true ? turnedRows(t) : rowsOf(t)));
    withRows(device, views, ([gRows, qRows, kRows, vRows, maskRows]) => {
      kernels.attentionBackward(device, {
        ...{ dtype: realOf("attention", q), ...sizes, causal, scale, dropout, mask: maskOf(maskRows) },
        ...{ q: rowsOf(qRows!), k: rowsOf(kRows!), v: rowsOf(vRows!) },
        ...{ out: turnedRows(out), stats: stats.address, g: turnedRows(gRows!) },
        ...{ dq: dq!, dk: dk!, dv: dv! },
      });
    });
  },
};
