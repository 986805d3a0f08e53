// Dropout of channels: PyTorch's draws, and what is left alone.

import { test } from "node:test";
import { fromGolden, type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { equal, fixture, throws } from "../../test/portable/harness.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { Dropout1d, Dropout2d } from "../nn.ts";
import { grad } from "../tensor/autograd.ts";
import { ones } from "../tensor/create.ts";

interface Golden {
  readonly module: "Dropout1d" | "Dropout2d";
  readonly p: number;
  readonly seed: number;
  readonly input: GoldenTensor;
  readonly output: GoldenTensor;
}
for (const { module, p, seed, input, output } of (await fixture("random/channel_dropout.json")) as Golden[]) {
  test(`${module}(${p}) of [${input.shape.join(", ")}] draws as PyTorch`, () => {
    manualSeed(seed);
    const layer = new { Dropout1d, Dropout2d }[module](p);
    const x = fromGolden(input).requiresGrad_();
    const y = layer(x);
    matchesGolden(y, output, "value");
    const [g] = grad(y.sum(), [x]);
    matchesGolden(g!.mul(x.detach()), output, "gradient times input");
    equal(layer.eval()(x), x);
  });
}

test("other dimensions and probabilities are refused", () => {
  throws(() => new Dropout1d()(ones([2, 3, 4, 5])), ShapeError, /wants \[N, C, L\] or \[C, L\]/);
  throws(() => new Dropout2d()(ones([2, 3, 4])), ShapeError, /dropout1d/);
  throws(() => new Dropout2d(1.5), ArgumentError, /Dropout2d: probability 1.5/);
});
