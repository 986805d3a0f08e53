// SentencePiece models at work against SentencePiece's own library: pieces, where they come from, and their texts. The values come
// from scripts/goldens/marian.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { readSentencePiece } from "./sentencepiece.ts";
import { SentencePieceProcessor } from "./sentencepiece-processor.ts";

type Golden = {
  name: string;
  model: string;
  encoded: [text: string, pieces: string[], starts?: number[], ends?: number[]][];
  decoded: [pieces: string[], text: string][];
};

const fixture = new URL("../../test/fixtures/older-tokenizers/sentencepiece.json.gz", import.meta.url);
const goldens = JSON.parse(gunzipSync(readFileSync(fixture)).toString()) as Golden[];
/** What the rules write as several letters, and symbols that are cut in two after all; to us all parts stand for the whole. */
const longer = /^([ﬁ½…\ufdfa]| x|the q)$/u;

for (const { name, model, encoded, decoded } of goldens) {
  const processor = new SentencePieceProcessor(readSentencePiece(Buffer.from(model, "base64"), name), name);

  test(`${name}: pieces of texts`, () => {
    for (const [text, pieces, starts, ends] of encoded) {
      const got = processor.encode(text);
      assert.deepEqual(got.pieces, pieces, text);
      if (starts === undefined || ends === undefined) continue;
      assert.deepEqual(got.starts, starts, text);
      got.ends.forEach((end, i) => {
        const theirs = ends[i] as number; // one a piece
        if (end !== theirs) assert.match(text.slice(theirs, end), longer, text);
      });
    }
  });

  test(`${name}: texts of pieces`, () => {
    for (const [pieces, text] of decoded) assert.equal(processor.decodePieces(pieces), text, pieces.join());
  });
}

test("a piece that is there twice, and no unknown one", () => {
  const model = readSentencePiece(Buffer.from(goldens[0]?.model ?? "", "base64"), "m");
  const made = (pieces: typeof model.pieces) => () => new SentencePieceProcessor({ ...model, pieces }, "m.spm");
  const twice = model.pieces[5];
  assert.ok(twice);
  assert.throws(made([...model.pieces, twice]), /m\.spm: piece \d+, ".+", is there twice/);
  assert.throws(made(model.pieces.filter(({ type }) => type !== "unknown")), /no piece of it is the unknown one/);
});
