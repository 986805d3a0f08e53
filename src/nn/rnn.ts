// Recurrent networks over whole sequences. `x` is `[T, B, I]`, or `[B, T, I]` with `batchFirst`, or `[T, I]` without a batch; a
// packed sequence gives a packed output. Sequences of different lengths: pass `lengths`, or pack them.
//
// Parameters are named as PyTorch's, for layer k and each direction: weightIhL{k}, weightHhL{k}, biasIhL{k}, biasHhL{k} (and
// weightHrL{k} with a projection), and the same with Reverse.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { empty, fromArray } from "../tensor/create.ts";
import { dropout } from "../tensor/functional/activation.ts";
import { gruLayer, type LstmLayer, lstmLayer, type RecurrentLayer, rnnLayer } from "../tensor/functional/recurrent.ts";
import { isGradEnabled } from "../tensor/grad-mode.ts";
import { cat, stack } from "../tensor/indexing.ts";
import { Tensor } from "../tensor/tensor.ts";
import { uniform_ } from "./init.ts";
import { Module } from "./module.ts";
import { checkLengths, type PackedSequence, packLike, padPackedSequence } from "./packed-sequence.ts";
import { Parameter } from "./parameter.ts";
import { pyFloat } from "./python.ts";

export interface RnnOptions {
  readonly numLayers?: number;
  readonly bias?: boolean;
  /** `[B, T, …]` instead of `[T, B, …]`; states are `[layers, B, H]` either way. */
  readonly batchFirst?: boolean;
  /** Dropout of each layer's output but the last one's, in training. */
  readonly dropout?: number;
  readonly bidirectional?: boolean;
}
export interface LstmOptions extends RnnOptions {
  /** Outputs and h are projected to so many numbers, fewer than the units: `h' = W_hr (σ(o) tanh(c'))`. 0 is none. */
  readonly projSize?: number;
}

export interface SequenceOptions {
  /**
   * int32 `[B]`: how many steps of each row count. After its end a row's output is 0 and its state stays; the reverse direction
   * begins there. The results are those of a packed sequence.
   */
  readonly lengths?: Tensor | readonly number[] | undefined;
}

/** Hidden and cell state, each `[layers · directions, B, H]`; the hidden one `[…, projSize]` with a projection. */
export type LstmState = readonly [h: Tensor, c: Tensor];

type Sequence = Tensor | PackedSequence;
type Args<S> = [x: Sequence, state?: S | undefined, options?: SequenceOptions];

/** One direction of one layer, with a state for each that the cell has. */
interface LayerResult {
  readonly output: Tensor;
  readonly states: readonly Tensor[];
}

abstract class Recurrent<S> extends Module<Args<S>, [output: Sequence, state: S]> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize: number;
  [weight: `weight${"Ih" | "Hh"}L${string}`]: Parameter;
  [projection: `weightHrL${string}`]: Parameter | undefined;
  [bias: `bias${"Ih" | "Hh"}L${string}`]: Parameter | undefined;

  constructor(gates: number, inputSize: number, hiddenSize: number, options: LstmOptions) {
    super();
    const { numLayers = 1, bias = true, batchFirst = false, dropout: p = 0, bidirectional = false } = options;
    if (!Number.isInteger(numLayers) || numLayers < 1 || hiddenSize < 1) {
      throw new ArgumentError(
        `${this.constructor.name}: ${numLayers} layers of ${hiddenSize} units; wants at least 1 of each.`,
        {
          numLayers,
          hiddenSize,
        },
      );
    }
    if (!(p >= 0 && p <= 1))
      throw new ArgumentError(`${this.constructor.name}: dropout ${p}; it lies from 0 to 1.`, { dropout: p });
    const { projSize = 0 } = options;
    if (!Number.isInteger(projSize) || projSize < 0 || projSize >= hiddenSize) {
      throw new ArgumentError(
        `${this.constructor.name}: projSize ${projSize}; wants a whole number below ${hiddenSize}, the units, or 0.`,
        { projSize, hiddenSize },
      );
    }
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.bias = bias;
    this.batchFirst = batchFirst;
    this.dropout = p;
    this.bidirectional = bidirectional;
    this.projSize = projSize;
    const [H, rows, width] = [hiddenSize, gates * hiddenSize, this.#width];
    for (const [layer, suffix] of this.#places()) {
      const made: Record<string, Parameter> = {
        [`weightIhL${suffix}`]: new Parameter(empty([rows, layer === 0 ? inputSize : width * this.directions])),
        [`weightHhL${suffix}`]: new Parameter(empty([rows, width])),
      };
      if (bias) {
        made[`biasIhL${suffix}`] = new Parameter(empty([rows]));
        made[`biasHhL${suffix}`] = new Parameter(empty([rows]));
      }
      if (projSize > 0) made[`weightHrL${suffix}`] = new Parameter(empty([projSize, H]));
      Object.assign(this, made);
    }
    for (const parameter of this.parameters()) uniform_(parameter, -1 / Math.sqrt(H), 1 / Math.sqrt(H));
  }

  get directions(): 1 | 2 {
    return this.bidirectional ? 2 : 1;
  }
  /** Of the outputs of one direction, and of h. */
  get #width(): number {
    return this.projSize === 0 ? this.hiddenSize : this.projSize;
  }
  /** Each layer and direction with the end of its parameters' names. */
  #places(): [layer: number, suffix: string, reverse: boolean][] {
    return Array.from({ length: this.numLayers * this.directions }, (_, i) => {
      const layer = Math.floor(i / this.directions);
      const reverse = i % this.directions === 1;
      return [layer, `${layer}${reverse ? "Reverse" : ""}`, reverse];
    });
  }

  /** Runs one direction of one layer from the given states. */
  protected abstract layer(p: LstmLayer, states: readonly Tensor[] | undefined): LayerResult;
  /** The state as the caller has it, from and to its tensors. */
  protected abstract listState(state: S): readonly Tensor[];
  protected abstract makeState(states: readonly Tensor[]): S;

  forward(...[x, state, options = {}]: Args<S>): [output: Sequence, state: S] {
    if (!(x instanceof Tensor)) return this.#packed(x, state, options);
    const given = state === undefined ? undefined : this.listState(state);
    if (x.ndim === 2) {
      const batchDim = this.batchFirst ? 0 : 1;
      const { output, states } = this.#padded(
        x.unsqueeze(batchDim),
        given?.map((s) => s.unsqueeze(1)),
        {},
      );
      return [output.squeeze(batchDim), this.makeState(states.map((s) => s.squeeze(1)))];
    }
    const { output, states } = this.#padded(x, given, options);
    return [output, this.makeState(states)];
  }

  #padded(x: Tensor, initial: readonly Tensor[] | undefined, { lengths }: SequenceOptions): LayerResult {
    this.#check(x, initial, this.batchFirst);
    const [first, second] = x.dims(3) as [number, number, number]; // three sizes, as checked
    const [B, T] = this.batchFirst ? [first, second] : [second, first];
    const counts = lengths === undefined ? undefined : lengthsTensor(this.constructor.name, lengths, B, T);
    // PyTorch works time-major, and dropout draws in the order of memory: in training, so do we.
    if (!(this.batchFirst && this.training && isGradEnabled())) return this.#run(x, initial, counts, this.batchFirst);
    const { output, states } = this.#run(x.transpose(0, 1), initial, counts, false);
    return { output: output.transpose(0, 1), states };
  }

  #packed(x: PackedSequence, state: S | undefined, { lengths: besides }: SequenceOptions): [PackedSequence, S] {
    if (besides !== undefined)
      throw new ArgumentError(`${this.constructor.name}: a packed sequence brings its own lengths.`, {});
    const [padded, lengths] = padPackedSequence(x); // [T, B, I]
    const drop = (y: Tensor): Tensor => padPackedSequence({ ...x, data: this.#drop(packLike(y, x).data) })[0];
    const given = state === undefined ? undefined : this.listState(state);
    this.#check(padded, given, false);
    const counts = lengthsTensor(this.constructor.name, lengths, lengths.length, x.batchSizes.length);
    const { output, states } = this.#run(padded, given, counts, false, drop);
    return [packLike(output, x), this.makeState(states)];
  }

  #drop(y: Tensor): Tensor {
    return dropout(y, this.dropout, { training: this.training });
  }

  #run(
    x: Tensor,
    initial: readonly Tensor[] | undefined,
    lengths: Tensor | undefined,
    batchFirst: boolean,
    drop: (y: Tensor) => Tensor = (y) => this.#drop(y),
  ): LayerResult {
    const last: (readonly Tensor[])[] = [];
    let y = x;
    let outputs: Tensor[] = [];
    this.#places().forEach(([layer, suffix, reverse], i) => {
      const weights = {
        weightIh: this[`weightIhL${suffix}`]!,
        weightHh: this[`weightHhL${suffix}`]!,
        biasIh: this[`biasIhL${suffix}`],
        biasHh: this[`biasHhL${suffix}`],
        weightHr: this[`weightHrL${suffix}`],
      };
      const from = initial?.map((s) => s.select(0, i)); // [B, H]
      const { output, states } = this.layer({ x: y, ...weights, lengths, reverse, batchFirst }, from);
      outputs.push(output);
      last.push(states);
      if (outputs.length < this.directions) return;
      y = outputs.length === 2 ? cat(outputs, -1) : output; // [T, B, directions H]
      outputs = [];
      if (this.dropout > 0 && this.training && layer < this.numLayers - 1) y = drop(y);
    });
    const states = last[0]!.map((_, s) => stack(last.map((of) => of[s]!))); // [layers · directions, B, H]
    return { output: y, states };
  }

  /** Throws unless input and states fit. */
  #check(x: Tensor, initial: readonly Tensor[] | undefined, batchFirst: boolean): void {
    const who = this.constructor.name;
    if (x.ndim !== 3 || x.size(2) !== this.inputSize) {
      const wants = `${this.batchFirst ? "[B, T," : "[T, B,"} ${this.inputSize}]`;
      throw new ShapeError(
        `${who}: got ${showShape(x.shape)}, wants ${wants}, or [T, ${this.inputSize}] without a batch.`,
        { shape: x.shape, inputSize: this.inputSize },
      );
    }
    const states = [this.numLayers * this.directions, x.size(batchFirst ? 0 : 1)];
    const wantedOf = (i: number): number[] => [...states, i === 0 ? this.#width : this.hiddenSize]; // h, c
    const at = initial?.findIndex((s, i) => !sameShape(s.shape, wantedOf(i))) ?? -1;
    if (at >= 0) {
      const [wrong, wanted] = [initial![at]!, wantedOf(at)];
      throw new ShapeError(
        `${who}: a state of ${showShape(wrong.shape)}, wants [layers · directions, B, H] = ${showShape(wanted)}.`,
        { state: wrong.shape, wanted },
      );
    }
  }

  override extraRepr(): string {
    const parts = [`${this.inputSize}, ${this.hiddenSize}`];
    if (this.projSize !== 0) parts.push(`proj_size=${this.projSize}`);
    if (this.numLayers !== 1) parts.push(`num_layers=${this.numLayers}`);
    if (!this.bias) parts.push("bias=False");
    if (this.batchFirst) parts.push("batch_first=True");
    if (this.dropout !== 0) parts.push(`dropout=${pyFloat(this.dropout)}`);
    if (this.bidirectional) parts.push("bidirectional=True");
    return parts.join(", ");
  }
}

/** JavaScript may pass it. */
function withoutProjection<O extends RnnOptions>(who: string, options: O): O {
  if (!("projSize" in options) || options.projSize === 0) return options;
  throw new ArgumentError(`${who}: projSize ${String(options.projSize)}; only an LSTM has projections.`, {});
}

function lengthsTensor(who: string, lengths: Tensor | readonly number[], B: number, T: number): Tensor {
  const list = checkLengths(who, lengths, B, T, 0);
  return fromArray(list, [B], { dtype: "int32" });
}

/** Long short-term memory: `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh(c')`. https://doi.org/10.1162/neco.1997.9.8.1735 */
export class LSTM extends Recurrent<LstmState> {
  constructor(inputSize: number, hiddenSize: number, options: LstmOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }
  protected layer(p: LstmLayer, states: readonly Tensor[] | undefined): LayerResult {
    const { output, h, c } = lstmLayer({ ...p, h0: states?.[0], c0: states?.[1] });
    return { output, states: [h, c] };
  }
  protected listState(state: LstmState): readonly Tensor[] {
    return state;
  }
  protected makeState([h, c]: readonly Tensor[]): LstmState {
    return [h!, c!];
  }
}
export interface LSTM {
  (x: Tensor, state?: LstmState, options?: SequenceOptions): [output: Tensor, state: LstmState];
  (x: PackedSequence, state?: LstmState): [output: PackedSequence, state: LstmState];
}

/** Gated recurrent unit: `n = tanh(x_n + σ(r) h_n)`, `h' = n + σ(z) (h − n)`. https://arxiv.org/abs/1406.1078 */
export class GRU extends Recurrent<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options: RnnOptions = {}) {
    super(3, inputSize, hiddenSize, withoutProjection("GRU", options));
  }
  protected layer(p: RecurrentLayer, states: readonly Tensor[] | undefined): LayerResult {
    const { output, h } = gruLayer({ ...p, h0: states?.[0] });
    return { output, states: [h] };
  }
  protected listState(state: Tensor): readonly Tensor[] {
    return [state];
  }
  protected makeState([h]: readonly Tensor[]): Tensor {
    return h!;
  }
}
export interface GRU {
  (x: Tensor, state?: Tensor, options?: SequenceOptions): [output: Tensor, state: Tensor];
  (x: PackedSequence, state?: Tensor): [output: PackedSequence, state: Tensor];
}

/** The plain recurrent network: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or relu. https://doi.org/10.1207/s15516709cog1402_1 */
export class RNN extends Recurrent<Tensor> {
  readonly nonlinearity: "tanh" | "relu";
  constructor(
    inputSize: number,
    hiddenSize: number,
    options: RnnOptions & { readonly nonlinearity?: "tanh" | "relu" } = {},
  ) {
    super(1, inputSize, hiddenSize, withoutProjection("RNN", options));
    this.nonlinearity = options.nonlinearity ?? "tanh";
  }
  protected layer(p: RecurrentLayer, states: readonly Tensor[] | undefined): LayerResult {
    const { output, h } = rnnLayer({ ...p, h0: states?.[0], nonlinearity: this.nonlinearity });
    return { output, states: [h] };
  }
  protected listState(state: Tensor): readonly Tensor[] {
    return [state];
  }
  protected makeState([h]: readonly Tensor[]): Tensor {
    return h!;
  }
}
export interface RNN {
  (x: Tensor, state?: Tensor, options?: SequenceOptions): [output: Tensor, state: Tensor];
  (x: PackedSequence, state?: Tensor): [output: PackedSequence, state: Tensor];
}
