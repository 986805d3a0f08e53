// W_hh laid out as the steps of a recurrent layer read it: for each gate panels of 16 units, [K, 16] each, the last one padded.
// (Products over whole matrices let their last two panels overlap; here two tasks would then step the same units.)
//
//   forward    a panel holds W_hh' of 16 units of one gate,   K = H
//   backward   a panel holds W_hh of 16 units,                K = gates H

import { add, div, i32, kernel, min, mul, rem, sub } from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Kernel } from "../ir/ir.ts";
import { packPanel } from "./matmul-pack.ts";
import { panelUnits } from "./recurrent-product.ts";
import { past } from "./row-loop.ts";

export type Pass = "forward" | "backward";

export interface Weight {
  readonly H: number;
  readonly gates: number;
  /** W_hh [gates H, H] of f32 */
  readonly w: number;
}

/** Bytes that W_hh takes as the kernels read it. */
export function packedBytes({ H, gates }: Pick<Weight, "H" | "gates">): number {
  return gates * H * panelUnits * Math.ceil(H / panelUnits) * 4;
}

/** Lays W_hh out at `to`, for the `packed` of one pass, to be used as long as its values are the same. */
export function packRecurrent(device: Device, pass: Pass, weight: Weight, to: number): void {
  device.runAll([packLaunch(device, pass, weight, to)]);
}

/** A task is so many rows of so many panels: few enough pages for the first level of address translation. */
const bandRows = 64;
const bandPanels = 8;

export function packLaunch(device: Device, pass: Pass, { H, gates, w }: Weight, to: number): Launch {
  const [K, items] = pass === "forward" ? [H, gates] : [gates * H, 1];
  const panels = Math.ceil(H / panelUnits);
  const [across, down] = [Math.ceil(panels / bandPanels), Math.ceil(K / bandRows)];
  return {
    kernel: device.compile(`recurrent_pack/${pass}`, () => packKernel(pass)),
    args: [w, to, H, K, panels, across, down],
    tasks: items * across * down,
    grain: 4,
  };
}

function packKernel(pass: Pass): Kernel {
  const params = { w: "ptr", to: "ptr", H: "i32", K: "i32", panels: "i32", across: "i32", down: "i32" } as const;
  return kernel(`recurrent_pack_${pass}`, params, (k, p) => {
    const [row, column] = pass === "forward" ? [i32(1), p.H] : [p.H, i32(1)]; // elements to the next k, the next unit
    k.for(k.begin, k.end, 1, (task) => {
      const band = k.let("band", div(task, p.down));
      const k0 = k.let("k0", mul(rem(task, p.down), bandRows));
      const gate = k.let("gate", div(band, p.across));
      const from = k.let("from", past(p.w, add(mul(mul(gate, p.H), p.H), mul(k0, row)), "f32"));
      const first = k.let("first", mul(rem(band, p.across), bandPanels));
      const rows = k.let("rows", min(sub(p.K, k0), bandRows));
      k.for(first, min(add(first, bandPanels), p.panels), 1, (panel) => {
        const unit0 = k.let("unit0", mul(panel, panelUnits));
        const columns = k.let("columns", min(sub(p.H, unit0), panelUnits));
        const at = k.let("at", past(from, mul(unit0, column), "f32"));
        const target = add(mul(add(mul(gate, p.panels), panel), p.K), k0);
        const to = k.let("target", past(p.to, mul(target, panelUnits), "f32"));
        const layout = pass === "forward" ? "columns" : "rows";
        packPanel(k, layout, { from: at, row, column, K: rows, columns }, to);
      });
    });
  });
}
