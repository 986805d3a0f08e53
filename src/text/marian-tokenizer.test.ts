// Tokenizers of translation, Marian's pair among them, and `textTarget` of others, against transformers'. The values come from scripts/goldens/marian.py.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { KindlingError } from "../base/errors.ts";
import { MarianTokenizer } from "./marian-tokenizer.ts";
import type { PreTrainedTokenizer } from "./pretrained-tokenizer.ts";
import { trimmed } from "./python-text.ts";
import { readTokenizer } from "./read-tokenizer.ts";
import { AutoTokenizer, savePretrained } from "./tokenizer.node.ts";
import { TokenizerFolder } from "./tokenizer-folder.ts";
import { TranslationTokenizer } from "./translation-tokenizer.ts";

const fixtures = new URL("../../test/fixtures/older-tokenizers/", import.meta.url);

type Files = { [file: string]: unknown };
type Call = { text?: unknown; options: object; result: object | null };
type Golden = {
  name: string;
  files: Files;
  vocabSize: number;
  codes: string[];
  modelMaxLength: number;
  special: string[];
  texts: {
    text: string;
    target?: true;
    ids: number[];
    tokens: string[];
    specialTokensMask: number[];
    decoded: string | null;
    decodedSkipping: string | null;
  }[];
  calls: Call[];
};

function golden<T>(name: string): T {
  return JSON.parse(gunzipSync(readFileSync(new URL(name, fixtures))).toString()) as T;
}

function folderOf(files: Files): TokenizerFolder {
  return new TokenizerFolder("folder", Object.keys(files), async (name) => {
    const content = files[name];
    if (content instanceof Uint8Array) return content;
    return typeof content === "string"
      ? readFileSync(new URL(content, fixtures))
      : new TextEncoder().encode(JSON.stringify(content));
  });
}

async function marianOf(files: Files): Promise<MarianTokenizer> {
  const tokenizer = await readTokenizer(folderOf(files));
  assert.ok(tokenizer instanceof MarianTokenizer);
  return tokenizer;
}

function checkCalls(tokenizer: PreTrainedTokenizer, calls: readonly Call[]): void {
  const call = tokenizer as unknown as (text: unknown, options: unknown) => object; // the fixture's types are wider
  for (const { text, options, result } of calls) {
    const message = JSON.stringify({ text, options });
    if (result === null) assert.throws(() => call(text ?? undefined, options), /neither a text nor/, message);
    else assert.deepEqual(call(text ?? undefined, options), result, message);
  }
}

function checkTexts(tokenizer: MarianTokenizer, { texts }: Golden): void {
  for (const { text, target, ids, tokens, ...rest } of texts) {
    const half = target ? tokenizer.targetBackend : tokenizer.backend;
    const options = { returnSpecialTokensMask: true, returnOffsetsMapping: true };
    const row = target ? tokenizer(undefined, { ...options, textTarget: text }) : tokenizer(text, options);
    assert.deepEqual(row.inputIds, ids, text);
    assert.deepEqual(row.specialTokensMask, rest.specialTokensMask, text);
    const got = half.encode(text, { addSpecialTokens: false }).tokens;
    assert.deepEqual(got.map(trimmed), tokens.map(trimmed), text); // a token that takes blanks along shows them here
    if (rest.decoded !== null) assert.equal(tokenizer.decode(ids), rest.decoded, text);
    if (rest.decodedSkipping !== null)
      assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), rest.decodedSkipping, text);
    checkOffsets(text, row.offsetMapping ?? []);
  }
}

/** Each token begins where the one before ends, or within the same character; of what is left out the model writes nothing. */
function checkOffsets(text: string, offsets: readonly (readonly [number, number])[]): void {
  let [before, at] = [0, 0];
  for (const [start, end] of offsets.slice(0, -1)) {
    assert.ok(start >= before && end >= at && end >= start, `${text}: ${start} to ${end} after ${before} to ${at}`);
    assert.match(text.slice(at, start), /^[\s▁\u200b]*$/u, text);
    if (start < at) assert.match(text.slice(start, at), /^[ﬁ½…\ufdfa]$/u, text);
    [before, at] = [start, end];
  }
  assert.match(text.slice(at), /^[\s▁\u200b]*$/u, text);
  assert.deepEqual(offsets.at(-1), [0, 0]); // the end's token is not in the text
}

const goldens = golden<Golden[]>("marian.json.gz");
for (const one of goldens) {
  test(`marian, ${one.name}`, async () => {
    const tokenizer = await marianOf(one.files);
    assert.equal(tokenizer.vocabSize, one.vocabSize);
    assert.deepEqual(tokenizer.supportedLanguageCodes, one.codes);
    assert.equal(tokenizer.modelMaxLength, one.modelMaxLength);
    assert.deepEqual(new Set(tokenizer.allSpecialTokens), new Set(one.special));
    checkTexts(tokenizer, one);
    checkCalls(tokenizer, one.calls);
  });

  test(`marian, ${one.name}, saved and read`, async () => {
    const files = Object.entries((await marianOf(one.files)).toFiles());
    const again = await marianOf(Object.fromEntries(files));
    assert.equal(again.vocabSize, one.vocabSize);
    checkTexts(again, one);
    assert.deepEqual(Object.entries(again.toFiles()), files);
  });
}

test("marian in a folder", async () => {
  const [one] = goldens;
  assert.ok(one);
  const folder = mkdtempSync(join(tmpdir(), "kindling-marian-"));
  try {
    const tokenizer = await marianOf(one.files);
    tokenizer.addTokens(["newone", ">>it<<"]);
    await savePretrained(tokenizer, folder);
    assert.deepEqual(readdirSync(folder).sort(), ["source.spm", "target.spm", "tokenizer_config.json", "vocab.json"]);
    const again = await AutoTokenizer.fromPretrained(folder);
    assert.ok(again instanceof MarianTokenizer);
    checkTexts(again, { ...one, texts: one.texts.filter(({ text }) => !text.includes("newone")) });
    const [code, word] = again.encode(">>it<< newone");
    assert.deepEqual(again.convertTokensToIds([">>it<<", "newone"]), [code, word]);
    assert.deepEqual(again("a", { textTarget: ">>it<<newone" }).labels, [code, word, again.eosTokenId]);
    assert.equal(again.getVocab().get("newone"), word);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("offsets point into the text", async () => {
  const [one] = goldens;
  assert.ok(one);
  const tokenizer = await marianOf(one.files);
  const text = ">>fr<<  The ﬁve 日本 \u{1f642}s";
  const { inputIds, offsetMapping } = tokenizer(text, { returnOffsetsMapping: true });
  const shown = inputIds.map((_, i) => text.slice(...(offsetMapping?.[i] ?? [])));
  assert.deepEqual(shown, [">>fr<<", "The", " ", "ﬁ", "ﬁve", " ", "日本", " ", "\u{1f642}", "s", ""]);
});

test("what Marian's tokenizer cannot do is said", async () => {
  const [one] = goldens;
  assert.ok(one);
  const tokenizer = await marianOf(one.files);
  assert.throws(() => tokenizer.backend.toJson(), /no place for Marian's pair/);
  assert.throws(() => tokenizer.trainNewFromIterator(["a"], 300), /no trainer makes models of the kind MarianModel/);
  const refused = (files: Files, how: RegExp) => assert.rejects(marianOf({ ...one.files, ...files }), how);
  const config = (fields: object) => ({ "tokenizer_config.json": { tokenizer_class: "MarianTokenizer", ...fields } });
  await refused({ "vocab.json": ["a"] }, /vocab.json: wanted an object, got an array of 1/);
  await refused({ "vocab.json": { "<unk>": 0, a: "1" } }, /vocab.json.a: wanted a whole number, got "1"/);
  await refused({ "vocab.json": { a: 0 } }, /the unknown token "<unk>" is not among its 1 tokens/);
  await refused({ "source.spm": new Uint8Array(0) }, /source.spm: there are no pieces in it/);
  await refused(
    { "target.spm": readFileSync(new URL("bpe-llama.model", fixtures)) },
    /of the kind bpe is not read here/,
  );
  await refused(config({ separate_vocabs: true }), /holds no target_vocab.json/);
  await refused(config({ separate_vocabs: "yes" }), /separate_vocabs: wanted true or false/);
  await refused(config({ sp_model_kwargs: { enable_sampling: true } }), /enable_sampling: texts are cut in one way/);
  await refused(config({ added_tokens_decoder: { x: "a" } }), /wanted ids, got "x"/);
  const { "target.spm": _target, ...half } = one.files;
  await assert.rejects(marianOf(half), /holds no target.spm\. A MarianTokenizer is made of/);
});

test("torn files of Marian's are read, or refused with their place", async () => {
  const [one] = goldens;
  assert.ok(one);
  const spm = readFileSync(new URL("marian-source.spm", fixtures));
  const json = readFileSync(new URL("marian-vocab.json", fixtures));
  let state = 11;
  const below = (most: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  const torn = (bytes: Uint8Array) => {
    if (below(4) === 0) return bytes.slice(0, below(bytes.length));
    const changed = bytes.slice();
    for (let i = below(3); i >= 0; i--) changed[below(bytes.length)] = below(256);
    return changed;
  };
  for (let i = 0; i < 300; i++) {
    const [name, bytes] = i % 3 === 0 ? ["vocab.json", json] : ["source.spm", spm];
    try {
      const tokenizer = await marianOf({ ...one.files, [name]: torn(bytes) });
      const text = "The quick ﬁ brown\u0301 日本 fox";
      for (const [start, end] of tokenizer.backend.encode(text).offsets)
        assert.ok(start >= 0 && start <= end && end <= text.length, `${i}: ${start} to ${end}`);
      tokenizer.decode(tokenizer.encode(text));
    } catch (error) {
      if (!(error instanceof KindlingError)) throw new Error(`${i}: ${String(error)}`, { cause: error });
    }
  }
});

const others = golden<{ files: Files; calls: Call[]; srcLang?: string }[]>("text-targets.json.gz");
for (const [i, { files, calls, srcLang }] of others.entries()) {
  const { tokenizer_class: name } = files["tokenizer_config.json"] as { tokenizer_class: string };
  test(`text targets of ${name}, ${i}, are transformers'`, async () => {
    const tokenizer = await readTokenizer(folderOf(files));
    checkCalls(tokenizer, calls);
    const again = await readTokenizer(folderOf(tokenizer.toFiles()));
    checkCalls(again, calls);
    assert.equal(again instanceof TranslationTokenizer ? again.srcLang : undefined, srcLang);
  });
}

test("the languages of mBART can be chosen", async () => {
  const [, , , files] = others.map((one) => one.files);
  assert.ok(files);
  const tokenizer = await readTokenizer(folderOf(files), { srcLang: "en_XX", tgtLang: "ro_RO" });
  assert.ok(tokenizer instanceof TranslationTokenizer);
  const last = (ids: readonly number[]) => tokenizer.convertIdsToTokens(ids).at(-1);
  const { inputIds, labels } = tokenizer("a", { textTarget: "b" });
  assert.deepEqual([last(inputIds), last(labels)], ["en_XX", "ro_RO"]);
  tokenizer.srcLang = "fr_XX";
  tokenizer.tgtLang = "de_DE";
  assert.deepEqual(last(tokenizer.encode("a")), "fr_XX");
  tokenizer.addTokens(["newone"]);
  const row = tokenizer("newone", { textTarget: "newone" });
  assert.deepEqual(row.labels, [row.inputIds[0], tokenizer.eosTokenId, tokenizer.backend.tokenToId("de_DE")]);
  assert.throws(() => {
    tokenizer.srcLang = "xx_YY";
  }, /"xx_YY" is the code of no language here; there are ar_AR, cs_CZ/);
  const anew = tokenizer.trainNewFromIterator(["she sells sea shells by the sea"], 80);
  assert.ok(anew instanceof TranslationTokenizer);
  assert.deepEqual(anew.convertIdsToTokens(anew("sea", { textTarget: "sea" }).labels).at(-1), "de_DE");
});

test("targets that do not go with their texts are refused", async () => {
  const [one] = goldens;
  assert.ok(one);
  const call = (await marianOf(one.files)) as unknown as (text: unknown, options: unknown) => object; // types forbid it
  assert.throws(() => call("a", { textTarget: ["b"] }), /one text came with a textTarget of 1 texts/);
  assert.throws(() => call(["a", "b"], { textTarget: ["b"] }), /2 texts came with a textTarget of 1 texts/);
  assert.throws(() => call(undefined, { textTarget: "a", textPair: "b" }), /textPair came without a text/);
  const overflow = { textTarget: ["b"], returnOverflowingTokens: true, truncation: true, maxLength: 4 };
  assert.throws(() => call(["a"], overflow), /several rows, but only one textTarget/);
});
