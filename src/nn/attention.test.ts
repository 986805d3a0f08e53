// Attention over a memory: the formulas, masked positions, gradients.

import { test } from "node:test";
import { close, deepEqual, equal } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { Generator } from "../base/random.ts";
import { AdditiveAttention, DotAttention } from "../nn.ts";
import { tensor } from "../tensor/create.ts";
import { gradcheck } from "../tensor/gradcheck.ts";
import { randn } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

const double = { dtype: "float64", generator: new Generator(3), requiresGrad: true } as const;
const [B, T, S, H] = [2, 3, 4, 5];
const query = randn([B, T, H], double);
const memory = randn([B, S, H], double);
const lengths = [4, 2];
const mask = tensor(lengths.map((length) => Array.from({ length: S }, (_, s) => s < length)));

const list = (t: Tensor): number[] => t.tolist() as number[]; // of one dimension
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const times = (w: Tensor, x: Tensor): number[] => list(w.matmul(x));
/** One query's score for one memory. */
const scores = {
  dot: (m: DotAttention) => (q: Tensor, k: Tensor) => dot(times(m.query.weight, q), list(k)),
  additive: (m: AdditiveAttention) => (q: Tensor, k: Tensor) => {
    const [a, b] = [times(m.query.weight, q), times(m.key.weight, k)];
    return dot(
      list(m.score.weight.select(0, 0)),
      a.map((x, i) => Math.tanh(x + b[i]!)),
    );
  },
};

const additive = new AdditiveAttention(H).to("float64");
const general = new DotAttention(H).to("float64");
for (const [module, score] of [
  [general, scores.dot(general)],
  [additive, scores.additive(additive)],
] as const) {
  test(`${module.constructor.name} is a softmax over the valid positions`, () => {
    const { context, weights } = module(query, memory, mask);
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        const valid = Array.from({ length: lengths[b]! }, (_, s) => Math.exp(score(query.at(b, t), memory.at(b, s))));
        const total = valid.reduce((x, y) => x + y);
        const wanted = Array.from({ length: S }, (_, s) => (valid[s] ?? 0) / total);
        close(weights.at(b, t).toArray(), wanted, tolerances.float64, "weights");
        const mean = Array.from({ length: H }, (_, h) => dot(wanted, list(memory.at(b, ":", h))));
        close(context.at(b, t).toArray(), mean, tolerances.float64, "context");
      }
    }
    equal(weights.at(1, 0, 3).item(), 0);
  });

  test(`${module.constructor.name}: gradients`, () => {
    gradcheck((q, m) => module(q, m, mask).context, [query, memory]);
  });
}

test("parameters are named as in the PyTorch model", () => {
  deepEqual([...general.stateDict().keys()], ["query.weight"]);
  deepEqual([...additive.stateDict().keys()], ["query.weight", "key.weight", "score.weight"]);
});
