// What signs and shifts are, on one number or two.

import { type CasesOf, integers, numbers, pointwise } from "../../test/cases.ts";

const { POSITIVE_INFINITY: inf } = Number;
const _ = undefined;
const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);
const counts = { domain: ["any", { from: 0, to: 5 }] as const, dtypes: integers };

export const cases: CasesOf<typeof import("./bits.ts")> = {
  signbit: pointwise(isNegative, { dtypes: numbers, specials: [0, -0, 1, -2.5, inf, -inf] }),
  isposinf: pointwise((x) => x === inf, { dtypes: numbers }),
  isneginf: pointwise((x) => x === -inf, { dtypes: numbers }),
  bitwiseLeftShift: pointwise((x, n) => (n >= 0 ? x * 2 ** Math.trunc(n) : 0), {
    ...counts,
    calls: [
      [_, _],
      [_, 2],
    ],
    specials: [],
  }),
  bitwiseRightShift: pointwise((x, n) => (n >= 0 && n < 32 ? Math.floor(x / 2 ** Math.trunc(n)) : x < 0 ? -1 : 0), {
    ...counts,
    calls: [
      [_, _],
      [_, 2],
    ],
    specials: [],
  }),
};
