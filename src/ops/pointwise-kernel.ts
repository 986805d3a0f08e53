// Kernels for element-by-element operators, generated from one scalar expression. Operands may be broadcast, strided or of
// mixed dtypes. Contiguous and constant operands take the four-lane path; the last few elements take the same four-lane
// arithmetic one at a time, so that a value never depends on its place.

import { bytesOf, type DType, dtypes } from "../base/dtype.ts";
import { broadcastStrides, collapse, isContiguous, numel, sameShape } from "../base/shape.ts";
import { add, type Block, cast, div as divide, i32, kernel, mul, ne, rem, splat, sub } from "../ir/build.ts";
import type { Compiled, Device } from "../ir/device.ts";
import type { Expr, Kernel, ParamType, Var } from "../ir/ir.ts";
import { convert, hasVector, layouts, read, type Width, write } from "./elements.ts";
import type { View } from "./op.ts";

/** The expression, and the dtypes that fix its kernel apart from where the operands lie. */
export interface Formula {
  readonly name: string;
  readonly value: (...operands: Expr[]) => Expr;
  /** What each operand is converted to before the expression sees it. */
  readonly computes: readonly DType[];
  /** True for operands that are numbers, passed as arguments. */
  readonly scalars: readonly boolean[];
}

/** How an operand walks along the innermost dimension. */
type Step = "unit" | "fixed" | "strided";

const elementsPerChunk = 16384;

/**
 * Computes `out = value(...operands)`: `operands` holds numbers, and undefined where the next of `inputs` stands (by default for
 * each of them).
 */
export function runPointwise(
  device: Device,
  formula: Formula,
  inputs: readonly View[],
  out: View,
  operands: readonly (number | undefined)[] = inputs.map(() => undefined),
): void {
  const n = numel(out.shape);
  if (n === 0) return;
  const args: number[] = [out.address];
  for (const input of inputs) args.push(input.address);
  for (const o of operands) if (o !== undefined) args.push(o);
  if (isFlat(out, inputs)) {
    device.run(compiledFor(device, formula, inputs, out, flatLoop), args, n, elementsPerChunk);
    return;
  }
  const views = [out, ...inputs];
  const loop = collapse(
    out.shape,
    views.map((v) => broadcastStrides(v.shape, v.strides, out.shape)),
  );
  const rank = loop.shape.length;
  const steps = loop.strides.map((s) => stepOf(s[rank - 1]!));
  const inner = loop.shape[rank - 1]!;
  if (rank > 1) {
    args.push(...loop.shape);
    for (const s of loop.strides) for (let d = 0; d < rank - 1; d++) args.push(s[d]!);
  }
  steps.forEach((step, i) => {
    if (step === "strided") args.push(loop.strides[i]![rank - 1]!);
  });
  const compiled = compiledFor(device, formula, inputs, out, { rank, steps });
  if (rank === 1) device.run(compiled, args, n, elementsPerChunk);
  else device.run(compiled, args, n / inner, Math.max(1, Math.ceil(elementsPerChunk / inner)));
}

/** All of one shape and in row-major order: one loop without strides. */
function isFlat(out: View, inputs: readonly View[]): boolean {
  if (!isContiguous(out.shape, out.strides)) return false;
  for (const v of inputs) {
    if (v.shape !== out.shape && !sameShape(v.shape, out.shape)) return false;
    if (v.strides !== out.strides && !isContiguous(v.shape, v.strides)) return false;
  }
  return true;
}

interface LoopForm {
  readonly rank: number;
  /** For the output and each input; undefined if all are "unit". */
  readonly steps: readonly Step[] | undefined;
}
const flatLoop: LoopForm = { rank: 1, steps: undefined };
const stepNumbers: { readonly [s in Step]: number } = { unit: 0, fixed: 1, strided: 2 };
const dtypeNumbers = Object.fromEntries(Object.keys(dtypes).map((d, i) => [d, i])) as { readonly [d in DType]: number }; // one for each

// The kernels of each formula: a formula is made once for an operator and its dtypes, so its identity is its key.
const kernelsOf = new WeakMap<Device, WeakMap<Formula, Map<number, Compiled>>>();

function compiledFor(device: Device, formula: Formula, inputs: readonly View[], out: View, form: LoopForm): Compiled {
  let ofDevice = kernelsOf.get(device);
  if (ofDevice === undefined) kernelsOf.set(device, (ofDevice = new WeakMap()));
  let kernels = ofDevice.get(formula);
  if (kernels === undefined) ofDevice.set(formula, (kernels = new Map()));
  let code = form.rank * 16 + dtypeNumbers[out.dtype];
  for (const v of inputs) code = code * 16 + dtypeNumbers[v.dtype];
  for (const s of form.steps ?? []) code = code * 3 + stepNumbers[s];
  code = code * 2 + (form.steps === undefined ? 1 : 0);
  let compiled = kernels.get(code);
  if (compiled === undefined) {
    const views = [out, ...inputs].map((v) => v.dtype);
    const steps = form.steps ?? views.map((): Step => "unit");
    const key = `${formula.name}|${formula.computes.join()}|${formula.scalars.map(Number).join("")}|${views.join()}|${form.rank}|${steps.join()}`;
    compiled = device.compile(key, () => build(formula, views, form.rank, steps));
    kernels.set(code, compiled);
  }
  return compiled;
}

function stepOf(stride: number): Step {
  return stride === 1 ? "unit" : stride === 0 ? "fixed" : "strided";
}

/** The type a number operand is passed as. */
function scalarParam(dtype: DType): ParamType {
  const value = layouts[dtype].value;
  return value === "i64" ? "f64" : value === "bool" ? "i32" : value;
}

function build(formula: Formula, dtypes: readonly DType[], rank: number, steps: readonly Step[]): Kernel {
  const params: Record<string, ParamType> = {};
  dtypes.forEach((_, i) => {
    params[`p${i}`] = "ptr";
  });
  formula.scalars.forEach((isScalar, i) => {
    if (isScalar) params[`s${i}`] = scalarParam(formula.computes[i]!);
  });
  if (rank > 1) for (let d = 0; d < rank; d++) params[`size${d}`] = "i32";
  if (rank > 1)
    dtypes.forEach((_, i) => {
      for (let d = 0; d < rank - 1; d++) params[`stride${i}_${d}`] = "i32";
    });
  steps.forEach((step, i) => {
    if (step === "strided") params[`step${i}`] = "i32";
  });
  return kernel(formula.name, params, (k, p) => {
    const bases = dtypes.map((_, i) => p[`p${i}`]!);
    const inner = new InnerLoop(k, formula, dtypes, steps, p);
    if (rank === 1) {
      inner.emit(bases, k.begin, k.end);
      return;
    }
    k.for(k.begin, k.end, 1, (row) => {
      const rest = k.let("rest", row);
      const moved = bases.map((b, i) => k.let(`at${i}`, b));
      for (let d = rank - 2; d >= 0; d--) {
        const size = p[`size${d}`]!;
        const index = d === 0 ? rest : k.let(`i${d}`, rem(rest, size));
        moved.forEach((at, i) => {
          k.set(at, add(at, mul(mul(index, p[`stride${i}_${d}`]!), bytesOf(dtypes[i]!))));
        });
        if (d > 0) k.set(rest, divide(rest, size));
      }
      inner.emit(moved, i32(0), p[`size${rank - 1}`]!);
    });
  });
}

/** The loop along the innermost dimension. Operand 0 is the output. */
class InnerLoop {
  readonly #k: Block;
  readonly #formula: Formula;
  readonly #dtypes: readonly DType[];
  readonly #steps: readonly Step[];
  readonly #params: Readonly<Record<string, Var>>;
  readonly #vector: boolean;

  constructor(
    k: Block,
    formula: Formula,
    dtypes: readonly DType[],
    steps: readonly Step[],
    params: Readonly<Record<string, Var>>,
  ) {
    this.#k = k;
    this.#formula = formula;
    this.#dtypes = dtypes;
    this.#steps = steps;
    this.#params = params;
    this.#vector = dtypes.every(hasVector) && formula.computes.every(hasVector);
  }

  emit(bases: readonly Expr[], from: Expr, to: Expr): void {
    const k = this.#k;
    if (!this.#vector) {
      k.for(from, to, 1, (i) => this.#store(bases, i, this.#value(bases, i, "one")));
      return;
    }
    const i = k.let("i", from);
    if (this.#steps.every((s) => s !== "strided")) {
      const vectors = 4;
      const end = k.let("end4", sub(to, vectors * 4 - 1));
      k.while(below(i, end), () => {
        const values = Array.from({ length: vectors }, (_, v) => k.let(`v${v}`, this.#value(bases, i, "four", v * 4)));
        values.forEach((value, v) => {
          write(k, this.#dtypes[0]!, bases[0]!, i, value, v * 4, 4);
        });
        k.set(i, add(i, vectors * 4));
      });
      const end1 = k.let("end1", sub(to, 3));
      k.while(below(i, end1), () => {
        write(k, this.#dtypes[0]!, bases[0]!, i, this.#value(bases, i, "four"), 0, 4);
        k.set(i, add(i, 4));
      });
    }
    k.while(below(i, to), () => {
      this.#store(bases, i, this.#value(bases, i, "splat"));
      k.set(i, add(i, 1));
    });
  }

  #store(bases: readonly Expr[], i: Expr, value: Expr): void {
    write(this.#k, this.#dtypes[0]!, bases[0]!, this.#index(0, i), value, 0, 1);
  }

  #index(operand: number, i: Expr): Expr {
    const step = this.#steps[operand]!;
    return step === "unit" ? i : step === "fixed" ? i32(0) : mul(i, this.#params[`step${operand}`]!);
  }

  /** The formula at element `i + offset`. */
  #value(bases: readonly Expr[], i: Expr, width: Width, offset = 0): Expr {
    let next = 1;
    const operands = this.#formula.computes.map((dtype, position) => {
      if (this.#formula.scalars[position]) {
        return this.#widen(scalarValue(dtype, this.#params[`s${position}`]!), width);
      }
      const operand = next++;
      const fixed = this.#steps[operand] === "fixed";
      const from = this.#dtypes[operand]!;
      const raw = read(
        from,
        bases[operand]!,
        this.#index(operand, i),
        fixed && width === "four" ? "splat" : width,
        fixed ? 0 : offset,
      );
      return convert(dtype, raw);
    });
    return this.#formula.value(...operands);
  }

  #widen(value: Expr, width: Width): Expr {
    return width === "one" ? value : splat(value);
  }
}

function scalarValue(dtype: DType, param: Expr): Expr {
  const value = layouts[dtype].value;
  if (value === "bool") return ne(param, 0);
  return cast(value, param);
}

function below(i: Expr, end: Expr): Expr {
  return { k: "compare", type: "bool", op: "lt", a: i, b: end };
}
