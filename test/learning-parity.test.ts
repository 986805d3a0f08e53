// The summarizer learns as PyTorch's does: from the same weights and batches the same losses, gradients, weights and ids, step
// by step. And it does so in memory that does not grow. `scripts/goldens/learning_parity.py` made the fixtures.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openSafetensors, type SafetensorsReader } from "../src/checkpoint/safetensors.node.ts";
import { generate } from "../src/generation/generate.ts";
import { loadWeights } from "../src/models/pretrained.ts";
import { type Seq2SeqBatch, Seq2SeqRnn } from "../src/models/rnn-seq2seq.ts";
import { AdamW } from "../src/optim/adam.ts";
import { clipGradNorm_ } from "../src/optim/clip.ts";
import { memoryStats } from "../src/tensor/memory.ts";
import { scope } from "../src/tensor/scope.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { fromGolden, type GoldenTensor, numbersOf } from "./golden.ts";

const folder = new URL("fixtures/learning_parity/", import.meta.url);

interface Run {
  readonly name: string;
  readonly config: {
    readonly kind: "LSTM" | "GRU";
    readonly vocab: number;
    readonly E: number;
    readonly H: number;
    readonly layers: number;
    readonly bidirectional: boolean;
    readonly attention: "dot" | "additive";
    readonly tie: boolean;
    readonly tieOutput: boolean;
    readonly labelSmoothing: number;
    readonly pad: number;
    readonly start: number;
  };
  readonly training: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weightDecay: number;
    readonly maxNorm: number;
    readonly steps: number;
  };
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly greedy: GoldenTensor;
}

const runs = readFixture<Run[]>("runs.json");
const batches = readFixture<Record<"inputIds" | "labels" | "decoderInputIds", GoldenTensor>[]>("batches.json").map(
  ({ inputIds, labels, decoderInputIds }) => ({
    inputIds: ids(inputIds),
    labels: ids(labels),
    decoderInputIds: ids(decoderInputIds),
  }),
);

function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, folder), "utf8")) as T; // its generator's docstring has the form
}

function ids(golden: GoldenTensor): Tensor {
  return fromGolden({ ...golden, dtype: "int32" });
}

async function withFile<T>(name: string, use: (file: SafetensorsReader) => Promise<T>): Promise<T> {
  const file = await openSafetensors(new URL(name, folder).pathname);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function initialModel({ name, config }: Run): Promise<Seq2SeqRnn> {
  const model = new Seq2SeqRnn({
    vocabSize: config.vocab,
    embeddingSize: config.E,
    hiddenSize: config.H,
    numLayers: config.layers,
    rnnType: config.kind === "LSTM" ? "lstm" : "gru",
    bidirectional: config.bidirectional,
    attention: config.attention,
    copy: false,
    dropout: 0,
    tieWordEmbeddings: config.tie,
    tieOutputEmbeddings: config.tieOutput,
    padTokenId: config.pad,
    decoderStartTokenId: config.start,
  });
  await withFile(`${name}.initial.safetensors`, (file) => loadWeights(model, file));
  return model;
}

/** All tensors of a file against those of the model, each within `tolerance` of the largest number that was wanted. */
async function compare(name: string, actual: ReadonlyMap<string, Tensor>, tolerance: number): Promise<void> {
  await withFile(name, async (file) => {
    assert.deepEqual([...actual.keys()].sort(), [...file.names].sort());
    for (const [key, tensor] of actual) {
      const bytes = await file.read(key);
      const wanted = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
      const largest = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const apart = Array.from(tensor.toArray()).reduce((most, x, i) => Math.max(most, Math.abs(x - wanted[i]!)), 0);
      assert.ok(apart <= tolerance * largest, `${name}, ${key}: ${apart} apart, the largest is ${largest}`);
    }
  });
}

function optimizerOf(model: Seq2SeqRnn, { training }: Run): AdamW {
  const { lr, betas, eps, weightDecay } = training;
  return new AdamW(model.parameters(), { lr, betas, eps, weightDecay });
}

/** One step; the loss before it and the norm of the gradients. */
function learn(
  model: Seq2SeqRnn,
  optimizer: AdamW,
  batch: Seq2SeqBatch,
  maxNorm: number,
): [loss: number, norm: number] {
  using _ = scope();
  const loss = model(batch).loss!;
  loss.backward();
  const norm = clipGradNorm_(model.parameters(), maxNorm);
  optimizer.step();
  optimizer.zeroGrad();
  return [loss.item(), norm];
}

// First of all, while no other test has left anything to collect.
test("2,000 steps hold live bytes constant", async () => {
  const run = runs[0]!;
  const model = await initialModel(run);
  const optimizer = optimizerOf(model, run);
  const steps = (count: number): number => {
    for (let step = 0; step < count; step++) learn(model, optimizer, batches[step % batches.length]!, 1);
    return memoryStats().liveBytes;
  };
  const before = steps(10); // the optimizer has its state
  assert.equal(steps(2000), before);
  model.dispose();
});

for (const run of runs) {
  const { name, training, config } = run;
  const { labelSmoothing } = config;

  test(`${name}: all gradients of a batch`, async () => {
    const model = await initialModel(run);
    model({ ...batches[0]!, labelSmoothing }).loss!.backward();
    await compare(
      `${name}.gradients.safetensors`,
      new Map(model.namedParameters().map(([key, p]) => [key, p.grad!])),
      1e-4,
    );
    model.dispose();
  });

  test(`${name}: ${training.steps} losses, the weights after them, and what they generate`, async () => {
    const model = await initialModel(run);
    const optimizer = optimizerOf(model, run);
    for (let step = 0; step < training.steps; step++) {
      const batch = batches[step % batches.length]!;
      const [loss, norm] = learn(model, optimizer, { ...batch, labelSmoothing }, training.maxNorm);
      const [wantedLoss, wantedNorm] = [run.losses[step]!, run.norms[step]!];
      assert.ok(
        Math.abs(loss - wantedLoss) <= 1e-4 * wantedLoss,
        `loss of step ${step}: ${loss}, wanted ${wantedLoss}`,
      );
      assert.ok(
        Math.abs(norm - wantedNorm) <= 1e-3 * wantedNorm,
        `norm of step ${step}: ${norm}, wanted ${wantedNorm}`,
      );
    }
    await compare(`${name}.final.safetensors`, new Map(model.namedParameters()), 1e-3);

    const [, T] = run.greedy.shape as [number, number];
    const wanted = numbersOf(run.greedy);
    const rows = run.greedy.shape[0]!;
    const expected = Array.from({ length: rows }, (_, row) => {
      const line = wanted.slice(row * T, (row + 1) * T);
      return line.includes(2) ? line.slice(0, line.indexOf(2)) : line;
    });
    assert.deepEqual(await generate(model, { inputIds: batches[0]!.inputIds }, { maxNewTokens: T }), expected);
    model.dispose();
  });
}

test("the labels shifted right are the decoder's input", async () => {
  const model = await initialModel(runs[0]!);
  for (const { labels, decoderInputIds } of batches) {
    assert.deepEqual(model.shiftRight(labels).tolist(), decoderInputIds.tolist());
  }
  model.dispose();
});
