// Tokenizers against Python's `tokenizers` and `transformers`: merges, ids, offsets, words and decoded text, for every
// component, for hostile texts, and for calls. The values come from scripts/goldens/text.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Row, Rows } from "./batch.ts";
import { byteAlphabet } from "./byte-level.ts";
import type { JsonObject } from "./fields.ts";
import { templateProcessing } from "./post-processors.ts";
import { PreTrainedTokenizer, type TokenizerCallOptions } from "./pretrained-tokenizer.ts";
import { Tokenizer } from "./tokenizer.ts";
import { trainBpe } from "./train-bpe.ts";

const root = new URL("../../", import.meta.url);
const specialTokens = ["<pad>", "<s>", "</s>", "<unk>"];

type GoldenEncoding = {
  text: string | string[];
  pair?: string;
  addSpecialTokens?: boolean;
  ids: number[];
  tokens?: string[];
  offsets: number[];
  typeIds: number[];
  wordIds: (number | null)[];
  specialTokensMask: number[];
  sequenceIds: (number | null)[];
  decoded: string;
  decodedSkipping: string;
};

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`test/fixtures/text/${name}`, root), "utf8")) as T;
}

function exampleRows(split: "train" | "test"): string[] {
  const lines = readFileSync(new URL(`examples/data/summarization.${split}.jsonl`, root), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => (JSON.parse(line) as { text: string }).text);
}

/** The merges that a tokenizer learned, as `left right`. */
function mergesOf(tokenizer: Tokenizer): string[] {
  const { merges } = tokenizer.model.toJson() as { merges: [string, string][] };
  return merges.map((merge) => merge.join(" "));
}

const bpe = fixture<{ vocabSize: number; merges: string[]; rows: number[][]; texts: GoldenEncoding[] }>("bpe.json");
const trained = trainBpe(exampleRows("train"), { vocabSize: bpe.vocabSize });

test("training on real text learns Python's merges", () => {
  assert.equal(trained.vocabSize, bpe.vocabSize);
  assert.deepEqual(mergesOf(trained), bpe.merges);
  const expected = [...specialTokens, ...byteAlphabet, ...bpe.merges.map((merge) => merge.replace(" ", ""))];
  assert.deepEqual(
    expected.map((token) => trained.tokenToId(token)),
    expected.map((_, id) => id),
  );
});

test("training on ties learns Python's merges", () => {
  type Case = {
    texts: string[];
    vocabSize: number;
    minFrequency: number;
    addPrefixSpace: boolean;
    specialTokens: string[];
    merges: string[];
    size: number;
  };
  for (const { texts, merges, size, ...options } of fixture<Case[]>("training.json")) {
    const tokenizer = trainBpe(texts, options);
    assert.deepEqual(mergesOf(tokenizer), merges, JSON.stringify({ texts, options }));
    assert.equal(tokenizer.vocabSize, size);
  }
});

test("the trained tokenizer gives Python's ids", () => {
  const rows = exampleRows("test").filter((_, i) => i % 3 === 0);
  assert.deepEqual(
    rows.map((row) => trained.encode(row).ids),
    bpe.rows,
  );
  for (const golden of bpe.texts) check(trained, golden);
});

// Python counts as if characters without a token were not there, so that all behind one is off. Ours stay right.
const widerOffsets = new Set(["dropped"]);

type Component = { name: string; tokenizer: JsonObject & { model: JsonObject }; texts: GoldenEncoding[] };
for (const { name, tokenizer: json, texts } of fixture<Component[]>("components.json")) {
  test(`component: ${name}`, () => {
    const model = json.model["vocab"] === null ? { ...json.model, ...byteLevelModel(400) } : json.model;
    const tokenizer = Tokenizer.fromJson({ ...json, model });
    for (const golden of texts) check(tokenizer, golden, widerOffsets.has(name));
    const again = Tokenizer.fromJson(JSON.parse(JSON.stringify(tokenizer.toJson())));
    for (const golden of texts) check(again, golden, widerOffsets.has(name));
  });
}

/** The model of bpe.json with its first `size` tokens. */
function byteLevelModel(size: number): { vocab: { [token: string]: number }; merges: string[] } {
  const merges = bpe.merges.slice(0, size - specialTokens.length - byteAlphabet.length);
  const tokens = [...specialTokens, ...byteAlphabet, ...merges.map((merge) => merge.replace(" ", ""))];
  return { vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges };
}

function check(tokenizer: Tokenizer, golden: GoldenEncoding, wider = false): void {
  const { text, pair, addSpecialTokens = true, ids } = golden;
  const encoding = tokenizer.encode(text, pair === undefined ? { addSpecialTokens } : { addSpecialTokens, pair });
  const message = JSON.stringify(text);
  assert.deepEqual(encoding.ids, ids, message);
  assert.deepEqual(encoding.tokens, golden.tokens ?? ids.map((id) => tokenizer.idToToken(id)), message);
  assert.deepEqual(encoding.typeIds, golden.typeIds, message);
  assert.deepEqual(encoding.wordIds, golden.wordIds, message);
  assert.deepEqual(encoding.specialTokensMask, golden.specialTokensMask, message);
  assert.deepEqual(encoding.sequenceIds, golden.sequenceIds, message);
  const offsets = encoding.offsets.flat();
  if (wider) {
    const reaches = golden.offsets.every((at, i) => (i % 2 === 0 ? (offsets[i] ?? 0) <= at : (offsets[i] ?? 0) >= at));
    assert.ok(reaches && offsets.length === golden.offsets.length, `${message}: ${offsets}, not ${golden.offsets}`);
  } else assert.deepEqual(offsets, golden.offsets, message);
  assert.equal(tokenizer.decode(ids), golden.decoded);
  assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), golden.decodedSkipping);
}

test("calls pad and truncate as transformers does", () => {
  type AnyCall = (text: unknown, options: unknown) => Row | Rows;
  type Call = { text: unknown; options: TokenizerCallOptions & { textPair?: unknown }; result: Row | Rows | null };
  const { vocabSize, calls } = fixture<{ vocabSize: number; calls: Call[] }>("calls.json");
  const backend = trainBpe(exampleRows("train"), { vocabSize });
  backend.postProcessor = templateProcessing({
    single: "<s> $A </s>",
    pair: "<s> $A </s> $B:1 </s>:1",
    specialTokens: [
      ["<s>", 1],
      ["</s>", 2],
    ],
  });
  const tokenizer = new PreTrainedTokenizer(backend, {
    bosToken: "<s>",
    eosToken: "</s>",
    padToken: "<pad>",
    unkToken: "<unk>",
    maskToken: { content: "<mask>", lstrip: true },
    modelMaxLength: 12,
  });
  for (const { text, options, result } of calls) {
    const call = () => (tokenizer as unknown as AnyCall)(text, options); // the fixture's types are wider
    if (result === null) assert.throws(call, /maxLength/, JSON.stringify({ text, options }));
    else assert.deepEqual(call(), result, JSON.stringify({ text, options }));
  }
});
