// The GRU. Gates lie in the order r, z, n.
//
//   r, z = σ(…)   n = tanh(W_in x + b_in + r (W_hn h + b_hn))   h' = n + z (h − n)

import { fma, mul, sub, tanh } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr } from "../ir/ir.ts";
import type { BackwardPass, ForwardPass, Saved, Way } from "./recurrent.ts";
import { backward, forward, wayOf } from "./recurrent.ts";
import type { Cell } from "./recurrent-cell.ts";
import { sigmoid, throughSigmoid, throughTanh } from "./recurrent-cell.ts";

type Four = readonly [Expr, Expr, Expr, Expr];

const cell: Cell = {
  name: "gru",
  gates: 3,
  separate: 2,
  hasC: false,
  needsH: true,
  saves: 4,
  forward({ gates, projected, h }, hold) {
    const [ar, az, q] = gates as unknown as readonly [Expr, Expr, Expr]; // as many as `gates`
    const [r, z] = [hold(sigmoid(ar)), hold(sigmoid(az))];
    const n = hold(tanh(fma(r, q, projected)));
    return { h: fma(z, sub(h, n), n), saved: [r, z, n, q] };
  },
  backward({ dh, saved, h }, hold) {
    const [r, z, n, q] = saved as unknown as Four; // as many as `saves`
    const dn = hold(throughTanh(mul(dh, sub(1, z)), n));
    const dz = throughSigmoid(mul(dh, sub(h, n)), z);
    return { gates: [throughSigmoid(mul(dn, q), r), dz, dn], separate: mul(dn, r), dh: mul(dh, z) };
  },
};

type WithoutC<P> = Omit<P, "c0" | "cN" | "dcN" | "dc0" | "saved">;
/** Four values a row in `gates`; they may not lie where gx does. */
export type GruSaved = Omit<Saved, "cells">;
export type GruForward = WithoutC<ForwardPass> & { readonly saved: GruSaved | undefined };
export type GruBackward = WithoutC<BackwardPass> & {
  readonly saved: GruSaved;
  readonly dProduct: NonNullable<BackwardPass["dProduct"]>;
};

const noC = { c0: 0, cN: 0, dcN: 0, dc0: 0 } as const;
const noCells = { at: 0, step: 0, row: 0 } as const;

export function gru(device: Device, p: GruForward, way: Way = wayOf(p)): void {
  forward(device, cell, { ...p, ...noC, saved: p.saved && { ...p.saved, cells: noCells } }, way);
}
export function gruBackward(device: Device, p: GruBackward, way: Way = wayOf(p)): void {
  backward(device, cell, { ...p, ...noC, saved: { ...p.saved, cells: noCells } }, way);
}
