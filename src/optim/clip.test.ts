// Clipping: PyTorch's totals and gradients.

import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor } from "../../test/golden.ts";
import { close, deepEqual, fixture, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { NonFiniteError } from "../base/errors.ts";
import { clipGradNorm_, clipGradsWithNorm_, clipGradValue_, getTotalNorm } from "../optim.ts";
import { tensor, zeros } from "../tensor/create.ts";

interface Golden {
  readonly grads: readonly GoldenTensor[];
  readonly maxNorm?: number;
  readonly normType?: number | string;
  readonly total?: number | string;
  readonly clipValue?: number;
  readonly clipped: readonly GoldenTensor[];
}

for (const { grads, maxNorm, normType, total, clipValue, clipped } of (await fixture("optim/clip.json")) as Golden[]) {
  const name = clipValue === undefined ? `norm ${normType} to ${maxNorm}, total ${total}` : `values to ${clipValue}`;
  test(`clips ${name}`, () => {
    const params = grads.map((g) => {
      const p = zeros(g.shape).requiresGrad_();
      p.grad = fromGolden(g);
      return p;
    });
    if (clipValue !== undefined) clipGradValue_(params, clipValue);
    else {
      const options = { normType: Number(normType) };
      const apart = params.map((p) => p.grad!.clone());
      close([getTotalNorm(apart, options)], [Number(total)], tolerances.float32);
      close([clipGradNorm_(params, maxNorm!, options)], [Number(total)], tolerances.float32);
      const others = apart.map((g) => Object.assign(zeros(g.shape).requiresGrad_(), { grad: g }));
      clipGradsWithNorm_(others, maxNorm!, Number(total));
      others.forEach((p, i) => {
        closeToGolden(p.grad!, clipped[i]!, `gradient ${i}, the norm being given`);
      });
    }
    params.forEach((p, i) => {
      closeToGolden(p.grad!, clipped[i]!, `gradient ${i}`);
    });
  });
}

test("a norm that is not finite is an error if asked for, and nothing is scaled", () => {
  const p = zeros([2]).requiresGrad_();
  p.grad = tensor([Number.POSITIVE_INFINITY, 1]);
  throws(() => clipGradNorm_([p], 1, { errorIfNonfinite: true }), NonFiniteError, /nothing was scaled/);
  deepEqual(Array.from(p.grad.toArray()), [Number.POSITIVE_INFINITY, 1]);
});
