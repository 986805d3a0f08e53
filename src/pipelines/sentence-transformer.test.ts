// Sentence vectors, searches and cross-encoders against sentence-transformers' (scripts/goldens/sentence_transformers_folders.py).

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { defaultDevice } from "../devices/default.ts";
import { AutoModel } from "../models/auto.ts";
import { AutoTokenizer } from "../models/pretrained-files.ts";
import { tensor } from "../tensor/create.ts";
import { pairwiseDistance } from "../tensor/functional/distance.ts";
import { memoryStats } from "../tensor/memory.ts";
import { randn } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { CrossEncoder } from "./cross-encoder.ts";
import { type PoolingMode, poolingOf } from "./pooling.ts";
import { semanticSearch, similarities } from "./semantic-search.ts";
import { SentenceTransformer } from "./sentence-transformer.ts";

const fixtures = fileURLToPath(new URL("../../test/fixtures", import.meta.url));
const folder = join(fixtures, "sentences");
interface Hit {
  readonly corpus_id: number;
  readonly score: number;
}
type Rows = readonly (readonly number[])[];
const golden = JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as {
  readonly texts: readonly string[];
  readonly full: Rows;
  readonly query: Rows;
  readonly similarity: Rows;
  readonly poolings: Readonly<Record<string, Rows>>;
  readonly search: {
    readonly queries: number[][];
    readonly corpus: number[][];
    readonly cosine: readonly (readonly Hit[])[];
    readonly dot: readonly (readonly Hit[])[];
    readonly euclidean: Rows;
    readonly manhattan: Rows;
  };
  readonly cross: {
    readonly pairs: readonly (readonly [string, string])[];
    readonly scores: readonly number[];
    readonly rank: readonly Hit[];
  };
}; // as the script writes it

function near(actual: Tensor, expected: Rows, what: string): void {
  assert.deepEqual(actual.shape, [expected.length, expected[0]!.length], what);
  const rows = actual.tolist() as number[][]; // [N, D]
  rows.forEach((row, i) =>
    row.forEach((value, j) =>
      assert.ok(Math.abs(value - expected[i]![j]!) < 1e-4, `${what} ${i},${j}: ${value}, not ${expected[i]![j]}`),
    ),
  );
}

test("a folder of sentence-transformers gives its vectors, prompts and likenesses", async () => {
  const model = await SentenceTransformer.fromPretrained(join(folder, "full"));
  assert.deepEqual([model.dimension, model.maxSeqLength, model.similarityFnName], [8, 24, "cosine"]);
  const vectors = await model.encode(golden.texts);
  near(vectors, golden.full, "vectors");
  near(await model.encode(golden.texts, { batchSize: 2 }), golden.full, "in batches");
  near(await model.encode(golden.texts, { promptName: "query" }), golden.query, "with a prompt");
  near(await model.encode(golden.texts, { prompt: "query: " }), golden.query, "with one's own prompt");
  near(model.similarity(vectors, vectors.narrow(0, 0, 2)), golden.similarity, "similarity");
  assert.deepEqual((await model.encode([])).shape, [0, 8]);
  await assert.rejects(model.encode(["a"], { promptName: "passages" }), /no prompt "passages"; there are .*query/);
});

for (const [name, rows] of Object.entries(golden.poolings)) {
  test(`pooling by ${name}`, async () => {
    const features = join(fixtures, "pipelines", "features");
    const withoutPrompt = name === "without prompt";
    const modes = (withoutPrompt ? ["mean"] : name.split("+")) as PoolingMode[]; // as the fixture names them
    const model = new SentenceTransformer({
      model: await AutoModel.fromPretrained(features),
      tokenizer: await AutoTokenizer.fromPretrained(features),
      modules: [{ kind: "pooling", modes, includePrompt: !withoutPrompt }],
      prompts: { query: "query: " },
      maxSeqLength: 24,
    });
    near(await model.encode(golden.texts, withoutPrompt ? { promptName: "query" } : {}), rows, name);
    assert.equal(model.dimension, rows[0]!.length);
  });
}

test("a plain model's tokens are averaged", async () => {
  const model = await SentenceTransformer.fromPretrained(join(fixtures, "pipelines", "features"));
  model.maxSeqLength = 24;
  near(await model.encode(golden.texts), golden.poolings["mean"]!, "mean");
  const [first] = (await model.encode(["ok"], { normalizeEmbeddings: true })).tolist() as number[][]; // [1, D]
  assert.ok(Math.abs(Math.hypot(...first!) - 1) < 1e-5);
});

test("older and newer spellings of a pooling are read, unknown ones refused", () => {
  const old = { word_embedding_dimension: 4, pooling_mode_cls_token: true, pooling_mode_mean_tokens: false };
  assert.deepEqual(poolingOf(old, "c.json").modes, ["cls"]);
  assert.deepEqual(poolingOf({ pooling_mode: ["max", "mean"] }, "c.json").modes, ["max", "mean"]);
  assert.throws(() => poolingOf({ pooling_mode: "attention" }, "c.json"), /"attention" is not known/);
});

test("semantic search finds the closest, whatever the pieces", () => {
  const { queries, corpus, ...wanted } = golden.search;
  const [q, c] = [tensor(queries), tensor(corpus)];
  for (const scoreFunction of ["cosine", "dot"] as const) {
    for (const pieces of [{}, { corpusChunkSize: 7, queryChunkSize: 2 }]) {
      const hits = semanticSearch(q, c, { topK: 4, scoreFunction, ...pieces });
      hits.forEach((row, i) =>
        row.forEach(({ corpus_id, score }, k) => {
          assert.equal(corpus_id, wanted[scoreFunction][i]![k]!.corpus_id);
          assert.ok(Math.abs(score - wanted[scoreFunction][i]![k]!.score) < 1e-5);
        }),
      );
    }
  }
  near(similarities.euclidean(q, c), wanted.euclidean, "euclidean");
  near(similarities.manhattan(q, c), wanted.manhattan, "manhattan");
  assert.throws(() => semanticSearch(q, c.narrow(1, 0, 3)), /wants \[Q, D\] and \[N, D\]/);
  assert.throws(() => semanticSearch(q, c, { topK: 0 }), /topK is 0/);
  assert.throws(() => semanticSearch(q, c, { corpusChunkSize: 0 }), /corpusChunkSize is 0/);
});

test("a cross-encoder scores and ranks pairs", async () => {
  const { pairs, scores, rank } = golden.cross;
  const model = await CrossEncoder.fromPretrained(join(folder, "cross"));
  (await model.predict(pairs)).forEach((score, i) => assert.ok(Math.abs(Number(score) - scores[i]!) < 1e-5));
  const ranked = await model.rank(golden.texts[0]!, golden.texts.slice(1, 4), { returnDocuments: true });
  assert.deepEqual(
    ranked.map(({ corpus_id }) => corpus_id),
    rank.map(({ corpus_id }) => corpus_id),
  );
  ranked.forEach(({ score, text, corpus_id }, i) => {
    assert.ok(Math.abs(score - rank[i]!.score) < 1e-5);
    assert.equal(text, golden.texts[1 + corpus_id]);
  });
});

test("distances between many vectors do not hold all differences at once", () => {
  const [a, b] = [randn([64, 128]), randn([4096, 128])]; // 134 MB of differences
  const wanted = pairwiseDistance(a.narrow(0, 63, 1), b, { eps: 0 }).neg(); // [4096]
  const before = memoryStats().liveBytes;
  defaultDevice().resetPeak();
  const found = similarities.euclidean(a, b);
  assert.ok(memoryStats().peakBytes - before < 120e6);
  assert.ok(found.select(0, 63).sub(wanted).abs().max().item() < 1e-4);
});

test("a cross-encoder's folder says what scores are made by, in the newer and in the older place", async () => {
  const { pairs, scores } = golden.cross;
  const copy = mkdtempSync(join(tmpdir(), "cross-"));
  try {
    cpSync(join(folder, "cross"), copy, { recursive: true });
    const config = JSON.parse(readFileSync(join(copy, "config.json"), "utf8"));
    const { sentence_transformers: _, ...plain } = config;
    const path = "torch.nn.modules.linear.Identity";
    for (const said of [
      { sentence_transformers: { activation_fn: path } },
      { sbert_ce_default_activation_function: path },
    ]) {
      writeFileSync(join(copy, "config.json"), JSON.stringify({ ...plain, ...said }));
      const model = await CrossEncoder.fromPretrained(copy);
      const logits = (await model.predict(pairs)) as number[]; // of one label
      logits.forEach((logit, i) => assert.ok(Math.abs(1 / (1 + Math.exp(-logit)) - scores[i]!) < 1e-5));
      await assert.rejects(model.predict(pairs, { activation: "tanh" as never }), /activation is "tanh"/);
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test("an old folder's length lies beside its transformer", async () => {
  const copy = mkdtempSync(join(tmpdir(), "sentences-"));
  try {
    cpSync(join(fixtures, "pipelines", "features"), join(copy, "0_Transformer"), { recursive: true });
    writeFileSync(join(copy, "0_Transformer", "sentence_bert_config.json"), JSON.stringify({ max_seq_length: 9 }));
    const modules = [{ idx: 0, name: "0", path: "0_Transformer", type: "sentence_transformers.models.Transformer" }];
    writeFileSync(join(copy, "modules.json"), JSON.stringify(modules));
    assert.equal((await SentenceTransformer.fromPretrained(copy)).maxSeqLength, 9);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test("what a folder asks for beside the usual: small letters, residues of dense layers", async () => {
  const copy = mkdtempSync(join(tmpdir(), "kindling-sentences-"));
  try {
    cpSync(join(folder, "full"), copy, { recursive: true });
    const edit = (file: string, change: (fields: Record<string, unknown>) => void): void => {
      const fields = JSON.parse(readFileSync(join(copy, file), "utf8")) as Record<string, unknown>; // an object
      change(fields);
      writeFileSync(join(copy, file), JSON.stringify(fields));
    };
    edit("tokenizer.json", ({ normalizer }) => Object.assign(normalizer as object, { lowercase: false }));
    const mixed = ["Marie Curie was BORN in Warsaw.", "OK"];
    const small = mixed.map((text) => text.toLowerCase());
    const encode = async (texts: readonly string[]): Promise<Rows> =>
      (await (await SentenceTransformer.fromPretrained(copy)).encode(texts)).tolist() as number[][]; // [N, D]
    const wanted = await encode(small);
    assert.notDeepEqual(await encode(mixed), wanted);
    writeFileSync(join(copy, "sentence_xlm-roberta_config.json"), JSON.stringify({ do_lower_case: true }));
    assert.notDeepEqual(await encode(mixed), wanted, "today's name goes first");
    rmSync(join(copy, "sentence_bert_config.json"));
    assert.deepEqual(await encode(mixed), wanted);

    const plain = await SentenceTransformer.fromPretrained(copy);
    const [pooling, dense] = plain.modules;
    assert.ok(dense?.kind === "dense");
    const pooled = await new SentenceTransformer({ ...plain, modules: [pooling!] }).encode(small); // [N, 16]
    const layer = pooled.matmul(dense.weight.t()).add(dense.bias!).tanh(); // [N, 8]
    const modes = ["max", "cls"] as const; // not in the order of the older spelling's flags
    const ordered = new SentenceTransformer({ ...plain, modules: [{ kind: "pooling", modes, includePrompt: true }] });
    const vectors = (await ordered.encode(small)).tolist();
    await ordered.savePretrained(copy);
    assert.deepEqual(await encode(small), vectors);

    const residual = randn([8, 16]);
    const sum = layer.add(pooled.matmul(residual.t()));
    const own = new SentenceTransformer({ ...plain, modules: [pooling!, { ...dense, residual }] });
    near(await own.encode(small), sum.tolist() as number[][], "a product is added");
    await own.savePretrained(copy);
    near(tensor(await encode(small)), sum.tolist() as number[][], "and comes back");
    edit("2_Dense/config.json", (fields) => Object.assign(fields, { module_input_name: "token_embeddings" }));
    await assert.rejects(encode(small), /2_Dense\/config\.json: the dense layer reads or writes something else/);
  } finally {
    rmSync(copy, { recursive: true });
  }
});
