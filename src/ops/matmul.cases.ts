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

const call = (...inputs: Input[]): Sample<undefined> => ({ inputs, attrs: undefined });
const refuse = (message: RegExp, ...inputs: Input[]): Refusal<undefined> => ({
  inputs,
  attrs: undefined,
  error: ShapeError,
  message,
});

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
    dtypes: [...floats, "int32"],
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
      call(any(2, 3), any(4, 3), any(4)),
      call(any(2, 3), any(4, 3)),
      call(any(1, 1), any(1, 1), any(1)),
      call(any(0, 3), any(2, 3), any(2)),
      call(any(3, 0), any(2, 0), any(2)),
      call(small(33, 70), small(17, 70), small(17)),
      call(small(1, 300), small(50, 300), small(50)),
    ],
    dtypes: floats,
    reference: ([x, weight, bias]) =>
      NdArray.from([x!.shape[0]!, weight!.shape[0]!], ([row, out]) => {
        const transposed = NdArray.from([...weight!.shape].reverse(), ([i, o]) => weight!.at(o!, i!));
        return product(x!, transposed, [row!, out!]) + (bias?.at(out!) ?? 0);
      }),
    refuses: [
      refuse(/input of 3 features/, any(2, 3), any(4, 2)),
      refuse(/bias \[3\] does not fit 4/, any(2, 3), any(4, 3), any(3)),
      { ...call(any(2, 3), ids(2, 4, 3)), error: DTypeError, message: /one dtype/ },
    ],
  },
};
