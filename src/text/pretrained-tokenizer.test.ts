// The tokenizer that is called: its types, its special tokens, its refusals, and its files.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { templateProcessing } from "./post-processors.ts";
import { PreTrainedTokenizer } from "./pretrained-tokenizer.ts";
import { AutoTokenizer, savePretrained } from "./tokenizer.node.ts";
import { trainBpe } from "./train-bpe.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-text-"));
after(() => rmSync(root, { recursive: true, force: true }));

const named = { bosToken: "<s>", eosToken: "</s>", padToken: "<pad>", unkToken: "<unk>" };

function fresh(): PreTrainedTokenizer {
  const backend = trainBpe(["the cat sat on the mat, the cat sat"], { vocabSize: 280 });
  backend.postProcessor = templateProcessing({
    single: "<s> $A </s>",
    specialTokens: [
      ["<s>", 1],
      ["</s>", 2],
    ],
  });
  return new PreTrainedTokenizer(backend, named);
}

test("it is a function and an instance, and its calls are typed", () => {
  const tokenizer = fresh();
  assert.equal(typeof tokenizer, "function");
  assert.ok(tokenizer instanceof PreTrainedTokenizer);
  const row: number[] = tokenizer("the cat").inputIds;
  const rows: number[][] = tokenizer(["the cat", "sat"], { padding: true }).inputIds;
  assert.deepEqual(rows[0], row);
  assert.equal(rows[1]?.length, row.length);
  const words: (number | null)[] | undefined = tokenizer(["the", "cat"], {
    isSplitIntoWords: true,
    returnWordIds: true,
  }).wordIds;
  assert.deepEqual([words?.at(0), words?.at(-1)], [null, null]);
  assert.deepEqual([...new Set(words?.slice(1, -1))], [0, 1]);
  assert.deepEqual(tokenizer([]), { inputIds: [], attentionMask: [] });
});

test("encode, tokenize and the conversions agree", () => {
  const tokenizer = fresh();
  const tokens = tokenizer.tokenize("the cat");
  const ids = tokenizer.convertTokensToIds(tokens);
  assert.deepEqual(tokenizer.encode("the cat"), [1, ...ids, 2]);
  assert.deepEqual(tokenizer.convertIdsToTokens([1, ...ids, 9999], { skipSpecialTokens: true }), [...tokens, null]);
  assert.deepEqual(tokenizer.convertTokensToIds(["no such token"]), [tokenizer.unkTokenId]);
  assert.equal(tokenizer.decode([1, ...ids, 2]), "<s>the cat</s>");
  assert.deepEqual(tokenizer.batchDecode([[1, ...ids, 2], []], { skipSpecialTokens: true }), ["the cat", ""]);
});

test("decoding byte pairs keeps the text's own spaces, as in Hugging Face even where asked to clean up", () => {
  const tokenizer = fresh();
  const { inputIds } = tokenizer("well , it 's", { addSpecialTokens: false });
  assert.equal(tokenizer.decode(inputIds), "well , it 's");
  assert.equal(tokenizer.decode(inputIds, { cleanUpTokenizationSpaces: true }), "well , it 's");
});

test("special tokens are added, renamed and refused", () => {
  const tokenizer = fresh();
  const size = tokenizer.vocabSize;
  assert.equal(tokenizer.addSpecialTokens({ maskToken: { content: "<mask>", lstrip: true }, padToken: "<pad>" }), 1);
  assert.equal(tokenizer.maskTokenId, size);
  assert.equal(tokenizer.padTokenId, 0);
  assert.equal(tokenizer.sepTokenId, null);
  assert.deepEqual(tokenizer.allSpecialTokens, ["<s>", "</s>", "<unk>", "<pad>", "<mask>"]);
  tokenizer.padToken = tokenizer.eosToken;
  assert.equal(tokenizer(["the", "the cat sat"], { padding: true }).inputIds[0]?.at(-1), 2);
  tokenizer.padToken = "<nowhere>";
  assert.throws(
    () => tokenizer.padTokenId,
    (error: unknown) => error instanceof ArgumentError && /addSpecialTokens/.test(error.message),
  );
});

test("pad takes rows and columns, and pads every column", () => {
  const tokenizer = fresh();
  const options = {
    returnTokenTypeIds: true,
    returnSpecialTokensMask: true,
    returnOffsetsMapping: true,
    returnWordIds: true,
  };
  const texts = ["the", "the cat sat"];
  const together = tokenizer(texts, { ...options, padding: true, paddingSide: "left", padToMultipleOf: 4 });
  assert.deepEqual(
    tokenizer.pad(
      texts.map((text) => tokenizer(text, options)),
      { paddingSide: "left", padToMultipleOf: 4 },
    ),
    together,
  );
  assert.deepEqual(tokenizer.pad(tokenizer(texts, options), { paddingSide: "left", padToMultipleOf: 4 }), together);
  const lengths = Object.values(together).flatMap((column) => (column as unknown[][]).map((row) => row.length)); // no column of numbers was asked for
  assert.equal(new Set(lengths).size, 1);
  assert.equal((lengths[0] ?? 1) % 4, 0);
});

const refused: { [what: string]: [call: (tokenizer: PreTrainedTokenizer) => unknown, said: RegExp] } = {
  "no padding token": [
    (tokenizer) => {
      tokenizer.padToken = null;
      return tokenizer(["a", "b"], { padding: true });
    },
    /tokenizer\.padToken = tokenizer\.eosToken/,
  ],
  "a maximum that nothing uses": [
    (tokenizer) => tokenizer("a", { maxLength: 4, padding: true }),
    /nothing uses maxLength 4/,
  ],
  "padding to no maximum": [(tokenizer) => tokenizer("a", { padding: "maxLength" }), /needs maxLength/],
  "no room for special tokens": [
    (tokenizer) => tokenizer("the cat", { truncation: true, maxLength: 1 }),
    /leaves no room beside 2/,
  ],
  "unequal pairs": [(tokenizer) => tokenizer(["a", "b"], { textPair: ["c"] }), /2 texts came with 1/],
  "lists of words unannounced": [(tokenizer) => tokenizer([["a"]] as unknown as string[]), /isSplitIntoWords/],
  "a multiple of nothing": [(tokenizer) => tokenizer("a", { padding: true, padToMultipleOf: 0 }), /padToMultipleOf/],
};
for (const [what, [call, said]] of Object.entries(refused)) {
  test(`a call with ${what} is refused`, () => {
    assert.throws(
      () => call(fresh()),
      (error: unknown) => error instanceof ArgumentError && said.test(error.message),
    );
  });
}

test("a saved tokenizer comes back the same", async () => {
  const tokenizer = fresh();
  tokenizer.addSpecialTokens({ maskToken: { content: "<mask>", lstrip: true }, extraSpecialTokens: ["<extra>"] });
  tokenizer.addTokens(["plain"]);
  tokenizer.modelMaxLength = 9;
  tokenizer.paddingSide = "left";
  const folder = join(root, "saved", "deep");
  await savePretrained(tokenizer, folder);
  await savePretrained(tokenizer, folder); // over the first
  assert.deepEqual(readdirSync(folder).sort(), ["special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]);
  const again = await AutoTokenizer.fromPretrained(folder);
  assert.deepEqual(again.toFiles(), tokenizer.toFiles());
  const texts = ["the cat  <mask> plain <extra>", "sat on the mat, the cat sat on the mat"];
  const options = { padding: true, truncation: true } as const;
  assert.deepEqual(again(texts, options), tokenizer(texts, options));
  assert.equal(again(texts, options).inputIds[1]?.length, 9);
  const { inputIds } = await AutoTokenizer.fromPretrained(folder, { modelMaxLength: 5 }).then((short) =>
    short(texts, options),
  );
  assert.equal(inputIds[1]?.length, 5);
});

test("a config says which tokens play which part, in all its spellings", () => {
  const { "tokenizer.json": tokenizerJson } = fresh().toFiles();
  const tokenizer = loadTokenizer({
    tokenizerJson,
    tokenizerConfig: {
      tokenizer_class: "SomethingFast",
      bos_token: { __type: "AddedToken", content: "<s>", lstrip: false },
      eos_token: "</s>",
      pad_token: null,
      cls_token: "<cls>",
      model_max_length: 1e30,
      padding_side: "left",
      model_input_names: ["input_ids", "token_type_ids", "attention_mask"],
      added_tokens_decoder: { 281: { content: "<late>", special: true }, 280: { content: "<soon>", special: false } },
      chat_template: "{{ messages }}",
    },
    specialTokensMap: { pad_token: "<pad>", eos_token: { content: "<ignored>" } },
  });
  assert.deepEqual([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.padTokenId], [1, 2, 0]);
  const size = fresh().vocabSize;
  assert.deepEqual(tokenizer.convertTokensToIds(["<soon>", "<late>", "<cls>"]), [size, size + 1, size + 2]);
  assert.equal(tokenizer.modelMaxLength, Number.POSITIVE_INFINITY);
  assert.deepEqual(tokenizer("the").tokenTypeIds, [0, 0, 0]);
  const config = tokenizer.toFiles()["tokenizer_config.json"];
  assert.equal(config?.["tokenizer_class"], "SomethingFast");
  assert.equal(config?.["chat_template"], "{{ messages }}");
  assert.equal(config?.["added_tokens_decoder"], undefined);
  assert.equal(config?.["bos_token"], "<s>");
});

test("a folder that is missing, empty or torn is named with what to do", async () => {
  const refusal = (said: RegExp) => (error: unknown) => error instanceof CheckpointError && said.test(error.message);
  await assert.rejects(AutoTokenizer.fromPretrained(join(root, "nowhere")), refusal(/there is no folder ".*nowhere"/));
  const folder = mkdtempSync(join(root, "torn-"));
  writeFileSync(join(folder, "vocab.json"), "{}");
  await assert.rejects(
    AutoTokenizer.fromPretrained(folder),
    refusal(/holds no tokenizer\.json but vocab\.json, and no vocabulary .* tokenizer_class .*save_pretrained/),
  );
  await savePretrained(fresh(), folder);
  const file = join(folder, "tokenizer.json");
  const whole = readFileSync(file, "utf8");
  writeFileSync(file, whole.slice(0, 1000));
  await assert.rejects(AutoTokenizer.fromPretrained(folder), refusal(/tokenizer\.json: it is no JSON: .*again/));
  writeFileSync(file, "[]");
  await assert.rejects(
    AutoTokenizer.fromPretrained(folder),
    refusal(/tokenizer\.json: wanted an object, got an array/),
  );
  writeFileSync(file, whole);
  writeFileSync(join(folder, "tokenizer_config.json"), '{"padding_side": "top"}');
  await assert.rejects(
    AutoTokenizer.fromPretrained(folder),
    refusal(/padding_side: wanted one of left, right, got "top"/),
  );
});

test("a folder that cannot be written is named, and nothing half is left", async () => {
  const blocked = join(root, "blocked");
  writeFileSync(blocked, "a file where the folder should be");
  await assert.rejects(
    savePretrained(fresh(), blocked),
    (error: unknown) => error instanceof CheckpointError && /blocked/.test(error.message),
  );
  const folder = mkdtempSync(join(root, "half-"));
  mkdirSync(join(folder, "tokenizer.json"));
  await assert.rejects(savePretrained(fresh(), folder), CheckpointError);
  assert.deepEqual(readdirSync(folder), ["tokenizer.json"]);
});

test("special tokens without a part are written, even if none", () => {
  const extra = (tokenizer: PreTrainedTokenizer) =>
    tokenizer.toFiles()["tokenizer_config.json"]?.["extra_special_tokens"];
  const tokenizer = fresh();
  assert.deepEqual(extra(tokenizer), []); // else Python's classes would add their own
  tokenizer.addSpecialTokens({ extraSpecialTokens: ["<one>", "<two>"] });
  assert.deepEqual(extra(tokenizer), ["<one>", "<two>"]);
  const files = tokenizer.toFiles();
  const again = loadTokenizer({
    tokenizerJson: files["tokenizer.json"],
    tokenizerConfig: { ...files["tokenizer_config.json"], extra_special_tokens: { imageToken: "<image>" } },
  });
  assert.deepEqual(extra(again), { imageToken: "<image>" });
  assert.ok(again.allSpecialTokens.includes("<image>"));
});

test("what is saved, loaded and saved again is the same to the letter", async () => {
  const folder = mkdtempSync(join(root, "again-"));
  await savePretrained(fresh(), folder);
  const text = (files: object): string => JSON.stringify(files);
  assert.equal(text((await AutoTokenizer.fromPretrained(folder)).toFiles()), text(fresh().toFiles()));
});
