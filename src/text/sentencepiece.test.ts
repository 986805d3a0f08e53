// SentencePiece models as files: what is read, and that a torn or foreign one is an error with its place.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { KindlingError } from "../base/errors.ts";
import { readTokenizer } from "./read-tokenizer.ts";
import { readSentencePiece } from "./sentencepiece.ts";
import { TokenizerFolder } from "./tokenizer-folder.ts";

const file = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../test/fixtures/older-tokenizers/${name}`, import.meta.url)));

test("a model's pieces and settings", () => {
  const model = readSentencePiece(file("bpe-llama.model"), "m");
  assert.equal(model.modelType, "bpe");
  assert.equal(model.byteFallback, true);
  assert.equal(model.removeExtraWhitespaces, false);
  assert.deepEqual(
    model.pieces.slice(0, 4).map(({ piece, type }) => [piece, type]),
    [
      ["<unk>", "unknown"],
      ["<s>", "control"],
      ["</s>", "control"],
      ["<0x00>", "byte"],
    ],
  );
  const t5 = readSentencePiece(file("unigram-t5.model"), "m");
  assert.deepEqual([t5.modelType, t5.unkId, t5.bosId, t5.eosId], ["unigram", 2, -1, 1]);
  assert.ok(t5.charsmap.length > 100);
  assert.equal(readSentencePiece(file("unigram-deberta.model"), "m").pieces[4]?.type, "userDefined");
});

test("a file that is no model says so", () => {
  const fails = (bytes: number[], message: RegExp) =>
    assert.throws(() => readSentencePiece(Uint8Array.from(bytes), "x.model"), { message });
  fails([], /x\.model: there are no pieces in it/);
  fails([0x0a, 100, 1], /x\.model: a field of 100 bytes does not fit into the 1 that are left \(byte 2\)/);
  fails([0x0a, 0x80], /a number is cut off \(byte 1\)/);
  fails([0x0b], /wire type 3/);
  fails([0x0a, 2, 0x0a, 0], /piece 0: the piece is empty/);
  fails([0x0a, 3, 0x0a, 1, 0xff], /no UTF-8/);
  fails([0x0a, 7, 0x0a, 1, 97, 0x18, 9, 0x20, 0], /type: there is no 9 \(byte 5\)/);
  fails([0x08, 1], /field 1 is written as varint/);
});

test("torn and changed models are errors, or still models", async () => {
  let seed = 7;
  const draw = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed % below;
  };
  let refused = 0;
  const outcome = async (bytes: Uint8Array) => {
    try {
      const folder = new TokenizerFolder("f", ["spiece.model", "config.json"], async (name) =>
        name === "config.json" ? new TextEncoder().encode('{"model_type":"t5"}') : bytes,
      );
      const tokenizer = await readTokenizer(folder);
      tokenizer.decode(tokenizer("The text, ﬁ 🙂 <extra_id_1>").inputIds);
    } catch (error) {
      assert.ok(error instanceof KindlingError, String(error));
      refused++;
    }
  };
  const whole = file("unigram-t5.model");
  for (let i = 0; i < 150; i++) await outcome(whole.subarray(0, draw(whole.length)));
  for (let i = 0; i < 250; i++) {
    const changed = whole.slice();
    for (let n = 0; n <= i % 4; n++) changed[draw(changed.length)] = draw(256);
    await outcome(changed);
  }
  assert.ok(refused > 100, `${refused} refused`);
});
