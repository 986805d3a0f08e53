import { any, type CasesOf, floats, type Input, ids, NdArray, type Sample } from "../../test/cases.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import type { NormAttrs } from "./layer-norm.ts";

const call = (eps: number, x: Input, ...affine: Input[]): Sample<NormAttrs> => {
  return { inputs: [x, ...affine], attrs: { eps, affine: (["none", "weight", "both"] as const)[affine.length]! } };
};

export const cases: CasesOf<typeof import("./layer-norm.ts")> = {
  layerNorm: {
    samples: [
      call(1e-5, any(2, 5)),
      call(0.1, any(2, 3), any(3)),
      call(1e-5, any(2, 5), any(5), any(5)),
      call(0.1, any(3, 1), any(1), any(1)),
      call(1e-5, any(0, 3), any(3), any(3)),
      call(1e-12, any(40, 37), any(37), any(37)),
    ],
    dtypes: floats,
    reference([x, weight, bias], { eps }) {
      const C = x!.shape[1]!;
      return NdArray.from(x!.shape, ([r, c]) => {
        const row = Array.from({ length: C }, (_, i) => x!.at(r!, i));
        const mean = row.reduce((a, b) => a + b, 0) / C;
        const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / C;
        return ((x!.at(r!, c!) - mean) / Math.sqrt(variance + eps)) * (weight?.at(c!) ?? 1) + (bias?.at(c!) ?? 0);
      });
    },
    refuses: [
      { ...call(1e-5, any(2, 3), any(2)), error: ShapeError, message: /does not fit rows of 3/ },
      { ...call(1e-5, ids(2, 2, 3)), error: DTypeError, message: /float32 or float64/ },
    ],
  },
};
