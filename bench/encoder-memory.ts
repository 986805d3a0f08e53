// The memory of encoders: loading BERT-base from checkpoints of random weights in fresh processes (the peak of tensors and of
// resident memory over what the process had before, beside the size of the loaded weights), and what 10,000 calls of pipelines
// leave behind.
//
//   npm run bench -- encoder-memory [--calls 10000] [--quick]

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  manualSeed,
  memoryStats,
  pipeline,
  trainWordPieceTokenizer,
} from "kindling";

const { values: flags } = parseArgs({
  options: {
    calls: { type: "string", default: "10000" },
    quick: { type: "boolean", default: false }, // to see that it works
    load: { type: "string" }, // the process that loads,
    dtype: { type: "string", default: "float32" }, // as this
  },
});
const MiB = 2 ** 20;
const wanted = 1.2;

/** Folders with the same float32 weights, each made by a process of its own. */
const writers: Readonly<Record<string, string>> = {
  safetensors: "await model.savePretrained(folder)",
  shards: "await model.savePretrained(folder, { maxShardSize: '100MB' })",
  "PyTorch's .bin": `await model.savePretrained(folder);
    await (await import('kindling/checkpoint')).save(model.stateDict(), folder + "/weights.pt");
    for (const [old, name] of [["weights.pt", "pytorch_model.bin"], ["model.safetensors", "unread"]])
      renameSync(folder + "/" + old, folder + "/" + name)`,
};

if (flags.load !== undefined) await load(flags.load);
else {
  measureLoading();
  await callOftenTimes(flags.quick ? 500 : Number(flags.calls));
}

/** In a process of its own, which has made a small model before, so that the engine's own memory does not count. */
async function load(folder: string): Promise<void> {
  const small = new BertModel({
    hiddenSize: 32,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    intermediateSize: 64,
    vocabSize: 64,
  });
  small.dispose();
  const [resident, held] = [status("VmRSS"), memoryStats().liveBytes];
  const model = await BertModel.fromPretrained(folder, { dtype: flags.dtype as "float32" }); // or another: it is checked there
  const weights = model.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
  const peak = { resident: status("VmHWM") - resident, tensors: memoryStats().peakBytes - held };
  console.log(JSON.stringify({ weights, peak }));
  process.exit();
}

function status(field: "VmRSS" | "VmHWM"): number {
  const line = new RegExp(`${field}:\\s*(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"));
  return 1024 * Number(line?.[1]);
}

function measureLoading(): void {
  const program = fileURLToPath(import.meta.url);
  const own = (...args: string[]): string =>
    spawnSync(process.execPath, ["--conditions=kindling-source", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    }).stdout;
  const layers = flags.quick ? 2 : 12;
  console.log(`loading BERT of ${layers} layers; at most ${wanted} times its weights is wanted`);
  for (const [kind, write] of Object.entries(writers)) {
    const folder = mkdtempSync(join(tmpdir(), "encoder-memory-"));
    try {
      own(
        "-e",
        `const { BertModel, save } = await import("kindling"), { renameSync } = await import("node:fs");
        const folder = ${JSON.stringify(folder)}, model = new BertModel({ numHiddenLayers: ${layers} });
        ${write}`,
      );
      for (const dtype of ["float32", "bfloat16", "float16"])
        report(`${kind} as ${dtype}`, own(program, "--load", folder, "--dtype", dtype));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

function report(what: string, printed: string): void {
  const { weights, peak } = JSON.parse(printed) as { weights: number; peak: Record<string, number> }; // as `load` prints
  const parts = Object.entries(peak).map(([name, bytes]) => {
    const times = bytes / weights;
    return `${name} ${(bytes / MiB).toFixed(0).padStart(4)} MiB, ${times.toFixed(2)} times ${times <= wanted ? "✓" : "✗"}`;
  });
  console.log(`  ${what.padEnd(26)} ${(weights / MiB).toFixed(0).padStart(4)} MiB   ${parts.join("   ")}`);
}

/** Live bytes after a tenth of the calls, which have filled all caches, and after all. */
async function callOftenTimes(calls: number): Promise<void> {
  manualSeed(0);
  const texts = [
    "A library for reading pictures.",
    "Ada lives in Riga.",
    "It plays music, and a game of cards, from the command line.",
  ];
  const tokenizer = trainWordPieceTokenizer(texts, { vocabSize: 120, modelMaxLength: 128 });
  const config = {
    ...{ hiddenSize: 32, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 64 },
    vocabSize: tokenizer.vocabSize,
  };
  const classify = await pipeline("text-classification", {
    model: new BertForSequenceClassification(config),
    tokenizer,
  });
  const tag = await pipeline("token-classification", { model: new BertForTokenClassification(config), tokenizer });
  const embed = await pipeline("feature-extraction", { model: new BertModel(config), tokenizer });
  let early = memoryStats();
  for (let i = 0; i < calls; i++) {
    const text = texts[i % texts.length]!;
    if (i % 3 === 0) await classify([text, ...texts]);
    else if (i % 3 === 1) await tag(text);
    else await embed(text);
    if (i === Math.floor(calls / 10)) early = memoryStats();
  }
  const late = memoryStats();
  const [from, to] = [early.liveBytes, late.liveBytes];
  console.log(
    `${calls} calls of pipelines: ${from} live bytes after a tenth of them, ${to} after all ${from === to ? "✓" : "✗"}`,
  );
  if (from !== to) process.exitCode = 1;
}
