// Recurrent cells: one step of one layer, for loops written by hand. `x` is `[B, I]` and a state `[B, H]`, or both without B.

import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { empty } from "../tensor/create.ts";
import { gruCell, lstmCell, rnnCell } from "../tensor/functional/recurrent-cells.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { uniform_ } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface CellOptions {
  readonly bias?: boolean;
}

abstract class Cell<S> extends Module<[x: Tensor, state?: S | undefined], S> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** `[gates H, I]` */
  weightIh: Parameter;
  /** `[gates H, H]` */
  weightHh: Parameter;
  /** `[gates H]` */
  biasIh: Parameter | undefined;
  biasHh: Parameter | undefined;

  constructor(gates: number, inputSize: number, hiddenSize: number, options: CellOptions) {
    super();
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    const rows = gates * hiddenSize;
    this.weightIh = new Parameter(empty([rows, inputSize]));
    this.weightHh = new Parameter(empty([rows, hiddenSize]));
    if (options.bias ?? true) {
      this.biasIh = new Parameter(empty([rows]));
      this.biasHh = new Parameter(empty([rows]));
    }
    const bound = hiddenSize > 0 ? 1 / Math.sqrt(hiddenSize) : 0;
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** Runs `step` on `x` and states with a batch; states are zeros where none are given. */
  protected batched(
    x: Tensor,
    states: readonly Tensor[] | undefined,
    count: number,
    step: (x: Tensor, states: Tensor[]) => Tensor[],
  ): Tensor[] {
    const { inputSize, hiddenSize } = this;
    if (x.ndim < 1 || x.ndim > 2 || x.size(-1) !== inputSize) {
      throw new ShapeError(
        `${this.constructor.name}: got ${showShape(x.shape)}, wants [B, ${inputSize}] or [${inputSize}].`,
        {
          shape: x.shape,
          inputSize,
        },
      );
    }
    const alone = x.ndim === 1;
    const rows = alone ? x.unsqueeze(0) : x;
    const given = states ?? Array.from({ length: count }, () => x.zerosOf([...x.shape.slice(0, -1), hiddenSize]));
    for (const s of given) {
      if (s.ndim !== x.ndim || s.size(-1) !== hiddenSize || s.size(0) !== (alone ? hiddenSize : x.size(0))) {
        throw new ShapeError(
          `${this.constructor.name}: a state of ${showShape(s.shape)} does not fit ${showShape(x.shape)} and ${hiddenSize} units.`,
          {
            state: s.shape,
            input: x.shape,
          },
        );
      }
    }
    const next = step(rows, alone ? given.map((s) => s.unsqueeze(0)) : [...given]);
    return alone ? next.map((s) => s.squeeze(0)) : next;
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.biasIh === undefined ? ", bias=False" : ""}`;
  }
}

/** `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or relu. */
export class RNNCell extends Cell<Tensor> {
  readonly nonlinearity: "tanh" | "relu";
  constructor(
    inputSize: number,
    hiddenSize: number,
    options: CellOptions & { readonly nonlinearity?: "tanh" | "relu" } = {},
  ) {
    super(1, inputSize, hiddenSize, options);
    this.nonlinearity = options.nonlinearity ?? "tanh";
  }
  forward(x: Tensor, state?: Tensor): Tensor {
    const given = state === undefined ? undefined : [state];
    return this.batched(x, given, 1, (rows, [h]) => [rnnCell(rows, h!, this, this.nonlinearity)])[0]!;
  }
  override extraRepr(): string {
    return `${super.extraRepr()}${this.nonlinearity === "tanh" ? "" : `, nonlinearity=${this.nonlinearity}`}`;
  }
}

/** `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh(c')`. */
export class LSTMCell extends Cell<readonly [h: Tensor, c: Tensor]> {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }
  forward(x: Tensor, state?: readonly [h: Tensor, c: Tensor]): readonly [h: Tensor, c: Tensor] {
    const [h, c] = this.batched(x, state, 2, (rows, [oldH, oldC]) => lstmCell(rows, [oldH!, oldC!], this));
    return [h!, c!];
  }
}

/** `n = tanh(x_n + σ(r) h_n)`, `h' = n + σ(z) (h − n)`. */
export class GRUCell extends Cell<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(3, inputSize, hiddenSize, options);
  }
  forward(x: Tensor, state?: Tensor): Tensor {
    const given = state === undefined ? undefined : [state];
    return this.batched(x, given, 1, (rows, [h]) => [gruCell(rows, h!, this)])[0]!;
  }
}
