// One direction of one recurrent layer over a whole sequence, forward and backward. The projections of the input, x W_ih' and
// their biases, are made before, by one product over all steps; the gradients of weights, biases and x are made after,
// by products over all steps, from what `backward` writes:
//
//   dx = dGates W_ih    dW_ih = dGates' x    db_ih = Σ dGates    dW_hh = dProduct' hBefore    db_hh = Σ dProduct
//
// All steps are one program of launches; W_hh is packed once for them. With lengths, a row's state stays from its end on
// and its output is 0 there; the reverse direction begins at the end of each row, as PyTorch's packed sequences do.

import type { Device, Launch } from "../ir/device.ts";
import { elemBytes } from "../ir/ir.ts";
import { matmul } from "./matmul.ts";
import type { Cell } from "./recurrent-cell.ts";
import { type Pass, packedBytes, packLaunch } from "./recurrent-pack.ts";
import {
  type BackwardOperand,
  backwardArgs,
  backwardKernel,
  type ForwardOperand,
  forwardArgs,
  forwardKernel,
  type Places,
  type StepForm,
  stepKey,
  stepScratchBytes,
  stepTasks,
} from "./recurrent-step.ts";
import type { Real } from "./row-loop.ts";

/** An array over time and batch: row (t, b) lies t*step + b*row elements after the byte address `at`. */
export interface Steps {
  readonly at: number;
  readonly step: number;
  readonly row: number;
}

export interface Sequence {
  readonly dtype: Real;
  readonly T: number;
  readonly B: number;
  readonly H: number;
  /** int32 [B], at most T each; or 0 where all are T. */
  readonly lengths: number;
  readonly reverse: boolean;
  /** W_hh [gates H, H] */
  readonly w: number;
  /** What `packRecurrent` made of W_hh for this direction of the pass, or 0. */
  readonly packed: number;
}

export interface ForwardPass extends Sequence {
  /** [gates H] a row: x W_ih' + b_ih + b_hh; a GRU's third gate without b_hh. */
  readonly gx: Steps;
  /** b_hh of a GRU's third gate [H], or 0. */
  readonly bias: number;
  /** Initial states [B, H], or 0 for zeros. */
  readonly h0: number;
  readonly c0: number;
  /** [H] a row */
  readonly out: Steps;
  /** Final states [B, H], other places than the initial ones. */
  readonly hN: number;
  readonly cN: number;
  /** Where to keep what the gradient needs. */
  readonly saved: Saved | undefined;
}

export interface Saved {
  /** [saves H] a row: the cell's values. An LSTM's and an RNN's may lie where gx does. */
  readonly gates: Steps;
  /** [H] a row: the cell states after each step, where there are any. */
  readonly cells: Steps;
  /** [H] a row: h before each step. */
  readonly hBefore: Steps;
}

export interface BackwardPass extends Sequence {
  readonly c0: number;
  readonly saved: Saved;
  /** Gradients of the output and of the final states [B, H]; undefined and 0 where there are none. */
  readonly dOut: Steps | undefined;
  readonly dhN: number;
  readonly dcN: number;
  /** [gates H] a row: the gradients of gx. */
  readonly dGates: Steps;
  /** [gates H] a row: the gradients of h W_hh' + b_hh where they differ, as a GRU's do. */
  readonly dProduct: Steps | undefined;
  /** Gradients of the initial states [B, H], other places than dhN and dcN. */
  readonly dh0: number;
  readonly dc0: number;
}

/** Product and cell in one kernel, or (any dtype) a product before each step. */
export type Way = "fused" | "plain";

/** The fused way packs W_hh, which pays only if it is kept or many rows use it. */
const leastRows = 16;
export function wayOf({ dtype, packed, T, B }: Pick<Sequence, "dtype" | "packed" | "T" | "B">): Way {
  if (dtype === "f64") return "plain";
  return packed !== 0 || (T > 1 && T * B >= leastRows) ? "fused" : "plain";
}

/** Times in the order of the forward pass. */
function order({ T, reverse }: Sequence): number[] {
  return Array.from({ length: T }, (_, s) => (reverse ? T - 1 - s : s));
}

interface Place {
  readonly at: number;
  readonly row: number;
}

function placeAt({ at, step, row }: Steps, t: number, bytes: number): Place {
  return { at: at + t * step * bytes, row: row * bytes };
}

/** What one step computes, apart from its kernel. */
interface Step<N extends string> {
  readonly t: number;
  readonly places: Places<N>;
  /** Dense left factor of the product, and the time it is of; no address where the product is 0. */
  readonly a: number;
  readonly aTime: number;
}

/** Temporary memory of one pass, in one block. */
class Workspace {
  readonly #device: Device;
  readonly #start: number;
  #next: number;
  constructor(device: Device, bytes: readonly number[]) {
    this.#device = device;
    this.#start = device.alloc(bytes.reduce((sum, b) => sum + aligned(b), 0));
    this.#next = this.#start;
  }
  take(bytes: number): number {
    const at = this.#next;
    this.#next += aligned(bytes);
    return at;
  }
  zeros(bytes: number): number {
    const at = this.take(bytes);
    this.#device.u8.fill(0, at, at + bytes);
    return at;
  }
  free(): void {
    this.#device.free(this.#start);
  }
}
function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

export function forward(device: Device, cell: Cell, p: ForwardPass, way: Way): void {
  const { dtype, T, B, H, saved } = p;
  if (T * B === 0) return;
  const bytes = elemBytes[dtype];
  const stateBytes = B * H * bytes;
  const own = ownBytes("forward", cell, p, way);
  const workspace = new Workspace(device, [H * bytes, 2 * stateBytes, own, 4 * B]);
  try {
    const zero: Place = { at: workspace.zeros(H * bytes), row: 0 };
    const ring = workspace.take(2 * stateBytes);
    const dense = (at: number): Place => (at === 0 ? zero : { at, row: H * bytes });
    const rows = rowsOf(device, p, workspace);
    // States in the batch's order begin in h0 and end in hN; in another order they are copied.
    const target = (s: number): number => {
      const even = (T - 1 - s) % 2 === 0;
      return even && rows.sorted === undefined ? p.hN : ring + (even ? stateBytes : 0);
    };
    let h = p.h0;
    if (h !== 0 && rows.sorted !== undefined) {
      h = target(-1);
      rows.sorted.forEach((b, r) => copy(device, p.h0 + b * H * bytes, h + r * H * bytes, H * bytes));
    }
    let c = dense(p.c0);
    const steps = order(p).map((t, s): Step<ForwardOperand> => {
      const next = target(s);
      const newC = saved === undefined ? dense(p.cN) : placeAt(saved.cells, t, bytes);
      const kept = saved && { saved: placeAt(saved.gates, t, bytes), oldH: placeAt(saved.hBefore, t, bytes) };
      const inOut = { gx: placeAt(p.gx, t, bytes), out: placeAt(p.out, t, bytes) };
      const step = { t, a: h, aTime: t, places: { h: dense(h), c, newH: dense(next), newC, ...inOut, ...kept } };
      h = next;
      c = newC;
      return step;
    });
    const form = { cell, real: dtype, H, fused: way === "fused", ragged: p.lengths !== 0, saves: saved !== undefined };
    const compiled = device.compile(`recurrent/${stepKey(form)}`, () => forwardKernel(form));
    const bias = p.bias !== 0 ? p.bias : zero.at;
    const args: Args<ForwardOperand> = (places, s, product) => forwardArgs(places, bias, s, product);
    run(device, { pass: "forward", form, compiled, args, steps, rows, own: workspace.take(own), p });
    rows.sorted?.forEach((b, r) => copy(device, h + r * H * bytes, p.hN + b * H * bytes, H * bytes));
    if (saved === undefined || !cell.hasC) return;
    for (let b = 0; b < B; b++) copy(device, c.at + b * c.row, p.cN + b * H * bytes, H * bytes);
  } finally {
    workspace.free();
  }
}

export function backward(device: Device, cell: Cell, p: BackwardPass, way: Way): void {
  const { dtype, T, B, H, saved } = p;
  const bytes = elemBytes[dtype];
  const stateBytes = B * H * bytes;
  startGradient(device, p.dhN, p.dh0, stateBytes);
  if (cell.hasC) startGradient(device, p.dcN, p.dc0, stateBytes);
  if (T * B === 0) return;
  const wide = cell.gates * H * bytes;
  const own = ownBytes("backward", cell, p, way);
  const workspace = new Workspace(device, [H * bytes, 2 * B * wide, own, 4 * B]);
  try {
    const zero: Place = { at: workspace.zeros(H * bytes), row: 0 };
    const ring = workspace.take(2 * B * wide);
    const stateOf = (i: number): number => ring + (i % 2) * B * wide;
    const dense = (at: number): Place => ({ at, row: H * bytes });
    const rows = rowsOf(device, p, workspace);
    const times = order(p);
    const steps = times.toReversed().map((t, i): Step<BackwardOperand> => {
      const before = times[T - 2 - i];
      const oldC = before !== undefined ? placeAt(saved.cells, before, bytes) : p.c0 !== 0 ? dense(p.c0) : zero;
      return {
        ...{ t, a: i === 0 ? 0 : stateOf(i - 1), aTime: times[T - i] ?? t },
        places: {
          ...{ dh: dense(p.dh0), dc: dense(p.dc0), dOut: p.dOut === undefined ? zero : placeAt(p.dOut, t, bytes) },
          ...{ saved: placeAt(saved.gates, t, bytes), oldH: placeAt(saved.hBefore, t, bytes) },
          ...{ oldC, newC: placeAt(saved.cells, t, bytes), dGates: placeAt(p.dGates, t, bytes) },
          ...(p.dProduct && { dProduct: placeAt(p.dProduct, t, bytes) }),
          dState: { at: stateOf(i), row: wide },
        },
      };
    });
    const form = { cell, real: dtype, H, fused: way === "fused", ragged: p.lengths !== 0, saves: true };
    const compiled = device.compile(`recurrent_backward/${stepKey(form)}`, () => backwardKernel(form));
    run(device, { pass: "backward", form, compiled, args: backwardArgs, steps, rows, own: workspace.take(own), p });
    let a = stateOf(T - 1);
    if (rows.sorted !== undefined) {
      const [from, to] = [a, stateOf(T)];
      rows.sorted.forEach((b, r) => copy(device, from + r * wide, to + b * wide, wide));
      a = to;
    }
    matmul(device, { ...productOf("backward", form, p, a), c: p.dh0, accumulate: true });
  } finally {
    workspace.free();
  }
}

/** The order in which a pass holds its own rows: if they end at different times, the longest first. */
interface Rows {
  readonly sorted: readonly number[] | undefined;
  /** Address of the order. */
  readonly at: number;
  /** How many rows are longer than `t`. */
  longer(t: number): number;
}

function rowsOf(device: Device, { B, lengths }: Sequence, workspace: Workspace): Rows {
  if (lengths === 0) return { sorted: undefined, at: 0, longer: () => B };
  const all = device.i32.slice(lengths / 4, lengths / 4 + B);
  const sorted = Array.from(all, (_, b) => b).sort((a, b) => all[b]! - all[a]! || a - b);
  const at = workspace.take(4 * B);
  device.i32.set(sorted, at / 4);
  const longer = (t: number): number => {
    const end = sorted.findIndex((b) => all[b]! <= t);
    return end < 0 ? B : end;
  };
  return { sorted, at, longer };
}

type Args<N extends string> = (
  places: Places<N>,
  step: Parameters<typeof forwardArgs>[2],
  product?: Parameters<typeof forwardArgs>[3],
) => number[];

interface Program<N extends string> {
  readonly pass: Pass;
  readonly form: StepForm;
  readonly compiled: Launch["kernel"];
  readonly args: Args<N>;
  readonly steps: readonly Step<N | "pre">[];
  readonly rows: Rows;
  /** Memory for the packed weight, or for the products of one step. */
  readonly own: number;
  readonly p: Sequence;
}

function ownBytes(pass: Pass, { gates }: Cell, p: Sequence, way: Way): number {
  if (way === "plain") return p.B * p.H * (pass === "forward" ? gates : 1) * elemBytes[p.dtype];
  return p.packed === 0 ? packedBytes({ H: p.H, gates }) : 0;
}

function run<N extends string>(device: Device, program: Program<N>): void {
  if (program.form.fused) device.runAll(fusedLaunches(device, program));
  else runPlain(device, program);
}

/** Multiplications that are worth handing to another thread. */
const grainWork = 65536;

function fusedLaunches<N extends string>(
  device: Device,
  { pass, form, compiled, args, steps, rows, own, p }: Program<N>,
): Launch[] {
  const { B, H } = p;
  const { gates } = form.cell;
  const weight = p.packed !== 0 ? p.packed : own;
  const panels = pass === "forward" ? gates : 1;
  const K = pass === "forward" ? H : gates * H;
  const scratch = device.scratch(stepScratchBytes(panels));
  const tasks = stepTasks(B, H);
  const grain = Math.ceil(grainWork / ((B * H * gates * H) / tasks));
  const launches = steps.map(({ t, places, a, aTime }): Launch => {
    const product = { a, weight, depth: a === 0 ? 0 : K, aRows: rows.longer(aTime), scratch };
    const step = { B, order: rows.at, active: rows.longer(t) };
    return { kernel: compiled, args: args(places as Places<N>, step, product), tasks, grain };
  });
  if (p.packed !== 0) return launches;
  return [packLaunch(device, pass, { H, gates, w: p.w }, own), ...launches];
}

function productOf(pass: Pass, { cell, H, real }: StepForm, { B, w }: Sequence, a: number) {
  const wide = cell.gates * H;
  const rest = { dtype: real, M: B, a, aCol: 1, b: w, batch: [], accumulate: false } as const;
  return pass === "forward"
    ? { ...rest, N: wide, K: H, aRow: H, bRow: 1, bCol: H, cRow: wide }
    : { ...rest, N: H, K: wide, aRow: wide, bRow: H, bCol: 1, cRow: H };
}

function runPlain<N extends string>(
  device: Device,
  { pass, form, compiled, args, steps, rows, own, p }: Program<N>,
): void {
  const { B, H } = p;
  const width = (pass === "forward" ? form.cell.gates : 1) * H * elemBytes[form.real];
  for (const { t, places, a } of steps) {
    if (a === 0) device.u8.fill(0, own, own + B * width);
    else matmul(device, { ...productOf(pass, form, p, a), c: own });
    const withPre = { ...places, pre: { at: own, row: width } } as Places<N>; // `pre` is among them
    device.run(compiled, args(withPre, { B, order: rows.at, active: rows.longer(t) }), B, Math.ceil(4096 / H));
  }
}

function startGradient(device: Device, from: number, to: number, bytes: number): void {
  if (from === 0) device.u8.fill(0, to, to + bytes);
  else copy(device, from, to, bytes);
}

function copy(device: Device, from: number, to: number, bytes: number): void {
  device.u8.copyWithin(to, from, from + bytes);
}
