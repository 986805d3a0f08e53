// What an operation on a few elements costs beside PyTorch's: the way from the call to the result, with and without gradients, in
// scopes and outside. Rounds of ours and theirs in turn; microseconds a call, median and best; above 1: ours is faster.
//
//   node bench/small.ts [--python PATH] [--threads 2] [--rounds 7] [NAME …]

import { parseArgs } from "node:util";
import { manualSeed } from "../src/base/random.ts";
import { ReLU } from "../src/nn/activation.ts";
import { Sequential } from "../src/nn/container.ts";
import { Linear } from "../src/nn/linear.ts";
import { randn } from "../src/tensor/random.ts";
import { scope } from "../src/tensor/scope.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "7" },
  },
});
process.env["KINDLING_THREADS"] = flags.threads;
manualSeed(0);

const [x, y] = [randn([8]), randn([8])];
const w = randn([8], { requiresGrad: true });
const [a, b] = [randn([4, 4]), randn([4, 4])];
const m = randn([4, 6]);
const mlp = new Sequential(new Linear(8, 16), new ReLU(), new Linear(16, 4));
const batch = randn([4, 8]);

/** `scoped` opens a scope around every hundred calls. */
interface Case {
  readonly body: () => unknown;
  readonly scoped?: true;
}
const cases: Readonly<Record<string, Case>> = {
  add: { body: () => x.add(y) },
  "add-grad": { body: () => w.add(y) },
  "add-scope": { body: () => x.add(y), scoped: true },
  "add-grad-scope": { body: () => w.add(y), scoped: true },
  chain: {
    body: () => {
      let t: Tensor = x;
      for (let i = 0; i < 10; i++) t = t.add(y);
    },
    scoped: true,
  },
  "add-number": { body: () => x.add(1), scoped: true },
  "add-in-place": { body: () => x.add_(0) },
  view: { body: () => m.view(6, 4), scoped: true },
  transpose: { body: () => m.transpose(0, 1), scoped: true },
  select: { body: () => m.select(0, 1), scoped: true },
  sum: { body: () => x.sum(), scoped: true },
  "sum-item": { body: () => x.sum().item(), scoped: true },
  matmul: { body: () => a.matmul(b), scoped: true },
  "add-backward": { body: () => w.add(y).backward(y), scoped: true },
  mlp: {
    body: () => {
      using _ = scope("step");
      for (const p of mlp.parameters()) p.grad = undefined;
      mlp(batch).sum().backward();
    },
  },
};

function measure({ body, scoped }: Case, times: number, reps: number): number[] {
  return Array.from({ length: reps }, () => {
    const start = performance.now();
    for (let i = 0; i < times; i += 100) {
      const s = scoped ? scope("bench") : undefined;
      for (let j = 0; j < 100; j++) body();
      s?.end();
    }
    return ((performance.now() - start) * 1000) / times;
  });
}

const peer =
  flags.python === undefined
    ? undefined
    : await startPeer(flags.python, "small_torch.py", ["--threads", flags.threads]);
console.log(`Node ${process.version}; microseconds a call, median (best)`);
console.log(`${"".padEnd(16)}${"ours".padStart(18)}${peer === undefined ? "" : `${"PyTorch".padStart(18)}   ratio`}`);
const show = (all: readonly number[]): string =>
  `${median(all).toFixed(2)} (${Math.min(...all).toFixed(2)})`.padStart(18);
for (const name of positionals.length > 0 ? positionals : Object.keys(cases)) {
  const [ours, theirs]: [number[], number[]] = [[], []];
  const times = name === "mlp" ? 500 : 3000;
  measure(cases[name]!, 2 * times, 2);
  for (let round = 0; round < Number(flags.rounds); round++) {
    ours.push(...measure(cases[name]!, times, 5));
    if (peer !== undefined) theirs.push(...(await peer.ask<{ us: number[] }>(`run ${name} ${times} 3`)).us);
  }
  const other = peer === undefined ? "" : `${show(theirs)}   ${(median(theirs) / median(ours)).toFixed(2)}`;
  console.log(`${name.padEnd(16)}${show(ours)}${other}`);
}
peer?.close();
