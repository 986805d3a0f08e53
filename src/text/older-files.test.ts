// Folders without a tokenizer.json against transformers' AutoTokenizer. The values come from scripts/goldens/older_tokenizers.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { readTokenizer } from "./read-tokenizer.ts";
import { TokenizerFolder } from "./tokenizer-folder.ts";

const fixtures = new URL("../../test/fixtures/older-tokenizers/", import.meta.url);

type Golden = {
  name: string;
  files: { [file: string]: unknown };
  vocabSize: number;
  special: { [role: string]: string };
  all: string[];
  inputs: string[];
  modelMaxLength: number;
  paddingSide: string;
  texts: {
    text: string;
    pair?: string;
    ids: number[];
    offsets: number[];
    typeIds: number[];
    specialTokensMask: number[];
    decoded: string;
    decodedSkipping: string;
  }[];
};

const goldens = JSON.parse(gunzipSync(readFileSync(new URL("goldens.json.gz", fixtures))).toString()) as Golden[];

function folderOf(files: Golden["files"]): TokenizerFolder {
  return new TokenizerFolder("folder", Object.keys(files), async (name) => {
    const content = files[name];
    return typeof content === "string"
      ? readFileSync(new URL(content, fixtures))
      : new TextEncoder().encode(JSON.stringify(content));
  });
}

for (const golden of goldens) {
  test(golden.name, async () => {
    const tokenizer = await readTokenizer(folderOf(golden.files));
    for (const { text, pair, ids, offsets, ...rest } of golden.texts) {
      const options = {
        returnOffsetsMapping: true,
        returnSpecialTokensMask: true,
        returnTokenTypeIds: true,
        ...(pair !== undefined && { textPair: pair }),
      };
      const row = tokenizer(text, options);
      const message = JSON.stringify([text, pair]);
      assert.deepEqual(row.inputIds, ids, message);
      assert.deepEqual(row.offsetMapping?.flat(), offsets, message);
      assert.deepEqual(row.tokenTypeIds, rest.typeIds, message);
      assert.deepEqual(row.specialTokensMask, rest.specialTokensMask, message);
      assert.equal(tokenizer.decode(ids), rest.decoded, message);
      assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), rest.decodedSkipping, message);
    }
    assert.equal(tokenizer.vocabSize, golden.vocabSize);
    const config = tokenizer.toFiles()["special_tokens_map.json"];
    assert.deepEqual(config, golden.special);
    assert.deepEqual(tokenizer.modelInputNames, golden.inputs);
    assert.equal(tokenizer.paddingSide, golden.paddingSide);
    assert.equal(Math.min(tokenizer.modelMaxLength, 1e9), golden.modelMaxLength);
  });
}
