// What an operation must do at the least: the arithmetic of its definition, and every element of its inputs read and of its
// outputs written once. What a kernel does beyond that (packing, a second pass) is what the share of the peak shows.
//
// Arithmetic counts as FLOPs: add, mul, div, min, max, a comparison, a choice 1 each, a fused multiply-add 2, a function
// like exp as many as the polynomial that computes it. An operator that is not in the table has an unknown count.

import { bytesOf, isFloating } from "../base/dtype.ts";
import { numel } from "../base/shape.ts";
import { exp as expE, kernel, ne, tanh as tanhE } from "../ir/build.ts";
import { type Expr, isFloat } from "../ir/ir.ts";
import { lowerMath } from "../ir/lower-math.ts";
import { childrenOf, Numbering } from "../ir/walk.ts";
import type { Meta, View } from "../ops/op.ts";
import type { PointwiseOp, PointwiseRule } from "../ops/pointwise.ts";
import type { Declared } from "../tensor/recorder.ts";

export interface Cost {
  /** Undefined if nobody has said what the operation computes. */
  readonly flops: number | undefined;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

type Placed = Pick<View, "shape" | "dtype" | "strides">;

/** The cost of one run; `declared` is the operator where the work is one. */
export function costOf(name: string, inputs: readonly Placed[], outputs: readonly Placed[], declared?: Declared): Cost {
  const pointwise = declared !== undefined && "rule" in declared.op ? (declared.op as PointwiseOp).rule : undefined;
  const flops =
    pointwise === undefined
      ? rules()[name]?.(inputs, outputs, declared?.attrs)
      : flopsPerElement(pointwise, (declared!.attrs as readonly unknown[]).length, inputs) * elements(outputs[0]!); // a pointwise operator's attributes are its operands
  const picks = pickers.has(name);
  const [table, ...others] = inputs;
  const result = bytes(outputs);
  // Of a table only the rows that are asked for are read.
  const bytesRead = picks && table !== undefined ? bytes(others) + Math.min(result, bytes([table])) : bytes(inputs);
  return { flops, bytesRead, bytesWritten: result };
}

/** Elements that lie apart: an expanded dimension is one in memory. */
function distinct({ shape, strides }: Placed): number {
  return shape.reduce((n, size, d) => (strides[d] === 0 && size > 1 ? n : n * size), 1);
}
function bytes(list: readonly Placed[]): number {
  return list.reduce((sum, t) => sum + distinct(t) * bytesOf(t.dtype), 0);
}
function elements({ shape }: Meta): number {
  return numel(shape);
}

const pickers: ReadonlySet<string> = new Set(["embedding", "indexSelect", "gather"]);

// ── pointwise ───────────────────────────────────────────────────────────────────────────────────────────────────────

const countOf = new Map<PointwiseRule, number>();

/** Arithmetic for one element: the operations in the operator's expression, its functions written out. */
function flopsPerElement(rule: PointwiseRule, operands: number, inputs: readonly Meta[]): number {
  if (!inputs.some((t) => isFloating(t.dtype))) return 0; // integers and bools are no floating-point operations
  let count = countOf.get(rule);
  if (count === undefined) {
    const conditions = rule.dtype === "logic" ? operands : (rule.conditions ?? 0);
    count = countArithmetic(
      operands,
      (xs) => rule.value(...xs.map((x, i) => (i < conditions ? ne(x, 0) : x))),
      conditions,
    );
    countOf.set(rule, count);
  }
  return count;
}

/** Floating-point operations in an expression of `operands` numbers, of which the first `integers` are whole. */
export function countArithmetic(operands: number, value: (xs: readonly Expr[]) => Expr, integers = 0): number {
  const names = Array.from({ length: operands }, (_, i) => [`x${i}`, i < integers ? "i32" : "f32"] as const);
  const built = kernel("cost", Object.fromEntries(names), (k, params) => {
    k.let("value", value(Object.values(params)));
  });
  const statement = lowerMath(built, false).body[0];
  if (statement?.k !== "set") return 0;
  const numbering = new Numbering();
  const seen = new Set<number>();
  let count = 0;
  const visit = (e: Expr): void => {
    const number = numbering.of(e);
    if (seen.has(number)) return;
    seen.add(number);
    count += flopsOfNode(e);
    for (const child of childrenOf(e)) visit(child);
  };
  visit(statement.value);
  return count;
}

function flopsOfNode(e: Expr): number {
  if (e.k === "fma") return isFloat(e.type) ? 2 : 0;
  if (e.k === "compare") return isFloat(e.a.type) ? 1 : 0;
  if (e.k === "unary" || e.k === "binary" || e.k === "select") return isFloat(e.type) ? 1 : 0;
  return 0;
}

// ── everything else ─────────────────────────────────────────────────────────────────────────────────────────────────

type Flops = (inputs: readonly Meta[], outputs: readonly Meta[], attrs: unknown) => number;

const none: Flops = () => 0;
/** So many for each element of the first input. */
const perInput =
  (count: number): Flops =>
  ([x]) =>
    count * (x === undefined ? 0 : elements(x));

/** So many for each element of all inputs: lists of tensors. */
const perElement =
  (count: number): Flops =>
  (inputs) =>
    count * inputs.reduce((sum, x) => sum + elements(x), 0);

/** 2 M N K for each matrix of the result. */
const products: Flops = ([a], [out]) => 2 * elements(out!) * (a!.shape.at(-1) ?? 1);

/** So many for each query and key that meet, from the widths of keys and values. */
function attentionFlops(perPair: (D: number, Dv: number) => number, q: Meta, k: Meta, v: Meta, attrs: unknown): number {
  const [B, H, Tq, D] = q.shape as [number, number, number, number]; // four sizes, as the operator has checked
  const [Tk, Dv] = [k.shape.at(-2)!, v.shape.at(-1)!];
  const causal = typeof attrs === "object" && attrs !== null && "causal" in attrs && attrs.causal === true;
  const below = Math.min(Tq, Tk); // query i sees keys 0 … i
  const pairs = causal ? (below * (below + 1)) / 2 + (Tq - below) * Tk : Tq * Tk;
  return B * H * pairs * perPair(D, Dv);
}

/** For a unit and a time step: its rows of the recurrent product, and its cell. */
function recurrentFlops(sequence: Meta, whh: Meta, perUnit: { readonly [gates: number]: number }): number {
  const [first, second] = sequence.shape as [number, number, number]; // [B, T, …] or [T, B, …]
  const [rows, H] = whh.shape as [number, number]; // [gates H, H]
  return first * second * (2 * rows * H + H * (perUnit[rows / H] ?? 0));
}

let table: Readonly<Record<string, Flops>> | undefined;

function rules(): Readonly<Record<string, Flops | undefined>> {
  return (table ??= makeRules(
    countArithmetic(1, ([x]) => expE(x!)),
    countArithmetic(1, ([x]) => tanhE(x!)),
  ));
}

function makeRules(exp: number, tanh: number): Readonly<Record<string, Flops>> {
  const sigmoid = exp + 3; // 1 / (1 + e^−x)
  // By the number of gates: adding projection and product, the gates' functions, and the new state.
  const cell = { 4: 4 + 3 * sigmoid + 2 * tanh + 4, 3: 3 + 2 * sigmoid + tanh + 5, 1: 1 + tanh };
  // Each gate's slope and its share of the state's gradient.
  const cellBackward = { 4: 24, 3: 20, 1: 4 };
  return {
    matmul: products,
    linear: (inputs, outputs, attrs) =>
      products(inputs, outputs, attrs) + (inputs.length > 2 ? elements(outputs[0]!) : 0),
    // q k, scale, softmax, · v
    scaledDotProductAttention: ([q, k, v], _, attrs) =>
      attentionFlops((D, Dv) => 2 * D + 5 + exp + 2 * Dv, q!, k!, v!, attrs),
    // q k again for the weights, then the gradients of v, of the weights, of the scores (3), of q and k
    scaledDotProductAttentionBackward: ([, q, k, v], _, attrs) =>
      attentionFlops((D, Dv) => 6 * D + 3 + exp + 4 * Dv, q!, k!, v!, attrs),
    recurrent: ([gx, whh]) => recurrentFlops(gx!, whh!, cell),
    recurrentBackward: ([hBefore, whh]) => recurrentFlops(hBefore!, whh!, cellBackward),

    sum: perInput(1),
    mean: ([x], [out]) => elements(x!) + elements(out!),
    amax: perInput(1),
    amin: perInput(1),
    max: perInput(1),
    min: perInput(1),
    prod: perInput(1),
    any: none,
    all: none,
    cumsum: perInput(1),
    linalgVectorNorm: ([x], [out]) => 2 * elements(x!) + elements(out!),

    // max, −, exp, Σ, ÷
    softmax: perInput(4 + exp),
    // max, −, exp, Σ, −
    logSoftmax: perInput(4 + exp),
    softmaxBackwardData: perInput(4),
    logSoftmaxBackwardData: perInput(3 + exp),
    crossEntropy: perInput(3 + exp),
    // from g, then logits
    crossEntropyBackward: ([, logits]) => (3 + exp) * elements(logits!),
    // Σ, (x − mean)² Σ, (x − mean) rstd, · weight, + bias
    nativeLayerNorm: (inputs) => (6 + inputs.length - 1) * elements(inputs[0]!),
    // hat 2, g w 1, Σ 1, Σ · hat 2, dx 4, dWeight 2, dBias 1
    nativeLayerNormBackward: perInput(13),
    addLayerNorm: ([x, , ...affine]) => (7 + affine.length) * elements(x!),
    rmsNorm: ([x, ...affine]) => (3 + affine.length) * elements(x!),
    rmsNormBackward: perInput(9),
    addRmsNorm: ([x, , ...affine]) => (4 + affine.length) * elements(x!),
    batchNorm: ([x]) => 8 * elements(x!),
    batchNormBackward: perInput(13),

    // of grad, p, m and v: p's decay 1, m 3, v 4, root and division 4, p 2
    fusedAdamw_: perElement(14 / 4),
    fusedAdam_: perElement(14 / 4),
    // of grad, p and momentum: decay, momentum, p 2 each
    fusedSgd_: perElement(2),
    foreachNorm: perElement(2),
    foreachMul_: perElement(1),

    embeddingDenseBackward: perInput(1),
    indexAdd: ([, , source]) => elements(source!),
    scatterAdd: ([, , source]) => elements(source!),

    embedding: none,
    indexSelect: none,
    gather: none,
    cat: none,
    constantPadNd: none,
    flip: none,
    clone: none,
    toCopy: none,
    copy_: none,
    fill_: none,
    uniform_: none,
    normal_: none,
    exponential_: none,
    bernoulli_: none,
    topk: none, // comparisons, as many as the order happens to need
    sort: none,
  };
}
