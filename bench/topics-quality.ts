// Whether an encoder learns as well as in PyTorch: the same BERT from the same weights on the same batches, from scratch, tuned as
// a whole after a little masked language modelling, and tuned by LoRA. Prints the losses step by step beside transformers' and
// peft's, and the accuracy on the test split. Dropout is 0, so that nothing is drawn.
//
//   npm run bench -- topics-quality --data FOLDER --python PATH [--rows 8000] [--epochs 2] [--pretrain 600] [--quick]
//
// FOLDER holds topics.train.jsonl and topics.test.jsonl, lines of {"text", "label"}.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  BertForMaskedLM,
  BertForSequenceClassification,
  DataCollatorForLanguageModeling,
  getPeftModel,
  manualSeed,
  type nn,
  noGrad,
  optim,
  PeftModel,
  readJsonl,
  type SequenceClassificationInputs,
  type SequenceClassifierOutput,
  saveTokenizer,
  scope,
  Trainer,
  tensor,
  trainEncoderTokenizer,
} from "kindling";
import { findPython } from "./suite/environment.ts";

const { values: flags } = parseArgs({
  options: {
    data: { type: "string" },
    python: { type: "string" },
    rows: { type: "string", default: "8000" },
    epochs: { type: "string", default: "2" },
    pretrain: { type: "string", default: "600" },
    quick: { type: "boolean", default: false }, // to see that it works
  },
});
if (flags.data === undefined) throw new Error("--data FOLDER is missing");
const [rowLimit, epochs, pretrainSteps] = flags.quick
  ? [640, 1, 20]
  : [Number(flags.rows), Number(flags.epochs), Number(flags.pretrain)];
const B = 32;
const sizes = { hiddenSize: 128, numHiddenLayers: 2, numAttentionHeads: 4, intermediateSize: 512 };
const firstSteps = 50;

/** What both sides read: rows of ids, the order of the batches, and how each run is trained. */
interface Job {
  readonly train: { readonly ids: readonly number[][]; readonly labels: readonly number[] };
  readonly test: { readonly ids: readonly number[][]; readonly labels: readonly number[] };
  readonly batches: readonly (readonly number[])[];
  readonly runs: readonly Run[];
}
interface Run {
  readonly name: string;
  /** The folder of the weights that it begins with. */
  readonly model: string;
  readonly adapter?: string;
  readonly lr: number;
}
interface Learnt {
  readonly losses: readonly number[];
  readonly accuracy: number;
  readonly seconds: number;
  readonly trained: number;
}

type Classifier = nn.Module<[inputs: SequenceClassificationInputs], SequenceClassifierOutput>;

manualSeed(0);
const python = findPython(flags.python);
const folder = mkdtempSync(join(tmpdir(), "topics-quality-"));
const read = async (split: string, most: number) =>
  (await readJsonl(join(flags.data!, `topics.${split}.jsonl`), { columns: ["text", "label"] })).slice(0, most);
const [trainRows, testRows] = [await read("train", rowLimit), await read("test", flags.quick ? 200 : 1e9)];
const labels = [...new Set(trainRows.map(({ label }) => label))].sort();
const texts = trainRows.map(({ text }) => text);
const tokenizer = trainEncoderTokenizer(texts, { vocabSize: flags.quick ? 600 : 6000, modelMaxLength: 64 });
const encoded = (rows: typeof trainRows) => ({
  ids: tokenizer(
    rows.map(({ text }) => text),
    { truncation: true },
  ).inputIds,
  labels: rows.map(({ label }) => labels.indexOf(label)),
});
const [train, test] = [encoded(trainRows), encoded(testRows)];
const config = {
  ...{ ...sizes, vocabSize: tokenizer.vocabSize, maxPositionEmbeddings: 64, padTokenId: tokenizer.padTokenId },
  ...{ hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 },
  id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
};

const { runs, pretrainLoss } = await prepare();
const job: Job = { train, test, runs, batches: Array.from({ length: epochs }, epochOf).flat() };
writeFileSync(join(folder, "job.json"), JSON.stringify(job));
console.log(
  `${train.ids.length} texts of ${labels.length} topics, ${job.batches.length} steps of ${B}; the body was pre-trained for ` +
    `${pretrainSteps} steps to a loss of ${pretrainLoss.toFixed(2)}`,
);
const ours: Learnt[] = [];
for (const run of runs) ours.push(await learn(run));
const theirs = askPython();
report();
rmSync(folder, { recursive: true });

/** The weights that the runs begin with, as folders. */
async function prepare(): Promise<{ readonly runs: Run[]; readonly pretrainLoss: number }> {
  const path = (name: string): string => join(folder, name);
  await new BertForSequenceClassification(config).savePretrained(path("fresh"));
  const body = new BertForMaskedLM(config);
  const trainer = new Trainer({
    model: body,
    tokenizer,
    trainDataset: train.ids.map((inputIds) => ({ inputIds, attentionMask: inputIds.map(() => 1) })),
    dataCollator: DataCollatorForLanguageModeling({ tokenizer, seed: 0 }),
    args: {
      maxSteps: pretrainSteps,
      learningRate: 1e-3,
      warmupSteps: 0.1,
      perDeviceTrainBatchSize: B,
      disableTqdm: true,
    },
  });
  const { trainingLoss } = await trainer.train();
  await body.savePretrained(path("body"));
  await saveTokenizer(tokenizer, path("body"));
  const tuned = await BertForSequenceClassification.fromPretrained(path("body"), {
    id2label: config.id2label,
    onWarning: () => undefined, // the new head
  });
  await tuned.savePretrained(path("tuned"));
  await getPeftModel(tuned, { r: 8, loraAlpha: 16, targetModules: "all-linear", taskType: "SEQ_CLS" }).savePretrained(
    path("adapter"),
  );
  return {
    pretrainLoss: trainingLoss,
    runs: [
      { name: "from scratch", model: path("fresh"), lr: 1e-3 },
      { name: "whole model tuned", model: path("tuned"), lr: 5e-4 },
      { name: "LoRA, rank 8", model: path("tuned"), adapter: path("adapter"), lr: 3e-3 },
    ],
  };
}

/** Batches of one epoch, the rows in an order of its own. */
function epochOf(_: unknown, epoch: number): number[][] {
  let state = epoch + 1;
  const random = (): number => (state = (state * 48271) % 2147483647) / 2147483647; // Lehmer's generator
  const order = train.ids.map((_ids, i) => ({ i, key: random() })).sort((a, b) => a.key - b.key);
  const all = order.map(({ i }) => i);
  return Array.from({ length: Math.floor(all.length / B) }, (_ids, i) => all.slice(i * B, (i + 1) * B));
}

/** Rises over a tenth of the steps, then falls to 0. */
function rateAt(step: number, steps: number): number {
  const warm = Math.ceil(steps / 10);
  return step < warm ? (step + 1) / warm : (steps - step) / (steps - warm);
}

async function learn({ model: from, adapter, lr }: Run): Promise<Learnt> {
  const base = await BertForSequenceClassification.fromPretrained(from);
  const model: Classifier =
    adapter === undefined ? base : await PeftModel.fromPretrained(base, adapter, { isTrainable: true });
  const parameters = model.parameters().filter((p) => p.requiresGrad);
  const optimizer = new optim.AdamW(parameters, { lr, weightDecay: 0.01 });
  const steps = job.batches.length;
  const start = performance.now();
  model.train();
  const losses = job.batches.map((rows, step) => {
    using _ = scope("step");
    for (const group of optimizer.paramGroups) group.lr = lr * rateAt(step, steps);
    const { loss } = model({
      ...inputsOf(train.ids, rows),
      labels: tensor(
        rows.map((i) => train.labels[i]!),
        { dtype: "int32" },
      ),
    });
    optimizer.zeroGrad();
    loss!.backward(); // labels were given
    optim.clipGradNorm_(parameters, 1);
    optimizer.step();
    return loss!.item(); // likewise
  });
  const seconds = (performance.now() - start) / 1000;
  model.eval();
  let right = 0;
  for (let at = 0; at < test.ids.length; at += B) {
    const rows = test.ids.slice(at, at + B).map((_, i) => at + i);
    using _ = scope("test");
    const made = noGrad(() => model(inputsOf(test.ids, rows)).logits.argmax({ dim: -1 }).toArray());
    right += rows.filter((row, i) => Number(made[i]) === test.labels[row]).length;
  }
  const trained = parameters.reduce((sum, p) => sum + p.numel, 0);
  model.dispose();
  return { losses, seconds, trained, accuracy: right / test.ids.length };
}

function inputsOf(ids: readonly number[][], rows: readonly number[]) {
  const T = Math.max(...rows.map((i) => ids[i]!.length));
  const column = (value: (i: number, t: number) => number) =>
    tensor(
      rows.map((i) => Array.from({ length: T }, (_, t) => value(i, t))),
      { dtype: "int32" },
    );
  return {
    inputIds: column((i, t) => ids[i]![t] ?? tokenizer.padTokenId!), // it has one
    attentionMask: column((i, t) => Number(t < ids[i]!.length)),
  };
}

function askPython(): Learnt[] {
  const script = new URL("peers/topics_quality.py", import.meta.url).pathname;
  const result = spawnSync(python.path, [script, folder], { stdio: ["ignore", "inherit", "inherit"] });
  if (result.status !== 0) throw new Error("the Python side ended with an error");
  return JSON.parse(readFileSync(join(folder, "learnt.json"), "utf8")) as Learnt[]; // as the script writes it
}

function report(): void {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const last = Math.min(firstSteps, job.batches.length);
  console.log(
    `\n| | trained | loss of the last ${last} steps, ours and PyTorch's | largest difference in the first ${last} | in all | accuracy, ours and PyTorch's | seconds |`,
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  runs.forEach(({ name }, i) => {
    const [a, b] = [ours[i]!, theirs[i]!];
    const off = a.losses.map((loss, step) => Math.abs(loss - b.losses[step]!) / b.losses[step]!);
    const ends = [a, b].map(({ losses }) => mean(losses.slice(-last)).toFixed(4)).join(", ");
    const most = [off.slice(0, last), off].map((all) => Math.max(...all).toExponential(1)).join(" | ");
    const trained = `${a.trained.toLocaleString("en")}${a.trained === b.trained ? "" : ` (PyTorch ${b.trained})`}`;
    console.log(
      `| ${name} | ${trained} | ${ends} | ${most} | ${percent(a.accuracy)}, ${percent(b.accuracy)} | ${a.seconds.toFixed(0)}, ${b.seconds.toFixed(0)} |`,
    );
  });
}
