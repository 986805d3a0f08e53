// Products of matrices, of any layout: the kernels read their operands through strides, so transposes cost nothing.

import { bytesOf } from "../base/dtype.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { broadcastShapes, broadcastStrides, collapse, numel, showShape } from "../base/shape.ts";
import type { Device } from "../ir/device.ts";
import { type MatmulProblem, matmul as runMatmul } from "../kernels/matmul.ts";
import { copyInto } from "./copy.ts";
import type { Meta, Op, View } from "./op.ts";

const kernelDTypes: { readonly [dtype: string]: MatmulProblem["dtype"] | undefined } = {
  float32: "f32",
  float64: "f64",
  int32: "i32",
};

function kernelDType(op: string, metas: readonly Meta[]): MatmulProblem["dtype"] {
  const [first, ...rest] = metas;
  const dtype = kernelDTypes[first!.dtype];
  if (dtype === undefined || rest.some((m) => m.dtype !== first!.dtype)) {
    throw new DTypeError(
      `${op}: got ${metas.map((m) => m.dtype).join(" and ")}; wants one dtype on all sides, of float32, float64 and int32. Convert with .to().`,
      { op, dtypes: metas.map((m) => m.dtype) },
    );
  }
  return dtype;
}

/** `a @ b` for `[…, M, K]` and `[…, K, N]`: batch dimensions broadcast. */
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
    kernelDType("matmul", [a!, b!]);
    const batch = broadcastShapes("matmul", x.slice(0, -2), y.slice(0, -2));
    return [{ shape: [...batch, x.at(-2)!, y.at(-1)!], dtype: a!.dtype }];
  },
  run(device, [a, b], [out]) {
    multiply(device, a!, b!, out!, undefined);
  },
  save: (_, [needA, needB]) => ({ inputs: [...(needB === true ? [0] : []), ...(needA === true ? [1] : [])] }),
  grad: (k) => [
    k.needs[0] === true ? k.g.matmul(k.input(1).mT).sumTo(k.metas[0]!.shape) : undefined,
    k.needs[1] === true ? k.input(0).mT.matmul(k.g).sumTo(k.metas[1]!.shape) : undefined,
  ],
};

function multiply(device: Device, a: View, b: View, out: View, bias: number | undefined): void {
  const rank = out.shape.length;
  const [M, N] = [out.shape[rank - 2]!, out.shape[rank - 1]!];
  const K = a.shape.at(-1)!;
  const batchShape = out.shape.slice(0, -2);
  const batchStrides = [a, b, out].map((v) =>
    broadcastStrides(v.shape.slice(0, -2), v.strides.slice(0, -2), batchShape),
  );
  const loop = collapse(batchShape, batchStrides);
  const [sa, sb, sc] = loop.strides as [number[], number[], number[]]; // one list for each of the three operands
  const batch = numel(batchShape) === 1 ? [] : loop.shape.map((size, d) => ({ size, a: sa[d]!, b: sb[d]!, c: sc[d]! }));
  runMatmul(device, {
    M,
    N,
    K,
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
    ...(bias === undefined ? {} : { bias }),
    dtype: kernelDType("matmul", [a, b]),
  });
}

/** `x @ weightᵀ + bias` for x `[rows, K]`, weight `[N, K]`, bias `[N]` (or without bias). */
export const linear: Op = {
  name: "linear",
  infer([x, w, b]): readonly Meta[] {
    const [rows, K] = x!.shape;
    const [N, weightK] = w!.shape;
    if (K !== weightK || w!.shape.length !== 2) {
      throw new ShapeError(`linear: input of ${K} features, weight ${showShape(w!.shape)} wants ${weightK}.`, {
        input: x!.shape,
        weight: w!.shape,
      });
    }
    if (b !== undefined && (b.shape.length !== 1 || b.shape[0] !== N)) {
      throw new ShapeError(`linear: bias ${showShape(b.shape)} does not fit ${N} outputs.`, {
        bias: b.shape,
        outputs: N,
      });
    }
    kernelDType("linear", b === undefined ? [x!, w!] : [x!, w!, b]);
    return [{ shape: [rows!, N!], dtype: x!.dtype }];
  },
  run(device, [x, w, b], [out]) {
    const weight: View = {
      ...geometry(w!),
      shape: [w!.shape[1]!, w!.shape[0]!],
      strides: [w!.strides[1]!, w!.strides[0]!],
    };
    if (b === undefined || b.strides[0] === 1) return multiply(device, x!, weight, out!, b?.address);
    const adjacent: View = {
      ...geometry(b),
      strides: [1],
      address: device.alloc(Math.max(b.shape[0]!, 1) * bytesOf(b.dtype)),
    };
    copyInto(device, b, adjacent);
    multiply(device, x!, weight, out!, adjacent.address);
    device.free(adjacent.address);
  },
  save: (_, [needX, needW]) => ({ inputs: [...(needW === true ? [0] : []), ...(needX === true ? [1] : [])] }),
  grad: (k) => [
    k.needs[0] === true ? k.g.matmul(k.input(1)) : undefined,
    k.needs[1] === true ? k.g.mT.matmul(k.input(0)) : undefined,
    k.needs[2] === true ? k.g.sum({ dim: 0 }) : undefined,
  ],
};

function geometry(v: View): View {
  return { shape: v.shape, dtype: v.dtype, strides: v.strides, address: v.address };
}
