// Tokenizers of each kind trained anew, against what transformers' train_new_from_iterator makes of them: components, special tokens
// with their parts, and vocabularies. The values come from scripts/goldens/train_new.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { JsonObject } from "./fields.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import type { PreTrainedTokenizer } from "./pretrained-tokenizer.ts";
import type { RetrainOptions } from "./retrain.ts";

type Case = {
  name: string;
  tokenizer: JsonObject;
  special: JsonObject;
  vocabSize: number;
  options: RetrainOptions;
  made: JsonObject & { model: JsonObject };
  vocab?: string[];
  merges?: string[][] | null;
  always?: string[];
  sometimes?: string[];
  scores?: [piece: string, score: number][];
  roles: JsonObject;
};
type Model = JsonObject & { vocab: { [token: string]: number } | [string, number][]; merges?: unknown };

const fixture = new URL("../../test/fixtures/text/train-new.json.gz", import.meta.url);
const { texts, cases } = JSON.parse(gunzipSync(readFileSync(fixture)).toString()) as { texts: string[]; cases: Case[] };

function load({ tokenizer, special }: Case): PreTrainedTokenizer {
  return loadTokenizer({ tokenizerJson: tokenizer, tokenizerConfig: special });
}

function checkVocabulary({ vocab, merges }: Model, one: Case): void {
  if (Array.isArray(vocab)) {
    const scores = new Map(one.scores);
    assert.equal(vocab.length, scores.size);
    const off = vocab.filter(([piece, score]) => !(Math.abs((scores.get(piece) ?? Number.NaN) - score) < 0.02));
    assert.ok(off.length <= vocab.length / 100, `${off.length} of ${vocab.length} pieces: ${off.slice(0, 5)}`);
    return;
  }
  const tokens = Object.keys(vocab).sort((a, b) => (vocab[a] ?? 0) - (vocab[b] ?? 0));
  if (one.vocab !== undefined) {
    assert.deepEqual(tokens, one.vocab);
    if (one.merges) assert.deepEqual(merges, one.merges);
    return;
  }
  const known = new Set([...(one.always ?? []), ...(one.sometimes ?? [])]);
  assert.deepEqual(
    one.always?.filter((token) => vocab[token] === undefined),
    [],
  );
  assert.deepEqual(
    tokens.filter((token) => !known.has(token)),
    [],
  );
}

for (const one of cases) {
  test(`${one.name} trained anew is transformers'`, () => {
    const made = load(one).trainNewFromIterator(texts, one.vocabSize, one.options);
    const { model, ...parts } = made.backend.toJson() as JsonObject & { model: Model };
    const { vocab: _vocab, merges: _merges, ...settings } = model;
    assert.deepEqual({ ...parts, model: settings }, one.made);
    checkVocabulary(model, one);
    assert.deepEqual(made.toFiles()["special_tokens_map.json"], one.roles);
  });
}

test("texts that come one after another give the same tokenizer", async () => {
  async function* later(): AsyncGenerator<string> {
    yield* texts;
  }
  const [one] = cases;
  assert.ok(one);
  const made = await load(one).trainNewFromIterator(later(), one.vocabSize);
  assert.deepEqual(made.backend.toJson(), load(one).trainNewFromIterator([texts], one.vocabSize).backend.toJson());
  await assert.rejects(load(one).trainNewFromIterator((async function* none() {})(), 600), /there is no text/);
  assert.throws(() => load(one).trainNewFromIterator(12 as never, 600), /wanted an iterable of texts, got 12/);
});
