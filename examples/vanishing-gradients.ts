// Why a deep network does not learn, and what helps: the same network without and with each remedy, on the same data. Prints a
// table, and writes a page that draws the gradient of each layer and the losses.
//
//   npm run example -- examples/vanishing-gradients.ts [--output FOLDER] [--steps N]

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  lossChartSvg,
  manualSeed,
  monitor,
  nn,
  noGrad,
  optim,
  randn,
  randperm,
  type Tensor,
  tensor,
  tidy,
} from "kindling";

const { values: flags } = parseArgs({
  options: {
    output: { type: "string", default: "runs/vanishing-gradients" },
    steps: { type: "string" },
    smoke: { type: "boolean", default: false }, // small, for the tests
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log("npm run example -- examples/vanishing-gradients.ts [--output FOLDER] [--steps N]");
  process.exit(0);
}
const steps = Number(flags.steps ?? (flags.smoke ? 4 : 400));

/** What a run has to tell. */
interface Run {
  readonly name: string;
  /** The norm of the gradient that each layer's weights (or each step of a sequence) had in the first step, from the input on. */
  readonly gradients: readonly number[];
  readonly losses: readonly number[];
  readonly accuracy: number;
}

interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
}

const accuracyOf = (logits: Tensor, classes: Tensor): number =>
  logits.argmax({ dim: -1 }).eq(classes).float().mean().item();

// ── depth: two spirals, twenty layers ───────────────────────────────────────────────────────────────────────────────

const [N, C, depth] = flags.smoke ? [32, 8, 6] : [256, 24, 20];

/** Points of two spirals around each other `[N, 2]`, and which of the two each lies on `[N]`. */
function spirals(): Batch {
  const rows = Array.from({ length: N }, (_, i) => {
    const [arm, t] = [i % 2, 0.3 + (0.9 * i) / N];
    const angle = 2 * Math.PI * t + arm * Math.PI;
    return [2 * t * Math.cos(angle), 2 * t * Math.sin(angle)];
  });
  return {
    x: tensor(rows),
    y: tensor(
      rows.map((_, i) => i % 2),
      { dtype: "int32" },
    ),
  };
}

interface Remedies {
  readonly residual?: boolean;
  readonly norm?: "batch" | "layer";
  /** Gradients are cut to this norm. */
  readonly clip?: number;
  /** He's initialisation with ReLU, in place of PyTorch's own with a sigmoid. */
  readonly relu?: boolean;
  /** In place of SGD with momentum. */
  readonly adam?: boolean;
  /** The rate falls to 0 over the run. */
  readonly decay?: boolean;
}

class Block extends nn.Module<[x: Tensor], Tensor> {
  readonly linear = new nn.Linear(C, C);
  readonly norm: nn.BatchNorm1d | nn.LayerNorm | undefined;
  readonly activation: nn.ReLU | nn.Sigmoid;
  readonly residual: boolean;
  constructor({ residual = false, norm, relu = false }: Remedies) {
    super();
    if (norm !== undefined) this.norm = norm === "batch" ? new nn.BatchNorm1d(C) : new nn.LayerNorm(C);
    if (relu) nn.init.kaimingNormal_(this.linear.weight, { nonlinearity: "relu" });
    this.activation = relu ? new nn.ReLU() : new nn.Sigmoid();
    this.residual = residual;
  }
  forward(x: Tensor): Tensor {
    const z = this.linear(x); // [N, C]
    const y = this.activation(this.norm?.(z) ?? z);
    return this.residual ? x.add(y) : y;
  }
}

function trainDeep(name: string, remedies: Remedies): Run {
  manualSeed(0);
  const all = spirals();
  const batch = (): Batch => {
    const rows = randperm(N).at(":64"); // [64], fewer in a smoke run
    return { x: all.x.indexSelect(0, rows), y: all.y.indexSelect(0, rows) };
  };
  const blocks = Array.from({ length: depth }, () => new Block(remedies));
  const model = new nn.Sequential(new nn.Linear(2, C), ...blocks, new nn.Linear(C, 2));
  const watch = monitor(model);
  return train(name, model, remedies, { batch, test: () => all }, (optimizer) => {
    watch.step(optimizer);
    watch.remove();
    return watch.rows.filter(({ kind }) => kind === "Linear").map(({ gradient }) => gradient ?? 0);
  });
}

// ── length: what came first, told at the end ────────────────────────────────────────────────────────────────────────

const [B, T, H] = flags.smoke ? [16, 8, 8] : [64, 60, 24];

/** New sequences of noise `[B, T, 2]`, of which the first number tells the class `[B]`. */
function memories(): Batch {
  const classes = Array.from({ length: B }, (_, i) => i % 2);
  const first = tensor(classes.map((k) => [[k === 1 ? 1 : -1, 1]])); // [B, 1, 2]
  const x = first.catWith([randn([B, T - 1, 2]).mul(0.3)], 1);
  return { x: x.requiresGrad_(), y: tensor(classes, { dtype: "int32" }) };
}

class LastState extends nn.Module<[x: Tensor], Tensor> {
  readonly rnn: nn.RNN | nn.LSTM;
  readonly output = new nn.Linear(H, 2);
  constructor(rnn: nn.RNN | nn.LSTM) {
    super();
    this.rnn = rnn;
  }
  forward(x: Tensor): Tensor {
    const [y] = this.rnn instanceof nn.LSTM ? this.rnn(x) : this.rnn(x); // [B, T, H]
    return this.output(y.select(1, -1)); // [B, 2]
  }
}

function trainLong(name: string, make: () => nn.RNN | nn.LSTM, remedies: Remedies = { adam: true, clip: 1 }): Run {
  manualSeed(1);
  const data = { batch: memories, test: memories };
  return train(name, new LastState(make()), remedies, data, (optimizer, { x }) => {
    optimizer.step();
    return Array.from(x.grad!.norm(2, { dim: [0, 2] }).toArray(), Number); // T numbers
  });
}

/** Its hidden weights turn the state and neither stretch nor shrink it. https://arxiv.org/abs/1504.00941 */
function orthogonalRnn(): nn.RNN {
  const rnn = new nn.RNN(2, H, { batchFirst: true });
  nn.init.orthogonal_(rnn.weightHhL0!);
  return rnn;
}
/** An LSTM that begins by remembering: its forget gates are open. https://proceedings.mlr.press/v37/jozefowicz15.html */
function rememberingLstm(): nn.LSTM {
  const lstm = new nn.LSTM(2, H, { batchFirst: true });
  nn.init.constant_(lstm.biasIhL0!.narrow(0, H, H), 3);
  return lstm;
}

// ── both ────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Data {
  readonly batch: () => Batch;
  readonly test: () => Batch;
}

/** Trains; `first` takes the first step and gives the gradients that it had. */
function train(
  name: string,
  model: nn.Module<[x: Tensor], Tensor>,
  { clip, decay = false, adam = false }: Remedies,
  data: Data,
  first: (optimizer: optim.SGD | optim.Adam, batch: Batch) => readonly number[],
): Run {
  const parameters = model.parameters();
  const optimizer = adam
    ? new optim.Adam(parameters, { lr: 1e-2 })
    : new optim.SGD(parameters, { lr: 0.1, momentum: 0.9 });
  const schedule = decay ? new optim.CosineAnnealingLR(optimizer, { TMax: steps }) : undefined;
  const losses: number[] = [];
  let gradients: readonly number[] = [];
  for (let step = 0; step < steps; step++) {
    tidy(() => {
      const batch = data.batch();
      optimizer.zeroGrad();
      const loss = nn.functional.crossEntropy(model(batch.x), batch.y);
      loss.backward();
      losses.push(loss.item());
      if (clip !== undefined) optim.clipGradNorm_(parameters, clip);
      if (step > 0) optimizer.step();
      else gradients = first(optimizer, batch);
    });
    schedule?.step();
  }
  const { x, y } = data.test();
  return { name, gradients, losses, accuracy: noGrad(() => tidy(() => accuracyOf(model.eval()(x), y))) };
}

/** Of the last steps, which differ by their rows. */
const lastLoss = (losses: readonly number[]): number => {
  const last = losses.slice(-20);
  return last.reduce((sum, loss) => sum + loss, 0) / last.length;
};

function table(runs: readonly Run[], place: string): string {
  const rows = runs.map(({ name, gradients, losses, accuracy }) => [
    name,
    gradients[0]!.toExponential(1),
    gradients.at(-1)!.toExponential(1),
    losses[0]!.toFixed(3),
    lastLoss(losses).toFixed(3),
    `${(100 * accuracy).toFixed(0)} %`,
  ]);
  const head = ["", `gradient, first ${place}`, `last ${place}`, "loss", `after ${steps} steps`, "right"];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return [head, ...rows].map(line).join("\n");
}

/** Gradients that a run shares with one before it are drawn once. */
function charts(runs: readonly Run[], place: string): string {
  const isNew = (run: Run, at: number): boolean => !runs.slice(0, at).some((r) => r.gradients[0] === run.gradients[0]);
  const gradients = runs.filter(isNew).map(({ name, gradients }) => ({
    name,
    points: gradients.map((g, i) => ({ x: i + 1, y: Math.log10(g) })),
  }));
  const losses = runs.map(({ name, losses }) => ({
    name,
    points: losses.map((loss, i) => ({ x: i, y: Math.log10(Math.max(loss, 1e-3)) })),
  }));
  const labels = { xLabel: `${place}, from the input to the loss`, yLabel: "log10 of its norm" };
  return `<figure>${lossChartSvg(gradients, { title: `Gradient of each ${place} in the first step`, ...labels })}</figure>
<figure>${lossChartSvg(losses, { title: "Loss", xLabel: "step", yLabel: "log10 of the loss, from 0.001 on" })}</figure>`;
}

const deep = [
  trainDeep("plain", {}),
  trainDeep("ReLU, He's init, clipping", { relu: true, clip: 1 }),
  trainDeep("residual", { residual: true }),
  trainDeep("batch norm", { norm: "batch" }),
  trainDeep("batch norm, decaying rate", { norm: "batch", decay: true }),
  trainDeep("layer norm", { norm: "layer" }),
];
const decaying = trainDeep("plain, decaying rate", { decay: true }); // learns as little; there are six colours
const long = [
  trainLong("RNN", () => new nn.RNN(2, H, { batchFirst: true })),
  trainLong("RNN, orthogonal init", orthogonalRnn),
  trainLong("LSTM", () => new nn.LSTM(2, H, { batchFirst: true })),
  trainLong("LSTM, open forget gates", rememberingLstm),
];

console.log(`Two spirals, ${depth + 2} layers with sigmoids:\n\n${table([...deep, decaying], "layer")}\n`);
console.log(`The first of ${T} steps, told at the end:\n\n${table(long, "step")}\n`);
const path = join(flags.output, "index.html");
await mkdir(flags.output, { recursive: true });
await writeFile(
  path,
  `<!doctype html>
<meta charset="utf-8">
<title>Vanishing gradients</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark; }
  figure { margin: 1rem 0; }
  svg { max-width: 100%; height: auto; }
  pre { overflow-x: auto; font-size: 13px; }
</style>
<h1>Vanishing gradients</h1>
<p>A gradient goes back through every layer, and a sigmoid lets at most a quarter of it through: the first layers of a deep network
hardly move. The same network with each remedy, on two spirals.</p>
${charts(deep, "layer")}
<pre>${table([...deep, decaying], "layer")}</pre>
<h2>Through time</h2>
<p>A sequence is a network as deep as it is long. What the first of ${T} steps was is asked at the end.</p>
${charts(long, "step")}
<pre>${table(long, "step")}</pre>
`,
);
console.log(`The page is ${path}.`);
