// Encoder and decoder of "Attention Is All You Need": https://arxiv.org/abs/1706.03762. With `normFirst`, as most models since,
// each block is `x + block(norm(x))` instead of `norm(x + block(x))`.

import type { DType } from "../base/dtype.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { full } from "../tensor/create.ts";
import { gelu, relu } from "../tensor/functional/activation.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ModuleList } from "./container.ts";
import { copyModule } from "./copy.ts";
import { Dropout } from "./dropout.ts";
import { xavierUniform_ } from "./init.ts";
import { Linear } from "./linear.ts";
import { type AnyModule, Module } from "./module.ts";
import { MultiheadAttention } from "./multihead-attention.ts";
import { LayerNorm } from "./normalization.ts";

export type TransformerActivation = "relu" | "gelu" | ((x: Tensor) => Tensor);

export interface TransformerLayerOptions {
  /** The width between the two linear layers. */
  readonly dimFeedforward?: number;
  readonly dropout?: number;
  readonly activation?: TransformerActivation;
  readonly layerNormEps?: number;
  /** `[B, T, C]` instead of `[T, B, C]`. */
  readonly batchFirst?: boolean;
  readonly normFirst?: boolean;
  readonly bias?: boolean;
}

function activationOf(activation: TransformerActivation): (x: Tensor) => Tensor {
  if (typeof activation === "function") return activation;
  if (activation === "relu") return relu;
  if (activation === "gelu") return (x) => gelu(x);
  throw new ArgumentError(`Transformer: activation is "relu" or "gelu", got "${activation as string}".`, {
    activation,
  });
}

/** The masks as in MultiheadAttention: `[T, T]` or `[B * H, T, T]`, and `[B, T]`. */
export interface EncoderLayerMasks {
  readonly srcMask?: Tensor | undefined;
  readonly srcKeyPaddingMask?: Tensor | undefined;
  readonly isCausal?: boolean;
}

/** Self-attention and a feed-forward block, `[T, B, C]` to the same. */
export class TransformerEncoderLayer extends Module<[src: Tensor, masks?: EncoderLayerMasks], Tensor> {
  readonly selfAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly normFirst: boolean;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly activation: (x: Tensor) => Tensor;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    const { dimFeedforward = 2048, dropout = 0.1, activation = "relu", layerNormEps: eps = 1e-5 } = options;
    const { batchFirst = false, normFirst = false, bias = true } = options;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.normFirst = normFirst;
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.activation = activationOf(activation);
  }

  forward(src: Tensor, masks: EncoderLayerMasks = {}): Tensor {
    const { srcMask: attnMask, srcKeyPaddingMask: keyPaddingMask, isCausal = false } = masks;
    const attend = (x: Tensor): Tensor => {
      const [y] = this.selfAttn(x, x, x, { attnMask, keyPaddingMask, isCausal, needWeights: false });
      return this.dropout1(y);
    };
    const feedForward = (x: Tensor): Tensor =>
      this.dropout2(this.linear2(this.dropout(this.activation(this.linear1(x)))));
    return tidy(() => {
      const x = residual(src, this.norm1, attend, this.normFirst);
      return residual(x, this.norm2, feedForward, this.normFirst);
    });
  }
}

function residual(x: Tensor, norm: LayerNorm, block: (x: Tensor) => Tensor, normFirst: boolean): Tensor {
  return normFirst ? x.add(block(norm(x))) : norm(x.add(block(x)));
}

export interface DecoderMasks {
  /** `[T, T]` or `[B * H, T, T]` */
  readonly tgtMask?: Tensor | undefined;
  /** `[T, S]` or `[B * H, T, S]` */
  readonly memoryMask?: Tensor | undefined;
  /** `[B, T]` */
  readonly tgtKeyPaddingMask?: Tensor | undefined;
  /** `[B, S]` */
  readonly memoryKeyPaddingMask?: Tensor | undefined;
  readonly tgtIsCausal?: boolean;
  readonly memoryIsCausal?: boolean;
}

/** Self-attention, attention over the encoder's memory `[S, B, C]`, and a feed-forward block, `[T, B, C]` to the same. */
export class TransformerDecoderLayer extends Module<[tgt: Tensor, memory: Tensor, masks?: DecoderMasks], Tensor> {
  readonly selfAttn: MultiheadAttention;
  readonly multiheadAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly normFirst: boolean;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly dropout3: Dropout;
  readonly activation: (x: Tensor) => Tensor;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    const { dimFeedforward = 2048, dropout = 0.1, activation = "relu", layerNormEps: eps = 1e-5 } = options;
    const { batchFirst = false, normFirst = false, bias = true } = options;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.normFirst = normFirst;
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.norm3 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
    this.activation = activationOf(activation);
  }

  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const attend = (x: Tensor): Tensor => {
      const [y] = this.selfAttn(x, x, x, {
        attnMask: masks.tgtMask,
        keyPaddingMask: masks.tgtKeyPaddingMask,
        isCausal: masks.tgtIsCausal ?? false,
        needWeights: false,
      });
      return this.dropout1(y);
    };
    const remember = (x: Tensor): Tensor => {
      const [y] = this.multiheadAttn(x, memory, memory, {
        attnMask: masks.memoryMask,
        keyPaddingMask: masks.memoryKeyPaddingMask,
        isCausal: masks.memoryIsCausal ?? false,
        needWeights: false,
      });
      return this.dropout2(y);
    };
    const feedForward = (x: Tensor): Tensor =>
      this.dropout3(this.linear2(this.dropout(this.activation(this.linear1(x)))));
    return tidy(() => {
      let x = residual(tgt, this.norm1, attend, this.normFirst);
      x = residual(x, this.norm2, remember, this.normFirst);
      return residual(x, this.norm3, feedForward, this.normFirst);
    });
  }
}

/** So many layers with the values of the given one, each its own. */
function clones<M extends AnyModule>(layer: M, count: number): ModuleList<M> {
  return new ModuleList(Array.from({ length: count }, () => copyModule(layer)));
}

export interface EncoderMasks {
  readonly mask?: Tensor | undefined;
  readonly srcKeyPaddingMask?: Tensor | undefined;
  readonly isCausal?: boolean;
}

/** `numLayers` copies of a layer one after another, and perhaps a norm at the end. */
export class TransformerEncoder extends Module<[src: Tensor, masks?: EncoderMasks], Tensor> {
  readonly layers: ModuleList<TransformerEncoderLayer>;
  readonly numLayers: number;
  readonly norm: LayerNorm | undefined;

  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, norm?: LayerNorm) {
    super();
    this.layers = clones(encoderLayer, numLayers);
    this.numLayers = numLayers;
    this.norm = norm;
  }

  forward(src: Tensor, masks: EncoderMasks = {}): Tensor {
    const { mask: srcMask, srcKeyPaddingMask, isCausal = false } = masks;
    let x = src;
    for (const layer of this.layers) x = layer(x, { srcMask, srcKeyPaddingMask, isCausal });
    return this.norm === undefined ? x : this.norm(x);
  }
}

/** `numLayers` copies of a layer one after another, and perhaps a norm at the end. */
export class TransformerDecoder extends Module<[tgt: Tensor, memory: Tensor, masks?: DecoderMasks], Tensor> {
  readonly layers: ModuleList<TransformerDecoderLayer>;
  readonly numLayers: number;
  readonly norm: LayerNorm | undefined;

  constructor(decoderLayer: TransformerDecoderLayer, numLayers: number, norm?: LayerNorm) {
    super();
    this.layers = clones(decoderLayer, numLayers);
    this.numLayers = numLayers;
    this.norm = norm;
  }

  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    let x = tgt;
    for (const layer of this.layers) x = layer(x, memory, masks);
    return this.norm === undefined ? x : this.norm(x);
  }
}

export interface TransformerOptions extends TransformerLayerOptions {
  readonly dModel?: number;
  readonly nhead?: number;
  readonly numEncoderLayers?: number;
  readonly numDecoderLayers?: number;
}

export interface TransformerMasks extends DecoderMasks {
  /** `[S, S]` or `[B * H, S, S]` */
  readonly srcMask?: Tensor | undefined;
  /** `[B, S]` */
  readonly srcKeyPaddingMask?: Tensor | undefined;
  readonly srcIsCausal?: boolean;
}

/** Encoder and decoder: src `[S, B, C]` and tgt `[T, B, C]` to `[T, B, C]`. Embeddings and the head are the caller's. */
export class Transformer extends Module<[src: Tensor, tgt: Tensor, masks?: TransformerMasks], Tensor> {
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;
  readonly dModel: number;
  readonly nhead: number;
  readonly batchFirst: boolean;

  constructor(options: TransformerOptions = {}) {
    super();
    const { dModel = 512, nhead = 8, numEncoderLayers = 6, numDecoderLayers = 6 } = options;
    const { layerNormEps: eps = 1e-5, bias = true, batchFirst = false } = options;
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps, bias });
    const encoderLayer = new TransformerEncoderLayer(dModel, nhead, options);
    this.encoder = new TransformerEncoder(encoderLayer, numEncoderLayers, norm());
    const decoderLayer = new TransformerDecoderLayer(dModel, nhead, options);
    this.decoder = new TransformerDecoder(decoderLayer, numDecoderLayers, norm());
    this.dModel = dModel;
    this.nhead = nhead;
    this.batchFirst = batchFirst;
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter);
    for (const layer of [encoderLayer, decoderLayer]) layer.dispose();
  }

  forward(src: Tensor, tgt: Tensor, masks: TransformerMasks = {}): Tensor {
    const batch = this.batchFirst ? 0 : 1;
    if (src.ndim !== tgt.ndim || (src.ndim === 3 && src.size(batch) !== tgt.size(batch))) {
      throw new ShapeError(
        `Transformer: src ${showShape(src.shape)} and tgt ${showShape(tgt.shape)} have different batches.`,
        { src: src.shape, tgt: tgt.shape },
      );
    }
    const { srcMask: mask, srcKeyPaddingMask, srcIsCausal: isCausal = false } = masks;
    return this.decoder(tgt, this.encoder(src, { mask, srcKeyPaddingMask, isCausal }), masks);
  }

  /** `[size, size]`: −∞ above the diagonal, where a query would see what comes after it, and 0 elsewhere. */
  static generateSquareSubsequentMask(size: number, options: { readonly dtype?: DType } = {}): Tensor {
    return tidy(() => full([size, size], Number.NEGATIVE_INFINITY, options).triu(1));
  }
}
