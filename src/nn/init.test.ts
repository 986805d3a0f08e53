// Initialisers and the parameters that layers begin with: PyTorch's own draws, and nothing drawn beside them.

import { test } from "node:test";
import { type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { camelCase } from "../base/spelling.ts";
import * as nn from "../nn.ts";
import { zeros } from "../tensor/create.ts";
import { rand } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as init from "./init.ts";

interface InitGolden {
  readonly init: string;
  readonly seed: number;
  readonly shape: readonly number[];
  readonly args: Readonly<Record<string, number | string>>;
  readonly value: GoldenTensor;
  readonly next: number;
}

const kaiming = (args: InitGolden["args"]): init.KaimingOptions => {
  return Object.fromEntries(Object.entries(args).map(([k, v]) => [k, typeof v === "string" ? camelCase(v) : v]));
};
const calls: Readonly<Record<string, (t: Tensor, args: InitGolden["args"]) => Tensor>> = {
  uniform_: (t, { a, b }) => init.uniform_(t, Number(a), Number(b)),
  normal_: (t, { mean, std }) => init.normal_(t, Number(mean), Number(std)),
  xavierUniform_: (t, { gain }) => init.xavierUniform_(t, Number(gain)),
  xavierNormal_: (t, { gain }) => init.xavierNormal_(t, Number(gain)),
  kaimingUniform_: (t, args) => init.kaimingUniform_(t, kaiming(args)),
  kaimingNormal_: (t, args) => init.kaimingNormal_(t, kaiming(args)),
  truncNormal_: (t, { mean = 0, std = 1, a = -2, b = 2 }) =>
    init.truncNormal_(t, Number(mean), Number(std), Number(a), Number(b)),
  orthogonal_: (t, { gain = 1 }) => init.orthogonal_(t, Number(gain)),
  sparse_: (t, { sparsity, std = 0.01 }) => init.sparse_(t, Number(sparsity), Number(std)),
  constant_: (t, { val }) => init.constant_(t, Number(val)),
  ones_: init.ones_,
  zeros_: init.zeros_,
  eye_: init.eye_,
  dirac_: init.dirac_,
};

for (const golden of (await fixture("random/init.json")) as InitGolden[]) {
  test(`init.${golden.init} ${JSON.stringify(golden.args)} of ${golden.value.dtype} [${golden.shape}]`, () => {
    manualSeed(golden.seed);
    const t = calls[golden.init]!(zeros(golden.shape, golden.value), golden.args);
    matchesGolden(t, golden.value, golden.init);
    close([rand([1]).item()], [golden.next], tolerances.float32, "the next draw");
  });
}

interface ModuleGolden {
  readonly module: string;
  readonly args: readonly number[];
  readonly options: object;
  readonly seed: number;
  readonly state: Readonly<Record<string, GoldenTensor>>;
  readonly next: number;
}

const layers = nn as unknown as Readonly<Record<string, new (...args: unknown[]) => nn.AnyModule>>; // by name
for (const golden of (await fixture("random/modules.json")) as ModuleGolden[]) {
  test(`new nn.${golden.module}(${golden.args.join(", ")}) ${JSON.stringify(golden.options)}`, () => {
    manualSeed(golden.seed);
    const state = new layers[golden.module]!(...golden.args, golden.options).stateDict();
    deepEqual([...state.keys()], Object.keys(golden.state));
    for (const [name, t] of state) matchesGolden(t, golden.state[name]!, name);
    close([rand([1]).item()], [golden.next], tolerances.float32, "the next draw");
  });
}

test("fans and gains", () => {
  deepEqual(init.fans(zeros([4, 3, 5])), { fanIn: 15, fanOut: 20 });
  equal(init.calculateGain("relu"), Math.SQRT2);
  throws(() => init.fans(zeros([4])), ShapeError, /at least 2/);
  throws(() => init.truncNormal_(zeros([4]), 0, 1, 2, 2), ArgumentError, /nothing lies/);
  equal(init.orthogonal_(zeros([0, 3])).numel, 0);
});
