// Factors multiply back, solutions solve, gradients of both orders agree with differences, and errors name the matrix. (What PyTorch
// computes: test/opinfo.test.ts.)

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DTypeError, KindlingError, ShapeError, UnsupportedError } from "../../base/errors.ts";
import { manualSeed } from "../../base/random.ts";
import * as linalg from "../../linalg.ts";
import { grad } from "../autograd.ts";
import { eye as eyeOf, tensor } from "../create.ts";
import { cdist } from "../functional/distance.ts";
import { gradcheck, gradgradcheck } from "../gradcheck.ts";
import { memoryStats } from "../memory.ts";
import { randn } from "../random.ts";
import { tidy } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import "../tensor.ts";

const draw = (...shape: number[]): Tensor => randn(shape, { dtype: "float64" });
const eye = (n: number): Tensor => eyeOf(n, n, { dtype: "float64" });
function near(actual: Tensor, wanted: Tensor, within = 1e-12): void {
  assert.deepEqual(actual.shape, wanted.shape);
  const apart = actual.sub(wanted).abs().amax().item();
  assert.ok(apart <= within, `apart by ${apart}`);
}
const sizes = [
  [1, 1],
  [4, 4],
  [5, 3],
  [3, 5],
  [6, 1],
] as const;

describe("factors", () => {
  manualSeed(3);
  for (const [M, N] of sizes) {
    const K = Math.min(M, N);
    test(`Q and R of ${M} x ${N}`, () => {
      const a = draw(2, M, N);
      for (const mode of ["reduced", "complete"] as const) {
        const { q, r } = linalg.qr(a, { mode });
        near(q.matmul(r), a);
        near(q.mT.matmul(q), eye(mode === "complete" ? M : K).expand(2, -1, -1));
        near(r.tril(-1), r.zerosLike());
      }
      near(linalg.qr(a, { mode: "r" }).r, linalg.qr(a).r);
    });
    test(`singular values of ${M} x ${N}`, () => {
      const a = draw(2, M, N);
      const [u, s, vh] = linalg.svd(a);
      near(
        u
          .narrow(-1, 0, K)
          .mul(s.unsqueeze(-2))
          .matmul(vh.narrow(-2, 0, K)),
        a,
      );
      near(u.mT.matmul(u), eye(M).expand(2, -1, -1));
      near(vh.matmul(vh.mT), eye(N).expand(2, -1, -1));
      assert.ok(
        s
          .narrow(-1, 0, K - 1)
          .ge(s.narrow(-1, 1, K - 1))
          .all()
          .item() === 1,
      );
      assert.ok(
        u
          .abs()
          .amax({ dim: -2 })
          .eq(u.amax({ dim: -2 }))
          .all()
          .item() === 1,
        "largest components positive",
      );
    });
    test(`pseudo-inverse and least squares of ${M} x ${N}`, () => {
      const [a, b] = [draw(2, M, N), draw(2, M, 2)];
      const p = linalg.pinv(a);
      near(a.matmul(p).matmul(a), a);
      near(p.matmul(a).matmul(p), p);
      near(a.matmul(p).mT, a.matmul(p));
      near(p.matmul(a).mT, p.matmul(a));
      near(linalg.lstsq(a, b).solution, p.matmul(b));
    });
  }
  test("of a matrix without full rank", () => {
    const a = tensor([[1, 2, 3], [2, 4, 6], [1, 0, 1]], { dtype: "float64" }); // biome-ignore format: a matrix
    const [u, s, vh] = linalg.svd(a);
    near(u.mul(s).matmul(vh), a);
    near(u.mT.matmul(u), eye(3));
    assert.deepEqual(linalg.matrixRank(a).item(), 2);
    near(a.matmul(linalg.pinv(a)).matmul(a), a);
    assert.ok(Math.abs(linalg.det(a).item()) < 1e-15);
    const zero = linalg.svd(draw(3, 3).zerosLike());
    near(zero[0].matmul(zero[2].mT), eye(3));
  });
  test("of large and small numbers", () => {
    for (const scale of [1e-150, 1e150]) {
      const a = draw(4, 3).mul(scale);
      const [u, s, vh] = linalg.svd(a, { fullMatrices: false });
      near(u.mul(s.div(scale)).matmul(vh), a.div(scale));
    }
  });
  test("eigenvalues of symmetric matrices", () => {
    const x = draw(2, 5, 5);
    for (const upper of [false, true]) {
      const whole = upper ? x.triu().add(x.triu(1).mT) : x.tril().add(x.tril(-1).mT);
      const { eigenvalues, eigenvectors: v } = linalg.eigh(x, { upper });
      near(v.mul(eigenvalues.unsqueeze(-2)).matmul(v.mT), whole);
      near(v.mT.matmul(v), eye(5).expand(2, -1, -1));
    }
  });
  test("of positive definite matrices", () => {
    const x = draw(2, 4, 4);
    const a = x.matmul(x.mT).add(eye(4));
    const l = linalg.cholesky(a);
    near(l.matmul(l.mT), a);
    near(l.triu(1), l.zerosLike());
    near(linalg.cholesky(a, { upper: true }), l.mT);
    near(linalg.choleskyInverse(l).matmul(a), eye(4).expand(2, -1, -1));
    const b = draw(2, 4, 3);
    near(a.matmul(linalg.choleskySolve(b, l)), b);
    near(a.matmul(linalg.choleskySolve(b, l.mT, { upper: true })), b);
  });
});

test("solutions, inverses and determinants", () => {
  manualSeed(4);
  const [a, b] = [draw(3, 4, 4), draw(4, 2)];
  near(a.matmul(linalg.solve(a, b)), b.expand(3, -1, -1));
  const rows = draw(3, 2, 4);
  near(linalg.solve(a, rows, { left: false }).matmul(a), rows);
  near(a.matmul(linalg.inv(a)), eye(4).expand(3, -1, -1));
  near(linalg.matrixPower(a, -2).matmul(a).matmul(a), eye(4).expand(3, -1, -1), 1e-10);
  const { sign, logabsdet } = linalg.slogdet(a);
  near(sign.mul(logabsdet.exp()), linalg.det(a));
  assert.equal(linalg.det(tensor([[0, 2], [3, 4]])).item(), -6); // biome-ignore format: a matrix
  assert.equal(linalg.logdet(tensor([[0, 2], [3, 4]])).item(), Number.NaN); // biome-ignore format: a matrix
  assert.equal(linalg.solve(draw(0, 2, 2), draw(0, 2, 1)).numel, 0);
});

test("norms", () => {
  manualSeed(5);
  const x = draw(2, 4, 3);
  const s = linalg.svdvals(x);
  near(linalg.matrixNorm(x, "nuc"), s.sum({ dim: -1 }));
  near(linalg.matrixNorm(x, 2), s.amax({ dim: -1 }));
  near(linalg.matrixNorm(x, -2, { keepdim: true }), s.amin({ dim: -1 }).reshape(2, 1, 1));
  near(linalg.matrixNorm(x.movedim(1, 0), 1, { dim: [0, -1] }), x.abs().sum({ dim: 1 }).amax({ dim: 1 }));
  near(linalg.norm(x), x.square().sum().sqrt());
  near(linalg.cond(x), s.amax({ dim: -1 }).div(s.amin({ dim: -1 })));
});

const positive = (a: Tensor): Tensor => a.matmul(a.mT).add(eye(3));
const functions: Record<string, [(...xs: never[]) => Tensor, ...(readonly number[])[]]> = {
  inv: [(a: Tensor) => linalg.inv(a), [2, 3, 3]],
  det: [(a: Tensor) => linalg.det(a), [2, 3, 3]],
  "det of a singular matrix": [(a: Tensor) => linalg.det(a.matmul(a.mT)), [3, 2]],
  slogdet: [(a: Tensor) => linalg.slogdet(a).logabsdet, [2, 3, 3]],
  solve: [(a: Tensor, b: Tensor) => linalg.solve(a, b), [2, 3, 3], [3, 2]],
  "solve from the right": [(a: Tensor, b: Tensor) => linalg.solve(a, b, { left: false }), [3, 3], [2, 2, 3]],
  solveTriangular: [(a: Tensor, b: Tensor) => linalg.solveTriangular(a, b, { upper: true }), [2, 3, 3], [3, 2]],
  "solveTriangular, ones": [
    (a: Tensor, b: Tensor) => linalg.solveTriangular(a, b, { upper: false, left: false, unitriangular: true }),
    [3, 3],
    [2, 2, 3],
  ],
  cholesky: [(a: Tensor) => linalg.cholesky(positive(a)), [2, 3, 3]],
  "cholesky, upper": [(a: Tensor) => linalg.cholesky(positive(a), { upper: true }), [3, 3]],
  choleskySolve: [(b: Tensor, a: Tensor) => linalg.choleskySolve(b, a), [3, 2], [3, 3]],
  choleskyInverse: [(a: Tensor) => linalg.choleskyInverse(a, { upper: true }), [3, 3]],
  matrixPower: [(a: Tensor) => linalg.matrixPower(a, -2), [3, 3]],
  eigh: [
    (a: Tensor) => {
      const { eigenvalues, eigenvectors } = linalg.eigh(a.add(a.mT));
      return eigenvectors.pow(3).mul(eigenvalues.unsqueeze(-2));
    },
    [2, 3, 3],
  ],
  eigvalsh: [(a: Tensor) => linalg.eigvalsh(a.add(a.mT)), [3, 3]],
  "pinv of rank 1": [(a: Tensor) => linalg.pinv(a.matmul(a.mT), { rtol: 1e-6 }), [3, 1]],
  cdist: [(a: Tensor, b: Tensor) => cdist(a, b, 3), [2, 3, 2], [4, 2]],
};
for (const shape of [
  [3, 3],
  [4, 3],
  [3, 4],
] as const) {
  // biome-ignore format: three shapes
  const of = `of ${shape.join(" x ")}`;
  functions[`qr ${of}`] = [
    (a: Tensor) => {
      const { q, r } = linalg.qr(a);
      return q.sin().matmul(r.cos());
    },
    shape,
  ];
  functions[`svd ${of}`] = [
    (a: Tensor) => {
      const [u, s, vh] = linalg.svd(a);
      const [left, right] = [u.narrow(-1, 0, 3).pow(3).sum({ dim: -2 }), vh.narrow(-2, 0, 3).pow(3).sum({ dim: -1 })];
      return left.add(right.sin()).mul(s);
    },
    shape,
  ];
  functions[`svdvals ${of}`] = [(a: Tensor) => linalg.svdvals(a), shape];
  functions[`pinv ${of}`] = [(a: Tensor) => linalg.pinv(a), shape];
  functions[`lstsq ${of}`] = [(a: Tensor, b: Tensor) => linalg.lstsq(a, b).solution, shape, [shape[0], 2]];
  functions[`nuclear norm ${of}`] = [(a: Tensor) => linalg.matrixNorm(a, "nuc"), shape];
}

describe("gradients", () => {
  for (const [name, [f, ...shapes]] of Object.entries(functions)) {
    test(name, () => {
      manualSeed(6);
      const inputs = shapes.map((shape) => draw(...shape).requiresGrad_());
      const of = f as (...xs: Tensor[]) => Tensor; // as many tensors as there are shapes
      gradcheck(of, inputs);
      gradgradcheck(of, inputs);
    });
  }
  test("a determinant of rank n − 1 has one, of lower rank none", () => {
    const one = tensor([[1, 2], [2, 4]], { requiresGrad: true }); // biome-ignore format: a matrix
    near(grad([linalg.det(one)], [one])[0]!, tensor([[4, -2], [-2, 1]]), 1e-5); // biome-ignore format: its cofactors
    const none = tensor([[0, 0], [0, 0]], { requiresGrad: true }); // biome-ignore format: a matrix
    near(grad([linalg.det(none)], [none])[0]!, none.zerosLike());
  });
  test("distances of 0 have none", () => {
    const x = draw(3, 2).requiresGrad_();
    for (const p of [1, 2, 3, Number.POSITIVE_INFINITY]) {
      const [g] = grad([cdist(x, x.detach(), p).diagonal().sum()], [x]);
      near(g!, x.zerosLike());
    }
  });
});

test("errors say what came, and which matrix", () => {
  const refuses = (f: () => unknown, kind: typeof KindlingError, message: RegExp): void => {
    assert.throws(f, (error: unknown) => error instanceof kind && message.test(error.message));
  };
  const batch = eye(2).expand(3, -1, -1).clone();
  const broken = batch.mul(tensor([[[1]], [[0]], [[1]]], { dtype: "float64" }));
  refuses(() => linalg.inv(draw(2, 3)), ShapeError, /inv: wants square matrices \[N, N\], got \[2, 3\]/);
  refuses(() => linalg.inv(broken), KindlingError, /singular \(matrix 1 of the batch \[3\]\)/);
  refuses(() => linalg.solve(broken, draw(2, 1)), KindlingError, /singular \(matrix 1 of/);
  refuses(() => linalg.cholesky(eye(2).neg()), KindlingError, /not positive definite: its leading block of size 1/);
  refuses(() => linalg.cholesky(broken), KindlingError, /not positive definite \(matrix 1 of the batch/);
  refuses(() => linalg.svd(draw(3)), ShapeError, /a matrix \[M, N\] or a batch/);
  refuses(() => linalg.det(tensor([[1]], { dtype: "int32" })), DTypeError, /float32 or float64, got int32/);
  refuses(() => linalg.solve(draw(2, 2, 2), draw(3, 2, 1)), ShapeError, /do not broadcast/);
  refuses(() => linalg.solve(eye(2), draw(3, 1)), ShapeError, /do not fit/);
  refuses(() => linalg.matrixNorm(draw(2, 2), 3), KindlingError, /ord 3; there are/);
  const x = draw(2, 2).requiresGrad_();
  refuses(() => linalg.qr(x, { mode: "r" }).r.sum().backward(), UnsupportedError, /mode "r" has no gradient/);
});

test("nothing is left behind, after errors either", () => {
  const a = draw(3, 3);
  const singular = a.zerosLike();
  const before = memoryStats().liveBytes;
  for (let round = 0; round < 20; round++) {
    tidy(() => linalg.solve(a, linalg.svd(linalg.inv(a))[0]).dispose());
    assert.throws(() => linalg.inv(singular));
  }
  assert.equal(memoryStats().liveBytes, before);
});
