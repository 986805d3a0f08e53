// Pipelines of encoders against transformers 4.57's, on tiny random models (scripts/goldens/pipelines.py): labels, scores, words
// and offsets; and what they do with lists, iterables, long, empty and wrong inputs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { AutoModelForSequenceClassification } from "../models/auto.ts";
import { DebertaV2ForSequenceClassification } from "../models/deberta-v2.ts";
import { MPNetForSequenceClassification } from "../models/mpnet.ts";
import { AutoTokenizer } from "../models/pretrained-files.ts";
import { RobertaForSequenceClassification } from "../models/roberta.ts";
import { tensor } from "../tensor/create.ts";
import { memoryStats } from "../tensor/memory.ts";
import { CrossEncoder } from "./cross-encoder.ts";
import { type Encoder, largestOnes, runEncodings } from "./encoder.ts";
import { pipeline } from "./pipeline.ts";
import { SentenceTransformer } from "./sentence-transformer.ts";

const folder = fileURLToPath(new URL("../../test/fixtures/pipelines", import.meta.url));
// biome-ignore lint/suspicious/noExplicitAny: as scripts/goldens/pipelines.py writes it; each test compares its own part
const golden = JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as Record<string, any>;

/** The same structure, with numbers within 1e-4 of each other, absolute for those below 1. */
function near(actual: unknown, expected: unknown, what: string): void {
  if (typeof expected === "number") {
    assert.equal(typeof actual, "number", what);
    const difference = Math.abs((actual as number) - expected);
    assert.ok(difference <= 1e-4 * Math.max(1, Math.abs(expected)), `${what}: ${actual}, not ${expected}`);
  } else if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), what);
    assert.equal(actual.length, expected.length, `${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
    expected.forEach((value, i) => near(actual[i], value, `${what}[${i}]`));
  } else if (typeof expected === "object" && expected !== null) {
    assert.deepEqual(Object.keys(actual as object).sort(), Object.keys(expected).sort(), what);
    for (const [key, value] of Object.entries(expected)) near((actual as typeof golden)[key], value, `${what}.${key}`);
  } else assert.equal(actual, expected, what);
}

test("text-classification gives Python's labels and scores, in Python's shapes", async () => {
  const { texts, ...wanted } = golden["text-classification"];
  const classify = await pipeline("text-classification", join(folder, "classifier"));
  near(await classify(texts[0]), wanted.one, "one");
  near(await classify(texts), wanted.list, "list");
  near(await classify(texts, { batchSize: 2 }), wanted.list, "list in batches");
  near(await classify(texts[0], { topK: 2 }), wanted.top_k_one, "two of one");
  near(await classify(texts, { topK: null }), wanted.top_k_all, "all of each");
  near(await classify(texts[1], { topK: null, functionToApply: "sigmoid" }), wanted.sigmoid, "sigmoid");
  near(await classify(texts[1], { topK: null, functionToApply: "none" }), wanted.none, "logits");
  near(await classify({ text: texts[0], text_pair: texts[3] }, { topK: null }), wanted.pair, "pair");
});

test("the kind of problem chooses what scores are", async () => {
  const { texts, ...wanted } = golden["text-classification"];
  const tokenizer = await AutoTokenizer.fromPretrained(join(folder, "classifier"));
  for (const [problemType, key] of [
    ["multi_label_classification", "multi_label"],
    ["regression", "regression"],
  ] as const) {
    const model = await AutoModelForSequenceClassification.fromPretrained(join(folder, "classifier"), { problemType });
    const classify = await pipeline("sentiment-analysis", { model, tokenizer });
    near(await classify(texts[1], { topK: null }), wanted[key], key);
  }
});

test("zero-shot-classification ranks labels as Python does", async () => {
  const { texts } = golden["text-classification"];
  const { labels, ...wanted } = golden["zero-shot-classification"];
  const judge = await pipeline("zero-shot-classification", join(folder, "inference"));
  near(await judge(texts.slice(0, 3), labels), wanted.single, "one of them");
  near(await judge(texts.slice(0, 3), labels, { multiLabel: true, batchSize: 2 }), wanted.multi, "several");
  near(await judge(texts[0], "sports"), wanted.one_label, "one label");
  near(await judge(texts[1], "politics, sports", { hypothesisTemplate: "{} not " }), wanted.template, "template");
  near(await judge([texts[0], texts[0], texts[0], texts[0]].join(" "), labels), wanted.long, "a long text is cut");
});

for (const name of ["tagger", "tagger-bytes"]) {
  test(`token-classification gives Python's entities with all aggregations (${name})`, async () => {
    const { texts, ...wanted } = golden[name];
    const tag = await pipeline("token-classification", join(folder, name));
    for (const aggregationStrategy of ["none", "simple", "first", "average", "max"] as const) {
      const options = { aggregationStrategy };
      near(await tag(texts, options), wanted[aggregationStrategy], aggregationStrategy);
      const all = await tag(texts.slice(0, 2), { ...options, ignoreLabels: [] });
      near(all, wanted[`${aggregationStrategy} all`], `${aggregationStrategy}, nothing ignored`);
      const words = await tag(texts[1].split(" "), { ...options, isSplitIntoWords: true });
      near([words], wanted[`${aggregationStrategy} words`], `${aggregationStrategy}, words`);
      if (aggregationStrategy === "none") continue;
      const long = await tag(texts.slice(0, 3).join(" "), { ...options, stride: 6 });
      near(long, wanted[`${aggregationStrategy} stride`], `${aggregationStrategy}, in windows`);
    }
  });
}

test("an entity's offsets are those of its text, emoji and accents before it or not", async () => {
  const tag = await pipeline("ner", join(folder, "tagger"));
  const text = "👩‍🚀 São Paulo, Größe 🙂 Paris";
  const entities = await tag(text, { ignoreLabels: [], aggregationStrategy: "none" });
  const fold = (s: string): string =>
    s
      .normalize("NFD")
      .replace(/\p{Mn}/gu, "")
      .toLowerCase();
  const known = entities.filter(({ word }) => /^[a-z]+$/.test(word));
  assert.ok(known.length >= 3);
  for (const { word, start, end } of known) assert.equal(fold(text.slice(start, end)), word);
});

interface AnswerCase {
  readonly context: string;
  readonly options: Readonly<Record<string, never>>;
  readonly answers: readonly object[];
}
test("question-answering finds Python's answers, in windows and without answers too", async () => {
  const { question, cases } = golden["question-answering"] as { question: string; cases: readonly AnswerCase[] };
  const ask = await pipeline("question-answering", join(folder, "reader"));
  for (const { context, options, answers } of cases) {
    const { top_k = 1, doc_stride: docStride, max_seq_len: maxSeqLen, ...rest } = options as Record<string, number>;
    const camel = {
      topK: top_k,
      ...(docStride !== undefined && { docStride }),
      ...(maxSeqLen !== undefined && { maxSeqLen }),
      ...(rest["max_answer_len"] !== undefined && { maxAnswerLen: rest["max_answer_len"] }),
      ...("align_to_words" in rest && { alignToWords: false }),
      ...("handle_impossible_answer" in rest && { handleImpossibleAnswer: true }),
    };
    const found = await ask({ question, context }, camel);
    near(found, answers, `${JSON.stringify(options)} in ${context.slice(0, 20)}…`);
    for (const { start, end, answer } of found) assert.equal(context.slice(start, end), answer);
  }
  const [first] = cases;
  const best = await ask({ question, context: first!.context });
  near(best, first!.answers[0], "the best alone");
  near(await ask([{ question, context: first!.context }]), [first!.answers[0]], "of a list");
});

test("fill-mask fills one mask and several, and among targets", async () => {
  const { texts, ...wanted } = golden["fill-mask"];
  const fill = await pipeline("fill-mask", join(folder, "filler"));
  near(await fill(texts[0]), wanted.one, "one mask");
  near(await fill(texts[1], { topK: 2 }), wanted.several, "two masks");
  near(await fill(texts, { topK: 3 }), wanted.list, "a list");
  near(await fill(texts[0], { targets: ["born", "worked", "unheardof"] }), wanted.targets, "targets");
});

test("feature-extraction gives Python's states, and pools them", async () => {
  const { texts, results } = golden["feature-extraction"];
  const extract = await pipeline("feature-extraction", join(folder, "features"));
  near(await extract(texts), results, "states");
  const tokens = results[1][0] as number[][];
  const mean = tokens[0]!.map((_, c) => tokens.reduce((sum, row) => sum + row[c]!, 0) / tokens.length);
  near(await extract(texts[1], { pooling: "mean" }), mean, "mean");
  near(await extract(texts[1], { pooling: "cls" }), tokens[0], "first");
  const unit = await extract(texts[1], { pooling: "mean", normalize: true });
  assert.ok(Math.abs(Math.hypot(...unit) - 1) < 1e-6);
});

test("results of an iterable come one by one, and are those of a list", async () => {
  const { texts } = golden["text-classification"];
  const classify = await pipeline("text-classification", join(folder, "classifier"));
  let read = 0;
  async function* source(): AsyncGenerator<string> {
    for (let i = 0; i < 40; i++) {
      read++;
      yield texts[i % texts.length];
    }
  }
  const results: unknown[] = [];
  for await (const result of classify(source(), { batchSize: 2 })) {
    if (results.length === 0) assert.ok(read < 40, "not all is read before the first result");
    results.push(result[0]);
  }
  const wanted = await classify(Array.from({ length: 40 }, (_, i) => texts[i % texts.length]));
  near(results, wanted, "iterated");
});

test("work can be ended, and tells how far it is", async () => {
  const { texts } = golden["text-classification"];
  const classify = await pipeline("text-classification", join(folder, "classifier"));
  const told: number[] = [];
  await classify(texts, { batchSize: 2, onProgress: (done) => void told.push(done) });
  assert.deepEqual(told, [2, 4, 5]);
  const abort = new AbortController();
  const ended = classify(texts, {
    batchSize: 1,
    signal: abort.signal,
    onProgress: () => abort.abort(new Error("enough")),
  });
  await assert.rejects(ended, /enough/);
});

test("many calls leave the live bytes as they were", async () => {
  const classify = await pipeline("text-classification", join(folder, "classifier"));
  await classify("once");
  const before = memoryStats().liveBytes;
  for (let i = 0; i < 100; i++) await classify(["a text", "another, longer text"]);
  assert.ok(memoryStats().liveBytes <= before, "what other tests left may go meanwhile");
});

test("what makes no sense is an error before the model runs", async () => {
  const [classify, tag, ask, fill, judge] = [
    await pipeline("text-classification", join(folder, "classifier")),
    await pipeline("token-classification", join(folder, "tagger")),
    await pipeline("question-answering", join(folder, "reader")),
    await pipeline("fill-mask", join(folder, "filler")),
    await pipeline("zero-shot-classification", join(folder, "inference")),
  ];
  await assert.rejects(classify(7 as never), /input 0 is number; wants a text/);
  await assert.rejects(classify(["a", null as never]), /input 1 is null/);
  await assert.rejects(classify("a", { topK: 0 }), /topK is 0/);
  await assert.rejects(classify("a", { batchSize: 0 }), /batchSize is 0/);
  await assert.rejects(classify("word ".repeat(100)), /text 0 has \d+ tokens, the model takes 48/);
  assert.equal((await classify("word ".repeat(100), { truncation: true })).length, 1);
  assert.deepEqual(await classify([]), []);
  assert.equal((await classify("")).length, 1); // an empty text is the special tokens alone
  assert.throws(() => tag("a", { aggregationStrategy: "best" as never }), /one of none, simple/);
  assert.throws(() => tag("a", { stride: 4 }), /choose an aggregationStrategy/);
  assert.throws(
    () => tag("a", { stride: 64, aggregationStrategy: "simple" }),
    /below what tokenizer and model take, 32/,
  );
  assert.deepEqual(await tag(""), []);
  await assert.rejects(ask({ question: "Who?", context: "" }), /"context" is empty/);
  await assert.rejects(ask({ question: "Who?" } as never), /"context", is undefined/);
  await assert.rejects(ask({ question: "Who?", context: "She." }, { maxAnswerLen: 0 }), /maxAnswerLen is 0/);
  await assert.rejects(fill("no mask here"), /has no mask; write \[MASK\]/);
  assert.throws(() => judge("a", []), /no candidate labels/);
  assert.throws(() => judge("a", "b", { hypothesisTemplate: "about" }), /has no \{\}/);
  await assert.rejects(
    pipeline("text-clasification" as never, "x"),
    /no task "text-clasification"; there are summarization/,
  );
});

const tiny = {
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 8,
  maxPositionEmbeddings: 24,
};

test("a text may have as many tokens as the model has places for texts, which in RoBERTa's kin are fewer", async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(join(folder, "classifier"));
  tokenizer.modelMaxLength = Number.POSITIVE_INFINITY; // the file says nothing
  const { vocabSize } = tokenizer;
  const long = "word ".repeat(100);
  for (const [Model, most] of [
    [RobertaForSequenceClassification, 22],
    [MPNetForSequenceClassification, 22],
    [DebertaV2ForSequenceClassification, 24],
  ] as const) {
    const model = new Model({
      ...tiny,
      vocabSize,
      ...(Model !== DebertaV2ForSequenceClassification && { padTokenId: 1 }),
    });
    const classify = await pipeline("text-classification", { model, tokenizer });
    await assert.rejects(classify(long), new RegExp(`the model takes ${most}\\.`), Model.name);
    assert.equal((await classify(long, { truncation: true })).length, 1, `${Model.name} cuts to what it takes`);
    assert.equal(new SentenceTransformer({ model, tokenizer }).maxSeqLength, most);
    assert.equal(new CrossEncoder({ model, tokenizer }).maxLength, most);
  }
  const relative = new DebertaV2ForSequenceClassification({
    ...tiny,
    vocabSize,
    positionBiasedInput: false,
    relativeAttention: true,
    posAttType: ["c2p", "p2c"],
  });
  const classify = await pipeline("text-classification", { model: relative, tokenizer });
  assert.equal((await classify(long)).length, 1, "distances have no end");
});

test("calls that overlap do not end each other's evaluation mode, and leave every module's mode", async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(join(folder, "classifier"));
  const model = await AutoModelForSequenceClassification.fromPretrained(join(folder, "classifier"));
  const { texts, ...wanted } = golden["text-classification"];
  model.train();
  const [frozen] = model.children();
  frozen!.eval();
  const before = model.modules().map(({ training }) => training);
  const classify = await pipeline("text-classification", { model, tokenizer });
  const [first, long] = [classify(texts[0]), classify(texts, { batchSize: 1 })];
  near(await first, wanted.one, "one");
  near(await long, wanted.list, "list");
  assert.deepEqual(
    model.modules().map(({ training }) => training),
    before,
  );
});

test("what the first labels were, the model remembers for its pipeline", async () => {
  const { texts, ...wanted } = golden["text-classification"];
  const tokenizer = await AutoTokenizer.fromPretrained(join(folder, "classifier"));
  const model = await AutoModelForSequenceClassification.fromPretrained(join(folder, "classifier"));
  const flags = tensor([Array.from({ length: model.config.numLabels }, (_, i) => i % 2)], { dtype: "float32" });
  model({ inputIds: tensor([[1, 2, 3]], { dtype: "int32" }), labels: flags });
  assert.equal(model.config.problemType, "multi_label_classification");
  const classify = await pipeline("text-classification", { model, tokenizer });
  near(await classify(texts[1], { topK: null }), wanted.multi_label, "each label by itself");
});

test("progress over an iterable goes on, window after window", async () => {
  const classify = await pipeline("text-classification", join(folder, "classifier"));
  const told: number[][] = [];
  const texts = (function* () {
    for (let i = 0; i < 20; i++) yield "a text";
  })();
  for await (const _ of classify(texts, { batchSize: 1, onProgress: (...given) => void told.push(given) }));
  assert.deepEqual(told.at(0), [1, 8]);
  assert.deepEqual(told.at(8), [9, 16]);
  assert.deepEqual(told.at(-1), [20, 20]);
});

test("a batch size of nothing is refused by whatever runs texts", async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(join(folder, "classifier"));
  const model = await AutoModelForSequenceClassification.fromPretrained(join(folder, "classifier"));
  const encoder: Encoder<unknown> = { task: "a test", model, tokenizer };
  const encodings = [tokenizer.backend.encode("a text")];
  await assert.rejects(
    runEncodings(encoder, encodings, { batchSize: 0 }, () => {}),
    /a test: batchSize is 0/,
  );
});

test("the largest ones stand in order, equal ones in theirs", () => {
  const values = Float64Array.from({ length: 500 }, (_, i) => (i * 7919) % 50);
  const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
  for (const k of [1, 5, 100, 101, 1000]) assert.deepEqual(largestOnes(values, k), sorted.slice(0, k));
});
