// Scaled dot-product attention beside PyTorch's, forward and with backward, through the public function: rounds of ours and
// theirs in turn, on as many threads. Prints medians, bests, and how many times faster we are.
//
//   node bench/attention.ts --python PATH [--threads 2] [--rounds 6] [B,H,TqxTk,D[:causal] …]

import { parseArgs } from "node:util";
import { defaultDevice } from "../src/devices/default.ts";
import { features } from "../src/devices/wasm/features.ts";
import { grad, nn, noGrad, randn, tidy } from "../src/index.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "6" },
  },
});
process.env.KINDLING_THREADS = flags.threads;
const shapes =
  positionals.length > 0
    ? positionals
    : [
        ...["1,12,16x16,64", "1,12,128x128,64", "8,12,128x128,64", "32,12,128x128,32"],
        ...["4,12,128x128,64:causal", "1,12,1024x1024,64:causal"],
        ...["1,12,1x96,64", "1,12,1x1024,64"], // decoding
      ];

const peer =
  flags.python === undefined
    ? undefined
    : await startPeer(flags.python, "attention_torch.py", ["--threads", flags.threads]);
console.log(`Node ${process.version}, ${defaultDevice().threads} threads, revectorised: ${features().revectorized}`);
console.log("ms, median (best)                        ours                PyTorch        ratio (of bests)");

for (const text of shapes) {
  const [, B, H, Tq, Tk, D, causal] = /^(\d+),(\d+),(\d+)x(\d+),(\d+)(:causal)?$/.exec(text) ?? [];
  if (D === undefined) throw new Error(`${text}: a shape is like 8,12,128x128,64 or 4,12,128x128,64:causal`);
  const [b, h, tq, tk, d] = [B, H, Tq, Tk, D].map(Number) as [number, number, number, number, number]; // five of them
  const isCausal = causal !== undefined;
  for (const pass of tq === 1 ? (["forward"] as const) : (["forward", "train"] as const)) {
    const made = [tq, tk, tk].map((t) => randn([b, t, h, d], { requiresGrad: pass === "train" }).transpose(1, 2));
    const [q, k, v] = made as [(typeof made)[0], (typeof made)[0], (typeof made)[0]]; // three
    const g = randn([b, tq, h, d]).transpose(1, 2);
    const attend = () => nn.functional.scaledDotProductAttention(q, k, v, { isCausal });
    const once = (): void => {
      if (pass === "train") tidy(() => void grad(attend(), [q, k, v], g));
      else noGrad(() => attend().dispose());
    };
    const work = 4 * b * h * tq * tk * d * (isCausal ? 0.5 : 1) * (pass === "train" ? 3.5 : 1);
    const reps = Math.max(3, Math.min(100, Math.floor(4e9 / work)));
    for (let i = 0; i < 5; i++) once();
    const mine: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < Number(flags.rounds); round++) {
      for (let i = 0; i < reps; i++) {
        const start = performance.now();
        once();
        mine.push(performance.now() - start);
      }
      if (peer === undefined) continue;
      const line = `run ${b} ${h} ${tq} ${tk} ${d} ${Number(isCausal)} ${pass} ${reps}`;
      theirs.push(...(await peer.ask<{ ms: number[] }>(line)).ms);
    }
    for (const t of [q, k, v, g]) t.dispose();
    const both = (all: readonly number[]): string =>
      `${median(all).toFixed(4)} (${Math.min(...all).toFixed(4)})`.padStart(20);
    const ratio = (median(theirs) / median(mine)).toFixed(2);
    const ofBests = (Math.min(...theirs) / Math.min(...mine)).toFixed(2);
    const against = peer === undefined ? "" : `  ${both(theirs)}   ${ratio} (${ofBests})`;
    console.log(`${`${text} ${pass}`.padEnd(34)} ${both(mine)}${against}`);
  }
}
peer?.close();
