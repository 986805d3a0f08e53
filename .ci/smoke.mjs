// Run by .ci/run in an empty folder where the packed package is installed, on the machine's own Node: every subpath loads,
// a summarizer is trained and used, and the command works.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { AutoTokenizer, grad, memoryStats, pipeline, Seq2SeqRnn, Trainer, tensor, trainTokenizer } from "kindling";

const manifest = createRequire(import.meta.url).resolve("kindling/package.json");
const { name, version, exports } = JSON.parse(readFileSync(manifest, "utf8"));
for (const subpath of Object.keys(exports)) {
  if (subpath === "./package.json") continue;
  const count = Object.keys(await import(subpath.replace(".", name))).length;
  if (count === 0) throw new Error(`${name}: "${subpath}" exports nothing`);
  console.log(`${subpath.replace(".", name)}: ${count} exports`);
}

const x = tensor(
  [
    [1, 2],
    [3, 4],
  ],
  { requiresGrad: true },
);
const [g] = grad(x.matmul(x).sum(), [x]);
assert.deepEqual(g.tolist(), [
  [7, 11],
  [9, 13],
]);

const words = ["red", "green", "blue", "small", "large", "old", "new"];
const rows = Array.from({ length: 48 }, (_, i) => {
  const [a, b, c] = [words[i % 7], words[(i * 3) % 7], words[(i * 5) % 7]];
  return { text: `a ${a} thing and a ${b} thing and a ${c} thing`, summary: `${a} ${b} ${c}` };
});
const texts = rows.flatMap(({ text, summary }) => [text, summary]);
const tokenizer = trainTokenizer(texts, { vocabSize: 300, modelMaxLength: 32 });
const trainDataset = rows.map(({ text, summary }) => ({
  inputIds: tokenizer(text, { truncation: true }).inputIds,
  labels: tokenizer(summary).inputIds,
}));
const args = { outputDir: "run", maxSteps: 40, perDeviceTrainBatchSize: 8, learningRate: 1e-2, loggingSteps: 10 };
const model = new Seq2SeqRnn({ vocabSize: tokenizer.vocabSize, embeddingSize: 24, hiddenSize: 24, dropout: 0 });
const trainer = new Trainer({ model, tokenizer, trainDataset, args });
await trainer.train();
const losses = trainer.state.logHistory.flatMap(({ loss }) => loss ?? []);
assert.ok(losses.at(-1) < 0.8 * losses[0], `losses ${losses}`);

const [{ summary_text }] = await (await pipeline("summarization", "run"))(rows[0].text, { maxNewTokens: 8 });
assert.equal(typeof summary_text, "string");
assert.equal((await AutoTokenizer.fromPretrained("run")).vocabSize, tokenizer.vocabSize);
console.log(
  `trained, loss ${losses[0].toFixed(2)} to ${losses.at(-1).toFixed(2)}; "${summary_text}"; ${memoryStats().liveBlocks} blocks`,
);

const kindling = (...words) =>
  execFileSync("npx", ["kindling", ...words], { encoding: "utf8", shell: process.platform === "win32" });
assert.equal(kindling("--version").trim(), version);
assert.match(kindling("--help"), /Examples:/);
assert.notEqual(kindling("run", "summarization", "--model", "run", rows[1].text), "");
console.log(kindling("doctor"));
