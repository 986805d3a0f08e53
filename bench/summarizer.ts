// One training step of the summarizer beside PyTorch's: the same sizes (V 8000, E 256, H 512, batch 32, source 96, target 16), LSTM,
// dot attention, clipping, AdamW, two threads, rounds in turn. Prints medians, the ratio, and both sides' memory.
//
//   node bench/summarizer.ts --python PATH [--rounds 8] [--steps 3]

import { parseArgs } from "node:util";
import { manualSeed } from "../src/base/random.ts";
import { Seq2SeqRnn } from "../src/models/rnn-seq2seq.ts";
import { AdamW } from "../src/optim/adam.ts";
import { clipGradNorm_ } from "../src/optim/clip.ts";
import { memoryStats } from "../src/tensor/memory.ts";
import { randint } from "../src/tensor/random.ts";
import { scope } from "../src/tensor/scope.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string" },
    rounds: { type: "string", default: "8" },
    steps: { type: "string", default: "3" },
    copy: { type: "boolean", default: false },
  },
});

manualSeed(0);
const model = new Seq2SeqRnn({
  ...{ vocabSize: 8000, embeddingSize: 256, hiddenSize: 512, bidirectional: false, dropout: 0, copy: flags.copy },
  ...{ tieWordEmbeddings: false, tieOutputEmbeddings: false },
});
const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
const inputIds = randint(3, 8000, [32, 96]);
const labels = randint(3, 8000, [32, 16]);

function step(): number {
  using _ = scope("step");
  const start = performance.now();
  const { loss } = model({ inputIds, labels });
  optimizer.zeroGrad();
  loss!.backward();
  clipGradNorm_(model.parameters(), 1);
  optimizer.step();
  loss!.item();
  return performance.now() - start;
}

const peer = flags.python === undefined ? undefined : await startPeer(flags.python, "seq2seq_torch.py");
for (let i = 0; i < 3; i++) step();
const ours: number[] = [];
const theirs: number[] = [];
const ratios: number[] = [];
for (let round = 0; round < Number(flags.rounds); round++) {
  const mine = Array.from({ length: Number(flags.steps) }, step);
  ours.push(...mine);
  const other = (await peer?.ask<{ readonly ms: number[] }>(`step ${flags.steps}`))?.ms ?? [];
  theirs.push(...other);
  if (other.length > 0) ratios.push(median(mine) / median(other));
}
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
console.log(
  `Kindling  ${median(ours).toFixed(0)} ms a step (best ${Math.min(...ours).toFixed(0)}), peak ${megabytes(process.resourceUsage().maxRSS * 1024)},`,
);
console.log(`          tensors at most ${megabytes(memoryStats().peakBytes)}`);
if (peer !== undefined) {
  const memory = await peer.ask<{ readonly peak_rss_bytes: number }>("mem");
  console.log(
    `PyTorch   ${median(theirs).toFixed(0)} ms a step (best ${Math.min(...theirs).toFixed(0)}), peak ${megabytes(memory.peak_rss_bytes)}`,
  );
  console.log(
    `time over PyTorch's: median ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  );
  peer.close();
}
