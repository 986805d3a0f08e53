// Memory over many rounds of every operator and layer, forward and backward: the bytes in use stay what they were after the first.

import { isFloating } from "../src/base/dtype.ts";
import { manualSeed } from "../src/base/random.ts";
import { grad } from "../src/tensor/autograd.ts";
import { memoryStats } from "../src/tensor/memory.ts";
import { forEachTensor, tidy } from "../src/tensor/scope.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { type Layer, layers } from "./layers.ts";
import { NotApplicable } from "./opinfo/adapter.ts";
import { problem } from "./opinfo/gradcheck.ts";
import { adapters } from "./opinfo/table.ts";
import type { StoredOp, StoredSample } from "./opinfo/values.ts";

/** Runs `round` so often, and says how many bytes and blocks there are more than after the first ones. */
export function growth(round: () => void, rounds: number): { readonly bytes: number; readonly blocks: number } {
  for (let i = 0; i < 3; i++) round(); // kernels keep what they need from their first run on
  const before = memoryStats();
  for (let i = 0; i < rounds; i++) round();
  const after = memoryStats();
  return { bytes: after.liveBytes - before.liveBytes, blocks: after.liveBlocks - before.liveBlocks };
}

/** What one round of an operator is: its gradient at the smallest of PyTorch's samples with elements, or its value where it has none. */
export function operatorRound(name: string, { samples }: StoredOp): (() => void) | undefined {
  const adapter = adapters[name]!;
  const text = new Map(samples.map((sample) => [sample, JSON.stringify(sample.args)]));
  const isPlain = (s: StoredSample): boolean => (s.wants ?? []).length > 0 && !text.get(s)!.includes('"data":""');
  const bySize = samples.toSorted(
    (a, b) => Number(isPlain(b)) - Number(isPlain(a)) || text.get(a)!.length - text.get(b)!.length,
  );
  for (const sample of bySize) {
    const run = (): void =>
      tidy(() => {
        const { leaves, outputs } = problem(name, adapter, sample, undefined);
        const roots = outputs(leaves).filter((t) => t.requiresGrad);
        if (roots.length === 0) return;
        const weights = roots.map((t) => t.onesLike());
        grad(roots, leaves, weights, { allowUnused: true });
      });
    try {
      run();
      return run;
    } catch (error) {
      if (!(error instanceof NotApplicable)) throw error;
    }
  }
  return undefined;
}

/** A layer's forward and backward pass, with gradients that are added and given back. */
export function layerRound({ module, leaves, call }: Layer): () => void {
  return () => {
    manualSeed(1);
    tidy(() => {
      const results: Tensor[] = [];
      forEachTensor(call(...leaves), (t) => isFloating(t.dtype) && results.push(t));
      const [first, ...rest] = results.filter((t) => t.requiresGrad).map((t) => t.sum());
      rest.reduce((sum, t) => sum.add(t), first!).backward();
    });
    module.zeroGrad();
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = undefined;
    }
  };
}

/** Those that grow, with by how much; the layers are made anew. */
export function leaks(samples: Readonly<Record<string, StoredOp>>, rounds: number): string[] {
  const found: string[] = [];
  const look = (what: string, round: () => void): void => {
    const { bytes, blocks } = growth(round, rounds);
    if (bytes !== 0 || blocks !== 0) found.push(`${what}: ${bytes} bytes and ${blocks} blocks in ${rounds} rounds`);
  };
  for (const name of Object.keys(adapters)) {
    const stored = samples[name];
    if (stored === undefined) continue;
    const round = operatorRound(name, stored);
    if (round === undefined) found.push(`${name}: no sample runs`);
    else look(name, round);
  }
  for (const layer of layers()) look(`nn.${layer.name}`, layerRound(layer));
  return found;
}
