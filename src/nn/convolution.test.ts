// Convolution and pooling: the sums they stand for, layouts, gradients of both orders, and what is refused. (PyTorch's values are
// replayed in test/opinfo.test.ts.)

import { test } from "node:test";
import { close, deepEqual, equal, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { Generator, manualSeed } from "../base/random.ts";
import * as nn from "../nn.ts";
import { ones, tensor } from "../tensor/create.ts";
import { gradcheck, gradgradcheck } from "../tensor/gradcheck.ts";
import { randn } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

const { functional: F } = nn;
const draw = (seed: number, ...shape: number[]): Tensor =>
  randn(shape, { dtype: "float64", generator: new Generator(seed) });

interface Movement {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
}

/** `y[n, o, t] = b[o] + Σ_c Σ_k w[o, c, k] x[n, c₀ + c, t stride + k dilation − padding]` */
function plain(x: Tensor, w: Tensor, b: Tensor, { stride, padding, dilation, groups }: Movement): number[] {
  const [N, , L] = x.shape as [number, number, number];
  const [O, C, K] = w.shape as [number, number, number];
  const length = Math.floor((L + 2 * padding - dilation * (K - 1) - 1) / stride) + 1;
  const [xs, ws, bs] = [x, w, b].map((t) => t.toArray());
  const at = (n: number, c: number, t: number): number =>
    t < 0 || t >= L ? 0 : Number(xs![(n * C * groups + c) * L + t]);
  const out: number[] = [];
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      const first = Math.floor(o / (O / groups)) * C;
      for (let t = 0; t < length; t++) {
        let sum = Number(bs![o]);
        for (let c = 0; c < C; c++)
          for (let k = 0; k < K; k++)
            sum += Number(ws![(o * C + c) * K + k]) * at(n, first + c, t * stride + k * dilation - padding);
        out.push(sum);
      }
    }
  }
  return out;
}

for (const groups of [1, 2, 6])
  for (const [stride, padding, dilation] of [
    [1, 0, 1],
    [2, 1, 1],
    [3, 4, 2],
  ] as const)
    test(`conv1d is its sum: stride ${stride}, padding ${padding}, dilation ${dilation}, groups ${groups}`, () => {
      const [x, w, b] = [draw(0, 3, 6, 11), draw(1, 12, 6 / groups, 3), draw(2, 12)];
      const movement = { stride, padding, dilation, groups };
      const wanted = plain(x, w, b, movement);
      close(F.conv1d(x, w, { bias: b, ...movement }).toArray(), wanted, tolerances.float64);
      const turned = x.transpose(0, 2).contiguous().transpose(0, 2);
      close(F.conv1d(turned, w, { bias: b, ...movement }).toArray(), wanted, tolerances.float64, "another layout");
      const single = x.float();
      close(
        F.conv1d(single, w.float(), { bias: b.float(), ...movement }).toArray(),
        wanted,
        tolerances.float32,
        "float32",
      );
      // A field of one row is the same in two dimensions.
      const flat = F.conv2d(x.unsqueeze(2), w.unsqueeze(2), {
        bias: b,
        groups,
        stride: [1, stride],
        padding: [0, padding],
        dilation: [1, dilation],
      });
      close(flat.toArray(), wanted, tolerances.float64, "conv2d");
    });

test("no samples give no samples", () => {
  deepEqual([...new nn.Conv1d(4, 6, 3)(ones([0, 4, 9])).shape], [0, 6, 7]);
  deepEqual([...new nn.MaxPool1d(3)(ones([0, 4, 9])).shape], [0, 4, 3]);
  deepEqual([...new nn.AvgPool2d(3)(ones([0, 4, 9, 6])).shape], [0, 4, 3, 2]);
});

test('padding "same" keeps the length, for even kernels too', () => {
  for (const kernel of [1, 2, 3, 4])
    equal(new nn.Conv1d(2, 3, kernel, { padding: "same", dilation: 2 })(ones([1, 2, 9])).size(2), 9);
  const shift = F.conv1d(tensor([[1, 2, 3]]), tensor([[[1, 0]]]), { padding: "same" });
  deepEqual(shift.tolist(), [[1, 2, 3]]); // what an even kernel lacks is added behind
});

test("gradients of both orders", () => {
  const [x, w, b] = [draw(3, 2, 4, 7), draw(4, 4, 2, 3), draw(5, 4)].map((t) => t.requiresGrad_());
  const f = (at: Tensor, weight: Tensor, bias: Tensor): Tensor =>
    F.conv1d(at, weight, { bias, stride: 2, padding: 2, groups: 2 });
  gradcheck(f, [x!, w!, b!]);
  gradgradcheck(f, [x!, w!, b!]);
  const image = draw(6, 1, 2, 5, 4).requiresGrad_();
  const kernel = draw(7, 3, 2, 2, 3).requiresGrad_();
  gradcheck((at, weight) => F.conv2d(at, weight, { padding: [1, 0] }), [image, kernel]);
  for (const pool of [
    new nn.MaxPool2d(2, { stride: 1, ceilMode: true }),
    new nn.AvgPool2d([2, 3], { padding: 1, countIncludePad: false }),
    new nn.AdaptiveAvgPool2d([3, null]),
  ]) {
    gradcheck((at) => pool(at), [image]);
    gradgradcheck((at) => pool(at), [image]);
  }
});

test("pooling: ties, NaN, infinities and windows that stand out", () => {
  const x = tensor([[2, 2, 1, Number.NaN, 0]]).requiresGrad_();
  const { values, indices } = F.maxPool1dWithIndices(x, 2, { ceilMode: true });
  deepEqual(indices.tolist(), [[0, 3, 4]]);
  close(values.toArray(), [2, Number.NaN, 0], tolerances.float32);
  values.sum().backward();
  deepEqual(Array.from(x.grad!.toArray()), [1, 0, 0, 1, 1]);
  const low = tensor([[-5, Number.NEGATIVE_INFINITY]]);
  deepEqual(F.maxPool1d(low, 2, { padding: 1, stride: 2 }).tolist(), [[-5, Number.NEGATIVE_INFINITY]]);
  const far = tensor([[1, Number.POSITIVE_INFINITY, 3, 5]]);
  deepEqual(F.adaptiveAvgPool1d(far, 2).tolist(), [[Number.POSITIVE_INFINITY, 4]]);
});

test("what does not fit is refused with what was wanted", () => {
  const layer = new nn.Conv1d(4, 6, 3);
  throws(() => layer(ones([2, 5, 9])), ShapeError, /5 channels where the weight wants 4/);
  throws(() => layer(ones([2, 4, 2])), ShapeError, /spans 3 does not fit into a length of 2/);
  throws(() => layer(ones([4])), ShapeError, /2 dimensions, or 3 with a batch/);
  throws(() => layer(ones([2, 4, 9], { dtype: "float64" })), DTypeError, /float64/);
  throws(() => new nn.Conv1d(4, 6, 3, { groups: 4 }), ArgumentError, /do not divide into 4 groups/);
  throws(() => new nn.Conv1d(4, 6, 3, { padding: "same", stride: 2 }), ArgumentError, /stride of 1/);
  throws(() => new nn.Conv2d(4, 6, [3, 3, 3]), ArgumentError, /kernelSize \[3, 3, 3\]; wants 2 whole numbers/);
  throws(() => F.maxPool1d(ones([2, 4, 9]), 2, { padding: 2 }), ArgumentError, /more than half/);
  throws(() => F.avgPool1d(ones([2, 4, 2]), 5), ShapeError, /does not fit/);
  throws(() => F.adaptiveAvgPool1d(ones([2, 4, 2]), -1), ArgumentError, /from 0 on/);
});

// PyTorch's numbers for weights that count 0 … 4, less 1.
for (const [paddingMode, wide, same] of [
  ["reflect", [2.75, 1.75, 2.25, 3.25, 4.25, 5.25, 4.75], [1.5, 1.75, 3, 2.75, 2]],
  ["replicate", [1.5, 1.5, 2.25, 3.25, 4.25, 5.25, 5.5], [1, 1.75, 3, 3.5, 3.75]],
  ["circular", [5.25, 2.5, 2.25, 3.25, 4.25, 5.25, 2.5], [3, 1.75, 3, 0.5, 0.5]],
] as const)
  test(`convolution layers pad by ${paddingMode}`, () => {
    const x = tensor(Array.from({ length: 10 }, (_, i) => i / 4 - 1)).reshape(1, 2, 5);
    const count = (n: number, ...shape: number[]): Tensor =>
      tensor(Array.from({ length: n }, (_, i) => (i % 5) - 1)).reshape(...shape);
    const layer = new nn.Conv1d(2, 1, 3, { padding: 2, paddingMode });
    layer.loadStateDict(new Map([["weight", count(6, 1, 2, 3)], ["bias", tensor([0.5])]])); // biome-ignore format: a map
    close(layer(x).toArray(), wide, tolerances.float32);
    equal(String(layer), `Conv1d(2, 1, kernel_size=(3,), stride=(1,), padding=(2,), padding_mode=${paddingMode})`);
    const even = new nn.Conv1d(2, 1, 4, { padding: "same", paddingMode });
    even.loadStateDict(new Map([["weight", count(8, 1, 2, 4)], ["bias", tensor([0.5])]])); // biome-ignore format: a map
    close(even(x).toArray(), same, tolerances.float32);
  });

test("a convolution over two dimensions pads each by its own", () => {
  const layer = new nn.Conv2d(1, 1, [2, 3], { padding: [1, 2], paddingMode: "reflect", bias: false });
  layer.loadStateDict(new Map([["weight", tensor([[[[-2, -1, 0], [1, 2, 3]]]])]])); // biome-ignore format: a map
  const x = tensor(Array.from({ length: 12 }, (_, i) => i)).reshape(1, 1, 3, 4);
  const wanted = [-13, -10, -5, -2, -5, -10, 23, 26, 31, 34, 31, 26, 35, 38, 43, 46, 43, 38, -1, 2, 7, 10, 7, 2];
  deepEqual([...layer(x).toArray()], wanted);
  // @ts-expect-error: a mode that does not exist
  throws(() => new nn.Conv1d(1, 1, 1, { paddingMode: "mirror" }), ArgumentError, /zeros, reflect/);
});

test("a transposed convolution undoes the shape, is drawn and printed as PyTorch's, and is the gradient of the other", () => {
  manualSeed(0);
  const options = { stride: 2, padding: 1, outputPadding: 1, groups: 2 };
  const layer = new nn.ConvTranspose1d(4, 6, 3, options);
  equal(
    String(layer),
    "ConvTranspose1d(4, 6, kernel_size=(3,), stride=(2,), padding=(1,), output_padding=(1,), groups=2)",
  );
  close(layer.weight.reshape(-1).narrow(0, 0, 2).toArray(), [-0.0024956, 0.1788145], { rtol: 1e-5, atol: 1e-6 });
  close(layer.bias!.narrow(0, 0, 2).toArray(), [-0.1945802, 0.2865327], { rtol: 1e-5, atol: 1e-6 });
  const x = draw(1, 2, 6, 10).requiresGrad_();
  const weight = draw(2, 4, 3, 3);
  const y = F.conv1d(x, weight, { stride: 2, padding: 1, groups: 2 });
  const g = draw(3, ...y.shape);
  y.backward(g);
  close(F.convTranspose1d(g, weight, options).toArray(), x.grad!.toArray(), tolerances.float64);
  deepEqual(layer(ones([2, 4, 5])).shape, [2, 6, 10]);
  gradcheck(
    (a, w) => F.convTranspose1d(a, w, options),
    [draw(4, 1, 4, 3).requiresGrad_(), draw(5, 4, 1, 3).requiresGrad_()],
  );
  throws(() => F.convTranspose1d(x, weight, { outputPadding: 1 }), ShapeError);
  throws(() => F.convTranspose1d(g, weight, { outputPadding: 1 }), ArgumentError, /below stride/);
});
