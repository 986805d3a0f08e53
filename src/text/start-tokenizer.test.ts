// Tokenizers that are trained like a known model's have the components of that model's own tokenizer.json, which stand here as the
// models' files have them; only T5's normalizer is a table there, of what two normalizers do here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Preset, presets, startTokenizer } from "./start-tokenizer.ts";

const byteLevel = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true };
const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
const token = (id: string, type_id = 0) => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id = 0) => ({ Sequence: { id, type_id } });
const named = (id: string, at: number) => ({ [id]: { id, ids: [at], tokens: [id] } });

const files: { readonly [name in Preset]: object } = {
  bert: {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [token("[CLS]"), sequence("A"), token("[SEP]")],
      pair: [token("[CLS]"), sequence("A"), token("[SEP]"), sequence("B", 1), token("[SEP]", 1)],
      special_tokens: { ...named("[CLS]", 2), ...named("[SEP]", 3) },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100 },
  },
  gpt2: {
    normalizer: null,
    pre_tokenizer: { ...byteLevel, add_prefix_space: false },
    post_processor: { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
    },
  },
  t5: {
    normalizer: { type: "Sequence", normalizers: [{ type: "Nmt" }, { type: "NFKC" }] },
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
    post_processor: {
      type: "TemplateProcessing",
      single: [sequence("A"), token("</s>")],
      pair: [sequence("A"), token("</s>"), sequence("B"), token("</s>")],
      special_tokens: named("</s>", 1),
    },
    decoder: metaspace,
    model: { type: "Unigram", unk_id: 2, byte_fallback: false },
  },
};

async function* texts(): AsyncGenerator<string> {
  yield* ["She sells sea shells by the sea shore", "the shells she sells", "a sea of shells"];
}

for (const name of presets) {
  test(`${name} has the components of its model's file`, async () => {
    const tokenizer = await startTokenizer(name, { vocabSize: 400 }).train(texts());
    const { version: _v, truncation: _t, padding: _p, added_tokens: added, ...parts } = tokenizer.backend.toJson();
    const { vocab: _vocab, merges: _merges, ...model } = parts["model"] as { vocab: unknown; merges?: unknown };
    assert.deepEqual({ ...parts, model }, files[name]);
    for (const { special, normalized } of added as { special: boolean; normalized: boolean }[])
      assert.deepEqual([special, normalized], [true, false]);
    assert.ok(tokenizer.vocabSize <= 400);
    const text = "the sea\nshells";
    assert.equal(
      tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: true }).replace(/\s/g, " "),
      "the sea shells",
    );
  });
}

test("gpt2's offsets have the spaces, its texts no other tokens", async () => {
  const tokenizer = await startTokenizer("gpt2", { vocabSize: 300 }).train(texts());
  const { inputIds, offsetMapping } = tokenizer("a sea", { returnOffsetsMapping: true });
  assert.deepEqual(offsetMapping?.map(([start, end]) => "a sea".slice(start, end)).join("|"), "a| sea");
  assert.equal(inputIds.length, 2);
  assert.equal(tokenizer.bosTokenId, 0);
});

test("t5 has its hundred sentinels behind the vocabulary", async () => {
  const tokenizer = await startTokenizer("t5", { vocabSize: 130 }).train(texts());
  const last = tokenizer.vocabSize - 1;
  assert.deepEqual(tokenizer.convertIdsToTokens([0, 1, 2, last, last - 99]), [
    "<pad>",
    "</s>",
    "<unk>",
    "<extra_id_0>",
    "<extra_id_99>",
  ]);
  assert.deepEqual(tokenizer.encode("<extra_id_0> sea").slice(0, 1), [last]);
  assert.throws(() => startTokenizer("t5", { vocabSize: 103 }), /t5 needs at least 104/);
});
