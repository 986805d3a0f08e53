// Reductions: over one dimension, several, all and none of them; first, middle and last; of rows longer than the kernels' chunks.

import {
  any,
  type CasesOf,
  floats,
  given,
  type Input,
  integers,
  NdArray,
  numbers,
  type OpCases,
  type Refusal,
  type Sample,
  small,
} from "../../test/cases.ts";
import type { DType } from "../base/dtype.ts";
import { ShapeError } from "../base/errors.ts";
import type { CumulateAttrs, ReduceAttrs } from "./reduce.ts";

const sample = (input: Input, dims: readonly number[], keepdim = false): Sample<ReduceAttrs> => ({
  inputs: [input],
  attrs: { dims, keepdim },
});

function samplesOf(make: (...shape: number[]) => Input): readonly Sample<ReduceAttrs>[] {
  return [
    sample(make(), []),
    sample(make(5), [0]),
    sample(make(2, 3, 4), [0]),
    sample(make(2, 3, 4), [1], true),
    sample(make(2, 3, 4), [2]),
    sample(make(2, 3, 4), [0, 2], true),
    sample(make(2, 3, 4), [0, 1, 2]),
    sample(make(3, 0), [0]),
    sample(make(2, 70), [1]),
    sample(make(70, 21), [0]),
    sample(make(3, 5, 37), [1]),
  ];
}
/** Beyond one chunk: rows, and columns. */
const long: readonly Sample<ReduceAttrs>[] = [sample(small(2, 20000), [1]), sample(small(2, 1100, 19), [1], true)];
const empty: readonly Sample<ReduceAttrs>[] = [sample(any(2, 0), [1]), sample(any(0), [0])];

/** What comes of the numbers along the dimensions. */
function over(
  [x]: readonly NdArray[],
  { dims, keepdim }: ReduceAttrs,
  value: (list: readonly number[]) => number,
): NdArray {
  const kept = x!.shape.map((size, d) => (dims.includes(d) ? 1 : size));
  const red = dims.map((d) => x!.shape[d]!);
  const whole = NdArray.from(kept, (index) => {
    const list = NdArray.from(red, (at) =>
      x!.at(...index.map((i, d) => (dims.includes(d) ? at[dims.indexOf(d)]! : i))),
    );
    return value(list.data);
  });
  return keepdim
    ? whole
    : new NdArray(
        kept.filter((_, d) => !dims.includes(d)),
        whole.data,
      );
}

const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);
const largest = (list: readonly number[]): number => list.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
const smallest = (list: readonly number[]): number => list.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);

function reduction(
  value: (list: readonly number[]) => number,
  rest: Partial<OpCases<ReduceAttrs>> = {},
): OpCases<ReduceAttrs> {
  return { samples: samplesOf(any), dtypes: floats, reference: (inputs, attrs) => over(inputs, attrs, value), ...rest };
}

const refusesEmpty: readonly Refusal<ReduceAttrs>[] = empty.map((s) => ({
  ...s,
  error: ShapeError,
  message: /no elements/,
}));
const ties: readonly Sample<ReduceAttrs>[] = [
  { ...sample(given([1, 3, 3, 2, 1]), [0]), gradient: "first" },
  sample(given([Number.NaN, 1, Number.NaN], "float32"), [0]),
];
const reduced: readonly DType[] = [...floats, "int32", "int64", "uint8", "bool"];
const extremum = (value: typeof largest): OpCases<ReduceAttrs> =>
  reduction(value, {
    samples: [...samplesOf(any), ...long, ...ties],
    dtypes: reduced,
    refuses: refusesEmpty,
  });

const placedTies = ties.map((s): Sample<ReduceAttrs> => ({ ...s, gradient: "none" })); // the first has it all

/** The first place at which the value stands; a NaN wins. */
function placed(better: (a: number, b: number) => boolean): OpCases<ReduceAttrs> {
  const place = (list: readonly number[]): number =>
    list.reduce(
      (best, x, i) => (!Number.isNaN(list[best]!) && (Number.isNaN(x) || better(x, list[best]!)) ? i : best),
      0,
    );
  return {
    samples: [...samplesOf(any).filter((s) => s.attrs.dims.length === 1), ...long, ...placedTies, sample(any(), [0])],
    dtypes: [...numbers, "bool"],
    reference: ([x], attrs) => {
      const flat = x!.shape.length === 0 ? new NdArray([1], x!.data) : x!;
      return [over([flat], attrs, (list) => list[place(list)]!), over([flat], attrs, place)];
    },
  };
}

const running = (dim: number, reverse: boolean, ...shape: number[]): Sample<CumulateAttrs> => ({
  inputs: [any(...shape)],
  attrs: { dim, reverse },
});

export const cases: CasesOf<typeof import("./reduce.ts")> = {
  sum: reduction(total, { samples: [...samplesOf(any), ...long, ...empty] }),
  mean: reduction((list) => total(list) / list.length, { samples: [...samplesOf(any), ...long, ...empty] }),
  amax: extremum(largest),
  amin: extremum(smallest),
  prod: reduction(product, {
    samples: [...samplesOf(small), ...empty, sample(given([2, 0, 3]), [0]), sample(given([0, 2, 0]), [0])],
  }),
  any: reduction((list) => Number(list.some((x) => x !== 0)), {
    samples: [...samplesOf(any), ...long, ...empty],
    dtypes: ["bool"],
  }),
  all: reduction((list) => Number(list.every((x) => x !== 0)), {
    samples: [...samplesOf(any), ...long, ...empty],
    dtypes: ["bool"],
  }),
  norm2: reduction((list) => Math.hypot(...list), { samples: [...samplesOf(any), ...empty] }),
  maxDim: placed((a, b) => a > b),
  minDim: placed((a, b) => a < b),
  cumsum: {
    samples: [
      running(0, false, 5),
      running(1, false, 2, 3, 4),
      running(0, true, 3, 2),
      running(2, true, 2, 3, 4),
      running(1, false, 2, 0),
      running(1, true, 2, 5, 71), // more columns than a task takes
      running(0, false, 33, 131),
      running(0, false),
    ],
    dtypes: [...floats, "int64", ...integers.filter((d) => d === "int32")],
    reference: ([x], { dim, reverse }) =>
      NdArray.from(x!.shape, (index) => {
        const size = x!.shape[dim] ?? 1;
        const steps = Array.from({ length: size }, (_, i) => i).filter((i) =>
          reverse ? i >= (index[dim] ?? 0) : i <= (index[dim] ?? 0),
        );
        return total(steps.map((i) => x!.at(...index.map((at, d) => (d === dim ? i : at)))));
      }),
  },
};
