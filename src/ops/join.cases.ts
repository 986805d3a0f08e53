// Parts into wholes.

import { any, type CasesOf, type Input, NdArray, numbers, type Sample } from "../../test/cases.ts";
import type { DType } from "../base/dtype.ts";
import { ShapeError } from "../base/errors.ts";
import type { Padding } from "./join.ts";

const all: readonly DType[] = [...numbers, "bool"];
const joined = (dim: number, ...inputs: Input[]): Sample<number> => ({ inputs, attrs: dim });
const padded = (input: Input, before: readonly number[], after: readonly number[]): Sample<Padding> => ({
  inputs: [input],
  attrs: { before, after, value: 1 },
});
const flipped = (input: Input, ...dims: number[]): Sample<readonly number[]> => ({ inputs: [input], attrs: dims });

export const cases: CasesOf<typeof import("./join.ts")> = {
  cat: {
    samples: [
      joined(0, any(2, 3), any(1, 3)),
      joined(1, any(2, 3), any(2, 0), any(2, 17)),
      joined(1, any(2, 1, 2), any(2, 3, 2)),
      joined(0, any(4)),
    ],
    dtypes: all,
    reference(inputs, dim) {
      const slices = inputs.flatMap((x) => Array.from({ length: x.shape[dim]! }, (_, i) => ({ x, i })));
      const shape = inputs[0]!.shape.map((size, d) => (d === dim ? slices.length : size));
      return NdArray.from(shape, (index) => {
        const { x, i } = slices[index[dim]!]!;
        return x.at(...index.map((at, d) => (d === dim ? i : at)));
      });
    },
    refuses: [{ ...joined(0, any(2, 3), any(2, 4)), error: ShapeError, message: /do not join/ }],
  },
  pad: {
    samples: [
      padded(any(2, 3), [0, 1], [0, 2]),
      padded(any(2, 3), [1, 0], [0, 0]),
      padded(any(2, 5), [0, -1], [0, -2]),
      padded(any(3), [-1], [4]),
      padded(any(2, 2), [0, -2], [1, 0]),
    ],
    dtypes: all,
    reference([x], { before, after, value }) {
      const shape = x!.shape.map((size, d) => size + before[d]! + after[d]!);
      return NdArray.from(shape, (index) => {
        const from = index.map((i, d) => i - before[d]!);
        return from.every((i, d) => i >= 0 && i < x!.shape[d]!) ? x!.at(...from) : value;
      });
    },
  },
  flip: {
    samples: [
      flipped(any(5), 0),
      flipped(any(2, 3, 4), 1),
      flipped(any(2, 3, 4), 0, 2),
      flipped(any(2, 0), 1),
      flipped(any(2, 3)),
    ],
    dtypes: all,
    reference: ([x], dims) =>
      NdArray.from(x!.shape, (index) => x!.at(...index.map((i, d) => (dims.includes(d) ? x!.shape[d]! - 1 - i : i)))),
  },
};
