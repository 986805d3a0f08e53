// Folders of sentence embeddings as Kindling writes them, with their vectors, for check_sentence_folders.py to read:
// `node --conditions=kindling-source saved_sentences.ts FOLDER`. Prints the texts and the vectors of each folder as JSON.

import { fileURLToPath } from "node:url";
import { AutoModel, AutoTokenizer, manualSeed, randn } from "kindling";
import { SentenceTransformer, type SentenceTransformerParts } from "kindling/pipelines";

const [into] = process.argv.slice(2);
if (into === undefined) throw new Error("saved_sentences.ts FOLDER");
const base = fileURLToPath(new URL("../../test/fixtures/pipelines/features", import.meta.url));
const texts = ["Marie Curie was born in Warsaw.", "ok", "", "The company of New York sells ice-cream. ".repeat(3)];

const modes = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] as const;
type Module = NonNullable<SentenceTransformerParts["modules"]>[number];
const pooling = (...of: (typeof modes)[number][]): Module => ({ kind: "pooling", modes: of, includePrompt: true });
const dense = (from: number, out: number, more: object): Module => ({
  ...{ kind: "dense" as const, weight: randn([out, from]), bias: randn([out]), activation: "Tanh" },
  ...more,
});

manualSeed(1);
const prompts = { query: "find: ", passage: "" };
const parts: Readonly<Record<string, Omit<SentenceTransformerParts, "model" | "tokenizer">>> = {
  ...Object.fromEntries(modes.map((mode) => [mode, { modules: [pooling(mode)] }])),
  two: { modules: [pooling("max", "cls")] },
  short: { modules: [pooling("mean")], maxSeqLength: 12, similarityFnName: "euclidean" },
  "dense and length": { modules: [pooling("mean"), dense(16, 6, {}), { kind: "normalize" }] },
  "dense twice": {
    modules: [
      pooling("mean"),
      dense(16, 6, { activation: "Identity", bias: undefined }),
      dense(6, 5, { activation: "GELU" }),
    ],
  },
  "dense with itself": { modules: [pooling("mean"), dense(16, 16, { residual: "input", activation: "ReLU" })] },
  "dense with a product": { modules: [pooling("mean"), dense(16, 4, { residual: randn([4, 16]) })] },
  prompts: { modules: [pooling("mean")], prompts, defaultPromptName: "query" },
  "prompts left out": { modules: [{ kind: "pooling", modes: ["mean"], includePrompt: false }], prompts },
};

const vectors: Record<string, unknown> = {};
for (const [name, part] of Object.entries(parts)) {
  const [model, tokenizer] = [await AutoModel.fromPretrained(base), await AutoTokenizer.fromPretrained(base)];
  const sentences = new SentenceTransformer({ model, tokenizer, ...part });
  await sentences.savePretrained(`${into}/${name}`);
  const promptName = part.prompts === undefined ? {} : { promptName: "query" };
  vectors[name] = {
    plain: (await sentences.encode(texts)).tolist(),
    query: (await sentences.encode(texts, promptName)).tolist(),
    similarity: sentences.similarity(await sentences.encode(texts), await sentences.encode(texts.slice(0, 2))).tolist(),
  };
}
console.log(JSON.stringify({ texts, vectors }));
