// The memory of encoders: loading BERT-base from a checkpoint of random weights in a fresh process (the peak of tensors and of
// resident memory over what the process had before, beside the size of the file), and what 10,000 calls of pipelines leave behind.
//
//   npm run bench -- encoder-memory [--calls 10000] [--quick]

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
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
} from "kindling";
import { wordTokenizer } from "../examples/shared/bert-tokenizer.ts";

const { values: flags } = parseArgs({
  options: {
    calls: { type: "string", default: "10000" },
    quick: { type: "boolean", default: false }, // to see that it works
    load: { type: "string" }, // the process that loads
  },
});
const MiB = 2 ** 20;
const wanted = 1.2;

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
  await BertModel.fromPretrained(folder);
  console.log(JSON.stringify({ resident: status("VmHWM") - resident, tensors: memoryStats().peakBytes - held }));
  process.exit();
}

function status(field: "VmRSS" | "VmHWM"): number {
  const line = new RegExp(`${field}:\\s*(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"));
  return 1024 * Number(line?.[1]);
}

function measureLoading(): void {
  const folder = mkdtempSync(join(tmpdir(), "encoder-memory-"));
  try {
    const program = fileURLToPath(import.meta.url);
    const own = (...args: string[]) =>
      spawnSync(process.execPath, ["--conditions=kindling-source", ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
    const layers = flags.quick ? 2 : 12;
    own(
      "-e",
      `await new (await import("kindling")).BertModel({ numHiddenLayers: ${layers} }).savePretrained(${JSON.stringify(folder)})`,
    );
    const size = statSync(join(folder, "model.safetensors")).size;
    const peak = JSON.parse(own(program, "--load", folder).stdout) as { resident: number; tensors: number }; // as `load` prints
    console.log(
      `loading BERT of ${layers} layers, ${(size / MiB).toFixed(0)} MiB; at most ${wanted} times that is wanted`,
    );
    for (const [name, bytes] of Object.entries(peak)) {
      const times = bytes / size;
      console.log(
        `  ${name.padEnd(9)} ${(bytes / MiB).toFixed(0).padStart(6)} MiB   ${times.toFixed(2)} times ${times <= wanted ? "✓" : "✗"}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Live bytes after a tenth of the calls, which have filled all caches, and after all. */
async function callOftenTimes(calls: number): Promise<void> {
  manualSeed(0);
  const texts = [
    "A library for reading pictures.",
    "Ada lives in Riga.",
    "It plays music, and a game of cards, from the command line.",
  ];
  const tokenizer = wordTokenizer(texts, { vocabSize: 120, modelMaxLength: 128 });
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
