// Products of matrices, small and beyond the kernels' tiles.

import {
  any,
  type CasesOf,
  floats,
  type Input,
  ids,
  NdArray,
  type Refusal,
  type Sample,
  small,
} from "../../test/cases.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { broadcastShapes } from "../base/shape.ts";
import { erf } from "../ir/math.ts";
import type { Activation, LinearAttrs } from "./matmul.ts";

const call = (...inputs: Input[]): Sample<undefined> => ({ inputs, attrs: undefined });
const refuse = (message: RegExp, ...inputs: Input[]): Refusal<undefined> => ({
  inputs,
  attrs: undefined,
  error: ShapeError,
  message,
});

const plain: LinearAttrs = { extras: [], keeps: false };
const affine = (attrs: Partial<LinearAttrs>, ...inputs: Input[]): Sample<LinearAttrs> => ({
  inputs,
  attrs: { ...plain, ...attrs },
});

const functions: { readonly [a in Activation]: (x: number) => number } = {
  relu: (x) => Math.max(x, 0),
  gelu: (x) => (x / 2) * (1 + erf(x * Math.SQRT1_2)),
  geluTanh: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};
const activations = Object.keys(functions) as Activation[]; // its keys are the activations

function product(a: NdArray, b: NdArray, i: readonly number[]): number {
  const K = a.shape.at(-1)!;
  const [batch, row, column] = [i.slice(0, -2), i.at(-2)!, i.at(-1)!];
  return Array.from({ length: K }, (_, k) => a.at(...batch, row, k) * b.at(...batch, k, column)).reduce(
    (x, y) => x + y,
    0,
  );
}

export const cases: CasesOf<typeof import("./matmul.ts")> = {
  matmul: {
    samples: [
      call(any(2, 3), any(3, 4)),
      call(any(1, 1), any(1, 1)),
      call(any(2, 3, 2), any(2, 2, 3)),
      call(any(2, 1, 2, 3), any(3, 3, 1)),
      call(any(2, 0), any(0, 3)),
      call(any(0, 2), any(2, 3)),
      call(any(3, 2), any(2, 0)),
      call(small(5, 7), small(7, 37)),
      call(small(70, 33), small(33, 17)),
      call(small(13, 400), small(400, 50)),
      call(small(3, 9, 20), small(20, 16)),
    ],
    dtypes: [...floats, "int32", "float16", "bfloat16"],
    reference([a, b]) {
      const batch = broadcastShapes("matmul", a!.shape.slice(0, -2), b!.shape.slice(0, -2));
      return NdArray.from([...batch, a!.shape.at(-2)!, b!.shape.at(-1)!], (index) => product(a!, b!, index));
    },
    refuses: [
      refuse(/inner sizes 3 and 2 differ/, any(2, 3), any(2, 3)),
      refuse(/Did you mean b\.mT\?/, any(2, 3), any(4, 3)),
      refuse(/do not broadcast/, any(2, 2, 3), any(3, 3, 2)),
      { ...call(any(2, 3), ids(2, 3, 2)), error: DTypeError, message: /one dtype/ },
    ],
  },
  linear: {
    samples: [
      affine({ extras: ["bias"] }, any(2, 3), any(4, 3), any(4)),
      affine({}, any(2, 3), any(4, 3)),
      affine({ extras: ["bias"] }, any(1, 1), any(1, 1), any(1)),
      affine({ extras: ["bias"] }, any(0, 3), any(2, 3), any(2)),
      affine({ extras: ["bias"] }, any(3, 0), any(2, 0), any(2)),
      affine({ extras: ["bias"] }, small(33, 70), small(17, 70), small(17)),
      affine({ extras: ["bias"] }, small(1, 300), small(50, 300), small(50)),
      affine({ extras: ["residual"] }, any(2, 3), any(4, 3), any(2, 4)),
      affine({ extras: ["bias", "residual"] }, small(23, 70), small(35, 70), small(35), small(23, 35)),
      affine({ extras: ["bias", "residual"] }, small(3, 9), small(2, 9), small(2), small(3, 2)),
      ...activations.flatMap((activation) => [
        affine({ activation, keeps: true, extras: ["bias", "residual"] }, any(2, 3), any(4, 3), any(4), any(2, 4)),
        affine({ activation, keeps: true }, small(13, 33), small(18, 33)),
        { ...affine({ activation, extras: ["bias"] }, any(2, 3), any(3, 3), any(3)), gradient: "none" as const },
      ]),
      affine({ activation: "gelu", extras: ["residual"], keeps: true }, any(0, 3), any(2, 3), any(0, 2)),
      affine({ activation: "gelu", extras: ["bias"], keeps: true }, any(3, 0), any(2, 0), any(2)),
    ],
    dtypes: [...floats, "float16", "bfloat16"],
    reference: ([x, weight, ...extras], attrs) => {
      const [bias, residual] = (["bias", "residual"] as const).map((name) => extras[attrs.extras.indexOf(name)]);
      const shape = [x!.shape[0]!, weight!.shape[0]!];
      const transposed = NdArray.from([...weight!.shape].reverse(), ([i, o]) => weight!.at(o!, i!));
      const sums = NdArray.from(shape, ([row, out]) => product(x!, transposed, [row!, out!]) + (bias?.at(out!) ?? 0));
      const act = attrs.activation === undefined ? (sum: number) => sum : functions[attrs.activation];
      const result = NdArray.from(shape, (index) => act(sums.at(...index)) + (residual?.at(...index) ?? 0));
      return attrs.keeps ? [result, sums] : [result];
    },
    refuses: [
      { ...refuse(/input of 3 features/, any(2, 3), any(4, 2)), attrs: plain },
      { ...refuse(/bias \[3\] does not fit 4/, any(2, 3), any(4, 3), any(3)), attrs: { ...plain, extras: ["bias"] } },
      {
        ...refuse(/residual \[4\] does not fit a result of \[2, 4\]/, any(2, 3), any(4, 3), any(4)),
        attrs: { ...plain, extras: ["residual"] },
      },
      { ...affine({}, any(2, 3), ids(2, 4, 3)), error: DTypeError, message: /one dtype/ },
    ],
  },
};
