// What test/portable/printing.portable.ts does not see: Node's console, ties, options, and what printing leaves behind.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { ArgumentError } from "../base/errors.ts";
import { defaultDevice } from "../devices/default.ts";
import { arange, full, tensor } from "./create.ts";
import { setPrintOptions } from "./print.ts";
import "./tensor.ts";

test("console.log shows a tensor as PyTorch does, also inside of other values", () => {
  const x = tensor([[1, 2.5]], { requiresGrad: true });
  const text = "tensor([[1.0000, 2.5000]], requires_grad=True)";
  assert.equal(inspect(x), text);
  assert.equal(`${x}`, text);
  assert.equal(inspect({ x }), `{ x: ${text} }`);
  assert.equal(inspect([tensor(1)]), "[ tensor(1.) ]");
});

test("ties are rounded to the even digit, as Python does", () => {
  const print = (x: number): string => tensor([x], { dtype: "float64" }).toString().slice(8, -23);
  assert.equal(print(0.03125), "0.0312");
  assert.equal(print(0.09375), "0.0938");
  assert.equal(print(-0.03125), "-0.0312");
  assert.equal(print(10000500000), "1.0000e+10");
  assert.equal(print(10001500000), "1.0002e+10");
});

test("values beyond 1e21 keep their digits when scientific notation is off", () => {
  setPrintOptions({ sciMode: false });
  try {
    assert.equal(
      tensor(1e22, { dtype: "float64" }).toString(),
      "tensor(10000000000000000000000., dtype=torch.float64)",
    );
  } finally {
    setPrintOptions({ profile: "default" });
  }
});

test("strided and offset views print their own elements", () => {
  const x = arange(6).view(2, 3);
  assert.equal(`${x.t()}`, "tensor([[0, 3],\n        [1, 4],\n        [2, 5]], dtype=torch.int32)");
  assert.equal(`${x.slice(1, 1)}`, "tensor([[1, 2],\n        [4, 5]], dtype=torch.int32)");
  assert.equal(`${tensor([1]).expand(3)}`, "tensor([1., 1., 1.])");
});

test("profiles and single options add up; nonsense is refused", () => {
  const x = arange(0, 1200).float();
  try {
    setPrintOptions({ profile: "short" });
    assert.equal(`${x}`, "tensor([0.00e+00, 1.00e+00,  ..., 1.20e+03, 1.20e+03])");
    setPrintOptions({ precision: 1 });
    assert.equal(`${x}`, "tensor([0.0e+00, 1.0e+00,  ..., 1.2e+03, 1.2e+03])");
    setPrintOptions({ profile: "full" });
    assert.equal(`${x}`.split(",").length, 1200);
    assert.throws(() => setPrintOptions({ linewidth: -1 }), ArgumentError);
  } finally {
    setPrintOptions({ profile: "default" });
  }
});

test("a freed tensor says so instead of throwing", () => {
  const x = full([2, 3], 1);
  x.dispose();
  assert.equal(`${x}`, "tensor(<freed>, shape=[2, 3], dtype=float32)");
});

test("printing leaves no memory behind, of large and strided tensors alike", () => {
  const x = full([300, 300], 0.5, { requiresGrad: true });
  const y = x.mT.mul(2);
  const before = defaultDevice().memoryStats().liveBytes;
  for (const t of [x, y, x.mT]) assert.match(`${t}`, /\.\.\./);
  assert.equal(defaultDevice().memoryStats().liveBytes, before);
});
