// MultiheadAttention and the Transformer layers with every kind of mask: PyTorch's names, results and gradients.

import { test } from "node:test";
import { drawn } from "../../test/drawn.ts";
import {
  closeToGolden,
  fromGolden,
  type GoldenTensor,
  matchesGolden,
  matchesSums,
  type Sums,
} from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, ok, throws } from "../../test/portable/harness.ts";
import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import * as nn from "../nn.ts";
import { grad } from "../tensor/autograd.ts";
import { ones, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { memoryStats } from "../tensor/memory.ts";
import { rand } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

interface Golden {
  readonly name: string;
  readonly options: object;
  readonly keys: readonly string[];
  readonly inputs: readonly GoldenTensor[];
  readonly masks: Readonly<Record<string, GoldenTensor>>;
  readonly outputs: readonly GoldenTensor[];
  readonly gradInputs: readonly GoldenTensor[];
  readonly gradState: Readonly<Record<string, Sums>>;
}
interface AttentionGolden extends Golden {
  readonly args: readonly [embedDim: number, numHeads: number];
  readonly call: nn.MultiheadAttentionCall;
}
interface LayerGolden extends Golden {
  readonly module: "EncoderLayer" | "DecoderLayer" | "Encoder" | "Decoder" | "Transformer";
  readonly text: string;
  readonly layers?: number;
  readonly norm?: boolean;
}

function fill(module: nn.AnyModule): void {
  noGrad(() => {
    module.namedParameters().forEach(([name, p], i) => {
      const scales = name.includes("norm") && name.endsWith("weight");
      p.copy_(
        drawn(100 + i, p.shape)
          .mul(0.5)
          .add(scales ? 1 : 0),
      );
    });
  });
}

/** Results and gradients of a filled module. */
function check(golden: Golden, module: nn.AnyModule, call: (inputs: Tensor[], masks: object) => Tensor[]): void {
  deepEqual([...module.stateDict().keys()], [...golden.keys]);
  const inputs = golden.inputs.map((x) => fromGolden(x).requiresGrad_());
  const masks = Object.fromEntries(Object.entries(golden.masks).map(([name, mask]) => [name, fromGolden(mask)]));
  const results = call(inputs, masks);
  equal(results.length, golden.outputs.length, "results");
  results.forEach((y, i) => {
    matchesGolden(y, golden.outputs[i]!, `result ${i}`);
  });
  const parameters = module.namedParameters();
  const grads = grad(
    results,
    [...inputs, ...parameters.map(([, p]) => p)],
    results.map((y, i) => drawn(50 + i, y.shape)),
  );
  golden.gradInputs.forEach((g, i) => {
    closeToGolden(grads[i]!, g, `gradient of input ${i}`);
  });
  parameters.forEach(([name], i) => {
    matchesSums(grads[inputs.length + i]!, golden.gradState[name]!, `gradient of ${name}`);
  });
}

for (const golden of (await fixture("transformer_layers/attention.json")) as AttentionGolden[]) {
  test(`MultiheadAttention: ${golden.name}`, () => {
    const module = new nn.MultiheadAttention(...golden.args, golden.options);
    fill(module);
    check(golden, module, ([q, k = q!, v = k], masks) =>
      module(q!, k, v, { ...golden.call, ...masks }).filter((t) => t !== undefined),
    );
  });
}

function build({ module, options, layers, norm }: LayerGolden): nn.AnyModule {
  const end = norm === true ? new nn.LayerNorm(4) : undefined;
  if (module === "Transformer")
    return new nn.Transformer({ dModel: 4, nhead: 2, numEncoderLayers: 2, numDecoderLayers: 2, ...options });
  if (module === "EncoderLayer") return new nn.TransformerEncoderLayer(4, 2, options);
  if (module === "DecoderLayer") return new nn.TransformerDecoderLayer(4, 2, options);
  return module === "Encoder"
    ? new nn.TransformerEncoder(new nn.TransformerEncoderLayer(4, 2, options), layers!, end)
    : new nn.TransformerDecoder(new nn.TransformerDecoderLayer(4, 2, options), layers!, end);
}

for (const golden of (await fixture("transformer_layers/layers.json")) as LayerGolden[]) {
  test(`Transformer: ${golden.name}`, () => {
    const module = build(golden);
    equal(String(module), golden.text);
    fill(module);
    check(golden, module, (inputs, masks) => [module(...inputs, masks) as Tensor]); // all of them give one
  });
}

test("the layers of an encoder begin as copies of the given one, each with its own values, and draw nothing", () => {
  const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 5, activation: "gelu" }).eval();
  manualSeed(3);
  const next = rand([1]).item();
  manualSeed(3);
  const encoder = new nn.TransformerEncoder(layer, 2);
  equal(rand([1]).item(), next);
  const [first, second] = encoder.layers;
  ok(first instanceof nn.TransformerEncoderLayer && first.training === false);
  for (const [name, p] of second!.namedParameters()) {
    deepEqual(p.toArray(), first!.stateDict().get(name)!.toArray(), name);
    ok(p.requiresGrad && p.storage !== first!.stateDict().get(name)!.storage, name);
  }
  noGrad(() => first!.linear1.bias!.fill_(7));
  ok(second!.linear1.bias!.toArray()[0] !== 7 && layer.linear1.bias!.toArray()[0] !== 7);
});

test("a row that sees no key gives 0 without weights and NaN with them", () => {
  const module = new nn.MultiheadAttention(4, 2, { bias: false, batchFirst: true });
  const x = ones([1, 2, 4]);
  const attnMask = zeros([2, 2], { dtype: "bool" });
  attnMask.select(0, 1).fill_(1);
  const [plain, none] = module(x, x, x, { attnMask, needWeights: false });
  equal(none, undefined);
  deepEqual(plain.select(1, 1).tolist(), [[0, 0, 0, 0]]);
  const [, weights] = module(x, x, x, { attnMask });
  ok(Number.isNaN(weights!.select(1, 1).toArray()[0]));
});

test("dropout acts in training only, on the weights that are given too", () => {
  const module = new nn.MultiheadAttention(4, 1, { dropout: 0.5 });
  const x = rand([16, 1, 4]);
  const [, weights] = module(x, x, x);
  ok(Array.from(weights!.toArray()).some((w) => w === 0));
  const [y] = module.eval()(x, x, x);
  deepEqual(module(x, x, x)[0].toArray(), y.toArray());
  close(module(x, x, x, { needWeights: false })[0].toArray(), y.toArray(), { rtol: 1e-5, atol: 1e-6 });
});

test("a call without gradients leaves nothing but its results", () => {
  const model = new nn.Transformer({
    dModel: 4,
    nhead: 2,
    numEncoderLayers: 1,
    numDecoderLayers: 1,
    dimFeedforward: 8,
  });
  const [src, tgt] = [rand([3, 2, 4]), rand([2, 2, 4])];
  const tgtMask = nn.Transformer.generateSquareSubsequentMask(2);
  noGrad(() => model(src, tgt, { tgtMask }).dispose());
  const { liveBlocks } = memoryStats();
  noGrad(() => model(src, tgt, { tgtMask }).dispose());
  equal(memoryStats().liveBlocks, liveBlocks);
});

test("what does not fit is refused with what was wanted", () => {
  throws(() => new nn.MultiheadAttention(6, 4), ArgumentError, /6 features do not divide into 4 heads/);
  const module = new nn.MultiheadAttention(4, 2);
  const x = ones([3, 2, 4]);
  throws(() => module(x, x, x, { isCausal: true }), ArgumentError, /pass the mask too/);
  throws(() => module(x, ones([3, 2, 5]), x), ShapeError, /5 features where 4 are wanted/);
  throws(() => module(x, ones([3, 4]), x), ShapeError, /3 dimensions each/);
  throws(() => module(x, x, ones([2, 2, 4])), ShapeError, /key and value have different/);
  throws(() => module(x, ones([3, 1, 4]), ones([3, 1, 4])), ShapeError, /query and key have different batches/);
  throws(() => module(x, x, x, { attnMask: ones([3, 2]) }), ShapeError, /attnMask \[3, 2\]; wants \[3, 3\]/);
  throws(() => module(x, x, x, { attnMask: ones([2, 3, 3]) }), ShapeError, /wants \[4, 3, 3\]/);
  throws(
    () => module(x, x, x, { keyPaddingMask: ones([3, 2]) }),
    ShapeError,
    /keyPaddingMask \[3, 2\]; wants \[2, 3\]/,
  );
  const ids = ones([3, 3], { dtype: "int32" });
  throws(() => module(x, x, x, { attnMask: ids }), DTypeError, /int32; wants bool or floats/);
  const model = new nn.Transformer({ dModel: 4, nhead: 2, dimFeedforward: 4 });
  throws(() => model(x, ones([3, 1, 4])), ShapeError, /different batches/);
  throws(() => new nn.TransformerEncoderLayer(4, 2, { activation: "tanh" as "relu" }), ArgumentError, /"tanh"/);
});

test("added keys are seen by all queries, with weights and without", () => {
  manualSeed(8);
  const options = { addBiasKv: true, addZeroAttn: true, batchFirst: true };
  const attention = new nn.MultiheadAttention(4, 2, options);
  const x = rand([2, 3, 4]);
  const attnMask = nn.Transformer.generateSquareSubsequentMask(3);
  const [wanted, weights] = attention(x, x, x, { attnMask });
  const [got] = attention(x, x, x, { attnMask, isCausal: true, needWeights: false });
  close(got.toArray(), wanted.toArray(), { rtol: 1e-5, atol: 1e-6 });
  ok(weights!.slice(-1, 3).gt(0).all().item() === 1);
});
test("the added keys are drawn as PyTorch draws them", () => {
  manualSeed(0);
  const { biasK } = new nn.MultiheadAttention(4, 2, { addBiasKv: true });
  const wanted = [-1.1093896627426147, 0.12949226796627045, -0.5148510932922363, -0.25037920475006104];
  close(biasK!.toArray(), wanted, { rtol: 1e-6, atol: 1e-6 });
});
