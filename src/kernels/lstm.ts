// The LSTM. Gates lie in the order i, f, g, o.
//
//   i, f, o = σ(…)   g = tanh(…)   c' = f c + i g   h' = o tanh(c')

import { fma, mul, sub, tanh } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr } from "../ir/ir.ts";
import type { BackwardPass, ForwardPass, Way } from "./recurrent.ts";
import { backward, forward, wayOf } from "./recurrent.ts";
import type { Cell } from "./recurrent-cell.ts";
import { sigmoid, throughSigmoid, throughTanh } from "./recurrent-cell.ts";

type Four = readonly [Expr, Expr, Expr, Expr];

const cell: Cell = {
  name: "lstm",
  gates: 4,
  hasC: true,
  needsH: false,
  saves: 4,
  forward({ gates, c }, hold) {
    const [ai, af, ag, ao] = gates as unknown as Four; // as many as `gates`
    const [i, f, g, o] = [hold(sigmoid(ai)), hold(sigmoid(af)), hold(tanh(ag)), hold(sigmoid(ao))];
    const newC = hold(fma(f, c, mul(i, g)));
    return { h: mul(o, tanh(newC)), c: newC, saved: [i, f, g, o] };
  },
  backward({ dh, dc, saved, c, newC }, hold) {
    const [i, f, g, o] = saved as unknown as Four; // as many as `saves`
    const y = hold(tanh(newC));
    const dNewC = hold(fma(mul(dh, o), sub(1, mul(y, y)), dc));
    return {
      gates: [
        throughSigmoid(mul(dNewC, g), i),
        throughSigmoid(mul(dNewC, c), f),
        throughTanh(mul(dNewC, i), g),
        throughSigmoid(mul(dh, y), o),
      ],
      dc: mul(dNewC, f),
    };
  },
};

export type LstmForward = Omit<ForwardPass, "bias">;
export type LstmBackward = Omit<BackwardPass, "dProduct">;

export function lstm(device: Device, p: LstmForward, way: Way = wayOf(p)): void {
  forward(device, cell, { ...p, bias: 0 }, way);
}
/** Here dProduct is dGates. */
export function lstmBackward(device: Device, p: LstmBackward, way: Way = wayOf(p)): void {
  backward(device, cell, { ...p, dProduct: undefined }, way);
}
