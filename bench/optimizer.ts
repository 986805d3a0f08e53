// AdamW and clipGradNorm_ beside PyTorch's, foreach and fused: rounds of ours and theirs in turn, over the parameters of BERT-base
// and of the summarizer. Prints medians, and the ratio to the better of PyTorch's two (above 1: ours is faster).
//
//   node bench/optimizer.ts [--python PATH] [--threads 2] [--rounds 5]

import { parseArgs } from "node:util";
import { defaultDevice } from "../src/devices/default.ts";
import { AdamW } from "../src/optim/adam.ts";
import { clipGradNorm_ } from "../src/optim/clip.ts";
import { ones } from "../src/tensor/create.ts";
import { randn } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
  },
});
process.env["KINDLING_THREADS"] = flags.threads;

const [C, F, V] = [768, 3072, 30522];
const layer = [...[1, 2, 3, 4].flatMap(() => [C * C, C]), C, C, F * C, F, C * F, C, C, C];
const bert = [V * C, 512 * C, 2 * C, C, C, ...Array.from({ length: 12 }, () => layer).flat(), C * C, C];
const lstm = (inputs: number): number[] => [2048 * inputs, 2048 * 512, 2048, 2048];
const summarizer = [8000 * 256, ...lstm(256), 8000 * 256, ...lstm(256), 512 * 1024, 512, 8000 * 512, 8000];

const peer =
  flags.python === undefined
    ? undefined
    : await startPeer(flags.python, "optimizer_torch.py", ["--threads", flags.threads]);
console.log(`Node ${process.version}, ${defaultDevice().threads} threads`);

interface Times {
  readonly clip: number[];
  readonly step: number[];
}

function time(reps: number, body: () => void): number[] {
  return Array.from({ length: reps }, () => {
    const start = performance.now();
    body();
    return performance.now() - start;
  });
}

async function compare(name: string, sizes: readonly number[], reps: number): Promise<void> {
  const params = sizes.map((n): Tensor => randn([n], { requiresGrad: true }));
  for (const p of params) p.grad = randn(p.shape);
  const optimizer = new AdamW(params, { lr: 1e-5 });
  const something = ones(params[0]!.shape);
  const clip = (): void => {
    clipGradNorm_(params, 1);
    params[0]!.grad!.copy_(something); // so that there is something to clip
  };
  await peer?.ask(`list ${name} ${sizes.join(",")}`);
  const theirs = async (kind: string): Promise<Times | undefined> => peer?.ask(`run ${name} ${kind} ${reps}`);
  optimizer.step();
  await theirs("foreach");
  await theirs("fused");
  const all: Record<string, Times> = {};
  const add = (who: string, { clip, step }: Times): void => {
    const so = (all[who] ??= { clip: [], step: [] });
    so.clip.push(...clip);
    so.step.push(...step);
  };
  for (let round = 0; round < Number(flags.rounds); round++) {
    add("ours", { clip: time(reps, clip), step: time(reps, () => optimizer.step()) });
    for (const kind of ["foreach", "fused"]) {
      const times = await theirs(kind);
      if (times !== undefined) add(kind, times);
    }
  }
  const elements = sizes.reduce((a, b) => a + b, 0);
  console.log(`\n${name}: ${sizes.length} tensors, ${(elements / 1e6).toFixed(1)} M numbers; ms, median (best)`);
  for (const what of ["clip", "step"] as const) {
    const texts = Object.entries(all).map(
      ([who, times]) => `${who} ${median(times[what]).toFixed(2)} (${Math.min(...times[what]).toFixed(2)})`,
    );
    const best = Math.min(...["foreach", "fused"].map((kind) => median(all[kind]?.[what] ?? [])));
    const gigabytes = ((what === "clip" ? 12 : 28) * elements) / 1e6 / median(all["ours"]![what]);
    console.log(
      `  ${what.padEnd(6)} ${texts.join("   ")}   ratio ${(best / median(all["ours"]![what])).toFixed(2)}   ${gigabytes.toFixed(1)} GB/s`,
    );
  }
  for (const p of params) {
    p.grad?.dispose();
    p.dispose();
  }
}

await compare("bert-base", bert, 2);
await compare("summarizer", summarizer, 10);
peer?.close();
