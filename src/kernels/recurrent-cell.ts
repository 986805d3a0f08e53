// What makes a recurrent layer an LSTM, a GRU or a plain RNN: the equations of its cell, forward and backward, for one
// hidden unit of one row. The kernels around them are the same for all.

import { add, div, exp, mul, neg, sub } from "../ir/build.ts";
import type { Expr } from "../ir/ir.ts";

/** Keeps a value that is used more than once. */
export type Hold = (value: Expr) => Expr;

export interface CellInput {
  /** gx + W_hh h for each gate; for the separate one W_hh h + b_hh alone. */
  readonly gates: readonly Expr[];
  /** gx of the separate gate. */
  readonly projected: Expr;
  readonly h: Expr;
  /** The cell state, where there is one. */
  readonly c: Expr;
}
export interface CellOutput {
  readonly h: Expr;
  readonly c?: Expr;
  /** What the gradient needs beside the states. */
  readonly saved: readonly Expr[];
}

export interface GradInput {
  /** The gradients of the new h and c. */
  readonly dh: Expr;
  readonly dc: Expr;
  readonly saved: readonly Expr[];
  /** The states before and, of the cell state, after. */
  readonly h: Expr;
  readonly c: Expr;
  readonly newC: Expr;
}
export interface GradOutput {
  /** Gradients of gx. */
  readonly gates: readonly Expr[];
  /** Gradient of W_hh h + b_hh for the separate gate; for the others it is that of gx. */
  readonly separate?: Expr;
  /** Gradients of the old h, beside what comes through W_hh, and of the old c. */
  readonly dh?: Expr;
  readonly dc?: Expr;
}

export interface Cell {
  readonly name: string;
  readonly gates: number;
  /** A gate in which the projections of x and h are not simply added. */
  readonly separate?: number;
  /** Whether there is a cell state. */
  readonly hasC: boolean;
  /** Whether the gradient needs the old h. */
  readonly needsH: boolean;
  /** How many values `saved` has. */
  readonly saves: number;
  forward(input: CellInput, hold: Hold): CellOutput;
  backward(input: GradInput, hold: Hold): GradOutput;
}

/** 1 / (1 + e^−x) */
export function sigmoid(x: Expr): Expr {
  return div(1, add(exp(neg(x)), 1));
}
/** The gradient through a sigmoid of value `y`. */
export function throughSigmoid(g: Expr, y: Expr): Expr {
  return mul(mul(g, y), sub(1, y));
}
/** The gradient through a tanh of value `y`. */
export function throughTanh(g: Expr, y: Expr): Expr {
  return mul(g, sub(1, mul(y, y)));
}
