import { any, type CasesOf, floats, type Input, ids, NdArray, positive, type Sample } from "../../test/cases.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import type { BatchNormAttrs } from "./batch-norm.ts";

const parts = ["none", "weight", "both"] as const;
const own = (eps: number, x: Input, ...affine: Input[]): Sample<BatchNormAttrs> => {
  return { inputs: [x, ...affine], attrs: { eps, affine: parts[affine.length]!, given: false } };
};
/** With running statistics, which have no gradient. */
const given = (eps: number, x: Input, ...affine: Input[]): Sample<BatchNormAttrs> => {
  const C = x.shape[1]!;
  const statistics: Input[] = [
    { ...any(C), fixed: true },
    { ...positive(C), fixed: true },
  ];
  return { inputs: [x, ...statistics, ...affine], attrs: { eps, affine: parts[affine.length]!, given: true } };
};

export const cases: CasesOf<typeof import("./batch-norm.ts")> = {
  batchNorm: {
    samples: [
      own(1e-5, any(2, 3, 4)),
      own(0.1, any(1, 2, 5), any(2)),
      own(1e-5, any(3, 2, 2), any(2), any(2)),
      own(1e-5, any(5, 3, 37), any(3), any(3)),
      own(1e-5, any(0, 3, 4), any(3), any(3)),
      given(1e-5, any(2, 3, 4)),
      given(0.1, any(2, 3, 1), any(3), any(3)),
      given(1e-5, any(2, 3, 41), any(3)),
    ],
    dtypes: floats,
    reference(inputs, { eps, given: running }) {
      const x = inputs[0]!;
      const [N, , L] = x.shape as [number, number, number]; // as in the samples
      const [weight, bias] = inputs.slice(running ? 3 : 1);
      return NdArray.from(x.shape, ([n, c, l]) => {
        const all = Array.from({ length: N * L }, (_, i) => x.at(Math.floor(i / L), c!, i % L));
        const mean = running ? inputs[1]!.at(c!) : all.reduce((a, b) => a + b, 0) / all.length;
        const own = all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length;
        const variance = running ? inputs[2]!.at(c!) : own;
        return ((x.at(n!, c!, l!) - mean) / Math.sqrt(variance + eps)) * (weight?.at(c!) ?? 1) + (bias?.at(c!) ?? 0);
      });
    },
    refuses: [
      { ...own(1e-5, any(2, 3, 4), any(2)), error: ShapeError, message: /batchNorm: .* does not fit/ },
      { ...own(1e-5, ids(2, 2, 3, 4)), error: DTypeError, message: /float32 or float64/ },
    ],
  },
};
