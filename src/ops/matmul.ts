// Products of matrices, of any layout: the kernels read their operands through strides, so transposes cost nothing.
// A right side of halves is read in its own width; a left side of halves is converted, since each of its elements is read often.

import { bytesOf, type DType } from "../base/dtype.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import {
  broadcastShapes,
  broadcastStrides,
  collapse,
  contiguousStrides,
  numel,
  sameShape,
  showShape,
} from "../base/shape.ts";
import type { Device } from "../ir/device.ts";
import { type Activation, type MatmulProblem, matmul as runMatmul } from "../kernels/matmul.ts";
import { matmulPacked } from "../kernels/matmul-packed.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { copyInto } from "./copy.ts";
import * as e from "./elementwise.ts";
import type { Backward, Meta, Op, View } from "./op.ts";
import { type PointwiseOp, pointwise } from "./pointwise.ts";

export type { Activation } from "../kernels/matmul.ts";

type Half = NonNullable<MatmulProblem["half"]>;

function halfOf(dtype: DType): Half | undefined {
  return dtype === "float16" || dtype === "bfloat16" ? dtype : undefined;
}

const kernelDTypes: { readonly [dtype: string]: MatmulProblem["dtype"] | undefined } = {
  float32: "f32",
  float64: "f64",
  int32: "i32",
  int64: "i64",
  float16: "f32",
  bfloat16: "f32",
};

/** Throws for operands that do not go together: one dtype, or a float32 left side and a right side of halves. */
function checkDTypes(op: string, [a, b, ...rest]: readonly Meta[]): void {
  const mixed = a!.dtype === "float32" && halfOf(b!.dtype) !== undefined;
  const all = [a!, b!, ...rest];
  const fits = kernelDTypes[a!.dtype] !== undefined && (mixed || b!.dtype === a!.dtype);
  if (fits && rest.every((m) => m.dtype === a!.dtype || m.dtype === b!.dtype)) return;
  throw new DTypeError(
    `${op}: got ${all.map((m) => m.dtype).join(" and ")}; wants one dtype on all sides, of float32, float64, int32, int64, float16 ` +
      "and bfloat16, or a right side of halves beside float32. Convert with .to().",
    { op, dtypes: all.map((m) => m.dtype) },
  );
}

/** `a @ b` for `[…, M, K]` and `[…, K, N]`: batch dimensions broadcast. Beside a float32 `a`, `b` may be float16 or bfloat16. */
export const matmul: Op = {
  name: "matmul",
  infer([a, b]): readonly Meta[] {
    const [x, y] = [a!.shape, b!.shape];
    if (x.length < 2 || y.length < 2 || x.at(-1) !== y.at(-2)) {
      const hint = x.length >= 2 && y.length >= 2 && x.at(-1) === y.at(-1) ? " Did you mean b.mT?" : "";
      throw new ShapeError(
        `matmul: ${showShape(x)} @ ${showShape(y)}: inner sizes ${x.at(-1)} and ${y.at(-2)} differ.${hint}`,
        { a: x, b: y },
      );
    }
    checkDTypes("matmul", [a!, b!]);
    const batch = broadcastShapes("matmul", x.slice(0, -2), y.slice(0, -2));
    return [{ shape: [...batch, x.at(-2)!, y.at(-1)!], dtype: a!.dtype }];
  },
  run(device, [a, b], [out]) {
    multiply(device, a!, b!, out!, {});
  },
  save: (_, [needA, needB]) => ({ inputs: [...(needB === true ? [0] : []), ...(needA === true ? [1] : [])] }),
  grad: (k) => [
    k.needs[0] === true ? k.g.matmul(k.input(1).mT).sumTo(k.metas[0]!.shape) : undefined,
    k.needs[1] === true ? k.input(0).mT.matmul(k.g).sumTo(k.metas[1]!.shape).to(k.metas[1]!.dtype) : undefined,
  ],
};

export interface LinearAttrs {
  readonly activation?: Activation | undefined;
  /** What follows input and weight, in order. */
  readonly extras: readonly ("bias" | "residual")[];
  /** A second output keeps the activation's argument, for its gradient. */
  readonly keeps: boolean;
  /** Address of a packed copy of the weight, see kernels/matmul-packed.ts. */
  readonly packed?: number | undefined;
}

/** An optional input by its name, and where it stands. */
function extra<T>(inputs: readonly T[], { extras }: LinearAttrs, name: "bias" | "residual"): T | undefined {
  const at = extras.indexOf(name);
  return at < 0 ? undefined : inputs[at + 2];
}

/**
 * `activation(x @ weightᵀ + bias) + residual` for x `[rows, K]`, weight `[N, K]`, bias `[N]`, residual `[rows, N]`, each of the
 * last three steps left out if it is not asked for. Beside a float32 `x` the weight may be float16 or bfloat16.
 */
export const linear: Op<LinearAttrs> = {
  name: "linear",
  infer(inputs, attrs): readonly Meta[] {
    const [x, w] = inputs as readonly [Meta, Meta, ...Meta[]]; // the two that are always there
    const [rows, K] = x.shape as [number, number]; // a matrix, as the caller has made it
    const [N, weightK] = w.shape;
    if (K !== weightK || w.shape.length !== 2) {
      throw new ShapeError(`linear: input of ${K} features, weight ${showShape(w.shape)} wants ${weightK}.`, {
        input: x.shape,
        weight: w.shape,
      });
    }
    const shape = [rows, N!];
    const [bias, residual] = [extra(inputs, attrs, "bias"), extra(inputs, attrs, "residual")];
    if (bias !== undefined && !sameShape(bias.shape, [N!])) {
      throw new ShapeError(`linear: bias ${showShape(bias.shape)} does not fit ${N} outputs.`, {
        bias: bias.shape,
        outputs: N,
      });
    }
    if (residual !== undefined && !sameShape(residual.shape, shape)) {
      throw new ShapeError(
        `linear: residual ${showShape(residual.shape)} does not fit a result of ${showShape(shape)}.`,
        {
          residual: residual.shape,
          result: shape,
        },
      );
    }
    checkDTypes("linear", inputs);
    const out = { shape, dtype: x.dtype };
    return attrs.keeps ? [out, out] : [out];
  },
  run(device, inputs, [out, preActivation], attrs) {
    const [x, w] = inputs as readonly [View, View, ...View[]]; // the two that are always there
    multiply(device, x, turned(w), out!, {
      activation: attrs.activation,
      bias: extra(inputs, attrs, "bias"),
      residual: extra(inputs, attrs, "residual"),
      preActivation,
      packed: attrs.packed,
    });
  },
  save: ({ keeps }, [needX, needW]) => ({
    inputs: [...(needW === true ? [0] : []), ...(needX === true ? [1] : [])],
    outputs: keeps ? [1] : [],
  }),
  grad(k) {
    const g = gradientOfSum(k);
    const [x, w] = k.metas;
    const others = k.attrs.extras.map((name, i) => {
      if (k.needs[i + 2] !== true) return undefined;
      if (name === "residual") return k.grads[0]?.to(k.metas[i + 2]!.dtype);
      return g.sum({ dim: 0 }).to(k.metas[i + 2]!.dtype);
    });
    return [
      k.needs[0] === true ? g.matmul(k.input(1)).to(x!.dtype) : undefined,
      k.needs[1] === true ? g.mT.matmul(k.input(0)).to(w!.dtype) : undefined,
      ...others,
    ];
  },
};

/** The gradient of `x @ weightᵀ + bias`: what reaches it through the activation, and what was asked of it itself. */
function gradientOfSum(k: Backward<LinearAttrs>): Tensor {
  const { activation } = k.attrs;
  const [g, own] = k.grads;
  if (activation === undefined) return k.g;
  const through = g?.pointwise(slopes[activation], [g, k.output(1)]);
  if (through === undefined || own === undefined) return (through ?? own)!; // one of them is why this runs
  return through.add(own);
}

/** `g · activation'(x)`, one pass, from the activation's own rule. */
const slopes: { readonly [a in Activation]: PointwiseOp } = {
  relu: slopeOf(e.relu),
  gelu: slopeOf(e.gelu),
  geluTanh: slopeOf(e.geluTanh),
  silu: slopeOf(e.silu),
  tanh: slopeOf(e.tanh),
  sigmoid: slopeOf(e.sigmoid),
};

function slopeOf({ rule }: PointwiseOp): PointwiseOp {
  const { grad, value } = rule;
  if (typeof grad !== "function") throw new TypeError(`${rule.name} has no gradient of its own`); // a defect of ours
  return pointwise({ name: `${rule.name}OfLinearGrad`, value: (g, x) => grad(g!, [x!], value(x!))[0]! });
}

// ── running ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Extras {
  readonly activation?: Activation | undefined;
  readonly bias?: View | undefined;
  readonly residual?: View | undefined;
  readonly preActivation?: View | undefined;
  readonly packed?: number | undefined;
}

/** A product with its epilogue. What a kernel cannot read as it lies is copied first, what it cannot write afterwards. */
function multiply(device: Device, a: View, b: View, out: View, extras: Extras): void {
  const { activation, bias, residual, preActivation, packed } = extras;
  const work = new Workspace(device);
  const dtype = halfOf(a.dtype) === undefined ? a.dtype : "float32";
  try {
    const c = dtype === out.dtype ? out : work.made(out.shape, dtype);
    const kept = preActivation === undefined || c === out ? preActivation : work.made(out.shape, dtype);
    const addend = residual === undefined ? undefined : work.as(residual, dtype);
    const problem: MatmulProblem = {
      ...problemOf(a.dtype === dtype ? a : work.as(a, dtype), b, c),
      activation,
      ...(bias === undefined ? {} : { bias: work.as(bias, dtype).address }),
      ...(addend === undefined ? {} : { residual: addend.address - c.address }),
      ...(kept === undefined ? {} : { preActivation: kept.address - c.address }),
    };
    if (packed === undefined) runMatmul(device, problem);
    else matmulPacked(device, problem, { K: problem.K, N: problem.N, address: packed });
    if (c !== out) copyInto(device, c, out);
    if (kept !== preActivation) copyInto(device, kept!, preActivation!);
  } finally {
    work.free();
  }
}

function problemOf(a: View, b: View, out: View): MatmulProblem {
  const rank = out.shape.length;
  const [M, N] = [out.shape[rank - 2]!, out.shape[rank - 1]!];
  const batchShape = out.shape.slice(0, -2);
  const batchStrides = [a, b, out].map((v) =>
    broadcastStrides(v.shape.slice(0, -2), v.strides.slice(0, -2), batchShape),
  );
  const loop = collapse(batchShape, batchStrides);
  const [sa, sb, sc] = loop.strides as [number[], number[], number[]]; // one list for each of the three operands
  const batch = numel(batchShape) === 1 ? [] : loop.shape.map((size, d) => ({ size, a: sa[d]!, b: sb[d]!, c: sc[d]! }));
  return {
    M,
    N,
    K: a.shape.at(-1)!,
    a: a.address,
    aRow: a.strides.at(-2)!,
    aCol: a.strides.at(-1)!,
    b: b.address,
    bRow: b.strides.at(-2)!,
    bCol: b.strides.at(-1)!,
    c: out.address,
    cRow: out.strides.at(-2)!,
    batch,
    accumulate: false,
    dtype: kernelDTypes[a.dtype]!,
    half: halfOf(b.dtype),
  };
}

function turned(w: View): View {
  const [N, K] = w.shape as [number, number]; // a matrix, as infer has checked
  const [row, column] = w.strides as [number, number];
  return { shape: [K, N], dtype: w.dtype, strides: [column, row], address: w.address };
}

/** Memory for the time of one product. */
class Workspace {
  readonly #device: Device;
  readonly #addresses: number[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /** Row-major memory for a shape. */
  made(shape: readonly number[], dtype: DType): View {
    const address = this.#device.alloc(Math.max(numel(shape), 1) * bytesOf(dtype));
    this.#addresses.push(address);
    return { shape, dtype, strides: contiguousStrides(shape), address };
  }

  /** A view's values, row-major and in a dtype: the view itself where it is so. */
  as(v: View, dtype: DType): View {
    const strides = contiguousStrides(v.shape);
    if (v.dtype === dtype && v.shape.every((size, d) => size === 1 || v.strides[d] === strides[d])) return v;
    const copy = this.made(v.shape, dtype);
    copyInto(this.#device, v, copy);
    return copy;
  }

  free(): void {
    for (const address of this.#addresses) this.#device.free(address);
  }
}
