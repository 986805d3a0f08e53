// The plain recurrent layer: h' = tanh(…), or relu(…).

import { constant, gt, max, select, tanh } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr } from "../ir/ir.ts";
import type { BackwardPass, ForwardPass, Saved, Way } from "./recurrent.ts";
import { backward, forward, wayOf } from "./recurrent.ts";
import type { Cell } from "./recurrent-cell.ts";
import { throughTanh } from "./recurrent-cell.ts";

export type Nonlinearity = "tanh" | "relu";

function cellOf(name: string, f: (x: Expr) => Expr, through: (g: Expr, y: Expr) => Expr): Cell {
  return {
    ...{ name, gates: 1, hasC: false, needsH: false, saves: 1 },
    forward({ gates }, hold) {
      const h = hold(f(gates[0]!));
      return { h, saved: [h] };
    },
    backward: ({ dh, saved }) => ({ gates: [through(dh, saved[0]!)] }),
  };
}

const cells: { readonly [f in Nonlinearity]: Cell } = {
  tanh: cellOf("rnn_tanh", tanh, throughTanh),
  relu: cellOf(
    "rnn_relu",
    (x) => max(x, 0),
    (g, y) => select(gt(y, 0), g, constant(g.type, 0)),
  ),
};

type Own<P> = Omit<P, "c0" | "cN" | "dcN" | "dc0" | "saved" | "bias" | "dProduct"> & {
  readonly nonlinearity: Nonlinearity;
};
export type RnnSaved = Omit<Saved, "cells">;
export type RnnForward = Own<ForwardPass> & { readonly saved: RnnSaved | undefined };
export type RnnBackward = Own<BackwardPass> & { readonly saved: RnnSaved };

const noC = { c0: 0, cN: 0, dcN: 0, dc0: 0 } as const;
const noCells = { at: 0, step: 0, row: 0 } as const;

export function rnn(device: Device, p: RnnForward, way: Way = wayOf(p)): void {
  const saved = p.saved && { ...p.saved, cells: noCells };
  forward(device, cells[p.nonlinearity], { ...p, ...noC, bias: 0, saved }, way);
}
/** Here dProduct is dGates. */
export function rnnBackward(device: Device, p: RnnBackward, way: Way = wayOf(p)): void {
  const saved = { ...p.saved, cells: noCells };
  backward(device, cells[p.nonlinearity], { ...p, ...noC, dProduct: undefined, saved }, way);
}
