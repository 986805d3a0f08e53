// Every component of tokenizer.json against Rust's `tokenizers`: all columns of hostile texts, pairs, truncation with its
// overflow, padding, and the decoded text. The values come from scripts/goldens/tokenizer_components.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Encoding } from "./encoding.ts";
import type { Padding } from "./padding.ts";
import { Tokenizer } from "./tokenizer.ts";
import type { Truncation } from "./truncation.ts";

type Columns = {
  ids: number[];
  tokens: string[];
  offsets: number[];
  wordIds: (number | null)[];
  specialTokensMask: number[];
  attentionMask: number[];
};
type Case = Columns & {
  text: string;
  pair?: string;
  truncation?: Truncation;
  padding?: Padding;
  fails?: true;
  typeIds: number[];
  sequenceIds: (number | null)[];
  overflowing: Columns[];
  decoded: string;
};
type Component = { name: string; tokenizer: { model: { type: string; unk_token: string | null } }; cases: Case[] };

const fixture = new URL("../../test/fixtures/text/tokenizers.json.gz", import.meta.url);
const components = JSON.parse(gunzipSync(readFileSync(fixture)).toString("utf8")) as Component[];

function columnsOf(encoding: Encoding): Columns {
  const { ids, tokens, wordIds, specialTokensMask, attentionMask } = encoding;
  return { ids, tokens, offsets: encoding.offsets.flat(), wordIds, specialTokensMask, attentionMask };
}

function check(tokenizer: Tokenizer, golden: Case): void {
  const { text, pair, truncation = null, padding = null, decoded, fails, ...expected } = golden;
  const encode = () => tokenizer.encode(text, { truncation, padding, ...(pair !== undefined && { pair }) });
  const message = JSON.stringify({ text, pair, truncation, padding });
  if (fails) {
    assert.throws(encode, message);
    return;
  }
  const encoding = encode();
  const { typeIds, sequenceIds } = encoding;
  const overflowing = encoding.overflowing.map(columnsOf);
  assert.deepEqual({ ...columnsOf(encoding), typeIds, sequenceIds, overflowing }, expected, message);
  assert.equal(tokenizer.decode(encoding.ids, { skipSpecialTokens: true }), decoded, message);
}

for (const { name, tokenizer: json, cases } of components) {
  test(`component: ${name}`, () => {
    const tokenizer = Tokenizer.fromJson(json);
    for (const golden of cases) check(tokenizer, golden);
    // What is saved is the same tokenizer, and Rust's own JSON.
    const saved = JSON.parse(JSON.stringify(tokenizer.toJson())) as Component["tokenizer"];
    assert.deepEqual(saved, json);
    const again = Tokenizer.fromBytes(new TextEncoder().encode(JSON.stringify(saved)));
    for (const golden of cases.filter((_, i) => i % 5 === 0)) check(again, golden);
  });
}
