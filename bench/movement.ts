// Moving and choosing elements beside PyTorch: copies, joins, picks by ids, orders, conversions and random numbers. Rounds
// of ours and theirs in turn, on as many threads, results allocated by each call. Prints medians and how many times faster
// we are.
//
//   node bench/movement.ts [--python PATH] [--rounds 5] [name …]    names as in the table, or the beginning of one

import { parseArgs } from "node:util";
import { defaultDevice } from "../src/devices/default.ts";
import { features } from "../src/devices/wasm/features.ts";
import {
  arange,
  cat,
  empty,
  full,
  grad,
  noGrad,
  rand,
  randint,
  randn,
  randperm,
  stack,
  type Tensor,
  tensor,
  tidy,
  where,
  zeros,
} from "../src/index.ts";
import { functional } from "../src/nn.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: "string" }, rounds: { type: "string", default: "5" } },
});

const heads = randn([8, 128, 12, 64]);
const smallHeads = randn([1, 16, 12, 64]);
const wide = randn([1024, 3072]);
const parts = Array.from({ length: 4 }, () => randn([512, 768]));
const rows = Array.from({ length: 64 }, () => randn([1, 64]));
const vector = randn([3072]);
const column = randn([1024, 1]);
const logits = randn([1, 50257]);
const many = randn([64, 8000]);
const steps = randn([512, 50257]);
const table = randn([50257, 768], { requiresGrad: true });
const narrowTable = randn([8000, 256], { requiresGrad: true });
const ids = randint(0, 50257, [1024]);
const narrowIds = randint(0, 8000, [1024]);
const sameIds = randint(0, 4, [1024]);
const gradient = randn([1024, 768]);
const narrowGradient = randn([1024, 256]);
const causal = full([128, 128], 1).triu(1).bool();
const scores = randn([96, 128, 128]);
const rowMask = rand([3072]).lt(0.5);
const picks = randint(0, 1024, [1024]);
const places = randint(0, 3072, [1024, 512]);
const some = randn([1024, 512]);
const half = wide.to("float16");
const bfloat = wide.to("bfloat16");
const ints = wide.int();
const bools = wide.gt(0);
const weights = logits.exp();
const batchWeights = many.exp();
const smallIds = randint(0, 512, [8192]);
const short = wide.slice(0, 0, 100).slice(1, 0, 1000).contiguous();
const numbers = Float32Array.from(wide.toArray().subarray(0, 100000));
const listed = short.tolist() as number[][]; // two dimensions
const embedded = functional.embedding(ids, table);
const narrowEmbedded = functional.embedding(narrowIds, narrowTable);
const sameEmbedded = functional.embedding(sameIds, narrowTable);
const back = (y: Tensor, weight: Tensor, g: Tensor): unknown => grad(y, [weight], g, { retainGraph: true });

/** peers/movement_torch.py has the same. */
const cases: Readonly<Record<string, () => unknown>> = {
  heads: () => heads.transpose(1, 2).contiguous(),
  "heads, small": () => smallHeads.transpose(1, 2).contiguous(),
  "heads, back": () => heads.view(8, 12, 128, 64).transpose(1, 2).contiguous(),
  transpose: () => wide.t().contiguous(),
  "permute 0321": () => heads.permute(0, 3, 2, 1).contiguous(),
  "permute 0231": () => heads.permute(0, 2, 3, 1).contiguous(),
  clone: () => wide.clone(),
  "cat 0": () => cat(parts, 0),
  "cat 1": () => cat(parts, 1),
  "cat many 0": () => cat(rows, 0),
  "cat many 1": () => cat(rows, 1),
  "stack 0": () => stack(parts, 0),
  "stack -1": () => stack(parts, -1),
  pad: () => wide.pad([2, 3, 1, 1]),
  narrow: () => wide.narrow(1, 100, 2000).contiguous(),
  "slice step": () => wide.slice(1, 0, 3072, 2).contiguous(),
  "expand row": () => vector.expand(1024, 3072).contiguous(),
  "expand column": () => column.expand(1024, 3072).contiguous(),
  flip: () => wide.flip(1),
  where: () => where(rowMask, wide, vector),
  maskedFill: () => scores.maskedFill(causal, Number.NEGATIVE_INFINITY),
  tril: () => scores.tril(),
  triu: () => wide.triu(1),
  embedding: () => functional.embedding(ids, table),
  "embedding, narrow": () => functional.embedding(narrowIds, narrowTable),
  "embedding back": () => back(embedded, table, gradient),
  "embedding back, narrow": () => back(narrowEmbedded, narrowTable, narrowGradient),
  "embedding back, equal": () => back(sameEmbedded, narrowTable, narrowGradient),
  "indexSelect 0": () => wide.indexSelect(0, picks),
  "indexSelect 1": () => wide.indexSelect(1, picks),
  gather: () => wide.gather(1, places),
  scatterAdd: () => wide.scatterAdd(1, places, some),
  indexAdd: () => wide.indexAdd(0, picks, wide),
  oneHot: () => smallIds.oneHot(512),
  "topk 1": () => logits.topk(1),
  "topk 8": () => logits.topk(8),
  "topk 50": () => logits.topk(50),
  "topk 50 of many": () => many.topk(50),
  sort: () => many.sort(),
  "sort, one": () => logits.sort({ descending: true }),
  argsort: () => many.argsort(),
  argmax: () => steps.argmax({ dim: -1 }),
  "argmax 0": () => wide.argmax({ dim: 0 }),
  "cumsum -1": () => wide.cumsum(-1),
  "cumsum 0": () => wide.cumsum(0),
  "cumsum, one": () => logits.cumsum(-1),
  multinomial: () => weights.multinomial(1),
  "multinomial, many": () => batchWeights.multinomial(1),
  "to half": () => wide.to("float16"),
  "from half": () => half.float(),
  "to bfloat": () => wide.to("bfloat16"),
  "from bfloat": () => bfloat.float(),
  "to int": () => wide.int(),
  "from int": () => ints.float(),
  "to bool": () => wide.bool(),
  "from bool": () => bools.float(),
  zeros: () => zeros([1024, 3072]),
  fill: () => full([1024, 3072], 2),
  arange: () => arange(100000),
  tolist: () => short.tolist(),
  "from list": () => tensor(listed),
  "from array": () => tensor(numbers),
  randn: () => randn([1024, 3072]),
  rand: () => rand([1024, 3072]),
  bernoulli: () => empty([1024, 768]).bernoulli_(0.1),
  randperm: () => randperm(50000),
  randint: () => randint(0, 50000, [100000]),
  nonzero: () => bools.nonzero(),
  maskedSelect: () => wide.maskedSelect(bools),
};

const names = Object.keys(cases).filter(
  (name) => positionals.length === 0 || positionals.some((start) => name.startsWith(start)),
);
const device = defaultDevice();
const peer =
  flags.python === undefined
    ? undefined
    : await startPeer(flags.python, "movement_torch.py", ["--threads", String(device.threads)]);
console.log(`Node ${process.version}, ${device.threads} threads, revectorised: ${features().revectorized}`);
console.log(`${"ms, median".padEnd(26)}      ours   PyTorch   ratio`);

const clocked = (run: () => unknown, times: number): number => {
  const start = performance.now();
  for (let i = 0; i < times; i++) tidy(() => void run());
  return (performance.now() - start) / times;
};

noGrad(() => {
  for (const name of names) clocked(cases[name]!, 3);
});
for (const name of names) {
  const run = cases[name]!;
  const times = Math.max(1, Math.min(1000, Math.floor(5 / noGrad(() => clocked(run, 3)))));
  const reps = times === 1 ? 2 : 5;
  const mine: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (let rep = 0; rep < reps; rep++) mine.push(noGrad(() => clocked(run, times)));
    if (peer === undefined) continue;
    const asked = await peer.ask<{ ms: number[] }>(`run ${name.replaceAll(" ", "_")} ${reps} ${times}`);
    theirs.push(...asked.ms);
  }
  const [a, b] = [median(mine), median(theirs)];
  const against = peer === undefined ? "" : `${b.toFixed(4).padStart(10)}${(b / a).toFixed(2).padStart(8)}`;
  console.log(`${name.padEnd(26)}${a.toFixed(4).padStart(10)}${against}`);
}
peer?.close();
