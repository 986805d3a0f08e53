import { any, type CasesOf, floats, given, type Input, ids, NdArray, type OpCases } from "../../test/cases.ts";
import { DTypeError } from "../base/errors.ts";

function overRows(value: (x: number, row: readonly number[]) => number): OpCases<undefined> {
  const inputs: Input[] = [
    any(),
    any(5),
    any(2, 3),
    any(2, 2, 3),
    any(3, 37),
    any(2, 0),
    any(0, 3),
    any(3, 300),
    given([1000, 1001, -1000]),
    given([0, Number.NEGATIVE_INFINITY, 0]),
  ];
  return {
    samples: inputs.map((input) => ({ inputs: [input], attrs: undefined })),
    dtypes: floats,
    reference([x]) {
      if (x!.shape.length === 0) return new NdArray([], [value(x!.data[0]!, x!.data)]);
      const C = x!.shape.at(-1)!;
      return NdArray.from(x!.shape, (index) => {
        const row = Array.from({ length: C }, (_, i) => x!.at(...index.slice(0, -1), i));
        return value(x!.at(...index), row);
      });
    },
    refuses: [{ inputs: [ids(3, 2)], attrs: undefined, error: DTypeError, message: /float32 or float64/ }],
  };
}

/** `log Σ e^x`, without overflow. */
function logSumExp(row: readonly number[]): number {
  const peak = Math.max(...row);
  return peak + Math.log(row.reduce((sum, x) => sum + Math.exp(x - peak), 0));
}

export const cases: CasesOf<typeof import("./softmax.ts")> = {
  softmax: overRows((x, row) => Math.exp(x - logSumExp(row))),
  logSoftmax: overRows((x, row) => x - logSumExp(row)),
};
