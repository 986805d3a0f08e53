import { any, bools, type CasesOf, floats, type Input, ids, NdArray, type Sample } from "../../test/cases.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import type { AttentionAttrs } from "./attention.ts";

const plain: AttentionAttrs = { causal: false, scale: 0.5 };
const causal: AttentionAttrs = { causal: true, scale: 0.4 };
const dropout: AttentionAttrs = { causal: false, scale: 0.5, dropout: { p: 0.4, seed: [123456789, 987654321] } };
const call = (attrs: AttentionAttrs, ...inputs: Input[]): Sample<AttentionAttrs> => ({ inputs, attrs });
/** q, k and v of `[B, H, Tq, D]` and `[B, KV, Tk, D]`. */
const qkv = (
  B: number,
  [H, KV]: readonly [number, number],
  [Tq, Tk]: readonly [number, number],
  D: number,
): Input[] => [any(B, H, Tq, D), any(B, KV, Tk, D), any(B, KV, Tk, D)];
const marks = (shape: readonly number[], values: readonly number[]): Input => ({
  shape,
  domain: { values },
  dtype: "bool",
});
const fixed = (input: Input): Input => ({ ...input, fixed: true });

/** src/kernels/attention-dropout.ts in numbers. */
function kept(seed: readonly [number, number], item: number, query: number, key: number): number {
  const hash = (x: number): number => {
    const a = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    const b = Math.imul(a ^ (a >>> 15), 0x735a2d97);
    return b ^ (b >>> 15);
  };
  const row = hash((hash((hash(item ^ seed[0]) + seed[1]) | 0) + query) | 0);
  return hash((row + Math.imul(key, 0x9e3779b9)) | 0) >>> 8;
}

export const cases: CasesOf<typeof import("./attention.ts")> = {
  attention: {
    samples: [
      call(plain, ...qkv(1, [2, 2], [2, 3], 2)),
      call(causal, ...qkv(1, [2, 2], [3, 3], 2)),
      call(causal, ...qkv(2, [1, 1], [2, 4], 2)),
      call(causal, ...qkv(1, [4, 2], [4, 2], 1)),
      call(dropout, ...qkv(1, [2, 1], [3, 2], 3)),
      call(plain, any(1, 2, 2, 3), any(1, 2, 3, 3), any(1, 2, 3, 5)),
      call(plain, ...qkv(1, [2, 2], [2, 3], 2), any(2, 3)),
      call({ ...dropout, causal: true }, ...qkv(1, [2, 1], [2, 3], 2), any(1, 2, 1, 3)),
      call(plain, ...qkv(1, [2, 2], [2, 3], 2), marks([2, 3], [1, 0, 1, 0, 0, 0])),
      call(plain, ...qkv(2, [1, 1], [2, 3], 2), marks([2, 1, 1, 3], [1, 1, 0, 0, 0, 0])),
      call(plain, ...qkv(2, [1, 1], [2, 3], 2), marks([2, 1], [1, 0])),
      call(plain, ...qkv(2, [2, 1], [2, 3], 2), fixed(any(2, 1, 2, 1))),
      call(plain, ...qkv(0, [2, 2], [2, 3], 2)),
      call(plain, ...qkv(2, [2, 2], [0, 3], 2)),
      call(plain, ...qkv(2, [2, 2], [2, 0], 2)),
      call(plain, ...qkv(2, [2, 1], [3, 2], 0)),
      call(plain, ...qkv(1, [2, 1], [3, 37], 40), bools(2, 3, 37)), // few queries
      call(causal, ...qkv(2, [2, 2], [4, 33], 17), fixed(any(33))),
      call(plain, ...qkv(1, [2, 2], [21, 37], 33)), // tiles
      call(causal, ...qkv(1, [4, 2], [39, 37], 20)),
      call(dropout, ...qkv(1, [2, 1], [19, 21], 16), bools(19, 21)),
      call({ ...dropout, causal: true }, ...qkv(2, [1, 1], [18, 35], 16), fixed(any(2, 1, 1, 35))),
      call(plain, any(1, 1, 20, 8), any(1, 1, 30, 8), any(1, 1, 30, 19), fixed(any(20, 30))),
    ],
    dtypes: floats,
    reference([q, k, v, mask], { causal: triangle, scale, dropout: drop }) {
      const [B, H, Tq, D] = q!.shape as [number, number, number, number]; // samples have four dimensions
      const [, KV, Tk] = k!.shape as [number, number, number];
      const Dv = v!.shape[3]!;
      const weightsOf = (b: number, h: number, i: number): number[] => {
        const scores = Array.from({ length: Tk }, (_, j) => {
          let sum = 0;
          for (let d = 0; d < D; d++) sum += q!.at(b, h, i, d) * k!.at(b, Math.floor((h * KV) / H), j, d);
          const hidden = triangle && j > i;
          return hidden ? Number.NEGATIVE_INFINITY : scale * sum + added(b, h, i, j);
        });
        const peak = Math.max(...scores);
        if (peak === Number.NEGATIVE_INFINITY) return scores.map(() => 0);
        const total = scores.reduce((sum, s) => sum + Math.exp(s - peak), 0);
        return scores.map((s, j) => {
          const below = drop !== undefined && kept(drop.seed, b * H + h, i, j) < Math.round(drop.p * 2 ** 24);
          return below ? 0 : Math.exp(s - peak) / total / (1 - (drop?.p ?? 0));
        });
      };
      const isBool = mask?.data.every((x) => x === 0 || x === 1) === true; // drawn numbers never all are
      const added = (b: number, h: number, i: number, j: number): number => {
        if (mask === undefined) return 0;
        const x = mask.at(b, h, i, j);
        return isBool ? (x === 1 ? 0 : Number.NEGATIVE_INFINITY) : x;
      };
      return NdArray.from([B, Tq, H, Dv], ([b, i, h, d]) =>
        weightsOf(b!, h!, i!).reduce((sum, w, j) => sum + w * v!.at(b!, Math.floor((h! * KV) / H), j, d!), 0),
      );
    },
    refuses: [
      { ...call(plain, any(2, 3, 4), any(2, 3, 4), any(2, 3, 4)), error: ShapeError, message: /four dimensions/ },
      {
        ...call(plain, any(1, 2, 3, 4), any(1, 2, 3, 5), any(1, 2, 3, 5)),
        error: ShapeError,
        message: /4 elements, key rows 5/,
      },
      {
        ...call(plain, any(1, 2, 3, 4), any(1, 2, 3, 4), any(1, 2, 5, 4)),
        error: ShapeError,
        message: /equal heads and lengths/,
      },
      { ...call(plain, ...qkv(1, [3, 2], [2, 2], 2)), error: ShapeError, message: /3 query heads cannot share 2/ },
      {
        ...call(plain, any(2, 2, 3, 4), any(1, 2, 3, 4), any(1, 2, 3, 4)),
        error: ShapeError,
        message: /batch sizes 2, 1 and 1/,
      },
      {
        ...call(plain, ...qkv(1, [2, 2], [2, 3], 2), any(3, 2)),
        error: ShapeError,
        message: /attnMask \[3, 2\] does not broadcast/,
      },
      { ...call(plain, ...qkv(1, [2, 2], [2, 3], 2), ids(2, 2, 3)), error: DTypeError, message: /attnMask is int32/ },
      {
        ...call(plain, ids(2, 1, 1, 2, 2), ids(2, 1, 1, 2, 2), ids(2, 1, 1, 2, 2)),
        error: DTypeError,
        message: /float32 or float64/,
      },
    ],
  },
};
