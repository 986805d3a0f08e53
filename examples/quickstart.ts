// A summarizer, from raw text to summaries: `npm run quickstart`, about two minutes on two cores.
// With `--smoke` it does the same on a few rows, in seconds.

import {
  type EvalPrediction,
  manualSeed,
  pipeline,
  readJsonl,
  rouge,
  Seq2SeqRnn,
  summarization,
  Trainer,
  trainTokenizer,
} from "kindling";

const smoke = process.argv.includes("--smoke");
const outputDir = smoke ? "runs/quickstart-smoke" : "runs/quickstart";
manualSeed(42);

// 1. The data: a file of lines {"text": …, "summary": …} for each split.
const load = async (split: string, rows: number) => {
  const file = new URL(`data/summarization.${split}.jsonl`, import.meta.url).pathname;
  return (await readJsonl(file, { columns: ["text", "summary"] })).slice(0, smoke ? rows : undefined);
};
const [train, validation, test] = await Promise.all([load("train", 200), load("validation", 20), load("test", 20)]);
console.log(`${train.length} texts to learn from, ${validation.length} to watch, ${test.length} to test on`);

// 2. A tokenizer of the texts' own words. Ids of a text end with the end token.
const tokenizer = trainTokenizer(
  train.flatMap(({ text, summary }) => [text, summary]),
  { vocabSize: smoke ? 400 : 2000, modelMaxLength: 96 },
);
const encode = (rows: typeof train) =>
  rows.map(({ text, summary }) => ({
    inputIds: tokenizer(text, { truncation: true }).inputIds,
    labels: tokenizer(summary, { truncation: true, maxLength: 24 }).inputIds,
  }));

// 3. The model: LSTM encoder and decoder with attention, which can also copy words from the text.
const model = new Seq2SeqRnn({
  vocabSize: tokenizer.vocabSize,
  embeddingSize: smoke ? 32 : 128,
  hiddenSize: smoke ? 32 : 256,
  dropout: 0.3,
});

// 4. Training. Evaluation writes summaries, which ROUGE compares with the references.
const computeMetrics = ({ decodedPredictions = [], decodedLabels = [] }: EvalPrediction) => {
  const { rouge1, rouge2, rougeL } = rouge(decodedPredictions, decodedLabels);
  return { rouge1: rouge1.fmeasure, rouge2: rouge2.fmeasure, rougeL: rougeL.fmeasure };
};
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset: encode(train),
  evalDataset: encode(validation),
  computeMetrics,
  args: {
    outputDir,
    overwriteOutputDir: true,
    numTrainEpochs: smoke ? 1 : 10,
    perDeviceTrainBatchSize: 16,
    perDeviceEvalBatchSize: 50,
    groupByLength: true,
    learningRate: 2e-3,
    lrSchedulerType: "cosine",
    warmupSteps: 0.05,
    weightDecay: 0.01,
    loggingSteps: 25,
    evalStrategy: "epoch",
    saveStrategy: "no",
    predictWithGenerate: true,
    generationMaxNewTokens: 24,
  },
});

const texts = test.map((row) => row.text);
const references = test.map((row) => row.summary);
const howWell = { maxNewTokens: 24, numBeams: 4 };
const before = await summarization(model, tokenizer)(texts, howWell);
await trainer.train();

// 5. Using it: the folder holds all that a pipeline needs.
const summarize = await pipeline("summarization", outputDir);
const after = await summarize(texts, howWell);

const line = (name: string, summaries: readonly string[]) => {
  const { rouge1, rouge2, rougeL } = rouge(summaries, references);
  const values = [rouge1, rouge2, rougeL].map((score) => (100 * score.fmeasure).toFixed(1).padStart(9));
  console.log(name.padEnd(18) + values.join(""));
};
console.log("\n                    ROUGE-1  ROUGE-2  ROUGE-L");
line(
  "before training",
  before.map((one) => one.summary_text),
);
line(
  "after training",
  after.map((one) => one.summary_text),
);
line(
  "first 12 words",
  texts.map((text) => text.split(/\s+/).slice(0, 12).join(" ")),
);

for (const i of [0, 1, 2, 3, 4]) {
  console.log(`\ntext       ${texts[i]!.slice(0, 200)}`);
  console.log(`summary    ${after[i]!.summary_text}`);
  console.log(`reference  ${references[i]}`);
}
console.log(`\nThe model is in ${outputDir}, with its loss curve as loss.svg. Try it on a text of your own:`);
console.log(`  npx kindling run summarization --model ${outputDir} "…"`);
