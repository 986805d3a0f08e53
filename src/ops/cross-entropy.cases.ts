import { any, type CasesOf, floats, given, type Input, ids, NdArray, positive, type Sample } from "../../test/cases.ts";
import { DTypeError, IndexError, ShapeError } from "../base/errors.ts";
import type { CrossEntropyAttrs } from "./cross-entropy.ts";

const call = (labelSmoothing: number, ...inputs: Input[]): Sample<CrossEntropyAttrs> => ({
  inputs,
  attrs: { ignoreIndex: -100, labelSmoothing },
});

export const cases: CasesOf<typeof import("./cross-entropy.ts")> = {
  crossEntropy: {
    samples: [
      call(0, any(3, 4), ids(4, 3)),
      call(0, any(3, 4), given([1, -100, 3], "int32")),
      call(0.1, any(3, 4), given([1, -100, 3], "int32")),
      call(0.2, any(2, 3), ids(3, 2), { ...positive(3), fixed: true }),
      call(0, any(0, 4), ids(4, 0)),
      call(0.1, any(9, 300), ids(300, 9)),
    ],
    dtypes: floats,
    // loss = -(1 - ε) w[y] log p[y] - ε/V Σ w log p; the row's weight is w[y]
    reference([logits, targets, weight], { ignoreIndex, labelSmoothing }) {
      const [rows, V] = logits!.shape as [number, number];
      const w = (c: number): number => weight?.at(c) ?? 1;
      const logSumExp = (r: number): number =>
        Math.log(Array.from({ length: V }, (_, c) => Math.exp(logits!.at(r, c))).reduce((a, b) => a + b, 0));
      const learnt = (r: number): boolean => targets!.at(r) !== ignoreIndex;
      const loss = NdArray.from([rows], ([r]) => {
        if (!learnt(r!)) return 0;
        const y = targets!.at(r!);
        const logP = (c: number): number => logits!.at(r!, c) - logSumExp(r!);
        const spread = Array.from({ length: V }, (_, c) => w(c) * logP(c)).reduce((a, b) => a + b, 0);
        return -(1 - labelSmoothing) * w(y) * logP(y) - (labelSmoothing / V) * spread;
      });
      const rowWeight = NdArray.from([rows], ([r]) => (learnt(r!) ? w(targets!.at(r!)) : 0));
      return [loss, rowWeight];
    },
    refuses: [
      { ...call(0, any(3, 4), ids(4, 2)), error: ShapeError, message: /wants \[rows, V\] and \[rows\]/ },
      { ...call(0, any(3, 4), any(3)), error: DTypeError, message: /targets are int32/ },
      { ...call(0, any(2, 4), given([0, 4], "int32")), error: IndexError, message: /4/ },
      { ...call(0, any(2, 4), ids(4, 2), any(3)), error: ShapeError, message: /does not fit 4 classes/ },
    ],
  },
};
