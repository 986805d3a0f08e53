// What a package is about, from its description: a small BERT learns it from scratch, after reading the texts with words masked,
// and by a LoRA adapter on what it read. Prints a table, and writes a page with the losses and who is taken for whom.
//
//   npm run example -- examples/topics.ts [--output FOLDER] [--epochs N]        about four minutes on two cores

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  BertForMaskedLM,
  BertForSequenceClassification,
  classificationMetrics,
  confusionMatrix,
  DataCollatorForLanguageModeling,
  getPeftModel,
  loadDataset,
  lossChartSvg,
  lossSeries,
  manualSeed,
  PeftModel,
  pipeline,
  type Series,
  saveTokenizer,
  Trainer,
  trainEncoderTokenizer,
} from "kindling";

const { values: flags } = parseArgs({
  options: {
    output: { type: "string", default: "runs/topics" },
    epochs: { type: "string" },
    smoke: { type: "boolean", default: false }, // small, for the tests
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log("npm run example -- examples/topics.ts [--output FOLDER] [--epochs N]");
  process.exit(0);
}
const { smoke } = flags;
const epochs = Number(flags.epochs ?? (smoke ? 1 : 6));
const output = smoke ? `${flags.output}-smoke` : flags.output;
manualSeed(1);

// 1. The data: lines of {"text", "label"}, packed with gzip.
const file = (split: string): string => fileURLToPath(new URL(`data/topics.${split}.jsonl.gz`, import.meta.url));
const data = await loadDataset<{ text: string; label: string }>("json", {
  dataFiles: { train: file("train"), validation: file("validation"), test: file("test") },
});
const [train, validation, test] = (["train", "validation", "test"] as const).map((split) =>
  smoke ? data.get(split).take(40).toList() : data.get(split).toList(),
) as [Row[], Row[], Row[]]; // three splits
type Row = { readonly text: string; readonly label: string };
const topics = [...new Set(data.get("train").column("label"))].sort();

// 2. A tokenizer of the texts' own words.
const tokenizer = trainEncoderTokenizer(
  train.map(({ text }) => text),
  { vocabSize: smoke ? 400 : 4000, modelMaxLength: smoke ? 16 : 64 },
);
const encode = (rows: readonly Row[]) =>
  rows.map(({ text, label }) => ({ ...tokenizer(text, { truncation: true }), labels: topics.indexOf(label) }));
const [trainRows, validationRows, testRows] = [encode(train), encode(validation), encode(test)];

// 3. Reading: some tokens are masked, and the model says which they were. It needs no labels.
const sizes = smoke ? { hiddenSize: 16, intermediateSize: 32 } : { hiddenSize: 128, intermediateSize: 512 };
const config = {
  ...{ ...sizes, numHiddenLayers: 2, numAttentionHeads: 4, vocabSize: tokenizer.vocabSize },
  ...{ maxPositionEmbeddings: tokenizer.modelMaxLength, padTokenId: tokenizer.padTokenId },
  id2label: Object.fromEntries(topics.map((topic, i) => [String(i), topic])),
};
const common = { perDeviceTrainBatchSize: 32, perDeviceEvalBatchSize: 64, warmupSteps: 0.1, weightDecay: 0.01 };
const reader = new BertForMaskedLM(config);
const reading = new Trainer({
  model: reader,
  tokenizer,
  trainDataset: trainRows,
  dataCollator: DataCollatorForLanguageModeling({ tokenizer }),
  args: { ...common, numTrainEpochs: 2 * epochs, learningRate: 1e-3, groupByLength: true },
});
console.log(`Reading ${train.length} descriptions with masked words …`);
await reading.train();
const body = join(output, "body");
await reader.savePretrained(body);
await saveTokenizer(tokenizer, body);

// 4. Learning the topics: from nothing, the whole model that has read, and an adapter on it.
const quiet = { id2label: config.id2label, onWarning: () => undefined }; // the classifier is new: no need to say so
const read = () => BertForSequenceClassification.fromPretrained(body, quiet);
const lora = { r: 8, loraAlpha: 16, targetModules: "all-linear", taskType: "SEQ_CLS" } as const;
const ways = [
  { name: "from scratch", model: new BertForSequenceClassification(config), learningRate: 1e-3 },
  { name: "after reading", model: await read(), learningRate: 5e-4 },
  { name: "LoRA after reading", model: getPeftModel(await read(), lora), learningRate: 3e-3 },
];
const metrics = classificationMetrics();
const results = [];
for (const { name, model, learningRate } of ways) {
  console.log(`\nLearning the topics ${name} …`);
  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: trainRows,
    evalDataset: validationRows,
    computeMetrics: metrics,
    args: { ...common, numTrainEpochs: epochs, learningRate, loggingSteps: 20, evalStrategy: "epoch" },
  });
  const { metrics: run } = await trainer.train();
  const { predictions, labelIds, metrics: tested } = await trainer.predict(testRows);
  const matrix = confusionMatrix(predictions.map(best), labelIds.map(Number), { labels: topics.map((_, i) => i) });
  const trained = model.parameters().reduce((sum, p) => sum + (p.requiresGrad ? p.numel : 0), 0);
  results.push({ name, model, trainer, matrix, trained, seconds: run["trainRuntime"]!, tested });
}

/** The class of the largest logit. */
function best(logits: unknown): number {
  const row = logits as readonly number[]; // one number a topic
  return row.indexOf(Math.max(...row));
}

// 5. What came of it.
const percent = (share = Number.NaN): string => `${(100 * share).toFixed(1)} %`.padStart(10);
const table = [
  `${" ".repeat(20)}   trained   accuracy   macro F1    seconds`,
  ...results.map(({ name, trained, tested, seconds }) =>
    [name.padEnd(20), String(trained).padStart(9), percent(tested["testAccuracy"]), percent(tested["testF1"])]
      .concat(seconds.toFixed(0).padStart(10))
      .join(" "),
  ),
].join("\n");
const winner = results.reduce((a, b) => (b.tested["testAccuracy"]! > a.tested["testAccuracy"]! ? b : a));
console.log(`\n${test.length} descriptions of ${topics.length} topics that were not learnt from:\n\n${table}\n`);
console.log(`${winner.matrix.text({ names: topics })}\n`);

// 6. The best one, used.
const plain = winner.model instanceof PeftModel ? winner.model.mergeAndUnload() : winner.model;
const classify = await pipeline("text-classification", { model: plain, tokenizer });
for (const { text, label } of test.slice(0, 3)) {
  const guesses = await classify(text, { topK: 3, truncation: true });
  const said = guesses.map((guess) => `${guess.label} ${percent(guess.score).trim()}`).join(", ");
  console.log(`${text.slice(0, 110)}…\n  ${label}; it says ${said}`);
}

const losses: Series[] = results.map(({ name, trainer }) => ({
  name,
  points: lossSeries(trainer.state.logHistory).find((series) => series.name === "evaluation loss")?.points ?? [],
}));
await mkdir(output, { recursive: true });
await writeFile(
  join(output, "index.html"),
  `<!doctype html>
<meta charset="utf-8">
<title>Topics</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark; }
  svg { max-width: 100%; height: auto; }
  pre { overflow-x: auto; font-size: 13px; }
</style>
<h1>What a package is about</h1>
<pre>${table}</pre>
${lossChartSvg(losses, { title: "Loss on descriptions that are not learnt from" })}
${winner.matrix.svg({ names: topics, title: `Taken for: ${winner.name}` })}
`,
);
console.log(`\nThe page is ${join(output, "index.html")}.`);
