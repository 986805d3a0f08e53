// What the cases of an operator say (`*.cases.ts` beside the operators in src/ops/), and the arrays of plain numbers that
// their references are written with. `contract.ts` runs them.

import type { DType } from "../src/base/dtype.ts";
import type { KindlingError } from "../src/base/errors.ts";
import { broadcastShapes, contiguousStrides, numel } from "../src/base/shape.ts";
import type { Op } from "../src/ops/op.ts";
import type { Operands } from "../src/ops/pointwise.ts";

/** Numbers in row-major order under a shape. */
export class NdArray {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly #strides: readonly number[];

  constructor(shape: readonly number[], data: readonly number[]) {
    this.shape = shape;
    this.data = data;
    this.#strides = contiguousStrides(shape);
  }

  /** `value` of every index. */
  static from(shape: readonly number[], value: (index: readonly number[]) => number): NdArray {
    const data = Array.from({ length: numel(shape) }, (_, i) => value(indexOf(shape, i)));
    return new NdArray(shape, data);
  }

  /** The element at an index, of which sizes of 1 and missing leading dimensions take no notice. */
  at(...index: readonly number[]): number {
    const lead = index.length - this.shape.length;
    return this.data[
      this.shape.reduce((at, size, d) => at + (size === 1 ? 0 : index[d + lead]! * this.#strides[d]!), 0)
    ]!;
  }
}

function indexOf(shape: readonly number[], at: number): number[] {
  const index = new Array<number>(shape.length);
  for (let d = shape.length - 1; d >= 0; d--) {
    index[d] = at % shape[d]!;
    at = Math.floor(at / shape[d]!);
  }
  return index;
}

/** Where values are drawn from: not near 0 ("any"), from 0.2 to 3 ("positive"), within ±0.9 ("small"), in a range, whole and below a size ("ids"). */
export type Domain =
  | "any"
  | "positive"
  | "small"
  | { readonly from: number; readonly to: number }
  | { readonly ids: number }
  | { readonly values: readonly number[] };

export interface Input {
  readonly shape: readonly number[];
  readonly domain: Domain;
  /** Fixed; otherwise the dtype that is being tested. */
  readonly dtype?: DType;
  /** Has no gradient, though it is a float. */
  readonly fixed?: true;
}

export const any = (...shape: number[]): Input => ({ shape, domain: "any" });
export const positive = (...shape: number[]): Input => ({ shape, domain: "positive" });
export const small = (...shape: number[]): Input => ({ shape, domain: "small" });
export const bools = (...shape: number[]): Input => ({ shape, domain: { ids: 2 }, dtype: "bool" });
/** Indices below `size`, int32. */
export const ids = (size: number, ...shape: number[]): Input => ({ shape, domain: { ids: size }, dtype: "int32" });
/** These numbers, in one dimension. */
export const given = (values: readonly number[], dtype?: DType): Input => ({
  shape: [values.length],
  domain: { values },
  ...(dtype === undefined ? {} : { dtype }),
});

export interface Sample<A> {
  readonly inputs: readonly Input[];
  readonly attrs: A;
  /** Which gradients to look at: the value has a kink here ("none"), or its gradient has ("first"). By default both. */
  readonly gradient?: "none" | "first";
}

/** A call that is an error, before anything is allocated. */
export interface Refusal<A> extends Sample<A> {
  readonly error: new (...args: never[]) => KindlingError;
  readonly message: RegExp;
}

export interface OpCases<A> {
  readonly samples: readonly Sample<A>[];
  /** The meaning, in float64: outputs from inputs, of which trailing ones may be left out. */
  readonly reference: (inputs: readonly NdArray[], attrs: A) => NdArray | readonly NdArray[];
  /** What the samples run in. */
  readonly dtypes: readonly DType[];
  readonly refuses?: readonly Refusal<A>[];
  /** Inputs whose memory the operator writes over. */
  readonly consumes?: readonly number[];
  /** How many of the outputs take gradients; the first alone if left out. */
  readonly results?: (attrs: A) => number;
  /** Of element-by-element operators: numbers to try in every combination, as the edges of their formulas. */
  readonly specials?: readonly number[];
}

type AttrsOf<O> = O extends Op<infer A> ? A : never;
/** Cases for every operator that a module exports. */
export type CasesOf<M> = {
  readonly [K in keyof M as M[K] extends { readonly infer: unknown; readonly run: unknown } ? K : never]: OpCases<
    AttrsOf<M[K]>
  >;
};

export const floats: readonly DType[] = ["float32", "float64"];
export const halves: readonly DType[] = [...floats, "float16", "bfloat16"];
export const integers: readonly DType[] = ["int32", "int64", "int16", "int8", "uint8"];
export const numbers: readonly DType[] = [...halves, ...integers];

/** The meaning of one element; true and false count as 1 and 0. */
type Scalar = (...operands: number[]) => number | boolean;

interface PointwiseOptions {
  readonly dtypes?: readonly DType[];
  /** Of all operands, or of each. */
  readonly domain?: Domain | readonly Domain[];
  /** Which operands are numbers, for each way of calling it; by default none, and of two also one or the other. */
  readonly calls?: readonly Operands[];
  /** The first operand is a bool. */
  readonly condition?: boolean;
  readonly specials?: readonly number[];
}

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
const edges = [0, -0, 1, -1, 2.5, -2.5, 100, -100, nan, inf, -inf, 1e-30, -1e-30, 1e-41, 1e30, -1e30, 3e38];
/** For three operands and more, whose products must not overflow in one order of evaluation alone. */
const fewEdges = [0, 1, -2.5, nan, inf, -inf];

/** Cases of an element-by-element operator: equal shapes, broadcast, without dimensions, without elements, and long ones. */
export function pointwise(of: Scalar, options: PointwiseOptions = {}): OpCases<Operands> {
  const arity = of.length;
  const all: Operands = new Array<undefined>(arity).fill(undefined);
  const either: readonly Operands[] = [all, [undefined, 2], [3, undefined]];
  const { dtypes = halves, condition = false, calls = arity === 2 ? either : [all], specials } = options;
  const shapes: readonly (readonly number[])[][] = [
    [
      [2, 3],
      [2, 3],
      [2, 3],
    ],
    [[2, 1, 3], [2, 1], [3]],
    [[], [2], [1]],
    [[2, 0], [1], [2, 0]],
    [[37], [37], [1]],
  ];
  const domainOf = (position: number): Domain => {
    const { domain = "any" } = options;
    return Array.isArray(domain) ? (domain as readonly Domain[])[position]! : (domain as Domain); // isArray does not narrow
  };
  const samples = calls.flatMap((attrs) =>
    shapes.map((sizes) => {
      const tensors = attrs.flatMap((number, i) => (number === undefined ? [i] : []));
      const inputs = tensors.map((position, i): Input => {
        return condition && position === 0 ? bools(...sizes[i]!) : { shape: sizes[i]!, domain: domainOf(position) };
      });
      return { inputs, attrs };
    }),
  );
  const reference = (inputs: readonly NdArray[], attrs: Operands): NdArray => elementwise(of, inputs, attrs);
  return { samples, dtypes, reference, specials: specials ?? (arity > 2 ? fewEdges : edges) };
}

function elementwise(of: Scalar, inputs: readonly NdArray[], attrs: Operands): NdArray {
  const shape = inputs.map((x) => x.shape).reduce((a, b) => broadcastShapes("reference", a, b));
  return NdArray.from(shape, (index) => {
    let next = 0;
    return Number(of(...attrs.map((number) => number ?? inputs[next++]!.at(...index))));
  });
}
