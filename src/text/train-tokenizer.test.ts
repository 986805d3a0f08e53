import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError } from "../base/errors.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { trainTokenizer } from "./train-tokenizer.ts";

const texts = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog"];

test("a trained tokenizer ends, cuts, pads and decodes texts", () => {
  const tokenizer = trainTokenizer(texts, { vocabSize: 300, modelMaxLength: 6 });
  assert.equal(tokenizer.padTokenId, 0);
  assert.equal(tokenizer.bosTokenId, 1);
  assert.equal(tokenizer.eosTokenId, 2);
  const { inputIds } = tokenizer("the cat", {});
  assert.equal(inputIds.at(-1), tokenizer.eosTokenId);
  assert.equal(tokenizer.decode(inputIds, { skipSpecialTokens: true }), "the cat");
  assert.equal(tokenizer("the dog sat on the log and the mat", { truncation: true }).inputIds.length, 6);
  assert.deepEqual(tokenizer.pad([tokenizer("a"), tokenizer("the cat")]).attentionMask[0], [1, 1, 0]);
});

test("its files load as they were saved", () => {
  const tokenizer = trainTokenizer(texts, { vocabSize: 300, modelMaxLength: 6 });
  const files = JSON.parse(JSON.stringify(tokenizer.toFiles()));
  const loaded = loadTokenizer({
    tokenizerJson: files["tokenizer.json"],
    tokenizerConfig: files["tokenizer_config.json"],
  });
  assert.deepEqual(loaded("zebra, the cat", { truncation: true }), tokenizer("zebra, the cat", { truncation: true }));
  assert.equal(loaded.modelMaxLength, 6);
});

test("a vocabulary without room for the bytes is refused", () => {
  assert.throws(() => trainTokenizer(texts, { vocabSize: 100 }), ArgumentError);
});
