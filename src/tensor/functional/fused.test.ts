// Chains in one pass: the same numbers, draws and gradients as their parts one by one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tolerances } from "../../../test/tolerances.ts";
import { ShapeError } from "../../base/errors.ts";
import { Generator } from "../../base/random.ts";
import { grad } from "../autograd.ts";
import { randn } from "../random.ts";
import { Tensor } from "../tensor.ts";
import { dropout, dropoutAdd, geglu, gelu, silu, swiglu } from "./activation.ts";
import { addLayerNorm, addRmsNorm, layerNorm, rmsNorm } from "./normalization.ts";

const g = new Generator(3);
const leaf = (...shape: number[]): Tensor => randn(shape, { generator: g, requiresGrad: true });

function close(actual: Tensor, expected: Tensor, what: string): void {
  assert.ok(actual instanceof Tensor);
  assert.deepEqual(actual.shape, expected.shape, what);
  const { rtol, atol } = tolerances.float32;
  const [a, b] = [actual.toArray(), expected.toArray()];
  Array.from(b).forEach((want, i) => {
    const got = Number(a[i]);
    assert.ok(
      Math.abs(got - Number(want)) <= atol + rtol * Math.abs(Number(want)),
      `${what}, ${i}: ${got}, not ${want}`,
    );
  });
}

/** Values and gradients of `fused` are those of `parts`. */
function alike(name: string, leaves: readonly Tensor[], fused: () => Tensor[], parts: () => Tensor[]): void {
  const [a, b] = [fused(), parts()];
  a.forEach((y, i) => {
    close(y, b[i]!, `${name}, output ${i}`);
  });
  const wanted = a.map((y) => randn(y.shape, { generator: g }));
  const total = (ys: Tensor[]): Tensor => ys.map((y, i) => y.mul(wanted[i]!).sum()).reduce((p, q) => p.add(q));
  const [da, db] = [grad(total(a), [...leaves]), grad(total(b), [...leaves])];
  da.forEach((d, i) => {
    close(d, db[i]!, `${name}, gradient ${i}`);
  });
}

test("gates", () => {
  const [x, up] = [leaf(3, 37), leaf(3, 37)];
  alike(
    "swiglu",
    [x, up],
    () => [swiglu(x, up)],
    () => [silu(x).mul(up)],
  );
  alike(
    "geglu",
    [x, up],
    () => [geglu(x, up)],
    () => [gelu(x).mul(up)],
  );
  alike(
    "swiglu, turned",
    [x, up],
    () => [swiglu(x.t(), up.t())],
    () => [silu(x.t()).mul(up.t())],
  );
});

test("a sum and its norm", () => {
  const [x, residual, weight, bias] = [leaf(2, 5, 3, 4), leaf(2, 5, 3, 4), leaf(3, 4), leaf(3, 4)];
  const parts = (): Tensor[] => [layerNorm(x.add(residual), [3, 4], { weight, bias }), x.add(residual)];
  alike("addLayerNorm", [x, residual, weight, bias], () => addLayerNorm(x, residual, [3, 4], { weight, bias }), parts);
  const rms = (): Tensor[] => [rmsNorm(x.add(residual), [4]), x.add(residual)];
  alike("addRmsNorm", [x, residual], () => addRmsNorm(x, residual, [4]), rms);
  alike(
    "the norm alone",
    [x, residual],
    () => [addRmsNorm(x, residual, [4])[0]],
    () => [rms()[0]!],
  );
  alike(
    "the sum alone",
    [x, residual],
    () => [addLayerNorm(x, residual, [4])[1]],
    () => [x.add(residual)],
  );
  assert.throws(() => addLayerNorm(x, x.reshape(10, 12), [12]), ShapeError);
  assert.throws(() => addRmsNorm(x, residual.reshape(10, 3, 4), [4]), /addRmsNorm: .* and .* differ/);
});

test("dropout and a residual draw what dropout draws", () => {
  const [x, residual] = [leaf(40, 50), leaf(40, 50)];
  const seeded = (): { generator: Generator } => ({ generator: new Generator(8) });
  for (const at of [x, x.t()]) {
    const parts = (): Tensor[] => [residual.reshape(...at.shape).add(dropout(at, 0.3, seeded()))];
    alike("dropoutAdd", [x, residual], () => [dropoutAdd(at, residual.reshape(...at.shape), 0.3, seeded())], parts);
  }
  alike(
    "in evaluation",
    [x, residual],
    () => [dropoutAdd(x, residual, 0.3, { training: false })],
    () => [x.add(residual)],
  );
  alike(
    "with nothing kept",
    [residual],
    () => [dropoutAdd(x, residual, 1)],
    () => [residual.add(0)],
  );
  assert.throws(() => dropoutAdd(x, residual.t(), 0.3), ShapeError);
  assert.throws(() => dropoutAdd(x, residual, 1.5), /probability 1.5/);
});
