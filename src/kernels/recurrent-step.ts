// One step of a recurrent layer. Forward: the product of the old state with W_hh, the cell behind it while the result
// is still in the cache. Backward: the product of the later step's gate gradients with W_hh, the cell's gradient behind it.
//
//   a task     | 16 hidden units | of up to 48 rows: all gates of these units, so that the cell needs no other task
//   forward    pre [rows, gates, 16] = h W_hh';  cell → h, c, output, what the gradient needs
//   backward   pre [rows, 16] = dgates W_hh;     cell → dgates, carried gradients of h and c
//
// The plain twin computes the product with `matmul` first; the cell is then the same code over all units.

import type { Block } from "../ir/build.ts";
import { add, constant, div, kernel, load, max, min, mul, rem, sub } from "../ir/build.ts";
import type { Expr, Kernel, ParamType, Var } from "../ir/ir.ts";
import { elemBytes } from "../ir/ir.ts";
import type { Cell, Hold } from "./recurrent-cell.ts";
import { blockRows, panelProducts, panelUnits } from "./recurrent-product.ts";
import type { At, Real } from "./row-loop.ts";
import { overRow } from "./row-loop.ts";

/** An array over the rows of one step: its address, and the bytes from row to row in `…Row`. */
type Operands<N extends string> = { readonly [n in N]: "ptr" } & { readonly [n in N as `${n}Row`]: "i32" };

function operands<N extends string>(...names: readonly N[]): Operands<N> {
  return Object.fromEntries(
    names.flatMap((n) => [
      [n, "ptr"],
      [`${n}Row`, "i32"],
    ]),
  ) as Operands<N>; // as written
}

export type ForwardOperand = "pre" | "h" | "c" | "gx" | "newH" | "newC" | "out" | "saved" | "oldH";
const forwardOperands: readonly ForwardOperand[] = ["pre", "h", "c", "gx", "newH", "newC", "out", "saved", "oldH"];
export type BackwardOperand =
  | Exclude<ForwardOperand, "h" | "c" | "gx" | "newH" | "out">
  | "dOut"
  | "dh"
  | "dc"
  | "oldC"
  | "dGates"
  | "dProduct"
  | "dState";
const backwardOperands: readonly BackwardOperand[] = [
  ...(["pre", "dOut", "dh", "dc", "saved", "oldH", "oldC", "newC"] as const),
  ...(["dGates", "dProduct", "dState"] as const),
];

/** These lie in the order of the steps' own rows, the others in that of the batch. */
const ownOrder: readonly string[] = ["pre", "h", "newH", "dState"];

const shared = {
  B: "i32",
  /** Which row of the batch each own row is, int32 [B]: the longest first. */
  order: "ptr",
  /** So many own rows take this step; the others stay as they are. */
  active: "i32",
} as const satisfies Readonly<Record<string, ParamType>>;
/** The product: `depth` columns of `a` count, and its first `aRows` rows are not 0. */
const product = { a: "ptr", weight: "ptr", depth: "i32", aRows: "i32", scratch: "ptr" } as const;

/** Addresses and row strides in bytes, in the order of the kernel's parameters. */
export type Places<N extends string> = { readonly [n in N]?: { readonly at: number; readonly row: number } };
function placeArgs<N extends string>(names: readonly N[], places: Places<N>): number[] {
  return names.flatMap((n) => [places[n]?.at ?? 0, places[n]?.row ?? 0]);
}

export interface StepArgs {
  readonly B: number;
  readonly order: number;
  readonly active: number;
}
export interface ProductArgs {
  readonly a: number;
  readonly weight: number;
  readonly depth: number;
  readonly aRows: number;
  readonly scratch: number;
}
export function forwardArgs(places: Places<ForwardOperand>, bias: number, s: StepArgs, p?: ProductArgs): number[] {
  return [...placeArgs(forwardOperands, places), bias, ...tail(s, p)];
}
export function backwardArgs(places: Places<BackwardOperand>, s: StepArgs, p?: ProductArgs): number[] {
  return [...placeArgs(backwardOperands, places), ...tail(s, p)];
}
function tail({ B, order, active }: StepArgs, p: ProductArgs | undefined): number[] {
  return [B, order, active, ...(p === undefined ? [] : [p.a, p.weight, p.depth, p.aRows, p.scratch])];
}

/** What a step's kernel is made for. */
export interface StepForm {
  readonly cell: Cell;
  readonly real: Real;
  readonly H: number;
  /** The product is part of the kernel; else `pre` [B, gates H] or [B, H] is given. */
  readonly fused: boolean;
  /** Rows end at different times. */
  readonly ragged: boolean;
  /** Forward: what the gradient needs is kept. */
  readonly saves: boolean;
}

export function stepKey({ cell, real, H, fused, ragged, saves }: StepForm): string {
  return `${cell.name}/${real}/${H}/${[fused, ragged, saves].map(Number).join("")}`;
}

/** Tasks of a step, ordered so that neighbours use the same panels. */
export function stepTasks(B: number, H: number): number {
  return Math.ceil(B / blockRows) * Math.ceil(H / panelUnits);
}
export function stepScratchBytes(panels: number): number {
  return blockRows * panels * panelUnits * 4;
}

/** The rows and units of a task, and where its products lie. */
interface Piece {
  readonly first: Expr;
  readonly rows: Expr;
  readonly unit0: Expr;
  readonly units: Expr;
  readonly pre: Expr;
  readonly preRow: Expr;
  /** Elements of `pre` from gate to gate. */
  readonly preGate: number;
}

type Emit = (piece: Piece) => void;

interface FusedVars {
  readonly B: Var;
  readonly a: Var;
  readonly weight: Var;
  readonly depth: Var;
  readonly aRows: Var;
  readonly scratch: Var;
}

function fusedTasks(k: Block, form: StepForm, p: FusedVars, K: number, panels: number, emit: Emit): void {
  const { H, ragged } = form;
  const groups = Math.ceil(H / panelUnits);
  const blocks = k.let("blocks", div(add(p.B, blockRows - 1), blockRows));
  const pre = k.let("preBlock", add(p.scratch, mul(k.thread, stepScratchBytes(panels))));
  k.for(k.begin, k.end, 1, (task) => {
    const group = k.let("group", div(task, blocks));
    const first = k.let("firstRow", mul(rem(task, blocks), blockRows));
    const rows = k.let("rows", min(sub(p.B, first), blockRows));
    const unit0 = k.let("unit0", mul(group, panelUnits));
    const units = k.let("units", min(sub(constant("i32", H), unit0), panelUnits));
    const panelBytes = 4 * panelUnits * K;
    const aRows = ragged ? k.let("aRows", max(min(sub(p.aRows, first), rows), 0)) : rows;
    panelProducts(k, {
      ...{ a: add(p.a, mul(first, 4 * K)), rows: aRows, K, depth: p.depth, panels, pre },
      ...{ panel: add(p.weight, mul(group, panelBytes)), panelStep: constant("i32", groups * panelBytes) },
    });
    if (ragged) {
      const width = panels * panelUnits;
      const [from, to] = [mul(aRows, width), mul(rows, width)];
      k.for(from, to, 4, (i) => k.store("f32", pre, i, constant("f32x4", 0)));
    }
    const preRow = constant("i32", 4 * panels * panelUnits);
    emit({ first, rows, unit0, units, pre, preRow, preGate: panelUnits });
  });
}

/** A task is a row. */
function plainTasks(k: Block, { H }: StepForm, p: { readonly pre: Var; readonly preRow: Var }, emit: Emit): void {
  k.for(k.begin, k.end, 1, (row) => {
    const pre = k.let("preStart", add(p.pre, mul(row, p.preRow)));
    const zero = constant("i32", 0);
    emit({
      first: row,
      rows: constant("i32", 1),
      unit0: zero,
      units: constant("i32", H),
      pre,
      preRow: zero,
      preGate: H,
    });
  });
}

/** Calls `visit` for the units of every row of a piece that takes the step, `skip` for the others. */
function eachRow<N extends string>(
  k: Block,
  { real, ragged }: StepForm,
  p: { readonly [key in N | `${N}Row` | "order" | "active"]: Var },
  names: readonly N[],
  piece: Piece,
  visit: (at: At, of: Record<N, Expr>) => void,
  skip: (at: At, of: Record<N, Expr>) => void,
): void {
  const { first, rows, unit0, units, pre, preRow } = piece;
  const run = (from: Expr, to: Expr, body: typeof visit): void => {
    k.for(from, to, 1, (r) => {
      const own = k.let("own", add(first, r));
      const b = ragged ? k.let("b", load("i32", p.order, own)) : own;
      const of = {} as Record<N, Expr>; // filled below
      for (const name of names) {
        const row = mul(ownOrder.includes(name) ? own : b, p[`${name}Row`]);
        const start = add(p[name], add(row, mul(unit0, elemBytes[real])));
        of[name] = k.let(name, name === "pre" ? add(pre, mul(r, preRow)) : start);
      }
      overRow(k, real, units, (at) => body(at, of), 2);
    });
  };
  const zero = constant("i32", 0);
  if (!ragged) return run(zero, rows, visit);
  const active = k.let("activeRows", max(min(sub(p.active, first), rows), 0));
  run(zero, active, visit);
  run(active, rows, skip);
}

export function forwardKernel(form: StepForm): Kernel {
  const { cell, real, H, fused, saves } = form;
  const { gates, separate, hasC } = cell;
  const params = { ...operands(...forwardOperands), bias: "ptr", ...shared, ...(fused ? product : {}) } as const;
  const names = forwardOperands.filter((n) => (n !== "c" && n !== "newC") || hasC);
  return kernel(`${cell.name}_step`, params, (k, given) => {
    const p = given as { readonly [key in keyof typeof params | keyof typeof product]: Var }; // `product` where fused
    const hold: Hold = (value) => k.let("held", value);
    const emit: Emit = (piece) => {
      const bias = k.let("biasStart", add(p.bias, mul(piece.unit0, elemBytes[real])));
      const zero = (at: At): Expr => at.spread(constant(real, 0));
      const visit = (at: At, of: Record<ForwardOperand, Expr>): void => {
        const preOf = (g: number): Expr => at.read(of.pre, g * piece.preGate);
        const inputs = Array.from({ length: gates }, (_, g) => {
          return hold(add(preOf(g), g === separate ? at.read(bias) : at.read(of.gx, g * H)));
        });
        const projected = separate === undefined ? zero(at) : at.read(of.gx, separate * H);
        const h = hold(at.read(of.h));
        const c = hasC ? hold(at.read(of.c)) : zero(at);
        const result = cell.forward({ gates: inputs, projected, h, c }, hold);
        if (saves) {
          at.write(of.oldH, h);
          result.saved.forEach((value, i) => at.write(of.saved, value, i * H));
        }
        if (result.c !== undefined) at.write(of.newC, result.c);
        at.write(of.newH, result.h);
        at.write(of.out, result.h);
      };
      const skip = (at: At, of: Record<ForwardOperand, Expr>): void => {
        const h = hold(at.read(of.h));
        if (saves) at.write(of.oldH, h);
        if (hasC) at.write(of.newC, at.read(of.c));
        at.write(of.newH, h);
        at.write(of.out, zero(at));
      };
      eachRow(k, form, p, names, piece, visit, skip);
    };
    if (fused) fusedTasks(k, form, p, H, gates, emit);
    else plainTasks(k, form, p, emit);
  });
}

export function backwardKernel(form: StepForm): Kernel {
  const { cell, real, H, fused } = form;
  const { gates, separate, hasC, needsH, saves } = cell;
  const params = { ...operands(...backwardOperands), ...shared, ...(fused ? product : {}) } as const;
  const unused: readonly BackwardOperand[] = [
    ...(hasC ? [] : (["dc", "oldC", "newC"] as const)),
    ...(needsH ? [] : (["oldH"] as const)),
    ...(separate === undefined ? (["dProduct"] as const) : []),
  ];
  const names = backwardOperands.filter((n) => !unused.includes(n));
  return kernel(`${cell.name}_step_backward`, params, (k, given) => {
    const p = given as { readonly [key in keyof typeof params | keyof typeof product]: Var }; // `product` where fused
    const hold: Hold = (value) => k.let("held", value);
    const emit: Emit = (piece) => {
      const zero = (at: At): Expr => at.spread(constant(real, 0));
      const write = (at: At, of: Record<BackwardOperand, Expr>, g: number, value: Expr, state = value): void => {
        at.write(of.dGates, value, g * H);
        at.write(of.dState, state, g * H);
        if (separate !== undefined) at.write(of.dProduct, state, g * H);
      };
      const visit = (at: At, of: Record<BackwardOperand, Expr>): void => {
        const saved = Array.from({ length: saves }, (_, i) => hold(at.read(of.saved, i * H)));
        const dh = hold(add(add(at.read(of.pre), at.read(of.dOut)), at.read(of.dh)));
        const read = (there: boolean, name: BackwardOperand): Expr => (there ? hold(at.read(of[name])) : zero(at));
        const result = cell.backward(
          {
            ...{ dh, saved, dc: read(hasC, "dc"), c: read(hasC, "oldC"), newC: read(hasC, "newC") },
            h: read(needsH, "oldH"),
          },
          hold,
        );
        result.gates.forEach((value, g) => {
          const held = hold(value);
          write(at, of, g, held, g === separate ? result.separate : held);
        });
        at.write(of.dh, result.dh ?? zero(at));
        if (result.dc !== undefined) at.write(of.dc, result.dc);
      };
      const skip = (at: At, of: Record<BackwardOperand, Expr>): void => {
        for (let g = 0; g < gates; g++) write(at, of, g, zero(at));
        at.write(of.dh, add(at.read(of.dh), at.read(of.pre))); // of the step that began a reversed row
      };
      eachRow(k, form, p, names, piece, visit, skip);
    };
    if (fused) fusedTasks(k, form, p, gates * H, 1, emit);
    else plainTasks(k, form, p, emit);
  });
}
