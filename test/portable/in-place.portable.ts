// Writing into tensors: values, versions, and what gradients make of it.

import { AutogradError, DTypeError, LifetimeError, ShapeError, UnsupportedError } from "../../src/base/errors.ts";
import { arange, ones, tensor, zeros } from "../../src/tensor/create.ts";
import { noGrad } from "../../src/tensor/grad-mode.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { close, deepEqual, equal, ok, type Suite, suite, throws } from "./harness.ts";

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });
const list = (t: Tensor | undefined): number[] => Array.from(t!.toArray());
const near = { rtol: 1e-6, atol: 1e-6 };

const columns = tensor(
  [
    [2, 0, 1],
    [1, 2, 0],
  ],
  { dtype: "int32" },
);
const second = tensor([1], { dtype: "int32" });

/** Each method with the out-of-place call that it must equal. */
const twins: {
  readonly [name: string]: readonly [inPlace: (x: Tensor, y: Tensor) => Tensor, twin: (x: Tensor, y: Tensor) => Tensor];
} = {
  add_: [(x, y) => x.add_(y), (x, y) => x.add(y)],
  "add_ with alpha": [(x, y) => x.add_(y, { alpha: -2 }), (x, y) => x.add(y, { alpha: -2 })],
  "add_ of a number": [(x) => x.add_(3), (x) => x.add(3)],
  sub_: [(x, y) => x.sub_(y), (x, y) => x.sub(y)],
  "sub_ with alpha": [(x, y) => x.sub_(y, { alpha: 3 }), (x, y) => x.sub(y, { alpha: 3 })],
  mul_: [(x, y) => x.mul_(y), (x, y) => x.mul(y)],
  div_: [(x, y) => x.div_(y), (x, y) => x.div(y)],
  pow_: [(x, y) => x.pow_(y), (x, y) => x.pow(y)],
  neg_: [(x) => x.neg_(), (x) => x.neg()],
  exp_: [(x) => x.exp_(), (x) => x.exp()],
  sqrt_: [(x) => x.sqrt_(), (x) => x.sqrt()],
  tanh_: [(x) => x.tanh_(), (x) => x.tanh()],
  sigmoid_: [(x) => x.sigmoid_(), (x) => x.sigmoid()],
  relu_: [(x) => x.sub_(1).relu_(), (x) => x.sub(1).relu()],
  clamp_: [(x) => x.clamp_({ min: 1, max: 1.8 }), (x) => x.clamp({ min: 1, max: 1.8 })],
  "clamp_ at one end": [(x) => x.clamp_({ min: 1 }), (x) => x.clamp({ min: 1 })],
  addcmul_: [(x, y) => x.addcmul_(y, y, { value: 0.5 }), (x, y) => x.addcmul(y, y, { value: 0.5 })],
  addcdiv_: [(x, y) => x.addcdiv_(y, y.add(1)), (x, y) => x.addcdiv(y, y.add(1))],
  lerp_: [(x, y) => x.lerp_(y, 0.25), (x, y) => x.lerp(y, 0.25)],
  maskedFill_: [(x, y) => x.maskedFill_(y.gt(1), -1), (x, y) => x.maskedFill(y.gt(1), -1)],
  copy_: [(x, y) => x.copy_(y), (x, y) => x.mul(0).add(y)],
  fill_: [(x) => x.fill_(7), (x) => x.mul(0).add(7)],
  zero_: [(x) => x.zero_(), (x) => x.mul(0)],
  "clamp_ by tensors": [(x, y) => x.clamp_({ min: y, max: y.add(1) }), (x, y) => x.clamp({ min: y, max: y.add(1) })],
  "div_ to whole numbers": [
    (x, y) => x.div_(y, { roundingMode: "floor" }),
    (x, y) => x.div(y, { roundingMode: "floor" }),
  ],
  "maskedFill_ by a tensor": [(x, y) => x.maskedFill_(y.gt(1), y.amax()), (x, y) => x.maskedFill(y.gt(1), y.amax())],
  round_: [(x) => x.round_({ decimals: -1 }), (x) => x.round({ decimals: -1 })],
  logit_: [(x) => x.logit_(0.1), (x) => x.logit(0.1)],
  nanToNum_: [(x) => x.log_().nanToNum_({ nan: 2 }), (x) => x.log().nanToNum({ nan: 2 })],
  ...alike(
    "abs sign rsqrt reciprocal square expm1 log log1p log2 sin cos erf floor ceil trunc exp2 log10 tan sinh cosh asinh acosh atanh erfc frac asin acos atan",
    [],
  ),
  ...alike("floorDivide remainder fmod copysign xlogy hypot atan2", ["y"]),
};

/** Of matrices of three columns. */
const placings: typeof twins = {
  scatter_: [(x, y) => x.scatter_(1, columns, y.expand(2, 3)), (x, y) => x.scatter(1, columns, y.expand(2, 3))],
  "scatter_ of a number": [(x) => x.scatter_(1, columns, 9), (x) => x.scatter(1, columns, 9)],
  scatterReduce_: [
    (x, y) => x.scatterReduce_(1, columns, y.expand(2, 3), "amax"),
    (x, y) => x.scatterReduce(1, columns, y.expand(2, 3), "amax"),
  ],
  scatterAdd_: [
    (x, y) => x.scatterAdd_(1, columns, y.expand(2, 3)),
    (x, y) => x.scatterAdd(1, columns, y.expand(2, 3)),
  ],
  indexAdd_: [
    (x, y) => x.indexAdd_(0, second, y.unsqueeze(0), { alpha: 2 }),
    (x, y) => x.indexAdd(0, second, y.unsqueeze(0), { alpha: 2 }),
  ],
  indexCopy_: [(x, y) => x.indexCopy_(0, second, y.unsqueeze(0)), (x, y) => x.indexCopy(0, second, y.unsqueeze(0))],
  indexFill_: [(x) => x.indexFill_(1, second, -1), (x) => x.indexFill(1, second, -1)],
  indexPut_: [(x, y) => x.indexPut_([second], y), (x, y) => x.indexPut([second], y)],
  "indexPut_ that adds": [
    (x, y) => x.indexPut_([second], y, { accumulate: true }),
    (x, y) => x.indexPut([second], y, { accumulate: true }),
  ],
  put_: [(x, y) => x.put_(second, y.narrow(0, 0, 1)), (x, y) => x.put(second, y.narrow(0, 0, 1))],
  maskedScatter_: [(x, y) => x.maskedScatter_(y.gt(1), y.repeat(2)), (x, y) => x.maskedScatter(y.gt(1), y.repeat(2))],
  tril_: [(x) => x.tril_(), (x) => x.tril()],
  triu_: [(x) => x.triu_(1), (x) => x.triu(1)],
  cumsum_: [(x) => x.cumsum_(1), (x) => x.cumsum(1)],
  cumprod_: [(x) => x.cumprod_(1), (x) => x.cumprod(1)],
};

/** Whose result does not move with its operands, so that they cut the graph. */
const steps: typeof twins = {
  logicalNot_: [(x) => x.logicalNot_(), (x) => x.logicalNot().float()],
  logicalAnd_: [(x, y) => x.floor_().logicalAnd_(y), (x, y) => x.floor().logicalAnd(y).float()],
  logicalOr_: [(x, y) => x.floor_().logicalOr_(y), (x, y) => x.floor().logicalOr(y).float()],
  logicalXor_: [(x, y) => x.floor_().logicalXor_(y), (x, y) => x.floor().logicalXor(y).float()],
  ...alike("eq ne lt le gt ge heaviside", ["y"]),
};

/** Methods of no argument, or of one tensor, whose twin is called alike. A comparison's result is 0 and 1. */
function alike(names: string, args: readonly "y"[]): typeof twins {
  const call = (x: Tensor, y: Tensor, name: string): Tensor => {
    const method = x[name as keyof Tensor] as (...tensors: Tensor[]) => Tensor; // a wrong name fails its test
    return method.apply(x, args.length === 0 ? [] : [y]);
  };
  return Object.fromEntries(
    names
      .split(" ")
      .map((name) => [`${name}_`, [(x, y) => call(x, y, `${name}_`), (x, y) => call(x, y, name).float()] as const]),
  );
}

export const values: Suite = suite("in place: values", (test) => {
  for (const [name, [inPlace, twin]] of Object.entries({ ...twins, ...placings, ...steps })) {
    test(`${name} is its twin, in the same memory, also in a strided view`, () => {
      const make = (): Tensor =>
        tensor([
          [0.5, 1, 1.5],
          [2, 2.5, 3],
        ]);
      const y = tensor([2, 0.5, 1.5]);
      const x = make();
      const { version } = x.storage;
      equal(inPlace(x, y), x);
      deepEqual(x.tolist(), twin(make(), y).tolist());
      ok(x.storage.version > version, "version");
      const wide = ones([3, 4]);
      const part = wide.slice(1, 1).slice(0, 0, 3, 2); // rows 0 and 2, columns 1 to 3
      part.copy_(make());
      inPlace(part, y);
      deepEqual(part.tolist(), twin(make(), y).tolist());
      deepEqual(list(wide.select(0, 1)), [1, 1, 1, 1]);
      deepEqual(list(wide.select(1, 0)), [1, 1, 1]);
    });
  }

  test("bits of whole numbers", () => {
    const x = tensor([5, -6], { dtype: "int32" });
    x.bitwiseAnd_(7).bitwiseXor_(1).bitwiseOr_(8).bitwiseLeftShift_(2).bitwiseRightShift_(1).bitwiseNot_();
    deepEqual(
      list(x),
      [(5 & 7) ^ 1, (-6 & 7) ^ 1].map((n) => ~(((n | 8) << 2) >> 1)),
    );
  });

  test("a result keeps the shape and the dtype of its tensor, or is refused", () => {
    const x = zeros([2]);
    throws(() => x.add_(ones([3, 2])), ShapeError, /\[3, 2\]/);
    throws(() => x.copy_(ones([3])), ShapeError);
    const n = tensor([1, 2], { dtype: "int32" });
    throws(() => n.add_(0.5), DTypeError, /int32/);
    throws(() => n.div_(2), DTypeError);
    throws(() => tensor([true]).add_(1), DTypeError);
    const half = tensor([1, 2], { dtype: "float16" });
    equal(half.mul_(tensor([3, 4], { dtype: "float64" })), half);
    deepEqual(list(half), [3, 8]);
    equal(half.dtype, "float16");
    deepEqual(list(n.copy_(tensor([1.9, -1.9]))), [1, -1]);
  });

  test("an expanded tensor has too few places", () => {
    const x = ones([3, 1]).expand(3, 4);
    throws(() => x.add_(1), UnsupportedError, /clone/);
    throws(() => x.fill_(0), UnsupportedError);
    throws(() => x.uniform_(), UnsupportedError);
    deepEqual(list(ones([1]).expand(1).add_(1)), [2]);
  });

  test("operands may lie in the written memory only as the target does", () => {
    const x = arange(9).view(3, 3);
    deepEqual(list(x.add_(x)), [0, 2, 4, 6, 8, 10, 12, 14, 16]);
    throws(() => x.add_(x.t()), UnsupportedError, /clone/);
    throws(() => x.slice(0, 1).copy_(x.slice(0, 0, 2)), UnsupportedError);
    x.select(1, 0).copy_(x.select(1, 2)); // other elements of the same rows
    deepEqual(list(x.select(1, 0)), [4, 10, 16]);
    x.slice(0, 0, 1).copy_(x.slice(0, 2, 3));
    deepEqual(list(x.select(0, 0)), [16, 14, 16]);
  });

  test("views and their tensors see each other's writes", () => {
    const x = zeros([2, 3]);
    const [row, column, turned] = [x.select(0, 1), x.select(1, 0), x.t()];
    row.fill_(1);
    column.add_(5);
    deepEqual(x.tolist(), [
      [5, 0, 0],
      [6, 1, 1],
    ]);
    x.zero_();
    deepEqual(turned.tolist(), [
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    const before = x.storage.version;
    turned.add_(1);
    ok(x.storage.version > before);
    deepEqual(list(x.reshape(6).mul_(2)), [2, 2, 2, 2, 2, 2]);
    deepEqual(list(x), [2, 2, 2, 2, 2, 2]);
    x.clone().fill_(0);
    x.t().reshape(6).fill_(0); // a copy
    deepEqual(list(x), [2, 2, 2, 2, 2, 2]);
  });
});

export const gradients: Suite = suite("in place: gradients", (test) => {
  for (const [name, [inPlace, twin]] of Object.entries(twins)) {
    if (name === "fill_" || name === "zero_") continue; // they cut the graph, see below
    test(`${name} has its twin's gradient`, () => {
      const gradients = [inPlace, twin].map((f) => {
        const [x, y] = [leaf(0.5, 1.2, 1.5), leaf(2, 0.5, 1.5)];
        f(x.mul(1), y)
          .mul(tensor([1, 10, 100]))
          .sum()
          .backward();
        return [x, y].map((t) => (t.grad === undefined ? [0, 0, 0] : list(t.grad)));
      });
      gradients[0]!.forEach((g, i) => close(g, gradients[1]![i]!, near));
    });
  }

  for (const [name, [inPlace, twin]] of Object.entries(placings)) {
    test(`${name} has its twin's gradient`, () => {
      const gradients = [inPlace, twin].map((f) => {
        const [x, y] = [ones([2, 3]).cumsum(1).requiresGrad_(), leaf(2, 0.5, 1.5)];
        f(x.mul(1), y).square().sum().backward();
        return [x, y].map((t) => (t.grad === undefined ? [] : list(t.grad)));
      });
      gradients[0]!.forEach((g, i) => close(g, gradients[1]![i]!, near));
    });
  }
  test("comparisons cut the graph", () => {
    for (const [inPlace] of Object.values(steps)) {
      const [x, y] = [leaf(1, 2), tensor([1, 3])];
      const z = inPlace(x.mul(2), y);
      ok(!z.requiresGrad);
      z.add(x).sum().backward();
      deepEqual(list(x.grad), [1, 1]);
    }
  });
  test("what an operation in place needed from before is kept", () => {
    const x = leaf(1, 2, 3);
    const y = x.mul(2);
    y.cumprod_(0)
      .scatterAdd_(0, tensor([0, 0, 1], { dtype: "int32" }), x.square())
      .reciprocal_();
    y.sum().backward();
    const [z] = [leaf(1, 2, 3)];
    z.mul(2)
      .cumprod(0)
      .scatterAdd(0, tensor([0, 0, 1], { dtype: "int32" }), z.square())
      .reciprocal()
      .sum()
      .backward();
    close(list(x.grad), list(z.grad), near);
  });

  test("a leaf that requires a gradient is written without recording only", () => {
    const x = leaf(1, 2);
    throws(() => x.add_(1), AutogradError, /noGrad/);
    throws(() => x.uniform_(), AutogradError);
    throws(() => zeros([2]).copy_(x).sum().backward() ?? x.zero_(), AutogradError);
    noGrad(() => x.add_(1));
    deepEqual(list(x), [2, 3]);
    ok(x.isLeaf && x.requiresGrad);
  });

  test("a saved tensor that changed is an error, not a wrong gradient", () => {
    const x = leaf(1, 2);
    const y = x.mul(1);
    const z = y.square();
    y.add_(1);
    throws(() => z.sum().backward(), LifetimeError, /changed in place.*version 1, expected 0/);
    const w = tensor([1, 2]);
    const out = x.mul(w).sum();
    w.select(0, 0).fill_(5); // through a view
    throws(() => out.backward(), LifetimeError);
    const e = x.exp();
    e.detach().zero_(); // through a detached handle
    throws(() => e.sum().backward(), LifetimeError);
  });

  test("a change before the use, or of what no gradient needs, is fine", () => {
    const x = leaf(1, 2);
    const y = x.mul(2).add_(1);
    y.mul(y.detach()).sum().backward();
    deepEqual(list(x.grad), [6, 10]);
    x.grad = undefined;
    const z = x.mul(3); // keeps 3 alone
    const sum = z.sum();
    z.add_(1);
    sum.backward();
    deepEqual(list(x.grad), [3, 3]);
  });

  test("a constant that a recorded tensor is written into takes its place in the graph", () => {
    const x = leaf(1, 2);
    const buffer = zeros([2]);
    buffer.copy_(x.mul(2)).mul_(3);
    ok(!buffer.isLeaf);
    buffer.sum().backward();
    deepEqual(list(x.grad), [6, 6]);
  });

  test("fills and draws cut the graph", () => {
    for (const cut of [(t: Tensor) => t.fill_(1), (t: Tensor) => t.uniform_(), (t: Tensor) => t.bernoulli_(0.5)]) {
      const x = leaf(1, 2);
      const y = cut(x.mul(2));
      ok(!y.requiresGrad);
      y.add(x).sum().backward();
      deepEqual(list(x.grad), [1, 1]);
    }
  });

  test("a view is not written while gradients are recorded", () => {
    const x = leaf(1, 2, 3);
    const y = x.mul(1);
    throws(() => y.slice(0, 1).mul_(3), UnsupportedError, /view/);
    throws(() => y.setAt([0], 5), UnsupportedError, /where/);
    noGrad(() => y.select(0, 0).fill_(5));
    deepEqual(list(y), [5, 2, 3]);
  });

  test("a view or another handle made before a recorded change has no gradient of its values", () => {
    const x = leaf(1, 2, 3);
    const y = x.mul(2);
    const [view, other, cut] = [y.slice(0, 1), y.at("..."), y.detach()];
    y.mul_(3);
    throws(() => view.sum(), AutogradError, /after the change/);
    throws(() => view.select(0, 0), AutogradError, /after the change/);
    throws(() => other.mul(2), AutogradError, /after the change/);
    throws(() => view.backward(ones([2])), AutogradError, /after the change/);
    deepEqual(list(view), [12, 18]);
    deepEqual(list(noGrad(() => view.add(1))), [13, 19]);
    deepEqual(list(cut.mul(1)), [6, 12, 18]); // a constant: nothing to get wrong
    y.slice(0, 1).sum().backward();
    deepEqual(list(x.grad), [0, 6, 6]);
  });
});
