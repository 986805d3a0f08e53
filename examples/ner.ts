// Finding names: a small BERT learns from tagged sentences which words are people, organisations, places and others (peoples, events,
// laws, prizes). Of the test's names only common words ("Bank", "Film Festival") are learnt from. Training ends when the validation
// sentences get no better, and the best model is tested once. Prints F1 by kind and some sentences with their names in colours, and writes a page.
//
//   npm run example -- examples/ner.ts [--output FOLDER] [--epochs N]        about two minutes on two cores; F1 on the test 0.98

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import {
  BertForTokenClassification,
  DataCollatorForTokenClassification,
  EarlyStoppingCallback,
  type EvalPrediction,
  labelMap,
  manualSeed,
  pipeline,
  seqeval,
  seqevalMetrics,
  Trainer,
  tagNames,
  tagSpans,
  tokenizeAndAlignLabels,
  trainWordPieceTokenizer,
} from "kindling";
import { type Entity, type Kind, taggedSentences } from "./shared/tagged-sentences.ts";

const { values: flags } = parseArgs({
  options: {
    output: { type: "string", default: "runs/ner" },
    epochs: { type: "string", default: "12" },
    smoke: { type: "boolean", default: false }, // small, for the tests
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log(`Learns to find names in sentences, and tests it on names that it has never seen.

  npm run example -- examples/ner.ts [--output FOLDER] [--epochs N]

  --output FOLDER   where the model and index.html go (default: runs/ner)
  --epochs N        passes over the sentences at the most (default: 12)

Example:
  npm run example -- examples/ner.ts --output runs/names --epochs 4`);
  process.exit(0);
}
const { smoke } = flags;
const output = smoke ? `${flags.output}-smoke` : flags.output;
manualSeed(1);

// 1. The data: words, each with a tag: "B-PER" begins a person's name, "I-PER" goes on with it, "O" is outside of names.
const sentences = {
  train: taggedSentences("train", smoke ? 40 : 6000),
  validation: taggedSentences("validation", smoke ? 10 : 300),
  test: taggedSentences("test", smoke ? 10 : 600),
};
const rows = (split: keyof typeof sentences) => sentences[split].map(({ text, entities }) => tagSpans(text, entities));
const [train, validation, test] = [rows("train"), rows("validation"), rows("test")];
const tags = tagNames(train);
const maxLength = 64;

// 2. A tokenizer of the sentences' own words. Few tokens, so that names are seen in pieces, as those of the test will be.
const tokenizer = trainWordPieceTokenizer(
  sentences.train.map(({ text }) => text),
  { vocabSize: smoke ? 300 : 1200, modelMaxLength: maxLength },
);
// The first piece of each word learns its tag; the others have −100, for which nothing is learnt.
const encode = (split: typeof train) => tokenizeAndAlignLabels(split, tokenizer, labelMap(tags));
const testRows = encode(test);

// 3. Training, until F1 on the validation names was no better three times; then the best weights come back.
const model = new BertForTokenClassification({
  ...(smoke ? { hiddenSize: 16, intermediateSize: 32 } : { hiddenSize: 128, intermediateSize: 256 }),
  ...{ numHiddenLayers: 2, numAttentionHeads: 4, maxPositionEmbeddings: maxLength },
  ...{ vocabSize: tokenizer.vocabSize, padTokenId: tokenizer.padTokenId, ...labelMap(tags) },
});
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset: encode(train),
  evalDataset: encode(validation),
  dataCollator: DataCollatorForTokenClassification({ tokenizer }),
  computeMetrics: seqevalMetrics(tags),
  callbacks: [new EarlyStoppingCallback({ earlyStoppingPatience: 3 })],
  args: {
    ...{ outputDir: output, overwriteOutputDir: true, loggingSteps: 50 },
    ...{ numTrainEpochs: smoke ? 1 : Number(flags.epochs), perDeviceTrainBatchSize: 32, perDeviceEvalBatchSize: 64 },
    ...{ learningRate: 1e-3, lrSchedulerType: "cosine", warmupSteps: 0.05, weightDecay: 0.01 },
    ...{ evalStrategy: "epoch", saveStrategy: "epoch", saveTotalLimit: 1 },
    ...{ loadBestModelAtEnd: true, metricForBestModel: "f1" },
  },
  modelCard: { pipelineTag: "token-classification", language: "en" },
});
console.log(`${train.length} sentences to learn from, ${validation.length} to watch, ${test.length} to test on`);
await trainer.train();

// 4. The test: a name counts if its kind, its start and its end are right.
const { predictions, labelIds } = await trainer.predict(testRows);
const scores = seqeval(...tagged({ predictions, labelIds }));
console.log(`\nThe ${test.length} test sentences, whose names were never seen:\n\n${scores.format(3)}\n`);

/** Tags that were predicted and those that were wanted, of each word. */
function tagged({ predictions, labelIds }: EvalPrediction): [string[][], string[][]] {
  const wanted = labelIds as readonly (readonly number[])[]; // a tag a token
  const logits = predictions as readonly (readonly (readonly number[])[])[]; // a number a tag, of each token
  const words = wanted.map((row) => [...row.keys()].filter((t) => row[t] !== -100));
  return [
    words.map((places, i) => places.map((t) => tags[largest(logits[i]![t]!)]!)),
    words.map((places, i) => places.map((t) => tags[wanted[i]![t]!]!)),
  ];
}
function largest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

// 5. Using it: the folder holds all that a pipeline needs. "first": a word is what its first piece is.
const find = await pipeline("ner", output);
const shown = [
  "Marie Delacroix, a nurse from Ouagadougou, said on Friday that the storm came as a surprise.",
  "Shares of Wintergreen Industries fell 7 percent after the strike in Salamanca.",
  "In March, Hendricks told the Bavarian Institute of Physics that the Salamanca Film Festival would move to Lake Ohrid.",
  "Nobody knew why the library in Timbuktu was empty.",
];
const found = await find(shown, { aggregationStrategy: "first" });
const named = found.map(
  (entities) => entities.map(({ entity_group, start, end }): Entity => ({ label: entity_group as Kind, start, end })), // of the tags' kinds
);
const styles = { PER: "cyan", LOC: "green", ORG: "magenta", MISC: "yellow" } as const;
const colours = { PER: "#3b82f6", LOC: "#10a37f", ORG: "#a66cf0", MISC: "#ea7317" } as const;
/** The text with each name changed by `mark`, the rest by `plain`. */
function marked(
  text: string,
  names: readonly Entity[],
  mark: (name: string, kind: Kind) => string,
  plain = (part: string): string => part,
): string {
  const ends = [...names.map(({ start }) => start), text.length];
  const parts = names.map(
    ({ label, start, end }, i) => mark(text.slice(start, end), label) + plain(text.slice(end, ends[i + 1])),
  );
  return plain(text.slice(0, ends[0])) + parts.join("");
}
console.log("Sentences of another hand:\n");
shown.forEach((text, i) => {
  console.log(`  ${marked(text, named[i]!, (name, kind) => styleText(styles[kind], `[${name} ${kind}]`))}`);
});

const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const lines = shown.map((text, i) => {
  const html = (name: string, kind: Kind): string =>
    `<mark style="--c: ${colours[kind]}">${escaped(name)} <small>${kind}</small></mark>`;
  return `<p>${marked(text, named[i]!, html, escaped)}</p>`;
});
await mkdir(output, { recursive: true });
await writeFile(
  join(output, "index.html"),
  `<!doctype html>
<meta charset="utf-8">
<title>Names</title>
<style>
  body { font: 17px/1.7 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark; }
  mark { background: color-mix(in srgb, var(--c) 25%, transparent); color: inherit; border-radius: 4px; padding: 1px 5px; }
  small { color: var(--c); font-weight: 600; }
  pre { font-size: 13px; }
</style>
<h1>Names that were never seen</h1>
${lines.join("\n")}
<pre>${scores.format(3)}</pre>
`,
);
console.log(`\nThe page is ${join(output, "index.html")}, with the model beside it. Try it on a text of your own:`);
console.log(`  npx kindling run token-classification --model ${output} "…"`);
