// Every stream of draws that scripts/goldens/random_draws.py recorded, bit for bit unless it says otherwise.

import { defaultGenerator, manualSeed } from "../../src/base/random.ts";
import { empty, ones } from "../../src/tensor/create.ts";
import { dropout } from "../../src/tensor/functional/activation.ts";
import { rand, randint, randn, randperm } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import "../../src/tensor/tensor.ts";
import { closeToGolden, fromGolden, type GoldenTensor } from "../golden.ts";
import { close, deepEqual, equal, fixture, type Suite, suite } from "./harness.ts";

/** One draw; which fields it has depends on `call`. */
interface Call {
  readonly call: string;
  readonly value: GoldenTensor;
  readonly shape: readonly number[];
  readonly dtype: GoldenTensor["dtype"];
  readonly perm: readonly number[];
  readonly bits: string;
  readonly scale: number;
  readonly n: number;
  /** A number, or for `bernoulli` and `multinomial` a tensor. */
  readonly p: unknown;
  readonly low: number | string;
  readonly high: number | string;
  readonly from: number;
  readonly to: number;
  readonly mean: number;
  readonly std: number;
  readonly lambd: number;
  readonly numSamples: number;
  readonly replacement: boolean;
}
interface Program {
  readonly name: string;
  readonly seed: number | string;
  readonly calls: readonly Call[];
}

const exact = { rtol: 0, atol: 0 };
/** The C library's log and cos are not ours to the last bit. */
const lastBit = { rtol: 1e-14, atol: 1e-16 };

function checkValue(t: Tensor, { call, value }: Call): void {
  equal(t.dtype, value.dtype, call);
  closeToGolden(t, value, call, value.dtype === "float64" ? lastBit : exact);
}
function checkBits(t: Tensor, { call, bits, shape, perm }: Call): void {
  deepEqual(t.shape, perm === undefined ? shape : perm.map((d) => shape[d]!), call);
  equal(Array.from(t.toArray(), (x) => (x === 0 ? "0" : "1")).join(""), bits, call);
}
function checkDropout(t: Tensor, call: Call): void {
  checkBits(t, call);
  const scale = call.dtype === "float64" ? call.scale : Math.fround(call.scale);
  for (const x of t.toArray()) if (x !== 0) equal(x, scale);
}
const likeValue = ({ value }: Call): Tensor => empty(value.shape, { dtype: value.dtype });
const permuted = ({ shape, perm, value }: Call): Tensor => empty(shape, { dtype: value.dtype }).permute(...perm);

const calls: { readonly [call: string]: (c: Call) => void } = {
  seed: (c) => void manualSeed(c.n),
  rand: (c) => checkValue(rand(c.value.shape, c.value), c),
  randn: (c) => checkValue(randn(c.value.shape, c.value), c),
  randint: (c) => checkValue(randint(Number(c.low), Number(c.high), c.value.shape, c.value), c),
  randperm: (c) => checkValue(randperm(c.n, c.value), c),
  uniform_: (c) => checkValue(likeValue(c).uniform_(c.from, c.to), c),
  normal_: (c) => checkValue(likeValue(c).normal_(c.mean, c.std), c),
  exponential_: (c) => checkValue(likeValue(c).exponential_(c.lambd), c),
  uniformPermuted_: (c) => checkValue(permuted(c).uniform_(c.from, c.to), c),
  normalPermuted_: (c) => checkValue(permuted(c).normal_(c.mean, c.std), c),
  bernoulli_: (c) => checkBits(empty(c.shape, c).bernoulli_(Number(c.p)), c),
  bernoulli: (c) => checkValue(fromGolden(c.p as GoldenTensor).bernoulli(), c),
  dropout: (c) => checkDropout(dropout(ones(c.shape, c), Number(c.p)), c),
  dropoutPermuted: (c) => checkDropout(dropout(ones(c.shape, c).permute(...c.perm), Number(c.p)), c),
  multinomial: (c) => closeToGolden(fromGolden(c.p as GoldenTensor).multinomial(c.numSamples, c), c.value, c.call), // int32
  // Not methods of ours; the stream that they draw from is.
  random_: ({ value }) => close(value.data.map(randomDraws[value.dtype]!), value.data.map(Number), exact, value.dtype),
  geometric_: ({ p, value }) =>
    close(
      value.data.map(() => geometric(Number(p))),
      value.data.map(Number),
      exact,
    ),
};

const g = defaultGenerator;
const randomDraws: { readonly [dtype: string]: () => number } = {
  int64: () => Number(g.u64() % 2n ** 63n),
  int32: () => g.u32() % 2 ** 31,
  int16: () => g.u32() % 2 ** 15,
  int8: () => g.u32() % 2 ** 7,
  uint8: () => g.u32() % 2 ** 8,
  bool: () => g.u32() & 1,
  float32: () => g.u32() % (2 ** 24 + 1),
  float64: () => Number(g.u64() % (2n ** 53n + 1n)),
};
const geometric = (p: number): number => Math.ceil(Math.log(g.double()) / Math.log1p(-p));

const programs = (await fixture("random/draws.json")) as readonly Program[];

export const random: Suite = suite("random draws", (test) => {
  for (const { name, seed, calls: drawn } of programs) {
    test(name, () => {
      manualSeed(BigInt(seed));
      for (const call of drawn) calls[call.call]!(call);
    });
  }
});
