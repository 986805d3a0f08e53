// What the encoders are made of where they are really the same: inputs checked and their mask brought into one form, attention
// over heads, and a run through layers that keeps what was asked for.

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, CheckpointError, DataError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { Module } from "../nn/module.ts";
import type { Activation } from "../ops/matmul.ts";
import { checkpoint } from "../tensor/checkpoint.ts";
import { dropout } from "../tensor/functional/activation.ts";
import { scaledDotProductAttention } from "../tensor/functional/attention.ts";
import { softmax } from "../tensor/functional/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { FieldKind } from "./configuration.ts";
import type { BaseModelOutput, EncoderInputs } from "./outputs.ts";

// ── inputs ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The sizes of a batch. Throws unless there is one kind of input, and for texts longer than the `most` tokens that fit. */
export function batchSizes(who: string, inputs: EncoderInputs, most: number): readonly [B: number, T: number] {
  const { inputIds, inputsEmbeds } = inputs;
  if ((inputIds === undefined) === (inputsEmbeds === undefined)) {
    throw new ArgumentError(
      `${who}: got ${inputIds === undefined ? "neither inputIds nor inputsEmbeds" : "inputIds and inputsEmbeds"}; wants one of them.`,
      {},
    );
  }
  const [B, T] = (inputIds?.dims(2, who) ?? inputsEmbeds!.dims(3, who)) as [number, number]; // two at least
  if (T > most) {
    throw new DataError(
      `${who}: a text of ${T} tokens; the model takes ${most}. Tokenize with { truncation: true, maxLength: ${most} }.`,
      { tokens: T, most },
    );
  }
  return [B, T];
}

/** Ids as the engine takes them. */
export function asIds(ids: Tensor): Tensor {
  return ids.dtype === "int32" ? ids : ids.int();
}

/**
 * Who sees whom, as attention takes it: bool, true where a key is seen, or floats to add, `[B, 1, 1, T]` to `[B, H, T, T]`.
 * Undefined where everybody sees everybody.
 */
export function attentionMask(
  who: string,
  mask: Tensor | undefined,
  [B, T]: readonly [B: number, T: number],
): Tensor | undefined {
  if (mask === undefined) return undefined;
  const fail = (): never => {
    throw new ShapeError(
      `${who}: attentionMask ${showShape(mask.shape)} for ${B} texts of ${T} tokens; wants ${showShape([B, T])}, ${showShape([B, T, T])} or [${B}, 1 or heads, ${T}, ${T}].`,
      { mask: mask.shape, B, T },
    );
  };
  if (mask.ndim === 2) {
    if (!sameShape(mask.shape, [B, T])) fail();
    return mask.toArray().every((value) => value !== 0) ? undefined : mask.ne(0).view(B, 1, 1, T);
  }
  if (mask.ndim === 3) return sameShape(mask.shape, [B, T, T]) ? mask.ne(0).unsqueeze(1) : fail();
  if (mask.ndim !== 4 || mask.size(-1) !== T) fail();
  return isFloating(mask.dtype) || mask.dtype === "bool" ? mask : mask.ne(0);
}

/** The mask as numbers to add: 0 where a key is seen, the least number where it is not. */
export function addedMask(mask: Tensor, like: Tensor): Tensor {
  if (isFloating(mask.dtype)) return mask;
  return mask.zerosLike().to(like.dtype).maskedFill(mask.logicalNot(), least);
}

/** The least float32, in place of −∞, as Hugging Face has it: a query that sees nobody sees all alike. */
const least = -3.4028234663852886e38;

// ── activations ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Hugging Face's names of activations, and those that a linear layer applies itself. */
const activations: { readonly [name: string]: Activation | undefined } = {
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "geluTanh",
  gelu_fast: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  gelu_accurate: "geluTanh",
  relu: "relu",
  silu: "silu",
  swish: "silu",
  tanh: "tanh",
  sigmoid: "sigmoid",
};
export const activationName: FieldKind = {
  wanted: `one of ${Object.keys(activations).join(", ")}`,
  holds: (value) => typeof value === "string" && Object.hasOwn(activations, value),
};
export function activationOf(name: string): Activation {
  const found = Object.hasOwn(activations, name) ? activations[name] : undefined;
  if (found !== undefined) return found;
  throw new CheckpointError(`the activation "${name}" is not known; wants ${activationName.wanted}.`, { name });
}

// ── attention ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** `sdpa` never holds the matrix of weights; `eager` does, and gives it. */
export type AttentionImplementation = "sdpa" | "eager";

/** How a forward pass is run. */
export interface How {
  readonly implementation: AttentionImplementation;
  readonly attentions: boolean;
  readonly hiddenStates: boolean;
}

export function howOf(inputs: EncoderInputs, implementation: AttentionImplementation): How {
  const { outputAttentions: attentions = false, outputHiddenStates: hiddenStates = false } = inputs;
  return { implementation: attentions ? "eager" : implementation, attentions, hiddenStates };
}

/** `[B, T, H D]` to `[B, H, T, D]`. */
export function splitHeads(x: Tensor, H: number): Tensor {
  const [B, T, C] = x.dims(3, "splitHeads") as [number, number, number]; // three sizes, as checked
  return x.view(B, T, H, C / H).transpose(1, 2);
}
/** `[B, H, T, D]` to `[B, T, H D]`. */
export function mergeHeads(y: Tensor): Tensor {
  const [B, H, T, D] = y.dims(4, "mergeHeads") as [number, number, number, number]; // four sizes, as checked
  return y.transpose(1, 2).reshape(B, T, H * D);
}

export interface AttendOptions {
  readonly mask: Tensor | undefined;
  /** Added to the scores, `[1 or B, H, T, T]`. */
  readonly bias?: Tensor | undefined;
  /** Of the weights; 0 outside of training. */
  readonly dropoutP: number;
  readonly scale?: number;
  readonly how: How;
}

/** Attention of q, k, v `[B, H, T, D]`: `[B, T, H D]`, and the weights `[B, H, T, T]` where they are asked for. */
export function attend(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttendOptions,
): [y: Tensor, weights: Tensor | undefined] {
  const { mask, bias, dropoutP, how, scale = 1 / Math.sqrt(q.size(-1)) } = options;
  if (how.implementation === "sdpa") {
    const attnMask = bias === undefined || mask === undefined ? (bias ?? mask) : bias.add(addedMask(mask, bias));
    return [mergeHeads(scaledDotProductAttention(q, k, v, { attnMask, dropoutP, scale })), undefined];
  }
  const plain = q.matmul(k.mT).mul(scale); // [B, H, T, T]
  const scores = bias === undefined ? plain : plain.add(bias);
  const masked =
    mask === undefined
      ? scores
      : mask.dtype === "bool"
        ? scores.maskedFill(mask.logicalNot(), least)
        : scores.add(mask);
  const weights = softmax(masked, -1);
  const kept = dropout(weights, dropoutP, { training: dropoutP > 0 });
  return [mergeHeads(kept.matmul(v)), how.attentions ? kept : undefined];
}

// ── layers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What all layers of a run share: tensors, so that a layer can be computed again in backward. */
export type Shared = readonly (Tensor | undefined)[];
export type LayerOutput = readonly [hidden: Tensor, weights: Tensor | undefined];
export type Layer<S extends Shared> = Module<[x: Tensor, shared: S, how: How], LayerOutput>;

export interface RunOptions<S extends Shared> {
  /** What the layer at a place shares with its like. */
  readonly shared: (layer: number) => S;
  readonly how: How;
  /** Whether layers keep nothing but their inputs for backward. */
  readonly checkpointed: boolean;
  /** Follows each layer. */
  readonly after?: (x: Tensor, layer: number) => Tensor;
}

/** `x` through the layers, with hidden states and attentions where they are asked for. */
export function runLayers<S extends Shared>(
  layers: Iterable<Layer<S>>,
  x: Tensor,
  { shared, how, checkpointed, after = (y) => y }: RunOptions<S>,
): BaseModelOutput {
  let hidden = x;
  const hiddenStates = [x];
  const attentions: Tensor[] = [];
  let i = 0;
  for (const layer of layers) {
    const [y, weights] = checkpointed
      ? checkpoint((h: Tensor, s: S) => layer(h, s, how), hidden, shared(i))
      : layer(hidden, shared(i), how);
    hidden = after(y, i++);
    if (how.hiddenStates) hiddenStates.push(hidden);
    if (weights !== undefined) attentions.push(weights);
  }
  return {
    lastHiddenState: hidden,
    ...(how.hiddenStates && { hiddenStates }),
    ...(how.attentions && { attentions }),
  };
}
