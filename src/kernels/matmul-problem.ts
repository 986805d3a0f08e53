// What one matrix product is, and how it reaches a kernel: the parameters that every matmul kernel shares, and the
// small steps from a task to its piece of C.

import type { Block } from "../ir/build.ts";
import { add, div, mul, rem } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Var } from "../ir/ir.ts";
import type { Activation } from "./matmul-epilogue.ts";
import type { Half } from "./matmul-half.ts";
import { bytesOfB } from "./matmul-half.ts";

/** One batch dimension: its size, and how many elements a step along it moves in each operand (0 broadcasts). */
export interface Batch {
  readonly size: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/**
 * C[m,n] = activation(sum over k of A[m,k] B[k,n] + bias[n]) + residual[m,n] for every batch item; with `accumulate` the sum
 * starts from C[m,n].
 * Addresses are in bytes, strides in elements; C has a column stride of one.
 */
export interface MatmulProblem {
  readonly dtype: "f32" | "f64" | "i32" | "i64";
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly a: number;
  readonly aRow: number;
  readonly aCol: number;
  readonly b: number;
  readonly bRow: number;
  readonly bCol: number;
  readonly c: number;
  readonly cRow: number;
  /** At most four, outermost first. */
  readonly batch: readonly Batch[];
  readonly accumulate: boolean;
  /** Address of N elements. */
  readonly bias?: number | undefined;
  readonly activation?: Activation | undefined;
  /** Bytes from C to an addend that lies as C does. */
  readonly residual?: number | undefined;
  /** Bytes from C to where the activation's argument is written, laid out as C is. */
  readonly preActivation?: number | undefined;
  /** B holds halves; `dtype` is f32. */
  readonly half?: Half;
}

export const problemParams = {
  a: "ptr",
  b: "ptr",
  c: "ptr",
  /** Where C's values before the first addition come from: C itself, the bias, or a line of zeros, by strides. */
  init: "ptr",
  initRow: "i32",
  initCol: "i32",
  init0: "i32",
  init1: "i32",
  init2: "i32",
  init3: "i32",
  M: "i32",
  N: "i32",
  K: "i32",
  aRow: "i32",
  aCol: "i32",
  bRow: "i32",
  bCol: "i32",
  cRow: "i32",
  n1: "i32",
  n2: "i32",
  n3: "i32",
  a0: "i32",
  a1: "i32",
  a2: "i32",
  a3: "i32",
  b0: "i32",
  b1: "i32",
  b2: "i32",
  b3: "i32",
  c0: "i32",
  c1: "i32",
  c2: "i32",
  c3: "i32",
  /** Bytes from C to what lies as C does. */
  residual: "i32",
  preActivation: "i32",
} as const;

export type ProblemVars = { readonly [key in keyof typeof problemParams]: Var };

/** The operand's byte addresses for one batch item. */
export interface Item {
  readonly a: Var;
  readonly b: Var;
  readonly c: Var;
  readonly init: Var;
}

export function itemAt(k: Block, p: ProblemVars, item: Expr, bytes: number, half?: Half): Item {
  const [i0, i1, i2, i3] = digits(k, item, p.n1, p.n2, p.n3);
  const at = (name: string, base: Var, s0: Var, s1: Var, s2: Var, s3: Var, width: number): Var => {
    const elements = add(add(mul(i0, s0), mul(i1, s1)), add(mul(i2, s2), mul(i3, s3)));
    return k.let(name, add(base, mul(elements, width)));
  };
  return {
    a: at("aItem", p.a, p.a0, p.a1, p.a2, p.a3, bytes),
    b: at("bItem", p.b, p.b0, p.b1, p.b2, p.b3, half === undefined ? bytes : bytesOfB(half)),
    c: at("cItem", p.c, p.c0, p.c1, p.c2, p.c3, bytes),
    init: at("initItem", p.init, p.init0, p.init1, p.init2, p.init3, bytes),
  };
}

/** `index` written in mixed radix, outermost digit first; n1 … n3 are the radices of all but the first. */
export function digits(k: Block, index: Expr, n1: Expr, n2: Expr, n3: Expr): [Var, Var, Var, Var] {
  const q3 = k.let("q3", div(index, n3));
  const q2 = k.let("q2", div(q3, n2));
  const i0 = k.let("i0", div(q2, n1));
  return [i0, k.let("i1", rem(q2, n1)), k.let("i2", rem(q3, n2)), k.let("i3", rem(index, n3))];
}

/** `base` moved by `elements`. */
export function moved(base: Expr, elements: Expr, bytes: number): Expr {
  return add(base, mul(elements, bytes));
}

interface Constants {
  /** 16 zeros of f32 or as many bytes of others. */
  readonly zeros: number;
  readonly ones: { readonly [d in MatmulProblem["dtype"]]: number };
}

const constantsOf = new WeakMap<Device, Constants>();

/** Addresses of constants, made once for each device. */
export function constants(device: Device): Constants {
  const known = constantsOf.get(device);
  if (known !== undefined) return known;
  const zeros = device.alloc(128);
  device.u8.fill(0, zeros, zeros + 128);
  const ones = { f32: zeros + 64, f64: zeros + 72, i32: zeros + 80, i64: zeros + 88 };
  device.f32[ones.f32 / 4] = 1;
  device.f64[ones.f64 / 8] = 1;
  device.i32[ones.i32 / 4] = 1;
  device.i64[ones.i64 / 8] = 1n;
  const made: Constants = { zeros, ones };
  constantsOf.set(device, made);
  return made;
}

/** How many batch items there are. */
export function itemsOf(batch: readonly Batch[]): number {
  let items = 1;
  for (const d of batch) items *= d.size;
  return items;
}

const none: Batch = { size: 1, a: 0, b: 0, c: 0 };

/** The values of `problemParams`. */
export function problemArgs(device: Device, p: MatmulProblem): number[] {
  const { batch } = p;
  const d3 = batch.at(-1) ?? none;
  const d2 = batch.at(-2) ?? none;
  const d1 = batch.at(-3) ?? none;
  const d0 = batch.at(-4) ?? none;
  const own = p.accumulate ? 1 : 0; // the first values are C's own
  const init = p.accumulate ? p.c : (p.bias ?? constants(device).zeros);
  const initCol = p.accumulate || p.bias !== undefined ? 1 : 0;
  return [
    ...[p.a, p.b, p.c, init, own * p.cRow, initCol, own * d0.c, own * d1.c, own * d2.c, own * d3.c],
    ...[p.M, p.N, p.K, p.aRow, p.aCol, p.bRow, p.bCol, p.cRow, d1.size, d2.size, d3.size],
    ...[d0.a, d1.a, d2.a, d3.a, d0.b, d1.b, d2.b, d3.b, d0.c, d1.c, d2.c, d3.c],
    ...[p.residual ?? 0, p.preActivation ?? 0],
  ];
}

/**
 * The same product with fewer batch dimensions: sizes of one dropped, neighbours that run on merged, and rows of A and C that
 * run on through a batch dimension that shares one B taken as more rows of one matrix.
 */
export function folded(p: MatmulProblem): MatmulProblem {
  if (p.batch.length === 0) return p;
  const batch: Batch[] = [];
  for (const d of p.batch) {
    if (d.size === 1) continue;
    const o = batch.at(-1);
    const runsOn = o !== undefined && o.a === d.size * d.a && o.b === d.size * d.b && o.c === d.size * d.c;
    if (runsOn) batch[batch.length - 1] = { ...d, size: o.size * d.size };
    else batch.push(d);
  }
  let { M, aRow, cRow } = p;
  for (let d = batch.at(-1); d !== undefined && d.b === 0; d = batch.at(-1)) {
    if (M === 1) [aRow, cRow] = [d.a, d.c];
    else if (d.a !== M * aRow || d.c !== M * cRow) break;
    M *= d.size;
    batch.pop();
  }
  return { ...p, M, aRow, cRow, batch };
}
