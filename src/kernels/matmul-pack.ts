// Operands copied into the order in which the register tile reads them.
//
//   B, columns 0-15 | 16-31 | … | the last 16   becomes   panel 0: K rows of 16, panel 1: K rows of 16, …
//   A, rows 0-5 | 6-11 | …                      becomes   panel 0: K rows of 6, …, and last the panels of 4
//
// Where there are fewer than 16 columns, zeros or copies of the last fill the panel; what they compute is thrown away.

import type { Block } from "../ir/build.ts";
import { add, and, constant, div, eq, kernel, load, load4, lt, max, min, mul, rem, shuffle, sub } from "../ir/build.ts";
import type { Device, Launch } from "../ir/device.ts";
import type { Expr, Kernel, ParamType, Var } from "../ir/ir.ts";
import type { Half } from "./matmul-half.ts";
import { bytesOfB, loadB, loadB4 } from "./matmul-half.ts";
import { digits, moved } from "./matmul-problem.ts";

export const panelColumns = 16;
/** Rows of A in a panel: most have `tall`, the last ones `low`, so that few rows are computed in vain. */
export const tall = 6;
export const low = 4;

export interface RowPanels {
  readonly talls: number;
  readonly lows: number;
}

export function rowPanels(M: number): RowPanels {
  const talls = Math.floor(M / tall);
  const rest = M - talls * tall;
  if (rest === 0) return { talls, lows: 0 };
  if (rest === 5) return { talls: talls + 1, lows: 0 };
  if (rest > 2) return { talls, lows: 1 };
  return talls > 0 ? { talls: talls - 1, lows: 2 } : { talls, lows: 1 };
}

/** Rows with the padding of the last panel. */
export function paddedRows({ talls, lows }: RowPanels): number {
  return talls * tall + lows * low;
}

/** How B lies: its columns are adjacent ("rows" run on), its rows are ("columns" run on), or neither. */
export type Layout = "rows" | "columns" | "strided";

export function layoutOf(row: number, column: number): Layout {
  return column === 1 ? "rows" : row === 1 ? "columns" : "strided";
}

/** A piece of B: `K` rows of `columns` (1 to 16) elements. */
export interface Piece {
  readonly from: Expr;
  readonly row: Expr;
  readonly column: Expr;
  readonly K: Expr;
  readonly columns: Expr;
  readonly half?: Half;
}

/** Writes a piece as `K` rows of 16. */
export function packPanel(k: Block, layout: Layout, piece: Piece, to: Expr): void {
  if (layout === "strided") return packStrided(k, piece, to);
  const whole = eq(piece.columns, panelColumns);
  if (layout === "rows") {
    k.if(
      whole,
      () => packRows(k, piece, to),
      () => packStrided(k, piece, to),
    );
  } else packColumns(k, piece, to);
}

function packRows(k: Block, { from, row, K, half }: Piece, to: Expr): void {
  const source = k.let("source", from);
  const target = k.let("target", to);
  const step = k.let("step", mul(row, bytesOfB(half)));
  k.for(0, K, 1, () => {
    const lines = [0, 4, 8, 12].map((offset) => k.let("line", loadB4(half, source, 0, offset)));
    for (const [i, line] of lines.entries()) k.store("f32", target, 0, line, 4 * i);
    k.set(source, add(source, step));
    k.set(target, add(target, 4 * panelColumns));
  });
}

/** 4x4 transposes, in chunks of k that stay in the first cache while four columns after four pass over them. */
function packColumns(k: Block, { from, row, column, K, columns, half }: Piece, to: Expr): void {
  const whole = k.let("whole", and(K, -4));
  const last = k.let("last", sub(columns, 1));
  k.for(0, whole, bandRows, (k0) => {
    const end = k.let("end", min(whole, add(k0, bandRows)));
    for (let quad = 0; quad < panelColumns; quad += 4) {
      const sources = [0, 1, 2, 3].map((i) => {
        return k.let("source", moved(from, add(mul(min(last, quad + i), column), k0), bytesOfB(half)));
      });
      const target = k.let("target", moved(to, add(mul(k0, panelColumns), quad), 4));
      k.for(k0, end, 4, () => {
        const lines = sources.map((s) => k.let("line", loadB4(half, s, 0)));
        for (const [i, line] of transposed(k, lines).entries()) k.store("f32", target, 0, line, i * panelColumns);
        for (const s of sources) k.set(s, add(s, 4 * bytesOfB(half)));
        k.set(target, add(target, 16 * panelColumns));
      });
    }
  });
  const rest: Piece = {
    from: moved(from, mul(whole, row), bytesOfB(half)),
    row,
    column,
    K: sub(K, whole),
    columns,
    half,
  };
  packStrided(k, rest, add(to, mul(whole, 4 * panelColumns)));
}

function packStrided(k: Block, { from, row, column, K, columns, half }: Piece, to: Expr): void {
  const source = k.let("source", from);
  const target = k.let("target", to);
  const step = k.let("step", mul(row, bytesOfB(half)));
  k.for(0, K, 1, () => {
    for (let n = 0; n < panelColumns; n += 4) k.store("f32", target, n, constant("f32x4", 0));
    k.for(0, columns, 1, (n) => k.store("f32", target, n, loadB(half, source, mul(n, column))));
    k.set(source, add(source, step));
    k.set(target, add(target, 4 * panelColumns));
  });
}

/** Four vectors as the rows of a 4x4 matrix, into its columns. */
export function transposed(k: Block, rows: readonly Expr[]): Var[] {
  const [a, b, c, d] = rows as [Expr, Expr, Expr, Expr]; // four by contract
  const ab0 = k.let("ab0", shuffle(a, b, [0, 4, 1, 5]));
  const ab1 = k.let("ab1", shuffle(a, b, [2, 6, 3, 7]));
  const cd0 = k.let("cd0", shuffle(c, d, [0, 4, 1, 5]));
  const cd1 = k.let("cd1", shuffle(c, d, [2, 6, 3, 7]));
  return [
    k.let("t0", shuffle(ab0, cd0, [0, 1, 4, 5])),
    k.let("t1", shuffle(ab0, cd0, [2, 3, 6, 7])),
    k.let("t2", shuffle(ab1, cd1, [0, 1, 4, 5])),
    k.let("t3", shuffle(ab1, cd1, [2, 3, 6, 7])),
  ];
}

const packParams = {
  from: "ptr",
  to: "ptr",
  row: "i32",
  column: "i32",
  K: "i32",
  size: "i32",
  n1: "i32",
  n2: "i32",
  n3: "i32",
  s0: "i32",
  s1: "i32",
  s2: "i32",
  s3: "i32",
} as const satisfies Readonly<Record<string, ParamType>>;

/** An operand with the batch dimensions along which it changes. */
export interface Packing {
  readonly from: number;
  readonly row: number;
  readonly column: number;
  readonly K: number;
  /** Columns of B, rows of A. */
  readonly size: number;
  readonly batch: readonly { readonly size: number; readonly stride: number }[];
  /** Of B. */
  readonly half?: Half;
}

function packArgs({ from, row, column, K, size, batch }: Packing, to: number): number[] {
  const d = [1, 2, 3, 4].map((i) => batch.at(-i) ?? { size: 1, stride: 0 });
  const [d3, d2, d1, d0] = d as [(typeof d)[0], (typeof d)[0], (typeof d)[0], (typeof d)[0]]; // four of them
  return [from, to, row, column, K, size, d1.size, d2.size, d3.size, d0.stride, d1.stride, d2.stride, d3.stride];
}

function itemsIn(packing: Packing): number {
  return packing.batch.reduce((items, d) => items * d.size, 1);
}

const bandPanels = 8;
const bandRows = 64;

/** A task is 64 rows of eight panels: few enough pages to stay in the first level of address translation. */
function packBKernel(layout: Layout, half: Half): Kernel {
  const params = { ...packParams, panels: "i32", across: "i32", down: "i32" } as const;
  return kernel(`matmul_pack_b_${layout}`, params, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const band = k.let("band", div(task, p.down));
      const k0 = k.let("k0", mul(rem(task, p.down), bandRows));
      const item = k.let("item", div(band, p.across));
      const [i0, i1, i2, i3] = digits(k, item, p.n1, p.n2, p.n3);
      const start = add(add(mul(i0, p.s0), mul(i1, p.s1)), add(mul(i2, p.s2), mul(i3, p.s3)));
      const from = k.let("itemFrom", moved(p.from, add(start, mul(k0, p.row)), bytesOfB(half)));
      const first = k.let("first", mul(rem(band, p.across), bandPanels));
      const K = k.let("bandK", min(sub(p.K, k0), bandRows));
      k.for(first, min(add(first, bandPanels), p.panels), 1, (panel) => {
        const column0 = k.let("column0", max(0, min(mul(panel, panelColumns), sub(p.size, panelColumns))));
        const columns = k.let("columns", min(p.size, panelColumns));
        const at = k.let("pieceAt", moved(from, mul(column0, p.column), bytesOfB(half)));
        const row = k.let("row", add(mul(add(mul(item, p.panels), panel), p.K), k0));
        const to = k.let("pieceTo", moved(p.to, mul(row, panelColumns), 4));
        packPanel(k, layout, { from: at, row: p.row, column: p.column, K, columns, half }, to);
      });
    });
  });
}

export function packedBBytes(p: Packing): number {
  return itemsIn(p) * Math.ceil(p.size / panelColumns) * p.K * panelColumns * 4;
}

export function packBLaunch(device: Device, p: Packing, to: number): Launch {
  const layout = layoutOf(p.row, p.column);
  const panels = Math.ceil(p.size / panelColumns);
  const across = Math.ceil(panels / bandPanels);
  const down = Math.ceil(p.K / bandRows);
  return {
    kernel: device.compile(`matmul/packB/${layout}/${p.half}`, () => packBKernel(layout, p.half)),
    args: [...packArgs(p, to), panels, across, down],
    tasks: itemsIn(p) * across * down,
    grain: 4,
  };
}

/** Steps of k and panels in a task of packing A: rows of A' are read in long runs, before their lines leave the cache. */
const slabDepth = 8;
const slabPanels = 32;

/** A task is eight columns of 32 row panels of A. */
function packAKernel(layout: Layout): Kernel {
  const params = { ...packParams, talls: "i32", panels: "i32", padded: "i32", across: "i32", down: "i32" } as const;
  return kernel(`matmul_pack_a_${layout}`, params, (k, p) => {
    k.for(k.begin, k.end, 1, (task) => {
      const band = k.let("band", div(task, p.down));
      const k0 = k.let("k0", mul(rem(task, p.down), slabDepth));
      const item = k.let("item", div(band, p.across));
      const [i0, i1, i2, i3] = digits(k, item, p.n1, p.n2, p.n3);
      const start = add(add(mul(i0, p.s0), mul(i1, p.s1)), add(mul(i2, p.s2), mul(i3, p.s3)));
      const from = k.let("itemFrom", moved(p.from, add(start, mul(k0, p.column)), 4));
      const to = k.let("itemTo", moved(p.to, mul(item, mul(p.padded, p.K)), 4));
      const first = k.let("first", mul(rem(band, p.across), slabPanels));
      const K = k.let("bandK", min(sub(p.K, k0), slabDepth));
      k.for(first, min(add(first, slabPanels), p.panels), 1, (panel) => {
        const pack = (height: number, row0: Var): void => {
          const source = k.let("source", moved(from, mul(row0, p.row), 4));
          const target = k.let("target", moved(to, add(mul(row0, p.K), mul(k0, height)), 4));
          const rows = k.let("rows", min(sub(p.size, row0), height));
          packRowPanel(k, layout, { source, target, K, rows, row: p.row, column: p.column, height });
        };
        k.if(
          lt(panel, p.talls),
          () => pack(tall, k.let("row0", mul(panel, tall))),
          () => pack(low, k.let("row0", add(mul(p.talls, tall), mul(sub(panel, p.talls), low)))),
        );
      });
    });
  });
}

interface RowPanel {
  readonly source: Var;
  readonly target: Var;
  readonly K: Expr;
  readonly rows: Var;
  readonly row: Expr;
  readonly column: Expr;
  readonly height: number;
}

/** Writes only the rows there are; the last panel of all may be short of them. */
function packRowPanel(k: Block, layout: Layout, panel: RowPanel): void {
  const { source, target, K, rows, row, column, height } = panel;
  const next = (): void => {
    k.set(source, moved(source, column, 4));
    k.set(target, add(target, 4 * height));
  };
  const oneByOne = (): void => {
    k.for(0, K, 1, () => {
      k.for(0, rows, 1, (r) => k.store("f32", target, r, load("f32", source, mul(r, row))));
      next();
    });
  };
  if (layout !== "columns") return oneByOne();
  k.if(eq(rows, height), () => (height === tall ? packTall(k, panel) : packLow(k, panel)), oneByOne);
}

function packLow(k: Block, { source, target, K, column }: RowPanel): void {
  k.for(0, K, 1, () => {
    k.store("f32", target, 0, load4("f32", source, 0));
    k.set(source, moved(source, column, 4));
    k.set(target, add(target, 4 * low));
  });
}

/** Two k at a time: 12 elements, three vectors. */
function packTall(k: Block, { source, target, K, column }: RowPanel): void {
  const pairs = k.let("pairs", and(K, -2));
  const step = k.let("step", mul(column, 4));
  k.for(0, pairs, 2, () => {
    const next = k.let("next", add(source, step));
    const [firsts, lasts] = [0, 2].map((r) => k.let("v", load4("f32", source, 0, r))) as [Var, Var]; // two of them
    const [nextFirsts, nextLasts] = [0, 2].map((r) => k.let("v", load4("f32", next, 0, r))) as [Var, Var];
    k.store("f32", target, 0, firsts);
    k.store("f32", target, 0, shuffle(lasts, nextFirsts, [2, 3, 4, 5]), 4);
    k.store("f32", target, 0, nextLasts, 8);
    k.set(source, add(next, step));
    k.set(target, add(target, 8 * tall));
  });
  k.if(lt(pairs, K), () => {
    for (const r of [0, 2]) k.store("f32", target, 0, load4("f32", source, 0, r), r);
  });
}

export function packedABytes(p: Packing): number {
  return itemsIn(p) * paddedRows(rowPanels(p.size)) * p.K * 4;
}

export function packALaunch(device: Device, p: Packing, to: number): Launch {
  const layout = layoutOf(p.row, p.column);
  const { talls, lows } = rowPanels(p.size);
  const panels = talls + lows;
  const across = Math.ceil(panels / slabPanels);
  const down = Math.ceil(p.K / slabDepth);
  return {
    kernel: device.compile(`matmul/packA/${layout}`, () => packAKernel(layout)),
    args: [...packArgs(p, to), talls, panels, paddedRows({ talls, lows }), across, down],
    tasks: itemsIn(p) * across * down,
    grain: 16,
  };
}
