import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fixture } from "../../../test/portable/harness.ts";
import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { Generator } from "../../base/random.ts";
import { grad } from "../autograd.ts";
import { fromArray, ones } from "../create.ts";
import { tidy } from "../scope.ts";
import { Tensor } from "../tensor.ts";
import { scaledDotProductAttention } from "./attention.ts";

/** Every `step`-th element, the sum of all weighted by the cosine of their place, and the sum of their sizes. */
interface Sampled {
  readonly step: number;
  readonly values: readonly number[];
  readonly sum: number;
  readonly size: number;
}
type Shape = readonly [number, number, number, number];
interface Golden {
  readonly name: string;
  readonly q: Shape;
  readonly k: Shape;
  readonly v: Shape;
  readonly mask: {
    readonly kind: "bool" | "hidden" | "infinite" | "float" | "learned";
    readonly shape: number[];
  } | null;
  readonly options: { readonly isCausal?: boolean; readonly scale?: number; readonly enableGqa?: boolean };
  readonly out: Sampled;
  readonly grads: readonly Sampled[];
}

type Real = "float32" | "float64";
const goldens = (await fixture("attention/attention.json")) as readonly Golden[];
const numel = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** As scripts/goldens/attention.py draws. */
function draw(seed: number, n: number): number[] {
  let state = Math.imul(seed, 2654435761) >>> 0;
  return Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 20) / 2048 - 1;
  });
}

/** The same numbers in either layout: rows as they come, or heads inside of time. */
function leaf(values: number[], shape: Shape, dtype: Real, turned: boolean): Tensor {
  const t = fromArray(values, shape, { dtype });
  const laid = turned ? t.transpose(1, 2).contiguous().transpose(1, 2) : t;
  return laid.detach().requiresGrad_();
}

function maskOf({ mask }: Golden, dtype: Real): Tensor | undefined {
  if (mask === null) return undefined;
  const { kind, shape } = mask;
  const [rows, columns] = shape.slice(-2) as [number, number]; // two at least
  const blank = Math.max(1, Math.floor(rows / 3));
  const inBlank = (i: number): boolean => Math.floor(i / columns) % rows < blank;
  const values = draw(7, numel(shape));
  if (kind === "bool")
    return fromArray(
      values.map((x) => Number(x > -0.3)),
      shape,
      { dtype: "bool" },
    );
  if (kind === "hidden") {
    return fromArray(
      values.map((x, i) => Number(x > 0 && !inBlank(i))),
      shape,
      { dtype: "bool" },
    );
  }
  if (kind === "infinite") {
    return fromArray(
      values.map((x, i) => (x > 0 && !inBlank(i) ? x : Number.NEGATIVE_INFINITY)),
      shape,
      { dtype },
    );
  }
  const added = fromArray(
    values.map((x) => x * 3),
    shape,
    { dtype },
  );
  return kind === "learned" ? added.requiresGrad_() : added;
}

/** Sums of n products, each rounded: PyTorch's tolerance, and for the sum over all elements what their errors add up to. */
function matches(actual: Tensor, expected: Sampled, dtype: Real, what: string): void {
  const [rtol, atol] = dtype === "float64" ? [1e-7, 1e-7] : [1.3e-6, 1e-5];
  const values = actual.toArray();
  expected.values.forEach((want, i) => {
    const got = values[i * expected.step]!;
    assert.ok(
      Math.abs(got - want) <= atol + rtol * Math.abs(want),
      `${what}, element ${i * expected.step}: ${got}, not ${want}`,
    );
  });
  let sum = 0;
  let size = 0;
  for (const [i, x] of Array.from(values).entries()) {
    sum += x * Math.cos(i);
    size += Math.abs(x);
  }
  const eps = dtype === "float64" ? 1e-9 : 1e-6;
  assert.ok(Math.abs(sum - expected.sum) <= eps * (1 + expected.size), `${what}, sum: ${sum}, not ${expected.sum}`);
  assert.ok(
    Math.abs(size - expected.size) <= 1e-5 * (1 + expected.size),
    `${what}, size: ${size}, not ${expected.size}`,
  );
}

for (const golden of goldens) {
  for (const [dtype, turned] of [
    ["float32", true],
    ["float32", false],
    ["float64", true],
  ] as const) {
    test(`${golden.name}, ${dtype}${turned ? ", heads inside of time" : ""}`, () =>
      tidy(() => {
        const leaves = [golden.q, golden.k, golden.v].map((shape, i) =>
          leaf(draw(i + 1, numel(shape)), shape, dtype, turned),
        );
        const [q, k, v] = leaves as [Tensor, Tensor, Tensor]; // three
        const attnMask = maskOf(golden, dtype);
        const out = scaledDotProductAttention(q, k, v, { ...golden.options, attnMask });
        matches(out, golden.out, dtype, "out");
        assert.ok(out instanceof Tensor && out.transpose(1, 2).isContiguous(), "heads lie inside of time");
        const g = fromArray(draw(5, out.numel), out.shape, { dtype });
        const wanted = attnMask?.requiresGrad === true ? [...leaves, attnMask] : leaves;
        const grads = grad(out, wanted, g);
        golden.grads.forEach((want, i) => {
          matches(grads[i]!, want, dtype, `gradient ${i}`);
          if (golden.mask?.kind !== "learned")
            assert.deepEqual(grads[i]!.isContiguous(), leaves[i]!.isContiguous(), "gradients lie as their inputs do");
        });
      }));
  }
}

const options = { dtype: "float32" } as const;
function three(B: number, H: number, T: number, D: number): [Tensor, Tensor, Tensor] {
  const made = [1, 2, 3].map((seed) => fromArray(draw(seed, B * H * T * D), [B, H, T, D], options).requiresGrad_());
  return made as [Tensor, Tensor, Tensor]; // three
}

describe("dropout", () => {
  test("drops about p of the weights, scales the others, and starts from the generator", () => {
    const T = 64;
    const [q, k] = three(1, 2, T, 16).map((t) => t.detach().mul(0)) as [Tensor, Tensor, Tensor];
    const eye = ones([T, T]).tril().triu().expand(1, 2, T, T); // makes the output the weights
    const run = (seed: number): number[] =>
      Array.from(scaledDotProductAttention(q, k, eye, { dropoutP: 0.25, generator: new Generator(seed) }).toArray());
    const weights = run(1);
    const kept = weights.filter((w) => w !== 0);
    assert.ok(kept.every((w) => Math.abs(w - 1 / (0.75 * T)) < 1e-6));
    assert.ok(Math.abs(kept.length / weights.length - 0.75) < 0.02, `${kept.length} of ${weights.length}`);
    assert.deepEqual(run(1), weights);
    assert.notDeepEqual(run(2), weights);
    const rows = new Set(
      Array.from({ length: 2 * T }, (_, r) =>
        weights
          .slice(r * T, (r + 1) * T)
          .map(Math.sign)
          .join(""),
      ),
    );
    assert.equal(rows.size, 2 * T, "no two queries have the same");
  });
  test("all dropped gives 0", () => {
    const [q, k, v] = three(1, 2, 20, 16);
    const out = scaledDotProductAttention(q, k, v, { dropoutP: 1 });
    assert.ok(out.toArray().every((x) => x === 0));
    for (const g of grad(out, [q, k, v], out.onesLike())) assert.ok(g.toArray().every((x) => x === 0));
  });
  test("the gradient drops what the forward pass dropped: fused as in tensor algebra", () => {
    const [q, k, v] = three(2, 3, 37, 20);
    const gradients = (createGraph: boolean): number[][] => {
      const out = scaledDotProductAttention(q, k, v, { dropoutP: 0.3, isCausal: true, generator: new Generator(5) });
      return grad(out, [q, k, v], out.detach().mul(2).cos(), { createGraph }).map((t) => Array.from(t.toArray()));
    };
    const algebra = gradients(true);
    gradients(false).forEach((list, i) =>
      list.forEach((x, j) => assert.ok(Math.abs(x - algebra[i]![j]!) <= 1e-5 + 1.3e-6 * Math.abs(x), `${i} ${j}`)),
    );
  });
});

test("a row masked by the lowest number keeps equal weights, and their gradient", () => {
  const [q, k, v] = three(1, 2, 20, 16);
  const attnMask = ones([20, 20]).mul(-3.4028234663852886e38);
  const out = scaledDotProductAttention(q, k, v, { attnMask });
  const [dv] = grad(out, [v], out.onesLike());
  assert.ok(dv!.toArray().every((x) => Math.abs(x - 1) < 1e-5)); // Σ over queries of 1 / 20
});

test("two and three dimensions", () => {
  const [q, k, v] = three(1, 2, 30, 16);
  const whole = scaledDotProductAttention(q, k, v).detach();
  const flat = (t: Tensor): number[] => Array.from(t.toArray());
  const [q3, k3, v3] = [q, k, v].map((t) => t.squeeze(0)) as [Tensor, Tensor, Tensor];
  assert.deepEqual(flat(scaledDotProductAttention(q3, k3, v3)), flat(whole));
  const one = scaledDotProductAttention(q3.select(0, 1), k3.select(0, 1), v3.select(0, 1));
  assert.deepEqual([...one.shape], [30, 16]);
  assert.deepEqual(flat(one), flat(whole.select(1, 1)));
});

test("what does not fit says so", () => {
  const [q, k, v] = three(1, 4, 3, 8);
  const [, k2, v2] = three(1, 2, 3, 8);
  assert.throws(() => scaledDotProductAttention(q, k2, v2), { name: ShapeError.name, message: /enableGqa: true/ });
  assert.throws(() => scaledDotProductAttention(q, k, v, { dropoutP: 1.5 }), ArgumentError);
  const attnMask = ones([3, 3]);
  assert.throws(() => scaledDotProductAttention(q, k, v, { attnMask, isCausal: true }), /not both/);
  assert.throws(() => scaledDotProductAttention(q, k.squeeze(0), v), ShapeError);
});
