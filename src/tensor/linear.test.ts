// Linear layers with bias, activation and residual: PyTorch's values and gradients, weights of halves, and what is kept.

import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import type { DType } from "../base/dtype.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { defaultDevice } from "../devices/default.ts";
import type { Activation } from "../ops/matmul.ts";
import { grad } from "./autograd.ts";
import { ones, tensor, zeros } from "./create.ts";
import { noGrad } from "./grad-mode.ts";
import { linear } from "./linear.ts";
import { packedWeightBytes, setPackedWeightBudget } from "./packed-weights.ts";
import { randn } from "./random.ts";
import { tidy } from "./scope.ts";
import type { Tensor } from "./tensor.ts";
import "./tensor.ts"; // gives tensors their methods

const names = ["x", "weight", "bias", "residual"] as const;
type Inputs<T> = { readonly [name in (typeof names)[number]]: T | null };

interface Golden extends Inputs<GoldenTensor> {
  readonly activation: Activation | null;
  readonly weightDtype: DType;
  readonly x: GoldenTensor;
  readonly weight: GoldenTensor;
  readonly out: GoldenTensor;
  readonly gradOut: GoldenTensor;
  readonly grads: Inputs<GoldenTensor>;
}

const goldens = (await fixture("linear/linear.json")) as readonly Golden[];

function leaf(golden: GoldenTensor | null, dtype: DType): Tensor | undefined {
  return golden === null ? undefined : fromGolden(golden).to(dtype).detach().requiresGrad_();
}

test("values and gradients are PyTorch's", () => {
  for (const [i, golden] of goldens.entries()) {
    const what = `case ${i}, ${golden.activation}, ${golden.weightDtype}`;
    const inputs: Inputs<Tensor | undefined> = {
      x: leaf(golden.x, "float32"),
      weight: leaf(golden.weight, golden.weightDtype),
      bias: leaf(golden.bias, golden.weightDtype),
      residual: leaf(golden.residual, "float32"),
    };
    const { x, weight, bias, residual } = inputs as { [name in keyof typeof inputs]: Tensor }; // null stays undefined
    const options = { activation: golden.activation ?? undefined, residual };
    const out = linear(x, weight, bias, options);
    matchesGolden(out, golden.out, what);
    matchesGolden(
      noGrad(() => linear(x, weight, bias, options)),
      golden.out,
      `${what}, without gradients`,
    );
    const present = names.filter((name) => inputs[name] !== undefined);
    const grads = grad(
      out,
      present.map((name) => inputs[name]!),
      fromGolden(golden.gradOut),
    );
    for (const [j, name] of present.entries()) {
      equal(grads[j]!.dtype, inputs[name]!.dtype, `${what}, dtype of the gradient of ${name}`);
      const rounded = tolerances[inputs[name]!.dtype];
      closeToGolden(grads[j]!, golden.grads[name]!, `${what}, gradient of ${name}`, rounded);
    }
  }
});

test("weights of halves, of one row and of many, are what their float32 copies give", () => {
  for (const dtype of ["float16", "bfloat16"] as const) {
    for (const rows of [1, 3, 40]) {
      const [x, weight, bias] = [randn([rows, 130]), randn([70, 130]).to(dtype), randn([70]).to(dtype)];
      const wanted = linear(x, weight.to("float32"), bias.to("float32")).toArray();
      const got = linear(x, weight, bias);
      equal(got.dtype, "float32", "the result's dtype");
      close(got.toArray(), wanted, tolerances.float32, `${rows} rows, ${dtype}`);
      close(x.matmul(weight.t()).add(bias).toArray(), wanted, tolerances.float32, `matmul, ${rows} rows, ${dtype}`);
    }
  }
});

test("a product of two tensors of halves is rounded once", () => {
  for (const dtype of ["float16", "bfloat16"] as const) {
    const [a, b] = [randn([2, 33, 40]).to(dtype), randn([40, 20]).to(dtype)];
    const wanted = a.to("float32").matmul(b.to("float32")).to(dtype);
    deepEqual([...a.matmul(b).toArray()], [...wanted.toArray()], dtype);
  }
});

test("a residual that is strided", () => {
  const [x, weight, residual] = [randn([4, 6]), randn([5, 6]), randn([5, 4])];
  const wanted = linear(x, weight).add(residual.t());
  close(linear(x, weight, undefined, { residual: residual.t() }).toArray(), wanted.toArray(), tolerances.float32);
});

test("without gradients nothing is kept, with them only the activation's argument", () => {
  const [x, weight] = [randn([64, 32]), randn([48, 32])];
  const bytes = 64 * 48 * 4;
  const live = (): number => defaultDevice().memoryStats().liveBytes;
  const cost = (): number => {
    const before = live();
    const out = linear(x, weight, undefined, { activation: "gelu" });
    const after = live() - before;
    out.dispose();
    return after;
  };
  cost();
  equal(cost(), bytes, "no gradient is asked for");
  weight.requiresGrad = true;
  equal(noGrad(cost), bytes, "under noGrad");
  equal(cost(), 2 * bytes, "recorded");
});

test("errors say what does not fit", () => {
  const [x, weight] = [ones([2, 3]), ones([4, 3])];
  throws(() => linear(x, ones([4, 2])), ShapeError, /ends in 3 features/);
  throws(
    () => linear(x, weight, undefined, { residual: zeros([4]) }),
    ShapeError,
    /residual \[4\] does not fit .* \[2, 4\]/,
  );
  throws(() => linear(x.to("bfloat16"), weight), DTypeError, /got bfloat16 and float32/);
  throws(() => linear(x.to("float64"), weight.to("float16")), DTypeError, /float64 and float16/);
  throws(() => linear(x, weight.to("float16"), tensor([1, 2, 3, 4], { dtype: "bfloat16" })), DTypeError, /bfloat16/);
});

test("second gradients pass through the activation's argument", () => {
  tidy(() => {
    const [x, weight] = [randn([3, 4]), randn([2, 4])].map((t) => t.requiresGrad_()) as [Tensor, Tensor]; // two of them
    const fused = linear(x, weight, undefined, { activation: "silu" });
    const s = linear(x, weight);
    const apart = s.mul(s.sigmoid());
    const [a, b] = [fused, apart].map((out) => {
      const [g] = grad(out.square().sum(), [x], undefined, { createGraph: true });
      return grad(g!.square().sum(), [weight])[0]!;
    }) as [Tensor, Tensor]; // one for each
    close(a.toArray(), b.toArray(), { rtol: 1e-4, atol: 1e-4 }); // sums of sums of products
  });
});

test("a weight used twice without gradients is packed, and the copy follows its values", () => {
  const budget = setPackedWeightBudget(2 ** 20);
  const device = defaultDevice();
  const before = device.memoryStats();
  const blocks = (): number => device.memoryStats().liveBlocks - before.liveBlocks;
  tidy(() => {
    const [x, weight, bias] = [randn([19, 130]), randn([133, 130]), randn([133])];
    const inputs = blocks();
    const isRight = (what: string): void =>
      tidy(() => {
        const wanted = x.to("float64").matmul(weight.to("float64").t()).add(bias.to("float64"));
        close(linear(x, weight, bias).toArray(), wanted.toArray(), { rtol: 1e-5, atol: 1e-4 }, what); // sums of 130 terms
      });
    isRight("the first use");
    equal(packedWeightBytes(), 0, "nothing after one use");
    isRight("the second use");
    equal(packedWeightBytes(), 9 * 16 * 130 * 4, "nine panels of 16 columns");
    equal(blocks(), inputs + 1, "the copy counts as live");
    isRight("the third use");
    equal(blocks(), inputs + 1, "one copy");
    weight.mul_(-2);
    for (let i = 0; i < 3; i++) isRight(`use ${i} after a write`);
    weight.copy_(randn([133, 130]));
    for (let i = 0; i < 3; i++) isRight(`use ${i} after copy_`);
    const part = weight.slice(0, 16, 64);
    for (let i = 0; i < 3; i++) {
      const wanted = x.to("float64").matmul(part.to("float64").t());
      close(linear(x, part).toArray(), wanted.toArray(), { rtol: 1e-5, atol: 1e-4 }, `use ${i} of a view`);
      isRight(`use ${i} beside a view`);
    }
    for (let i = 0; i < 2; i++) isRight("again");
    equal(packedWeightBytes() > 0, true, "packed again");
    weight.requiresGrad = true;
    linear(x, weight, bias);
    equal(packedWeightBytes(), 0, "training lets go of it");
    noGrad(() => [1, 2].forEach(() => isRight("evaluation")));
    equal(packedWeightBytes() > 0, true, "evaluation packs");
  });
  equal(packedWeightBytes(), 0, "the copy goes with its weight");
  equal(blocks(), 0, "nothing is left");
  setPackedWeightBudget(budget);
});

test("copies of weights stay within their budget", () => {
  const budget = setPackedWeightBudget(100_000);
  try {
    tidy(() => {
      const [x, one, other] = [randn([16, 128]), randn([128, 128]), randn([128, 128])];
      for (let i = 0; i < 3; i++) for (const weight of [one, other]) linear(x, weight).dispose();
      equal(packedWeightBytes(), 128 * 128 * 4, "only one of them fits");
    });
    equal(packedWeightBytes(), 0);
  } finally {
    setPackedWeightBudget(budget);
  }
});
