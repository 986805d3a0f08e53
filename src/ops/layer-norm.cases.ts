import { any, type CasesOf, floats, type Input, ids, NdArray, type Sample } from "../../test/cases.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import type { NormAttrs, RmsNormAttrs } from "./layer-norm.ts";

const call = (eps: number, x: Input, ...affine: Input[]): Sample<NormAttrs> => {
  return { inputs: [x, ...affine], attrs: { eps, affine: (["none", "weight", "both"] as const)[affine.length]! } };
};

const rms = (eps: number, ...inputs: Input[]): Sample<RmsNormAttrs> => ({ inputs, attrs: { eps } });

function normed([x, weight, bias]: readonly NdArray[], { eps }: NormAttrs): NdArray {
  const C = x!.shape[1]!;
  return NdArray.from(x!.shape, ([r, c]) => {
    const row = Array.from({ length: C }, (_, i) => x!.at(r!, i));
    const mean = row.reduce((a, b) => a + b, 0) / C;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / C;
    return ((x!.at(r!, c!) - mean) / Math.sqrt(variance + eps)) * (weight?.at(c!) ?? 1) + (bias?.at(c!) ?? 0);
  });
}
function rmsNormed([x, weight]: readonly NdArray[], { eps }: RmsNormAttrs): NdArray {
  const C = x!.shape.at(-1)!;
  return NdArray.from(x!.shape, (index) => {
    const squares = Array.from({ length: C }, (_, i) => x!.at(...index.slice(0, -1), i) ** 2);
    const mean = squares.reduce((a, b) => a + b, 0) / C;
    return (x!.at(...index) / Math.sqrt(mean + eps)) * (weight?.at(index.at(-1)!) ?? 1);
  });
}
const sumOf = (x: NdArray, y: NdArray): NdArray =>
  new NdArray(
    x.shape,
    x.data.map((v, i) => v + y.data[i]!),
  );
const added = (eps: number, x: Input, ...affine: Input[]): Sample<NormAttrs> => {
  const { attrs, inputs } = call(eps, x, ...affine);
  return { attrs, inputs: [x, ...inputs] };
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
    reference: (inputs, attrs) => normed(inputs, attrs),
    refuses: [
      { ...call(1e-5, any(2, 3), any(2)), error: ShapeError, message: /does not fit rows of 3/ },
      { ...call(1e-5, ids(2, 2, 3)), error: DTypeError, message: /float32 or float64/ },
    ],
  },
  rmsNorm: {
    samples: [
      rms(1e-5, any(2, 5)),
      rms(0.1, any(2, 2, 3), any(3)),
      rms(1e-6, any(3, 1), any(1)),
      rms(1e-5, any(0, 3), any(3)),
      rms(1e-6, any(40, 37), any(37)),
    ],
    dtypes: floats,
    reference: (inputs, attrs) => rmsNormed(inputs, attrs),
    refuses: [
      { ...rms(1e-5, any(2, 3), any(2)), error: ShapeError, message: /rmsNorm: .* does not fit rows of 3/ },
      { ...rms(1e-5, ids(2, 2, 3)), error: DTypeError, message: /float32 or float64/ },
    ],
  },
  addLayerNorm: {
    samples: [
      added(1e-5, any(2, 5)),
      added(0.1, any(2, 3), any(3)),
      added(1e-5, any(2, 5), any(5), any(5)),
      added(1e-5, any(0, 3), any(3), any(3)),
      added(1e-12, any(40, 37), any(37), any(37)),
    ],
    dtypes: floats,
    results: () => 2,
    reference([x, residual, ...affine], attrs) {
      const sum = sumOf(x!, residual!);
      return [normed([sum, ...affine], attrs), sum];
    },
    refuses: [
      { ...added(1e-5, any(2, 3), any(2)), error: ShapeError, message: /addLayerNorm: .* does not fit rows of 3/ },
      {
        inputs: [any(2, 3), any(3, 2)],
        attrs: { eps: 1e-5, affine: "none" },
        error: ShapeError,
        message: /addLayerNorm: x float32.*2, 3. and residual float32.*3, 2. differ/,
      },
      { ...added(1e-5, ids(2, 2, 3)), error: DTypeError, message: /float32 or float64/ },
    ],
  },
  addRmsNorm: {
    samples: [
      rms(1e-5, any(2, 5), any(2, 5)),
      rms(0.1, any(2, 2, 3), any(2, 2, 3), any(3)),
      rms(1e-5, any(0, 3), any(0, 3), any(3)),
      rms(1e-6, any(40, 37), any(40, 37), any(37)),
    ],
    dtypes: floats,
    results: () => 2,
    reference([x, residual, ...weight], attrs) {
      const sum = sumOf(x!, residual!);
      return [rmsNormed([sum, ...weight], attrs), sum];
    },
    refuses: [
      {
        ...rms(1e-5, any(2, 3), any(2, 3), any(2)),
        error: ShapeError,
        message: /addRmsNorm: .* does not fit rows of 3/,
      },
      { ...rms(1e-5, any(2, 3), any(3)), error: ShapeError, message: /addRmsNorm: .* differ/ },
    ],
  },
};
