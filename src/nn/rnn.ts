// Recurrent layers over sequences: RNN, LSTM and GRU, of several layers, in one or both directions.
//
// Sequences of unequal length are padded at the end and come with their lengths, or packed (`packPaddedSequence`): a row's state
// then stops at its end, its outputs after it are 0, and the reverse direction begins there.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { empty, tensor } from "../tensor/create.ts";
import { dropout } from "../tensor/functional/activation.ts";
import { gruLayer, lstmLayer, type RecurrentResult, rnnLayer } from "../tensor/functional/recurrent.ts";
import { cat, stack } from "../tensor/indexing.ts";
import { Tensor } from "../tensor/tensor.ts";
import { uniform_ } from "./init.ts";
import { Module } from "./module.ts";
import { type PackedSequence, isPacked } from "./packed-sequence.ts";
import { Parameter } from "./parameter.ts";

export interface RecurrentOptions {
  readonly numLayers?: number;
  readonly bias?: boolean;
  /** Inputs and outputs are `[B, T, …]` instead of `[T, B, …]`. States are `[layers, B, H]` all the same. */
  readonly batchFirst?: boolean;
  /** Drops outputs of every layer but the last. */
  readonly dropout?: number;
  readonly bidirectional?: boolean;
}
export interface RecurrentCall {
  /** The rows' lengths, `[B]` (int32) or a list. */
  readonly lengths?: Tensor | readonly number[];
}
/** Hidden and cell state, each `[layers · directions, B, H]`. */
export type LstmState = readonly [h: Tensor, c: Tensor];

/** The weights of one direction of one layer. */
interface Weights {
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh: Tensor | undefined;
  readonly biasHh: Tensor | undefined;
}
interface LayerState {
  readonly h0: Tensor | undefined;
  readonly c0: Tensor | undefined;
}
type LayerResult = RecurrentResult & { readonly c?: Tensor };
type LayerCall = Weights & LayerState & { readonly x: Tensor; readonly lengths: Tensor | undefined; readonly reverse: boolean; readonly batchFirst: boolean };

/** Layers and directions around a single layer's function. */
abstract class RecurrentBase<A extends readonly unknown[], R> extends Module<A, R> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;

  constructor(gates: number, inputSize: number, hiddenSize: number, options: RecurrentOptions) {
    super();
    const { numLayers = 1, bias = true, batchFirst = false, dropout: p = 0, bidirectional = false } = options;
    if (!Number.isInteger(numLayers) || numLayers < 1) throw new ArgumentError(`${this.constructor.name}: numLayers ${numLayers}; it is at least 1.`, { numLayers });
    if (!Number.isInteger(hiddenSize) || hiddenSize < 1) throw new ArgumentError(`${this.constructor.name}: hiddenSize ${hiddenSize}; it is at least 1.`, { hiddenSize });
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.bias = bias;
    this.batchFirst = batchFirst;
    this.dropout = p;
    this.bidirectional = bidirectional;
    const bound = 1 / Math.sqrt(hiddenSize);
    for (let layer = 0; layer < numLayers; layer++) {
      for (const suffix of this.#suffixes(layer)) {
        const inputs = layer === 0 ? inputSize : hiddenSize * (bidirectional ? 2 : 1);
        const make = (name: string, shape: number[]): void => {
          const parameter = new Parameter(empty(shape));
          uniform_(parameter, -bound, bound);
          Object.assign(this, { [name + suffix]: parameter });
        };
        make("weightIh", [gates * hiddenSize, inputs]);
        make("weightHh", [gates * hiddenSize, hiddenSize]);
        if (bias) {
          make("biasIh", [gates * hiddenSize]);
          make("biasHh", [gates * hiddenSize]);
        }
      }
    }
  }

  #suffixes(layer: number): string[] {
    return this.bidirectional ? [`L${layer}`, `L${layer}Reverse`] : [`L${layer}`];
  }
  #weights(suffix: string): Weights {
    const own = this as unknown as Readonly<Record<string, Tensor | undefined>>; // the names made in the constructor
    const get = (name: string): Tensor => own[name + suffix]!;
    const biases = this.bias ? { biasIh: get("biasIh"), biasHh: get("biasHh") } : { biasIh: undefined, biasHh: undefined };
    return { weightIh: get("weightIh"), weightHh: get("weightHh"), ...biases };
  }

  protected abstract runLayer(call: LayerCall): LayerResult;

  /** All layers; final states are `[layers · directions, B, H]`. */
  protected runLayers(x: Tensor, h0: Tensor | undefined, c0: Tensor | undefined, lengths: Tensor | undefined): { output: Tensor; h: Tensor; c: Tensor | undefined } {
    const { batchFirst, numLayers } = this;
    if (x.ndim !== 3 || x.size(2) !== this.inputSize) {
      const wanted = batchFirst ? `[B, T, ${this.inputSize}]` : `[T, B, ${this.inputSize}]`;
      throw new ShapeError(`${this.constructor.name}: got an input of ${showShape(x.shape)}, wants ${wanted}.`, { shape: x.shape });
    }
    const B = x.size(batchFirst ? 0 : 1);
    const directions = this.bidirectional ? 2 : 1;
    for (const state of [h0, c0]) {
      const wanted = [numLayers * directions, B, this.hiddenSize];
      if (state !== undefined && showShape(state.shape) !== showShape(wanted)) {
        throw new ShapeError(`${this.constructor.name}: the initial state is ${showShape(state.shape)}, wants ${showShape(wanted)}.`, { shape: state.shape, wanted });
      }
    }
    const hs: Tensor[] = [];
    const cs: Tensor[] = [];
    let y = x;
    for (let layer = 0; layer < numLayers; layer++) {
      if (layer > 0 && this.training && this.dropout > 0) y = this.#dropped(y);
      const results = this.#suffixes(layer).map((suffix, direction) => {
        const at = layer * directions + direction;
        const state = { h0: h0?.select(0, at), c0: c0?.select(0, at) };
        return this.runLayer({ ...this.#weights(suffix), ...state, x: y, lengths, reverse: direction === 1, batchFirst });
      });
      y = results.length === 1 ? results[0]!.output : cat(results.map((r) => r.output), -1);
      for (const { h, c } of results) {
        hs.push(h);
        if (c !== undefined) cs.push(c);
      }
    }
    return { output: y, h: stack(hs), c: cs.length > 0 ? stack(cs) : undefined };
  }

  /** Draws run over time first, as PyTorch's do whatever the layout. */
  #dropped(y: Tensor): Tensor {
    if (!this.batchFirst) return dropout(y, this.dropout);
    return dropout(y.transpose(0, 1).contiguous(), this.dropout).transpose(0, 1);
  }

  override extraRepr(): string {
    const { numLayers, bias, batchFirst, dropout: p, bidirectional } = this;
    return [
      `${this.inputSize}, ${this.hiddenSize}`,
      ...(numLayers !== 1 ? [`num_layers=${numLayers}`] : []),
      ...(bias ? [] : ["bias=False"]),
      ...(batchFirst ? ["batch_first=True"] : []),
      ...(p !== 0 ? [`dropout=${p}`] : []),
      ...(bidirectional ? ["bidirectional=True"] : []),
    ].join(", ");
  }
}

/** The padded tensor and its lengths, from a padded or packed input. */
function unpacked(x: Tensor | PackedSequence, call: RecurrentCall | undefined): { x: Tensor; lengths: Tensor | undefined } {
  if (isPacked(x)) return { x: x.padded, lengths: x.lengths };
  const lengths = call?.lengths;
  return { x, lengths: lengths === undefined || lengths instanceof Tensor ? lengths : tensor(lengths, { dtype: "int32" }) };
}
/** The output in the form of the input; the interfaces below say which form a call gives. */
function repacked(x: Tensor | PackedSequence, output: Tensor): Tensor {
  return (isPacked(x) ? x.withData(output) : output) as Tensor;
}

/** https://www.bioinf.jku.at/publications/older/2604.pdf ; gates i, f, g, o. */
export class LSTM extends RecurrentBase<[x: Tensor, state?: LstmState, options?: RecurrentCall], [output: Tensor, state: LstmState]> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }
  protected runLayer(call: LayerCall): LayerResult {
    return lstmLayer(call);
  }
  forward(x: Tensor | PackedSequence, state?: LstmState, options?: RecurrentCall): [Tensor, LstmState] {
    const input = unpacked(x, options);
    const { output, h, c } = this.runLayers(input.x, state?.[0], state?.[1], input.lengths);
    return [repacked(x, output), [h, c!]];
  }
}

/** https://arxiv.org/abs/1406.1078 ; gates r, z, n. */
export class GRU extends RecurrentBase<[x: Tensor, state?: Tensor, options?: RecurrentCall], [output: Tensor, state: Tensor]> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(3, inputSize, hiddenSize, options);
  }
  protected runLayer(call: LayerCall): LayerResult {
    return gruLayer(call);
  }
  forward(x: Tensor | PackedSequence, state?: Tensor, options?: RecurrentCall): [Tensor, Tensor] {
    const input = unpacked(x, options);
    const { output, h } = this.runLayers(input.x, state, undefined, input.lengths);
    return [repacked(x, output), h];
  }
}

/** `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or with relu. */
export class RNN extends RecurrentBase<[x: Tensor, state?: Tensor, options?: RecurrentCall], [output: Tensor, state: Tensor]> {
  readonly nonlinearity: "tanh" | "relu";
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions & { readonly nonlinearity?: "tanh" | "relu" } = {}) {
    super(1, inputSize, hiddenSize, options);
    this.nonlinearity = options.nonlinearity ?? "tanh";
  }
  protected runLayer(call: LayerCall): LayerResult {
    return rnnLayer({ ...call, nonlinearity: this.nonlinearity });
  }
  forward(x: Tensor | PackedSequence, state?: Tensor, options?: RecurrentCall): [Tensor, Tensor] {
    const input = unpacked(x, options);
    const { output, h } = this.runLayers(input.x, state, undefined, input.lengths);
    return [repacked(x, output), h];
  }
}

// A packed input gives a packed output.
export interface LSTM {
  (x: PackedSequence, state?: LstmState): [output: PackedSequence, state: LstmState];
}
export interface GRU {
  (x: PackedSequence, state?: Tensor): [output: PackedSequence, state: Tensor];
}
export interface RNN {
  (x: PackedSequence, state?: Tensor): [output: PackedSequence, state: Tensor];
}
