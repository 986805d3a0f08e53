// Transforms against torch.func's numbers, alone and inside of each other.

import { test } from "node:test";
import { drawn } from "../../test/drawn.ts";
import { type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, ok, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, AutogradError, ShapeError } from "../base/errors.ts";
import { ones, tensor, zeros } from "./create.ts";
import { noGrad } from "./grad-mode.ts";
import { stack } from "./indexing.ts";
import { memoryStats } from "./memory.ts";
import { tidy } from "./scope.ts";
import type { Tensor } from "./tensor.ts";
import { grad, gradAndValue, hessian, jacfwd, jacrev, jvp, vjp, vmap } from "./transforms.ts";

const goldens = (await fixture("autograd_api/transforms.json")) as Readonly<Record<string, readonly GoldenTensor[]>>;

function agree(name: string, ...tensors: readonly Tensor[]): void {
  deepEqual(tensors.length, goldens[name]!.length);
  tensors.forEach((t, i) => matchesGolden(t, goldens[name]![i]!, `${name}, ${i}`));
}

// As in scripts/goldens/autograd_api.py.
const at = (x: Tensor, i: number): Tensor => x.select(0, i);
const f = (x: Tensor): Tensor => stack([at(x, 0).mul(at(x, 1).square()), x.square().sum().sin(), x.exp().prod()]);
const g = (x: Tensor): Tensor =>
  x
    .pow(3)
    .sum()
    .mul(at(x, 0))
    .add(at(x, 1).sin().mul(at(x, 2)));
const h = (a: Tensor, b: Tensor): Tensor => a.matmul(b).tanh();
const [x, v, u] = [1, 2, 3].map((seed) => drawn(seed, [3]).double()) as [Tensor, Tensor, Tensor];
const [a, b, da, db, c] = (
  [
    [4, 2, 3],
    [5, 3, 2],
    [6, 2, 3],
    [7, 3, 2],
    [8, 2, 2],
  ] as const
).map(([seed, ...shape]) => drawn(seed, shape).double()) as [Tensor, Tensor, Tensor, Tensor, Tensor];

test("gradients and Jacobians as torch.func's", () => {
  agree("gradient", grad(g)(x));
  agree("jacobian", jacrev(f)(x));
  agree("jacobian", jacfwd(f)(x));
  agree("jacobian of b", jacrev(h, { argnums: 1 })(a, b));
  agree("jacobian of b", jacfwd(h, { argnums: [1, 0] })(a, b)[0]);
  agree("hessian", hessian(g)(x));
  agree("hessian", jacfwd(grad(g))(x));
  agree("jacobian of grad", jacrev(grad(g))(x));
  const [out, pullback] = vjp(h, a, b);
  agree("vjp", out, ...pullback(c));
  agree("vjp", out, ...pullback(c)); // as often as one likes
  agree("jvp", ...jvp(f, [x], [v]));
  agree("jvp of two", ...jvp(h, [a, b], [da, db]));
  agree("vmap", vmap((r: Tensor, col: Tensor) => r.dot(col), { inDims: [0, 1] })(a, b));
  agree("vmap of grad", vmap(grad(g))(stack([x, v, u])));
});

test("results have the form of the arguments, and no history that leads nowhere", () => {
  const loss = (p: { w: Tensor; b: Tensor[] }, n: number): Tensor => p.w.mul(n).add(p.b[0]!).square().sum();
  const given = { w: tensor([1, 2]), b: [tensor([1])] };
  const [grads, value] = gradAndValue(loss)(given, 2);
  equal(value.item(), 9 + 25);
  deepEqual([...grads.w.toArray()], [12, 20]);
  deepEqual([...grads.b[0]!.toArray()], [16]);
  ok(!grads.w.requiresGrad && !value.requiresGrad);
  ok(!given.w.requiresGrad);
  const both = grad((p: Tensor, q: Tensor) => p.mul(q).sum(), { argnums: [1, 0] })(tensor([2]), tensor([5]));
  deepEqual(
    both.map((t) => t.item()),
    [2, 5],
  );
});

test("gradients of what is around come through", () => {
  const w = tensor([2], { requiresGrad: true });
  const penalty = grad((y: Tensor) => y.pow(3).mul(w).sum())(tensor([1, 2])); // 3 w y²
  penalty.sum().backward();
  deepEqual([...w.grad!.toArray()], [15]);
  const leaf = tensor([1, 2], { requiresGrad: true });
  grad((y: Tensor) => y.pow(3).sum())(leaf)
    .sum()
    .backward();
  deepEqual([...leaf.grad!.toArray()], [6, 12]);
  const [, tangent] = jvp((y: Tensor) => y.pow(2), [leaf], [tensor([1, 1])]);
  tangent.sum().backward();
  deepEqual([...leaf.grad!.toArray()], [8, 14]);
  ok(!noGrad(() => grad((y: Tensor) => y.mul(w).sum())(leaf)).requiresGrad);
});

test("where nothing depends on an argument there are zeros", () => {
  const constant = (): Tensor => ones([2]);
  deepEqual(jacrev((_: Tensor) => constant())(zeros([3])).tolist(), zeros([2, 3]).tolist());
  deepEqual([...grad((_: Tensor) => ones([]))(zeros([3])).toArray()], [0, 0, 0]);
  deepEqual([...jvp((_: Tensor) => constant(), [zeros([3])], [ones([3])])[1].toArray()], [0, 0]);
  close(jvp((y: Tensor) => y.mul(3), [zeros([2])], [ones([2])])[1].toArray(), [3, 3], tolerances.float32); // linear
});

test("vmap takes dims, whole arguments and forms, and stacks where it is told", () => {
  const batch = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const mapped = vmap((row: Tensor, k: number) => ({ sum: row.sum(), twice: [row.mul(k)] }), {
    inDims: [0, null],
    outDims: 0,
  });
  const out = mapped(batch, 2);
  deepEqual([...out.sum.toArray()], [3, 7, 11]);
  deepEqual(out.twice[0]!.tolist(), batch.mul(2).tolist());
  deepEqual(vmap((row: Tensor) => row, { inDims: 1, outDims: 1 })(batch).tolist(), batch.tolist());
  throws(
    () => vmap((p: Tensor, q: Tensor) => p.add(q))(zeros([2]), zeros([3])),
    ShapeError,
    /2 samples .* 3 in another/,
  );
  throws(() => vmap((n: number) => n)(3), ArgumentError, /no argument has samples/);
});

test("what does not fit is refused", () => {
  throws(() => grad((y: Tensor) => y)(ones([2])), ShapeError, /returned \[2\]; wants a single number/);
  throws(() => grad((y: Tensor) => y.sum())(ones([2], { dtype: "int32" })), AutogradError, /int32; only floats/);
  throws(() => grad((y: Tensor, _?: Tensor) => y.sum(), { argnums: 1 })(ones([2])), ArgumentError, /argnums 1/);
  throws(() => jvp((y: Tensor) => y, [ones([2])], [] as unknown as [Tensor]), ArgumentError, /0 tangents for 1/);
});

test("transforms leave nothing but their results", () => {
  const round = (): void =>
    tidy(() => {
      hessian(g)(x);
      jacfwd(f)(x);
      vmap(grad(g))(stack([x, v, u]));
      vjp(h, a, b)[1](c);
    });
  round();
  const { liveBlocks } = memoryStats();
  for (let i = 0; i < 3; i++) round();
  equal(memoryStats().liveBlocks, liveBlocks);
});
