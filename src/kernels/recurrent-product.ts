// The matrix product inside one step of a recurrent layer: a [rows, K] with a few rows, times panels of 16 columns of a
// packed weight, into a thread's own memory, where the cell follows at once.
//
//   pre[r, p, 0 … 15] = Σ_k a[r, k] panel_p[k, 0 … 15]
//
// Rows of `a` lie K apart, a constant of the kernel: one pointer serves all rows of a tile.

import type { Block } from "../ir/build.ts";
import { add, and, constant, div, eq, fma, load4, loadSplat, lt, mul, rem, select } from "../ir/build.ts";
import type { Expr, Var } from "../ir/ir.ts";

/** Columns of a panel, and hidden units of a task. */
export const panelUnits = 16;
const tallest = 6;
/** Rows that a task takes. */
export const blockRows = 48;

export interface Product {
  /** First row of a, dense. */
  readonly a: Expr;
  readonly rows: Expr;
  /** Columns of a. */
  readonly K: number;
  /** How many of them count: K, or 0 where the product is known to be 0. */
  readonly depth: Expr;
  /** First panel, [K, 16]; the next lies `panelStep` bytes further. */
  readonly panel: Expr;
  readonly panels: number;
  readonly panelStep: Expr;
  /** [rows, panels, 16] */
  readonly pre: Expr;
}

/** Cuts the rows into tiles as equal as can be: none is so low that it would wait for its own additions. */
export function panelProducts(k: Block, p: Product): void {
  const tiles = k.let("tiles", div(add(p.rows, tallest - 1), tallest));
  const low = k.let("low", div(p.rows, tiles));
  const talls = k.let("talls", rem(p.rows, tiles));
  k.for(0, p.panels, 1, (panel) => {
    const b = k.let("panel", add(p.panel, mul(panel, p.panelStep)));
    const row = k.let("row", constant("i32", 0));
    k.for(0, tiles, 1, (tile) => {
      const height = k.let("height", add(low, select(lt(tile, talls), constant("i32", 1), 0)));
      const a = k.let("aTile", add(p.a, mul(row, 4 * p.K)));
      const to = k.let("to", add(p.pre, mul(add(mul(row, p.panels), panel), 4 * panelUnits)));
      oneOf(k, height, tallest, (h) => tileOf(k, h, p, { a, b, to }));
      k.set(row, add(row, height));
    });
  });
}

/** Calls the body of the height that there is. */
function oneOf(k: Block, height: Expr, h: number, body: (height: number) => void): void {
  if (h === 1) return body(1);
  k.if(
    eq(height, h),
    () => body(h),
    () => oneOf(k, height, h - 1, body),
  );
}

interface Tile {
  readonly a: Var;
  readonly b: Var;
  readonly to: Var;
}

const quads = [0, 4, 8, 12];

function tileOf(k: Block, height: number, { K, depth, panels }: Product, { a, b, to }: Tile): void {
  // A low tile adds in several chains, or each addition would wait for the one before.
  const chains = height === 1 ? 4 : height === 2 ? 2 : 1;
  const rows = Array.from({ length: height }, (_, r) => r);
  const zero = (): Var => k.let("sum", constant("f32x4", 0));
  const sums = Array.from({ length: chains }, () => rows.map(() => quads.map(zero)));
  const at = k.let("a", a);
  const line = k.let("line", b);
  const steps = (from: Expr, to: Expr, unroll: number): void => {
    k.for(from, to, unroll, () => {
      for (let s = 0; s < unroll; s++) {
        const columns = quads.map((n) => k.let("b", load4("f32", line, 0, panelUnits * s + n)));
        for (const r of rows) {
          const value = k.let("value", loadSplat("f32", at, 0, r * K + s));
          sums[s % chains]![r]!.forEach((sum, i) => k.set(sum, fma(value, columns[i]!, sum)));
        }
      }
      k.set(at, add(at, 4 * unroll));
      k.set(line, add(line, 4 * panelUnits * unroll));
    });
  };
  const unroll = Math.max(2, chains);
  const whole = k.let("whole", and(depth, -unroll));
  steps(constant("i32", 0), whole, unroll);
  steps(whole, depth, 1);
  for (const r of rows) {
    const totals = quads.map((_, i) =>
      k.let(
        "total",
        sums.map((chain) => chain[r]![i]! as Expr).reduce((x, y) => add(x, y)),
      ),
    );
    totals.forEach((total, i) => k.store("f32", to, 0, total, r * panels * panelUnits + quads[i]!));
  }
}
