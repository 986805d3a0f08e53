// Calls over a matrix of options, and what else transformers' tokenizers answer. The values come from
// scripts/goldens/tokenizer_calls.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { OverflowingRows } from "./batch.ts";
import type { PreTrainedTokenizer } from "./pretrained-tokenizer.ts";
import { readTokenizer } from "./read-tokenizer.ts";
import { TokenizerFolder } from "./tokenizer-folder.ts";

const fixtures = new URL("../../test/fixtures/older-tokenizers/", import.meta.url);

type Golden = {
  folder: { [file: string]: unknown };
  calls: { text: unknown; options: { [name: string]: unknown }; result: { [column: string]: unknown } | null }[];
  ids: number[][];
  decodes: { options: { [name: string]: boolean }; texts: string[] }[];
  one: string;
  strings: string[];
  added: [single: number, pair: number];
  vocab: { [token: string]: number };
  vocabSize: number;
};
const goldens = JSON.parse(
  gunzipSync(readFileSync(new URL("calls.json.gz", fixtures))).toString(),
) as readonly Golden[];

function load({ folder }: Golden): Promise<PreTrainedTokenizer> {
  const read = async (file: string) => {
    const content = folder[file];
    if (typeof content === "string") return readFileSync(new URL(content, fixtures));
    return new TextEncoder().encode(JSON.stringify(content));
  };
  return readTokenizer(new TokenizerFolder("folder", Object.keys(folder), read));
}

/** Of one text the length is a number here, and a list of one in Python. */
function lengthAsPython(row: object): object {
  const { length, ...columns } = row as { length?: number | number[] };
  return length === undefined ? row : { ...columns, length: typeof length === "number" ? [length] : length };
}

for (const golden of goldens) {
  const { tokenizer_class: name } = golden.folder["tokenizer_config.json"] as { tokenizer_class: string };

  test(`calls of ${name} are transformers'`, async () => {
    const tokenizer = await load(golden);
    const call = tokenizer as unknown as (text: unknown, options: unknown) => object; // the fixture's types are wider
    for (const { text, options, result } of golden.calls) {
      const message = JSON.stringify({ text, options });
      if (result === null) assert.throws(() => call(text, options), message);
      else assert.deepEqual(lengthAsPython(call(text, options)), result, message);
    }
  });

  test(`texts and tokens of ${name} are transformers'`, async () => {
    const tokenizer = await load(golden);
    for (const { options, texts } of golden.decodes)
      assert.deepEqual(tokenizer.batchDecode(golden.ids, options), texts);
    assert.equal(tokenizer.decode(golden.ids[0]?.[1] ?? 0), golden.one);
    const tokens = golden.ids.map((ids) => tokenizer.convertIdsToTokens(ids).map(String));
    assert.deepEqual(
      tokens.map((row) => tokenizer.convertTokensToString(row)),
      golden.strings,
    );
    assert.deepEqual([tokenizer.numSpecialTokensToAdd(), tokenizer.numSpecialTokensToAdd(true)], golden.added);
    const vocab = tokenizer.getVocab();
    assert.equal(vocab.size, golden.vocabSize);
    for (const [token, id] of Object.entries(golden.vocab)) assert.equal(vocab.get(token), id, token);
  });
}

test("overflow is typed: rows even of one text", async () => {
  const [golden] = goldens;
  assert.ok(golden);
  const tokenizer = await load(golden);
  const rows: OverflowingRows = tokenizer("one two three four five six", {
    truncation: true,
    maxLength: 5,
    stride: 1,
    returnOverflowingTokens: true,
  });
  assert.ok(rows.inputIds.length > 1);
  assert.deepEqual(new Set(rows.overflowToSampleMapping), new Set([0]));
  assert.equal(tokenizer("one two", { returnLength: true }).length, tokenizer("one two").inputIds.length);
});
