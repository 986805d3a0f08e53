// Copies of whole tensors, into each dtype and layout.

import { any, type CasesOf, numbers } from "../../test/cases.ts";
import type { DType } from "../base/dtype.ts";

const all: readonly DType[] = [...numbers, "bool"];

export const cases: CasesOf<typeof import("./convert.ts")> = {
  toDType: {
    samples: [any(2, 3), any(37)].flatMap((input) => {
      return all.map((attrs) => ({
        inputs: [input],
        attrs,
        ...(attrs === "float64" ? {} : { gradient: "none" as const }),
      }));
    }),
    dtypes: all,
    reference: ([x]) => x!,
  },
  clone: {
    samples: [any(), any(2, 3, 4), any(37), any(0, 2)].map((input) => ({ inputs: [input], attrs: undefined })),
    dtypes: all,
    reference: ([x]) => x!,
  },
};
