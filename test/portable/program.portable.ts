// A small program as a user writes it: it trains, and its memory stays level. In pages it runs with threads and, where
// memory cannot be shared, without.

import { manualSeed } from "../../src/base/random.ts";
import { defaultDevice } from "../../src/devices/default.ts";
import { noGrad } from "../../src/tensor/grad-mode.ts";
import { memoryStats } from "../../src/tensor/memory.ts";
import { randn } from "../../src/tensor/random.ts";
import { scope } from "../../src/tensor/scope.ts";
import "../../src/tensor/tensor.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { close, equal, ok, type Suite, suite } from "./harness.ts";

export const program: Suite = suite("a program", (test) => {
  test("the first work is done though workers are still loading", () => {
    const device = defaultDevice();
    const shares = !("crossOriginIsolated" in globalThis) || globalThis.crossOriginIsolated;
    if (!shares) equal(device.threads, 1);
    manualSeed(1);
    using _ = scope();
    const [M, K, N] = [256, 192, 320];
    const [a, b] = [randn([M, K]), randn([K, N])];
    const c = a.matmul(b); // [M, N]
    const row = b.sum({ dim: 1 }); // [K]
    close(c.sum({ dim: 1 }).toArray() as Float32Array, a.matmul(row).toArray() as Float32Array, {
      rtol: 1e-3,
      atol: 1e-3,
    });
  });

  test("workers help once the page has yielded", async () => {
    for (let turn = 0; turn < 20; turn++) {
      using _ = scope();
      randn([256, 256]).add(1).sum().item();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { problem } = defaultDevice() as { problem?: string };
    equal(problem, undefined);
  });

  test("a regression learns, and its memory stays level", () => {
    manualSeed(0);
    const [B, C, H] = [256, 16, 64];
    const x = randn([B, C]);
    const y = x.mul(x).sum({ dim: 1, keepdim: true });
    const parameters = [randn([C, H]).mul(0.25), randn([H]), randn([H, 1]).mul(0.1)].map((p) =>
      p.detach().requiresGrad_(),
    );
    const [w1, b1, w2] = parameters as [Tensor, Tensor, Tensor];
    const losses: number[] = [];
    const live: number[] = [];
    for (let step = 0; step < 200; step++) {
      using _ = scope();
      const loss = x.matmul(w1).add(b1).tanh().matmul(w2).sub(y).pow(2).mean();
      loss.backward();
      losses.push(loss.item());
      noGrad(() => {
        for (const p of parameters) {
          p.sub_(p.grad!.mul(0.01));
          p.grad!.dispose();
          p.grad = undefined;
        }
      });
      live.push(memoryStats().liveBytes);
    }
    ok(losses.at(-1)! < 0.5 * losses[0]!, `the loss went from ${losses[0]} to ${losses.at(-1)}`);
    equal(live.at(-1), live[20]);
  });
});
