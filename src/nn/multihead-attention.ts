// Attention with several heads: https://arxiv.org/abs/1706.03762
//
//     head_i = softmax(q W_qᵢᵀ (k W_kᵢᵀ)ᵀ / √D + mask) v W_vᵢᵀ,   y = [head_0, …] W_oᵀ + b

import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { empty } from "../tensor/create.ts";
import { dropout } from "../tensor/functional/activation.ts";
import { scaledDotProductAttention } from "../tensor/functional/attention.ts";
import { linear } from "../tensor/linear.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { xavierNormal_, xavierUniform_, zeros_ } from "./init.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface MultiheadAttentionOptions {
  /** The probability with which each weight is dropped in training. */
  readonly dropout?: number;
  readonly bias?: boolean;
  /** Sizes of key and value; `embedDim` if left out. */
  readonly kdim?: number;
  readonly vdim?: number;
  /** One more key and value, of the model's own, for every sequence. */
  readonly addBiasKv?: boolean;
  /** One more key and value of zeros. */
  readonly addZeroAttn?: boolean;
  /** `[B, T, E]` instead of `[T, B, E]`. */
  readonly batchFirst?: boolean;
}

export interface MultiheadAttentionCall {
  /** `[B, S]`: bool, true where a key takes no part, or floats that are added to the scores. */
  readonly keyPaddingMask?: Tensor | undefined;
  /** `[T, S]` or `[B * H, T, S]`: bool, true where a query may not see a key, or floats that are added to the scores. */
  readonly attnMask?: Tensor | undefined;
  /** Also give the weights, which makes it slower. */
  readonly needWeights?: boolean;
  /** The weights' mean over the heads. */
  readonly averageAttnWeights?: boolean;
  /** Says that `attnMask` is the causal one, so that it need not be read. Keys that are added to every sequence are always seen. */
  readonly isCausal?: boolean;
}

/** Prints as PyTorch's, which has its reason in quantisation. */
class NonDynamicallyQuantizableLinear extends Linear {}

/**
 * query `[T, B, E]`, key `[S, B, kdim]` and value `[S, B, vdim]` to `[T, B, E]` and the weights `[B, T, S]` (`[B, H, T, S]`
 * without the mean over heads, undefined without `needWeights`). With `batchFirst` B comes before T and S, and all may come without B.
 */
export class MultiheadAttention extends Module<
  [query: Tensor, key: Tensor, value: Tensor, options?: MultiheadAttentionCall],
  [output: Tensor, weights: Tensor | undefined]
> {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  /** `[3 * E, E]`: query, key and value; where their sizes differ there are three instead. */
  inProjWeight: Parameter | undefined;
  /** `[E, E]` */
  qProjWeight: Parameter | undefined;
  /** `[E, kdim]` */
  kProjWeight: Parameter | undefined;
  /** `[E, vdim]` */
  vProjWeight: Parameter | undefined;
  /** `[3 * E]` */
  inProjBias: Parameter | undefined;
  /** `[1, 1, E]` */
  biasK: Parameter | undefined;
  /** `[1, 1, E]` */
  biasV: Parameter | undefined;
  readonly outProj: Linear;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const { dropout = 0, bias = true, kdim = embedDim, vdim = embedDim, batchFirst = false } = options;
    const { addBiasKv = false, addZeroAttn = false } = options;
    if (!(embedDim > 0 && numHeads > 0 && embedDim % numHeads === 0)) {
      throw new ArgumentError(`MultiheadAttention: ${embedDim} features do not divide into ${numHeads} heads.`, {
        embedDim,
        numHeads,
      });
    }
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    this.addZeroAttn = addZeroAttn;
    const E = embedDim;
    if (kdim === E && vdim === E) this.inProjWeight = new Parameter(empty([3 * E, E]));
    else {
      this.qProjWeight = new Parameter(empty([E, E]));
      this.kProjWeight = new Parameter(empty([E, kdim]));
      this.vProjWeight = new Parameter(empty([E, vdim]));
    }
    if (bias) this.inProjBias = new Parameter(empty([3 * E]));
    if (addBiasKv) {
      this.biasK = new Parameter(empty([1, 1, E]));
      this.biasV = new Parameter(empty([1, 1, E]));
    }
    this.outProj = new NonDynamicallyQuantizableLinear(E, E, { bias });
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight])
      if (weight !== undefined) xavierUniform_(weight);
    if (this.inProjBias !== undefined) zeros_(this.inProjBias);
    if (this.outProj.bias !== undefined) zeros_(this.outProj.bias);
    for (const own of [this.biasK, this.biasV]) if (own !== undefined) xavierNormal_(own);
  }

  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: MultiheadAttentionCall = {},
  ): [output: Tensor, weights: Tensor | undefined] {
    const { keyPaddingMask, attnMask, needWeights = true, averageAttnWeights = true, isCausal = false } = options;
    if (isCausal && attnMask === undefined) {
      throw new ArgumentError(
        "MultiheadAttention: isCausal says what attnMask is; pass the mask too (Transformer.generateSquareSubsequentMask).",
        {},
      );
    }
    return tidy(() => {
      const [q, given, values] = project(this, query, key, value); // [B, H, T, D], [B, H, S, D], [B, H, S, D]
      const [k, v] = [extended(this, given, this.biasK), extended(this, values, this.biasV)]; // S + added
      const [B, H, T] = q.dims(4, "MultiheadAttention") as [number, number, number, number]; // four, as projected
      const S = given.size(-2);
      const added = k.size(-2) - S;
      const causal = isCausal && added === 0 && keyPaddingMask === undefined && !needWeights;
      const sizes = { B, H, T, S };
      const merged = causal ? undefined : merge(attnMask, keyPaddingMask, sizes, q);
      const mask = added === 0 ? merged : merged?.pad([0, added]); // nothing hides what was added
      const dropoutP = this.training ? this.dropout : 0;
      let heads: Tensor; // [B, H, T, D]
      let weights: Tensor | undefined; // [B, H, T, S]
      if (needWeights) {
        const scores = q.mul(1 / Math.sqrt(q.size(-1))).matmul(k.mT);
        weights = dropout((mask === undefined ? scores : scores.add(additive(mask, q))).softmax(-1), dropoutP);
        heads = weights.matmul(v);
        if (averageAttnWeights) weights = weights.mean({ dim: 1 }); // [B, T, S]
      } else {
        const attnMask = mask?.dtype === "bool" ? mask.logicalNot() : mask; // true where a key takes part
        heads = scaledDotProductAttention(q, k, v, { attnMask, dropoutP, isCausal: causal });
      }
      const y = this.outProj(heads.transpose(1, 2).reshape(B, T, this.embedDim)); // [B, T, E]
      if (query.ndim === 2) return [y.squeeze(0), weights?.squeeze(0)];
      return [this.batchFirst ? y : y.transpose(0, 1), weights];
    });
  }
}

// Functions instead of private methods, which the copies in an encoder, made without the constructor, would not have.

/** The heads of query, key and value, `[B, H, T, D]` each. */
function project(module: MultiheadAttention, query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
  const given = [query, key, value] as const;
  checkInputs(module, query, key, value);
  const E = module.embedDim;
  const batched = (x: Tensor): Tensor => (x.ndim === 2 ? x.unsqueeze(0) : module.batchFirst ? x : x.transpose(0, 1));
  const split = (x: Tensor): Tensor => x.unflatten(-1, [module.numHeads, E / module.numHeads]).transpose(1, 2);
  const { inProjWeight: whole, inProjBias: bias } = module;
  if (whole !== undefined && query === key && key === value) {
    const parts = linear(batched(query), whole, bias).chunk(3, -1);
    return parts.map(split) as [Tensor, Tensor, Tensor]; // three, as cut
  }
  const own = [module.qProjWeight, module.kProjWeight, module.vProjWeight];
  return given.map((x, i) => {
    const weight = whole?.narrow(0, i * E, E) ?? own[i]!; // one or the other
    return split(linear(batched(x), weight, bias?.narrow(0, i * E, E)));
  }) as [Tensor, Tensor, Tensor]; // three, as given
}

/** Keys or values `[B, H, S, D]` with those that are added to every sequence behind them. */
function extended(module: MultiheadAttention, x: Tensor, own: Tensor | undefined): Tensor {
  const [B, H, , D] = x.dims(4, "MultiheadAttention") as [number, number, number, number]; // four, as projected
  const more: Tensor[] = [];
  if (own !== undefined) more.push(own.reshape(1, H, 1, D).expand(B, H, 1, D));
  if (module.addZeroAttn) more.push(x.zerosOf([B, H, 1, D]));
  return more.length === 0 ? x : x.catWith(more, 2);
}

function checkInputs(module: MultiheadAttention, query: Tensor, key: Tensor, value: Tensor): void {
  const shapes = { query: query.shape, key: key.shape, value: value.shape };
  const text = `query ${showShape(query.shape)}, key ${showShape(key.shape)}, value ${showShape(value.shape)}`;
  if ((query.ndim !== 2 && query.ndim !== 3) || key.ndim !== query.ndim || value.ndim !== query.ndim)
    throw new ShapeError(`MultiheadAttention: ${text}: wants 3 dimensions each, or 2 without a batch.`, shapes);
  if (!sameShape(key.shape.slice(0, -1), value.shape.slice(0, -1)))
    throw new ShapeError(`MultiheadAttention: ${text}: key and value have different lengths or batches.`, shapes);
  const batch = module.batchFirst ? 0 : 1;
  if (query.ndim === 3 && query.size(batch) !== key.size(batch))
    throw new ShapeError(`MultiheadAttention: ${text}: query and key have different batches.`, shapes);
  const own = [module.qProjWeight, module.kProjWeight, module.vProjWeight];
  [query, key, value].forEach((x, i) => {
    const wanted = own[i]?.size(1) ?? module.embedDim;
    if (x.size(-1) !== wanted)
      throw new ShapeError(`MultiheadAttention: ${text}: ${x.size(-1)} features where ${wanted} are wanted.`, shapes);
  });
}

interface Sizes {
  readonly B: number;
  readonly H: number;
  readonly T: number;
  readonly S: number;
}

/** Both masks as one that broadcasts to `[B, H, T, S]`: bool where both are, true where a key is hidden; otherwise floats. */
function merge(
  attnMask: Tensor | undefined,
  padding: Tensor | undefined,
  { B, H, T, S }: Sizes,
  like: Tensor,
): Tensor | undefined {
  const perHead = attnMask?.ndim === 3;
  if (attnMask !== undefined) checkMask("attnMask", attnMask, perHead ? [B * H, T, S] : [T, S]);
  if (padding !== undefined) checkMask("keyPaddingMask", padding, padding.ndim === 1 && B === 1 ? [S] : [B, S]);
  const a = perHead ? attnMask.reshape(B, H, T, S) : attnMask;
  const b = padding?.reshape(B, 1, 1, S);
  if (a === undefined || b === undefined) return a ?? b;
  if (a.dtype === "bool" && b.dtype === "bool") return a.logicalOr(b);
  return additive(a, like).add(additive(b, like));
}

function checkMask(name: string, mask: Tensor, wanted: readonly number[]): void {
  if (!sameShape(mask.shape, wanted)) {
    throw new ShapeError(`MultiheadAttention: ${name} ${showShape(mask.shape)}; wants ${showShape(wanted)}.`, {
      shape: mask.shape,
      wanted,
    });
  }
  if (mask.dtype !== "bool" && !mask.dtype.includes("float")) {
    throw new DTypeError(`MultiheadAttention: ${name} is ${mask.dtype}; wants bool or floats.`, { dtype: mask.dtype });
  }
}

/** What is added to the scores: −∞ where a bool mask is true. */
function additive(mask: Tensor, like: Tensor): Tensor {
  if (mask.dtype !== "bool") return mask;
  const zeros = mask.to(like.dtype).mul(0);
  return zeros.maskedFill(mask, Number.NEGATIVE_INFINITY);
}
