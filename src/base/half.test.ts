// Every half there is, both ways, and every float32 beside a rounding edge, against the definition: the value of the
// bits, and the nearest half by exact arithmetic.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError } from "./errors.ts";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./half.ts";

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** What the bits mean, from the formats' definition. */
function meaning(bits: number, exponentBits: number, mantissaBits: number): number {
  const sign = bits >>> 15 === 0 ? 1 : -1;
  const exponent = (bits >>> mantissaBits) & ((1 << exponentBits) - 1);
  const fraction = (bits & ((1 << mantissaBits) - 1)) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

const formats = [
  {
    name: "float16",
    widen: float16ToFloat32,
    narrow: float32ToFloat16,
    exponentBits: 5,
    mantissaBits: 10,
    quiet: 0x200,
  },
  {
    name: "bfloat16",
    widen: bfloat16ToFloat32,
    narrow: float32ToBfloat16,
    exponentBits: 8,
    mantissaBits: 7,
    quiet: 0x40,
  },
] as const;

for (const { name, widen, narrow, exponentBits, mantissaBits, quiet } of formats) {
  const infinity = ((1 << exponentBits) - 1) << mantissaBits;

  test(`${name}: all 65536 patterns widen to their value`, () => {
    widen(all).forEach((value, bits) => {
      const want = meaning(bits, exponentBits, mantissaBits);
      if (!Object.is(value, want)) assert.fail(`0x${bits.toString(16)}: got ${value}, want ${want}`);
    });
  });

  test(`${name}: all 65536 patterns come back, NaNs quiet`, () => {
    narrow(widen(all)).forEach((back, bits) => {
      const nan = (bits & 0x7fff) > infinity;
      const want = nan ? bits | quiet : bits;
      if (back !== want) assert.fail(`0x${bits.toString(16)}: got 0x${back.toString(16)}`);
    });
  });

  test(`${name}: between two neighbours the nearer wins, and the even one a tie`, () => {
    const floats: number[] = [];
    const wants: number[] = [];
    const next = new Float32Array(1);
    const nextBits = new Uint32Array(next.buffer);
    for (const sign of [0, 0x8000]) {
      for (let low = 0; low < infinity; low++) {
        const a = meaning(low, exponentBits, mantissaBits);
        const high = low + 1; // the largest one's neighbour counts as the next power of two, and is infinity
        const b = high === infinity ? 2 ** (2 ** (exponentBits - 1)) : meaning(high, exponentBits, mantissaBits);
        const tie = (a + b) / 2;
        next[0] = tie;
        assert.equal(next[0], tie, "a tie that is no float32 proves nothing");
        const push = (bits: number, want: number): void => {
          nextBits[0] = bits;
          floats.push((sign === 0 ? 1 : -1) * (next[0] as number));
          wants.push(sign | want);
        };
        const tieBits = nextBits[0] as number;
        push(tieBits, low % 2 === 0 ? low : high);
        push(tieBits - 1, low);
        push(tieBits + 1, high);
      }
    }
    assert.ok(floats.length > 180_000);
    narrow(Float32Array.from(floats)).forEach((got, i) => {
      if (got !== wants[i]) assert.fail(`${floats[i]}: got 0x${got.toString(16)}, want 0x${wants[i]?.toString(16)}`);
    });
  });
}

test("the edges of float16", () => {
  const cases: [number, number][] = [
    [65504, 0x7bff],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [1e30, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [2 ** -25 * (1 + 2 ** -23), 0x0001], // just above the tie; rounding through a wider sum would lose it
    [-(2 ** -26), 0x8000],
    [-0, 0x8000],
    [2 ** -149, 0x0000],
    [2 ** -14 - 2 ** -25, 0x0400], // the largest subnormal rounds up into the normals
  ];
  const got = float32ToFloat16(Float32Array.from(cases, ([x]) => x));
  for (const [i, [x, want]] of cases.entries()) assert.equal(got[i], want, `${x}`);
});

test("writes into views, and refuses another length", () => {
  const memory = new Float32Array(5).fill(7);
  float16ToFloat32(Uint16Array.of(0x3c00, 0xc000), memory.subarray(2, 4));
  assert.deepEqual([...memory], [7, 7, 1, -2, 7]);
  const halves = new Uint16Array(4).fill(9);
  float32ToBfloat16(memory.subarray(2, 4), halves.subarray(1, 3));
  assert.deepEqual([...halves], [9, 0x3f80, 0xc000, 9]);
  assert.throws(() => float32ToFloat16(new Float32Array(3), new Uint16Array(2)), ArgumentError);
});
