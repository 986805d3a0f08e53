// The counts of costs.ts against the definition: loops that do the arithmetic and count it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { families } from "../../test/families.ts";
import { add, exp, fma } from "../ir/build.ts";
import { attention } from "../ops/attention.ts";
import * as e from "../ops/elementwise.ts";
import type { PointwiseOp } from "../ops/pointwise.ts";
import { ones } from "../tensor/create.ts";
import { gelu } from "../tensor/functional/activation.ts";
import { crossEntropy } from "../tensor/functional/losses.ts";
import { layerNorm } from "../tensor/functional/normalization.ts";
import { gruLayer, lstmLayer, rnnLayer } from "../tensor/functional/recurrent.ts";
import { logSoftmax, softmax } from "../tensor/functional/softmax.ts";
import { enableGrad } from "../tensor/grad-mode.ts";
import { Tensor } from "../tensor/tensor.ts";
import { costOf, countArithmetic } from "./costs.ts";
import { profile } from "./profile.ts";

const meta = (...shape: number[]): Tensor => Tensor.empty(shape, "float32");
const flops = (name: string, inputs: Tensor[], outputs: Tensor[]): number | undefined =>
  costOf(name, inputs, outputs).flops;

/** Multiplications and additions of a product, one by one; the first product of a sum is added to 0. */
function countProduct(batch: number, M: number, N: number, K: number): number {
  let count = 0;
  for (let i = 0; i < batch * M * N; i++) for (let k = 0; k < K; k++) count += 2;
  return count;
}

describe("products", () => {
  test("matmul, batches broadcasting", () => {
    assert.equal(flops("matmul", [meta(3, 5), meta(5, 7)], [meta(3, 7)]), countProduct(1, 3, 7, 5));
    assert.equal(flops("matmul", [meta(2, 3, 5), meta(5, 7)], [meta(2, 3, 7)]), countProduct(2, 3, 7, 5));
    assert.equal(flops("matmul", [meta(3, 5), meta(4, 5, 7)], [meta(4, 3, 7)]), countProduct(4, 3, 7, 5));
    assert.equal(flops("matmul", [meta(0, 5), meta(5, 7)], [meta(0, 7)]), 0);
  });
  test("linear, with and without bias", () => {
    assert.equal(flops("linear", [meta(3, 5), meta(7, 5)], [meta(3, 7)]), countProduct(1, 3, 7, 5));
    assert.equal(flops("linear", [meta(3, 5), meta(7, 5), meta(7)], [meta(3, 7)]), countProduct(1, 3, 7, 5) + 21);
  });
  test("attention has two products for each query and key that meet", () => {
    const [B, H, Tq, Tk, D, Dv] = [2, 3, 4, 6, 5, 7];
    const inputs = [meta(B, H, Tq, D), meta(B, H, Tk, D), meta(B, H, Tk, Dv)];
    const exponential = countArithmetic(1, ([x]) => exp(x!));
    for (const causal of [false, true]) {
      let count = 0;
      for (let i = 0; i < B * H * Tq; i++)
        for (let j = 0; j < Tk; j++) if (!causal || j <= i % Tq) count += 2 * D + 1 + 4 + exponential + 2 * Dv;
      const declared = { op: attention, attrs: { causal } };
      assert.equal(costOf(attention.name, inputs, [meta(B, Tq, H, Dv)], declared).flops, count);
    }
  });
  test("recurrent layers have a product for each step, and a cell beside it", () => {
    const [T, B, H] = [5, 3, 4];
    for (const gates of [1, 3, 4]) {
      const steps = T * countProduct(1, B, gates * H, H);
      for (const [name, first] of [
        ["recurrent", meta(T, B, gates * H)],
        ["recurrentBackward", meta(T, B, H)],
      ] as const) {
        const count = flops(name, [first, meta(gates * H, H)], [meta(T, B, H)])!;
        const perUnit = (count - steps) / (T * B * H);
        assert.ok(perUnit >= gates && perUnit < 60 * gates, `${name}, ${gates} gates: ${perUnit} for a unit`);
      }
    }
  });
});

describe("pointwise", () => {
  const perElement = (op: PointwiseOp, operands: number): number => {
    const inputs = Array.from({ length: operands }, () => meta(10));
    const attrs = inputs.map(() => undefined);
    return costOf(op.name, inputs, [meta(10)], { op, attrs }).flops! / 10;
  };
  test("operations of the expression", () => {
    assert.equal(perElement(e.copy, 1), 0);
    assert.equal(perElement(e.add, 2), 1);
    assert.equal(perElement(e.addScaled, 3), 2); // a fused multiply-add
    assert.equal(perElement(e.addcmul, 4), 3);
    assert.equal(perElement(e.relu, 1), 1);
    assert.equal(perElement(e.where, 3), 1); // the choice
    assert.equal(perElement(e.lerp, 3), 3);
  });
  test("functions count as the arithmetic that computes them", () => {
    const once = perElement(e.exp, 1);
    assert.ok(once > 8 && once < 40, String(once));
    assert.equal(perElement(e.sigmoid, 1), once + 3); // −x, 1 +, 1 /
  });
  test("what is shared counts once", () => {
    const square = countArithmetic(1, ([x]) => add(exp(x!), exp(x!)));
    assert.equal(square, countArithmetic(1, ([x]) => exp(x!)) + 1);
    assert.equal(
      countArithmetic(3, ([a, b, c]) => fma(a!, b!, c!)),
      2,
    );
  });
  test("integers are not floating-point operations", () => {
    const whole = Tensor.empty([10], "int32");
    assert.equal(costOf("add", [whole, whole], [whole], { op: e.add, attrs: [undefined, undefined] }).flops, 0);
  });
});

test("updates of lists, for each parameter", () => {
  const [p, grad, m, v] = [meta(5), meta(5), meta(5), meta(5)];
  assert.equal(flops("fusedAdamw_", [grad, p, m, v], [p, m, v]), 5 * 14);
  assert.equal(flops("foreachNorm", [grad, meta(3, 2)], []), 2 * (5 + 6));
});

test("reductions and rows, element by element", () => {
  assert.equal(flops("sum", [meta(4, 6)], [meta(4)]), 24);
  assert.equal(flops("mean", [meta(4, 6)], [meta(4)]), 24 + 4); // and a division each
  assert.equal(flops("linalgVectorNorm", [meta(4, 6)], [meta(4)]), 2 * 24 + 4); // and a root each
  // Σ; x − mean, its square, Σ; times rstd, of a difference taken again; then weight and bias
  assert.equal(flops("nativeLayerNorm", [meta(4, 6)], [meta(4, 6)]), 24 * 6);
  assert.equal(flops("nativeLayerNorm", [meta(4, 6), meta(6), meta(6)], [meta(4, 6)]), 24 * 8);
  const exponential = countArithmetic(1, ([x]) => exp(x!));
  assert.equal(flops("softmax", [meta(4, 6)], [meta(4, 6)]), 24 * (4 + exponential)); // max, −, Σ, ÷
});

describe("bytes", () => {
  test("inputs are read and outputs written once", () => {
    const { bytesRead, bytesWritten } = costOf("matmul", [meta(3, 5), meta(5, 7)], [meta(3, 7)]);
    assert.deepEqual([bytesRead, bytesWritten], [4 * (15 + 35), 4 * 21]);
  });
  test("an expanded input lies in memory once", () => {
    const row = meta(1, 7).expand(5, 7);
    assert.equal(costOf("add", [meta(5, 7), row], [meta(5, 7)]).bytesRead, 4 * (35 + 7));
  });
  test("of a table only the rows that are picked are read", () => {
    const ids = Tensor.empty([6], "int32");
    assert.equal(costOf("embedding", [meta(1000, 8), ids], [meta(6, 8)]).bytesRead, 4 * (6 * 8 + 6));
    assert.equal(costOf("gather", [meta(2, 3), ids], [meta(6)]).bytesRead, 4 * (6 + 6));
  });
});

describe("nothing is forgotten", () => {
  test("every operator with cases has a count", () => {
    const unknown = families.flatMap(({ members }) =>
      members.flatMap(({ op }) => {
        if ("rule" in op) return []; // counted from its expression
        const inputs = [meta(2, 3, 4), meta(4, 4), meta(2, 3, 4), meta(4)];
        return costOf(op.name, inputs, inputs).flops === undefined ? [op.name] : [];
      }),
    );
    assert.deepEqual(unknown, [], "add them to the table in src/profiler/costs.ts");
  });
  test("nor have the steps of backward no count", () => {
    const { operations } = profile(() =>
      enableGrad(() => {
        const leaf = (...shape: number[]): Tensor => ones(shape).mul(0.1).requiresGrad_();
        const [x, w] = [leaf(2, 3, 4), leaf(4)];
        const ids = ones([2], { dtype: "int32" });
        layerNorm(x, [4], { weight: w, bias: leaf(4) })
          .sum()
          .backward();
        softmax(x, -1).add(logSoftmax(x, -1)).sum().backward();
        crossEntropy(leaf(2, 5), ids).backward();
        for (const [gates, layer] of [
          [4, lstmLayer],
          [3, gruLayer],
          [1, rnnLayer],
        ] as const) {
          const [weightIh, weightHh] = [leaf(gates * 2, 4), leaf(gates * 2, 2)];
          layer({ x, weightIh, weightHh }).output.sum().backward();
        }
        for (const t of [x.indexSelect(0, ids), x.std(), x.cumsum(1), x.amax(), x.prod(), gelu(x)]) t.sum().backward();
      }),
    );
    const unknown = operations.filter((row) => row.flops === undefined).map((row) => row.name);
    assert.deepEqual(unknown, []);
    assert.ok(operations.length > 30, String(operations.length));
  });
});
