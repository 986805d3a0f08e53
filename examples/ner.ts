// Finding names: a small BERT learns from tagged sentences which words are people, places, organisations and software. The names in
// the test are none that it has seen. Prints F1 by kind and the sentences with their names in colours, and writes them as a page.
//
//   npm run example -- examples/ner.ts [--output FOLDER] [--epochs N]        about a minute on two cores

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import {
  BertForTokenClassification,
  DataCollatorForTokenClassification,
  manualSeed,
  pipeline,
  seqeval,
  seqevalMetrics,
  Trainer,
} from "kindling";
import { wordTokenizer } from "./shared/bert-tokenizer.ts";
import { type Kind, kinds, type Span, type TaggedSentence, taggedSentences } from "./shared/tagged-sentences.ts";

const { values: flags } = parseArgs({
  options: {
    output: { type: "string", default: "runs/ner" },
    epochs: { type: "string" },
    smoke: { type: "boolean", default: false }, // small, for the tests
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log("npm run example -- examples/ner.ts [--output FOLDER] [--epochs N]");
  process.exit(0);
}
const { smoke } = flags;
const output = smoke ? `${flags.output}-smoke` : flags.output;
manualSeed(1);

// 1. The data: texts, and where names stand in them.
const [train, test] = [taggedSentences("train", smoke ? 40 : 1000), taggedSentences("test", smoke ? 10 : 120)];
const tags = ["O", ...kinds.flatMap((kind) => [`B-${kind}`, `I-${kind}`])];
// Names are spelt, those that are learnt from too: their letters stand apart where the tokenizer counts words.
const tokenizer = wordTokenizer(
  train.map(({ text, entities }) => marked(text, entities, (name) => [...name].join(" "))),
  { vocabSize: 400, modelMaxLength: 96 },
);

// 2. A tag for the first token of each word; the others (−100) are not learnt.
function encode({ text, entities }: TaggedSentence) {
  const row = tokenizer(text, { truncation: true, returnOffsetsMapping: true, returnWordIds: true });
  const { inputIds, attentionMask, offsetMapping = [], wordIds = [] } = row;
  const labels = offsetMapping.map(([start, end], i) => {
    const word = wordIds[i];
    if (word === null || word === undefined || word === wordIds[i - 1]) return -100;
    const entity = entities.find((each) => start < each.end && end > each.start);
    if (entity === undefined) return 0;
    return tags.indexOf(`${start <= entity.start ? "B" : "I"}-${entity.kind}`);
  });
  return { inputIds, attentionMask, labels };
}
const [trainRows, testRows] = [train.map(encode), test.map(encode)];

// 3. Training.
const model = new BertForTokenClassification({
  ...(smoke ? { hiddenSize: 16, intermediateSize: 32 } : { hiddenSize: 96, intermediateSize: 384 }),
  ...{ numHiddenLayers: 2, numAttentionHeads: 4, maxPositionEmbeddings: tokenizer.modelMaxLength },
  ...{ vocabSize: tokenizer.vocabSize, padTokenId: tokenizer.padTokenId },
  id2label: Object.fromEntries(tags.map((tag, i) => [String(i), tag])),
});
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset: trainRows,
  evalDataset: testRows,
  dataCollator: DataCollatorForTokenClassification({ tokenizer }),
  computeMetrics: seqevalMetrics(tags),
  args: {
    ...{ outputDir: output, overwriteOutputDir: true, saveStrategy: "no", evalStrategy: "epoch", loggingSteps: 25 },
    ...{ numTrainEpochs: Number(flags.epochs ?? (smoke ? 1 : 8)), perDeviceTrainBatchSize: 16, learningRate: 1e-3 },
    ...{ perDeviceEvalBatchSize: 64, warmupSteps: 0.1, weightDecay: 0.01 },
  },
});
console.log(`${train.length} sentences to learn from, ${test.length} with other names to test on`);
await trainer.train();

// 4. Scores: a name counts if its kind, its start and its end are right.
const { predictions, labelIds } = await trainer.predict(testRows);
const tagsOf = (row: unknown, labels: unknown, isLogits: boolean): string[] => {
  const [values, wanted] = [row as readonly unknown[], labels as readonly number[]]; // one a token
  return wanted.flatMap((label, t) => {
    if (label === -100) return [];
    return [tags[isLogits ? largest(values[t] as readonly number[]) : label]!]; // logits are one number a tag
  });
};
function largest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}
const scores = seqeval(
  predictions.map((row, i) => tagsOf(row, labelIds[i], true)),
  labelIds.map((row) => tagsOf(row, row, false)),
);
console.log(`\n${scores.format(3)}\n`);

// 5. Using it: the folder holds all that a pipeline needs.
const find = await pipeline("token-classification", output);
const shown = test.slice(0, 12).map(({ text }) => text);
const found = await find(shown, { aggregationStrategy: "first" });
const spans = found.map(
  (entities) => entities.map(({ entity_group, start, end }): Span => ({ kind: entity_group as Kind, start, end })), // one of the tags' kinds
);
const styles = { PER: "cyan", LOC: "green", ORG: "magenta", SOFT: "yellow" } as const;
const colours = { PER: "#3b82f6", LOC: "#10a37f", ORG: "#a66cf0", SOFT: "#ea7317" } as const;
/** The text with each name changed by `mark`, the rest by `plain`. */
function marked(
  text: string,
  names: readonly Span[],
  mark: (name: string, kind: Kind) => string,
  plain = (part: string): string => part,
): string {
  const ends = [...names.map(({ start }) => start), text.length];
  const parts = names.map(
    ({ kind, start, end }, i) => mark(text.slice(start, end), kind) + plain(text.slice(end, ends[i + 1])),
  );
  return plain(text.slice(0, ends[0])) + parts.join("");
}
shown.forEach((text, i) => {
  console.log(marked(text, spans[i]!, (name, kind) => styleText(styles[kind], `[${name} ${kind}]`)));
});

const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const lines = shown.map((text, i) => {
  const html = (name: string, kind: Kind): string =>
    `<mark style="--c: ${colours[kind]}">${escaped(name)} <small>${kind}</small></mark>`;
  return `<p>${marked(text, spans[i]!, html, escaped)}</p>`;
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
