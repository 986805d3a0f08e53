// Reading and adding at indices, those that come twice included.

import {
  any,
  type CasesOf,
  floats,
  given,
  type Input,
  ids,
  NdArray,
  numbers,
  type Refusal,
  type Sample,
} from "../../test/cases.ts";
import type { DType } from "../base/dtype.ts";
import { DTypeError, IndexError, type KindlingError, ShapeError } from "../base/errors.ts";

const all: readonly DType[] = [...numbers, "bool"];
const call = <A>(attrs: A, ...inputs: Input[]): Sample<A> => ({ inputs, attrs });
const refuse = <A>(
  error: new (...args: never[]) => KindlingError,
  message: RegExp,
  { inputs, attrs }: Sample<A>,
): Refusal<A> => {
  return { inputs, attrs, error, message };
};
const replaced = (index: readonly number[], dim: number, value: number): number[] =>
  index.map((i, d) => (d === dim ? value : i));

/** `x` with `source` added where `place` of its indices says. */
function added(
  x: NdArray,
  source: NdArray,
  walked: readonly number[],
  place: (index: readonly number[]) => number[],
): NdArray {
  const sums = new Map<string, number>();
  NdArray.from(walked, (index) => {
    const at = place(index).join();
    sums.set(at, (sums.get(at) ?? 0) + source.at(...index));
    return 0;
  });
  return NdArray.from(x.shape, (index) => x.at(...index) + (sums.get(index.join()) ?? 0));
}

export const cases: CasesOf<typeof import("./gather.ts")> = {
  indexSelect: {
    samples: [
      call(0, any(4, 3), ids(4, 6)),
      call(1, any(2, 5, 3), ids(5, 4)),
      call(2, any(2, 2, 3), ids(3, 2)),
      call(0, any(3, 2), ids(3, 0)),
      call(0, any(9, 40), ids(9, 30)),
    ],
    dtypes: all,
    reference: ([x, index], dim) => {
      const shape = x!.shape.map((size, d) => (d === dim ? index!.data.length : size));
      return NdArray.from(shape, (at) => x!.at(...replaced(at, dim, index!.data[at[dim]!]!)));
    },
    refuses: [
      refuse(IndexError, /index 4/, call(0, any(4, 3), given([0, 4], "int32"))),
      refuse(IndexError, /index -1/, call(0, any(4, 3), given([-1], "int32"))),
      refuse(DTypeError, /int32/, call(0, any(4, 3), any(2))),
      refuse(ShapeError, /1 dimension/, call(0, any(4, 3), ids(4, 2, 2))),
    ],
  },
  indexAdd: {
    samples: [
      call(0, any(4, 3), ids(4, 6), any(6, 3)),
      call(1, any(2, 5, 3), ids(5, 4), any(2, 4, 3)),
      call(0, any(5), ids(5, 9), any(9)),
      call(0, any(3, 2), ids(3, 0), any(0, 2)),
      call(0, any(4, 300), ids(4, 50), any(50, 300)),
    ],
    dtypes: [...floats, "int32", "int64"],
    reference: ([x, index, source], dim) =>
      added(x!, source!, source!.shape, (at) => replaced(at, dim, index!.data[at[dim]!]!)),
    refuses: [
      refuse(IndexError, /index 4/, call(0, any(4, 3), given([0, 4], "int32"), any(2, 3))),
      refuse(ShapeError, /does not fit/, call(0, any(4, 3), ids(4, 2), any(3, 3))),
      refuse(DTypeError, /source of int32/, call(0, any(4), ids(4, 2), given([1, 2], "int32"))),
    ],
  },
  embedding: {
    samples: [
      call({ paddingIdx: undefined }, any(4, 3), ids(4, 2, 3)),
      call({ paddingIdx: undefined }, any(4, 3), ids(4)),
      call({ paddingIdx: undefined }, any(20, 33), ids(20, 7, 9)),
      call({ paddingIdx: undefined }, any(4, 3), ids(4, 0, 2)),
    ],
    dtypes: floats,
    reference: ([weight, index]) =>
      NdArray.from([...index!.shape, weight!.shape[1]!], (at) => weight!.at(index!.at(...at.slice(0, -1)), at.at(-1)!)),
    refuses: [
      refuse(IndexError, /index 4/, call({ paddingIdx: undefined }, any(4, 3), given([4], "int32"))),
      refuse(ShapeError, /\[V, D\]/, call({ paddingIdx: undefined }, any(4), ids(4, 2))),
    ],
  },
  gather: {
    samples: [
      call(1, any(3, 4), ids(4, 3, 2)),
      call(0, any(3, 4), ids(3, 1, 3)),
      call(2, any(2, 2, 3), ids(3, 2, 2, 5)),
      call(0, any(4), ids(4, 0)),
      call(1, any(3, 4), ids(4, 3, 9)),
      call(1, any(2, 3, 5), ids(3, 2, 4, 5)),
    ],
    dtypes: all,
    reference: ([x, index], dim) => NdArray.from(index!.shape, (at) => x!.at(...replaced(at, dim, index!.at(...at)))),
    refuses: [
      refuse(IndexError, /index 4/, call(0, any(4), given([4], "int32"))),
      refuse(ShapeError, /no larger sizes/, call(1, any(3, 4), ids(4, 4, 2))),
      refuse(DTypeError, /int32/, call(0, any(4), any(2))),
    ],
  },
  scatterAdd: {
    samples: [
      call(1, any(3, 4), ids(4, 2, 3), any(2, 3)),
      call(0, any(3, 2), ids(3, 4, 2), any(5, 2)),
      call(0, any(4), ids(4, 0), any(3)),
      call(1, any(3, 4), ids(4, 3, 9), any(3, 9)),
      call(0, any(3, 5), ids(3, 7, 5), any(7, 5)),
    ],
    dtypes: [...floats, "int32", "int64"],
    reference: ([x, index, source], dim) =>
      added(x!, source!, index!.shape, (at) => replaced(at, dim, index!.at(...at))),
    refuses: [
      refuse(IndexError, /index 4/, call(0, any(4), given([4], "int32"), any(1))),
      refuse(ShapeError, /smaller than the index/, call(0, any(4), ids(4, 3), any(2))),
      refuse(DTypeError, /source of int32/, call(0, any(4), ids(4, 2), given([1, 2], "int32"))),
    ],
  },
};
