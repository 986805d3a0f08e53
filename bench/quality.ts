// How well the summarizer learns in a given time: trains on a file of {"text","summary"} lines, keeps the model as it is after
// 5, 10, 20 and 30 minutes, and scores each on a test file beside the texts' first 12 words.
//
//   node --conditions=kindling-source bench/quality.ts --train F --test F --output DIR [--minutes 30]

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { manualSeed } from "../src/base/random.ts";
import { readJsonl } from "../src/data/jsonl.node.ts";
import { rouge } from "../src/metrics/rouge.ts";
import { Seq2SeqRnn } from "../src/models/rnn-seq2seq.ts";
import { loadSummarization, summarization } from "../src/pipelines/summarization.ts";
import { tensor } from "../src/tensor/create.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { savePretrained } from "../src/text/tokenizer.node.ts";
import { trainTokenizer } from "../src/text/train-tokenizer.ts";
import { Trainer } from "../src/training/trainer.ts";

const { values: flags } = parseArgs({
  options: {
    train: { type: "string" },
    test: { type: "string" },
    output: { type: "string" },
    minutes: { type: "string", default: "30" },
    dropout: { type: "string", default: "0.3" },
    batch: { type: "string", default: "32" },
    lr: { type: "string", default: "1e-3" },
    beams: { type: "string", default: "4" },
  },
});
const { train, test, output } = flags;
if (train === undefined || test === undefined || output === undefined) throw new Error("see the head of this file");
const columns = ["text", "summary"] as const;
const minutes = Number(flags.minutes);
const marks = [5, 10, 20, 30].map((m) => (m / 30) * minutes);

manualSeed(0);
const trainRows = await readJsonl(train, { columns });
const tokenizer = trainTokenizer(
  trainRows.flatMap((row) => [row.text, row.summary]),
  { vocabSize: 8000, modelMaxLength: 96 },
);
const encoded = trainRows.map(({ text, summary }) => ({
  inputIds: tokenizer(text, { truncation: true }).inputIds,
  labels: tokenizer(summary, { truncation: true, maxLength: 32 }).inputIds,
}));
const model = new Seq2SeqRnn({
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 512,
  embeddingSize: 256,
  dropout: Number(flags.dropout),
});
let next = 0;
let started = 0;
const trainer = new Trainer({
  model,
  tokenizer,
  args: {
    outputDir: output,
    overwriteOutputDir: true,
    maxMinutes: minutes,
    perDeviceTrainBatchSize: Number(flags.batch),
    learningRate: Number(flags.lr),
    lrSchedulerType: "cosine",
    warmupSteps: 0.02,
    weightDecay: 0.01,
    groupByLength: true,
    loggingSteps: 100,
    saveStrategy: "no",
    seed: 0,
  },
  trainDataset: encoded,
  dataCollator: (rows) => ({
    inputIds: padded(
      rows.map((r) => r.inputIds),
      0,
    ),
    labels: padded(
      rows.map((r) => r.labels),
      -100,
    ),
  }),
  callbacks: [
    {
      async onStepEnd() {
        if (started === 0) started = performance.now();
        const passed = (performance.now() - started) / 60000;
        if (next < marks.length - 1 && passed >= marks[next]!) await keep(marks[next++]!);
      },
    },
  ],
});

/** Rows of ids as one tensor, filled up on the right. */
function padded(rows: readonly (readonly number[])[], fill: number): Tensor {
  const longest = Math.max(...rows.map((row) => row.length));
  return tensor(
    rows.map((row) => [...row, ...new Array<number>(longest - row.length).fill(fill)]),
    { dtype: "int32" },
  );
}

async function keep(mark: number): Promise<void> {
  const folder = join(output!, `after-${mark.toFixed(1)}-minutes`);
  await model.savePretrained(folder);
  await savePretrained(tokenizer, folder);
}

await trainer.train();
await keep(minutes);
const testRows = await readJsonl(test, { columns });
const references = testRows.map((row) => row.summary);
const percent = (texts: readonly string[]): string => {
  const s = rouge(texts, references);
  return [s.rouge1, s.rouge2, s.rougeL].map((r) => (100 * r.fmeasure).toFixed(2)).join("  ");
};
const lines = [`first 12 words   ${percent(testRows.map((row) => row.text.split(/\s+/).slice(0, 12).join(" ")))}`];
for (const mark of marks) {
  const summarize = await loadSummarization(join(output, `after-${mark.toFixed(1)}-minutes`));
  for (const numBeams of mark === minutes ? [1, Number(flags.beams)] : [Number(flags.beams)]) {
    const made = await summarize(
      testRows.map((row) => row.text),
      { maxNewTokens: 32, numBeams, batchSize: 64 },
    );
    lines.push(`${mark.toFixed(1)} minutes, ${numBeams} beam(s)   ${percent(made.map((m) => m.summary_text))}`);
    console.log(lines.at(-1));
  }
}
const shown = await summarization(model, tokenizer)(
  testRows.slice(0, 8).map((row) => row.text),
  { maxNewTokens: 32, numBeams: 4 },
);
shown.forEach((s, i) => lines.push(`${s.summary_text}   |   ${references[i]}`));
writeFileSync(join(output, "quality.txt"), `${lines.join("\n")}\n`);
console.log(lines.join("\n"));
