// Row kernels, pointwise operators and reductions beside PyTorch's: rounds of ours and theirs in turn, on as many threads, with
// results that are made and freed as a program makes them. Prints medians and how many times faster we are.
//
//   node bench/rows.ts --python PATH [--threads 2] [--rounds 8] [--backward] [--shapes 1024x3072,128x768] [NAME …]
//
// With --backward, a case is its forward and the gradients of its inputs.

import { parseArgs } from "node:util";
import { features } from "../src/devices/wasm/features.ts";
import { grad, manualSeed, nn, noGrad, randint, randn, scope, type Tensor } from "../src/index.ts";
import { median, type Peer, startPeer } from "./peer.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "8" },
    backward: { type: "boolean", default: false },
    shapes: { type: "string", default: "1024x3072,1024x768,128x768" },
  },
});
process.env["KINDLING_THREADS"] = flags.threads;

const F = nn.functional;

/** Inputs: x, z `[N, C]`, row, bias `[C]`, column `[N, 1]`, turned `[C, N]`, target `[N]`. */
interface Inputs {
  readonly x: Tensor;
  readonly z: Tensor;
  readonly row: Tensor;
  readonly bias: Tensor;
  readonly column: Tensor;
  readonly turned: Tensor;
  readonly target: Tensor;
}
interface Case {
  /** Whose gradients are wanted; none for a case without. */
  readonly wanted: readonly (keyof Inputs)[];
  run(t: Inputs): Tensor;
}

/** x as 8 sequences `[8, C, N / 8]`, with the first numbers of `turned` as 64 filters of width 3. */
function conv1d(x: Tensor, turned: Tensor): Tensor {
  const C = x.size(1);
  const weight = turned
    .reshape(-1)
    .narrow(0, 0, 64 * C * 3)
    .reshape(64, C, 3);
  return F.conv1d(x.reshape(8, C, -1), weight);
}

/** What PyTorch runs for the same name stands in `peers/rows_torch.py`. */
const cases: Readonly<Record<string, Case>> = {
  gelu: { wanted: ["x"], run: ({ x }) => F.gelu(x) },
  geluTanh: { wanted: ["x"], run: ({ x }) => F.gelu(x, { approximate: "tanh" }) },
  exp: { wanted: ["x"], run: ({ x }) => x.exp() },
  silu: { wanted: ["x"], run: ({ x }) => F.silu(x) },
  tanh: { wanted: ["x"], run: ({ x }) => x.tanh() },
  sigmoid: { wanted: ["x"], run: ({ x }) => x.sigmoid() },
  relu: { wanted: ["x"], run: ({ x }) => F.relu(x) },
  add: { wanted: ["x", "z"], run: ({ x, z }) => x.add(z) },
  mul: { wanted: ["x", "z"], run: ({ x, z }) => x.mul(z) },
  addRow: { wanted: ["x", "row"], run: ({ x, row }) => x.add(row) },
  addColumn: { wanted: ["x", "column"], run: ({ x, column }) => x.add(column) },
  addTransposed: { wanted: ["x", "turned"], run: ({ x, turned }) => x.add(turned.t()) },
  dropout: { wanted: ["x"], run: ({ x }) => F.dropout(x, 0.1) },
  cumsum: { wanted: ["x"], run: ({ x }) => x.cumsum(-1) },
  cumprod: { wanted: ["x"], run: ({ x }) => x.cumprod(-1) },
  cummax: { wanted: ["x"], run: ({ x }) => x.cummax(-1).values },
  logcumsumexp: { wanted: ["x"], run: ({ x }) => x.logcumsumexp(-1) },
  conv1d: { wanted: ["x", "turned"], run: ({ x, turned }) => conv1d(x, turned) },
  softmax: { wanted: ["x"], run: ({ x }) => F.softmax(x, -1) },
  logSoftmax: { wanted: ["x"], run: ({ x }) => F.logSoftmax(x, -1) },
  layerNorm: {
    wanted: ["x", "row", "bias"],
    run: ({ x, row, bias }) => F.layerNorm(x, [x.size(-1)], { weight: row, bias }),
  },
  rmsNorm: { wanted: ["x", "row"], run: ({ x, row }) => F.rmsNorm(x, [x.size(-1)], { weight: row, eps: 1e-6 }) },
  addLayerNorm: {
    wanted: ["x", "z", "row", "bias"],
    run: ({ x, z, row, bias }) => F.addLayerNorm(x, z, [x.size(-1)], { weight: row, bias })[0],
  },
  dropoutAdd: { wanted: ["x", "z"], run: ({ x, z }) => F.dropoutAdd(x, z, 0.1) },
  swiglu: { wanted: ["x", "z"], run: ({ x, z }) => F.swiglu(x, z) },
  batchNorm: {
    wanted: ["x"], // [8, N / 8, C], with N / 8 channels
    run: ({ x }) => F.batchNorm(x.view(8, -1, x.size(-1)), undefined, undefined, { training: true }),
  },
  crossEntropy: { wanted: ["x"], run: ({ x, target }) => F.crossEntropy(x, target) },
  smoothed: { wanted: ["x"], run: ({ x, target }) => F.crossEntropy(x, target, { labelSmoothing: 0.1 }) },
  sum: { wanted: ["x"], run: ({ x }) => x.sum() },
  sum0: { wanted: ["x"], run: ({ x }) => x.sum({ dim: 0 }) },
  sum1: { wanted: ["x"], run: ({ x }) => x.sum({ dim: 1 }) },
  mean0: { wanted: ["x"], run: ({ x }) => x.mean({ dim: 0 }) },
  mean1: { wanted: ["x"], run: ({ x }) => x.mean({ dim: 1 }) },
  amax: { wanted: [], run: ({ x }) => x.amax() },
  amax0: { wanted: [], run: ({ x }) => x.amax({ dim: 0 }) },
  amax1: { wanted: [], run: ({ x }) => x.amax({ dim: 1 }) },
};

function inputsOf(N: number, C: number, wanted: readonly (keyof Inputs)[]): Inputs {
  manualSeed(0);
  const made = {
    x: randn([N, C]),
    z: randn([N, C]),
    row: randn([C]),
    bias: randn([C]),
    column: randn([N, 1]),
    turned: randn([C, N]),
    target: randint(0, C, [N], { dtype: "int32" }),
  };
  if (flags.backward) for (const name of wanted) made[name].requiresGrad_();
  return made;
}

async function compare(peer: Peer | undefined, name: string, N: number, C: number): Promise<void> {
  const { wanted, run } = cases[name]!;
  if (flags.backward && wanted.length === 0) return;
  const inputs = inputsOf(N, C, wanted);
  const g = noGrad(() => {
    using made = scope();
    return made.keep(randn(run(inputs).shape));
  });
  const once = (): void => {
    using _ = scope();
    if (flags.backward)
      grad(
        run(inputs),
        wanted.map((w) => inputs[w]),
        g,
      );
    else noGrad(() => run(inputs));
  };
  for (let i = 0; i < 12; i++) once();
  const reps = Math.max(8, Math.min(60, Math.floor(6e7 / (N * C))));
  const times = Math.max(1, Math.floor(4e5 / (N * C)));
  const [mine, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (let i = 0; i < reps; i++) {
      const start = performance.now();
      for (let j = 0; j < times; j++) once();
      mine.push((performance.now() - start) / times);
    }
    const line = `row ${name} ${N} ${C} ${reps} ${times} ${flags.backward ? wanted.join() : "-"}`;
    if (peer !== undefined) theirs.push(...(await peer.ask<{ ms: number[] }>(line)).ms);
  }
  for (const t of [...Object.values(inputs), g]) (t as Tensor).dispose();
  const shown = (ms: readonly number[]): string =>
    [median(ms), Math.min(...ms)].map((t) => t.toFixed(4).padStart(9)).join("");
  const ratios = [median(theirs) / median(mine), Math.min(...theirs) / Math.min(...mine)].map((r) => r.toFixed(2));
  const against = peer === undefined ? "" : `  ${shown(theirs)}   ${ratios[0]} (${ratios[1]})`;
  console.log(`${name.padEnd(14)} ${`${N}x${C}`.padEnd(10)}${shown(mine)}${against}`);
}

const peer =
  flags.python === undefined ? undefined : await startPeer(flags.python, "rows_torch.py", ["--threads", flags.threads]);
console.log(`Node ${process.version}, ${flags.threads} threads, revectorised: ${features().revectorized}`);
console.log(
  `${flags.backward ? "forward + backward" : "forward"}, median and best ms: ours, PyTorch's, ratio (of bests)`,
);
const losses = ["crossEntropy", "smoothed"];
for (const name of positionals.length > 0 ? positionals : Object.keys(cases)) {
  if (cases[name] === undefined) throw new Error(`no case ${name}; there are ${Object.keys(cases).join(", ")}`);
  const shapes = losses.includes(name) ? ["512x8000", "512x50257"] : flags.shapes.split(",");
  for (const shape of shapes) {
    const [N, C] = shape.split("x").map(Number) as [number, number]; // rows and columns
    await compare(peer, name, N, C);
  }
}
peer?.close();
