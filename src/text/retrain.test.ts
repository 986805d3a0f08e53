// A tokenizer trained anew keeps its parts: special tokens, post-processor, settings. What stays and what goes is transformers'.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PreTrainedTokenizer } from "./pretrained-tokenizer.ts";
import { Tokenizer } from "./tokenizer.ts";
import { trainEncoderTokenizer } from "./train-tokenizer.ts";
import { UnigramTrainer } from "./train-unigram.ts";
import { Unigram } from "./unigram.ts";

const texts = ["sea shells by the sea shore", "she sells sea shells"];

test("byte-level BPE keeps special tokens at their places", () => {
  const old = trainEncoderTokenizer(["the cat sat on the mat, the cat sat"], { vocabSize: 275, modelMaxLength: 64 });
  old.addTokens(["cat!"]);
  old.addSpecialTokens({ extraSpecialTokens: ["<url>"] });
  const made = old.trainNewFromIterator(texts, 280, { newSpecialTokens: ["<user>"] });
  assert.equal(made.vocabSize, 280);
  assert.equal(made.modelMaxLength, 64);
  assert.deepEqual([made.clsTokenId, made.padTokenId], [2, 0]);
  assert.deepEqual(made.convertTokensToIds(["<url>", "<user>", "cat!"]), [5, 6, made.unkTokenId]); // "cat!" was not special
  assert.deepEqual(made.tokenize("sea shells <url>", { addSpecialTokens: true }).slice(0, 2), ["[CLS]", "Ġsea"]);
  assert.equal(made.decode(made.encode("she sat"), { skipSpecialTokens: true }).trim(), "she sat");
  assert.notEqual(old.vocabSize, made.vocabSize);
  assert.equal(old.backend.tokenToId("Ġsea"), undefined); // the old one is as it was
});

test("templates take the new ids", () => {
  const backend = new Tokenizer({
    model: new Unigram([]),
    preTokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
  });
  backend.trainFromIterator(texts, new UnigramTrainer({ vocabSize: 30, unkToken: "<unk>" }));
  const old = new PreTrainedTokenizer(backend, { unkToken: "<unk>", eosToken: "</s>" });
  const id = old.eosTokenId as number; // it was just added
  backend.postProcessor = {
    type: "TemplateProcessing",
    single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
    pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }],
    special_tokens: { "</s>": { id: "</s>", ids: [id], tokens: ["</s>"] } },
  };
  old.addTokens(["plain"]);
  const made = old.trainNewFromIterator(["a rose is a rose", "plain roses"], 24);
  assert.notEqual(made.eosTokenId, id);
  assert.equal(made.encode("rose").at(-1), made.eosTokenId);
  assert.equal(made.unkTokenId, made.encode("日", { addSpecialTokens: false }).at(-1));
  assert.equal(made.tokenize("a plain").at(-1), "plain"); // Unigram keeps other added tokens too
  assert.throws(() => made.trainNewFromIterator([], 24), /there is no text/);
  assert.throws(() => made.trainNewFromIterator(texts, 3), /alone take/);
});

test("added tokens of a tokenizer that is trained again go behind the vocabulary", () => {
  const backend = new Tokenizer({ model: new Unigram([]), addedTokens: [{ content: "zz", special: false }] });
  const trainer = (vocabSize: number) => new UnigramTrainer({ vocabSize, specialTokens: ["<unk>"], unkToken: "<unk>" });
  backend.trainFromIterator(texts, trainer(20));
  backend.trainFromIterator(texts, trainer(24));
  assert.equal(backend.tokenToId("<unk>"), 0);
  assert.equal(backend.tokenToId("zz"), backend.model.vocabSize);
  assert.deepEqual(backend.encode("sezz").tokens.at(-1), "zz");
});
