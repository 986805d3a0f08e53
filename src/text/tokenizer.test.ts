// What holds for every text, whatever the vocabulary: it comes back from its ids, its offsets point into it, and a torn
// tokenizer file is refused with the place where it is torn.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError, CheckpointError, UnsupportedError } from "../base/errors.ts";
import { Bpe } from "./bpe.ts";
import { Symbols } from "./bpe-symbols.ts";
import { byteLetters } from "./byte-level.ts";
import { Heap } from "./heap.ts";
import { Normalized } from "./normalized.ts";
import { readNormalizer } from "./normalizers.ts";
import { PairMap } from "./pair-map.ts";
import { Tokenizer } from "./tokenizer.ts";
import { trainBpe } from "./train-bpe.ts";
import { decodeUtf8 } from "./utf8.ts";

/** The same numbers in [0, 1) on every run. */
function numbers(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

const alphabets = [
  "abcdefghij ",
  "the of and to in 's 't 'll",
  " \n\t\r",
  "0123456789.,-+",
  "éèüßñçÅø",
  "日本語中文字한국어",
  "🙂🙃👩‍👩‍👧‍👦🇩🇪👍🏽𝔘𐍈",
  "e\u0301a\u0300\u0323\u200d\ufeff\u202e",
  "שלום مرحبا नमस्ते",
  "<s></s>",
  "\u0000\u0001\u007f\u0085\u00a0\u00ad\u2028\ufffd",
];

function* randomTexts(count: number): Generator<string> {
  const random = numbers(7);
  for (let i = 0; i < count; i++) {
    let text = "";
    for (let parts = random() * 5; parts > 0; parts--) {
      const letters = [...(alphabets[Math.floor(random() * alphabets.length)] ?? "")];
      for (let length = random() * 20; length > 0; length--) text += letters[Math.floor(random() * letters.length)];
    }
    yield text;
  }
}

const trained = trainBpe(randomTexts(500), { vocabSize: 600 });

test("a text comes back from its ids", () => {
  for (const text of randomTexts(2000)) {
    const { ids } = trained.encode(text);
    assert.equal(trained.decode(ids), text);
  }
});

test("offsets cover the text in order, and each token spells its slice", () => {
  for (const text of randomTexts(2000)) {
    const { ids, tokens, offsets } = trained.encode(text);
    let reached = 0;
    offsets.forEach(([start, end], i) => {
      assert.ok(start <= reached && start < end, JSON.stringify(text)); // bytes of one character share its place
      reached = Math.max(reached, end);
      const slice = text.slice(start, end);
      const special = (ids[i] ?? 0) < 4;
      assert.ok(
        (special ? slice : byteLetters(slice)).includes(tokens[i] ?? ""),
        `${JSON.stringify(slice)} is not ${tokens[i]}`,
      );
    });
    assert.equal(reached, text.length);
  }
});

test("half a surrogate pair is read as U+FFFD, in its place", () => {
  const { offsets, ids } = trained.encode("a\ud83d b\ude42");
  assert.equal(trained.decode(ids), "a\ufffd b\ufffd");
  assert.ok(offsets.some(([start, end]) => start === 1 && end === 2));
  assert.ok(offsets.some(([start, end]) => start === 4 && end === 5));
});

test("merging a long word takes steps in proportion", () => {
  class Counted extends PairMap {
    looked = 0;
    override get(left: number, right: number): number {
      this.looked++;
      return super.get(left, right);
    }
  }
  const ranks = new Counted(8);
  const made = Int32Array.from({ length: 6 }, (_, rank) => rank + 1); // 0 0 makes 1, 1 1 makes 2, and so on
  for (let rank = 0; rank < 6; rank++) ranks.set(rank, rank, rank);
  const symbols = new Symbols();
  const count = 1 << 15;
  for (let at = 0; at < count; at++) symbols.push(0, at, at + 1);
  symbols.merge(ranks, made, 0, () => 1);
  assert.equal(symbols.word().ids.length, count >> 6);
  assert.ok(ranks.looked < 7 * count, `${ranks.looked} pairs were looked up for ${count} symbols`);
});

test("a heap takes n log n comparisons", () => {
  let compared = 0;
  const heap = new Heap<number>((a, b) => {
    compared++;
    return a < b;
  });
  const random = numbers(2);
  const values = Array.from({ length: 1 << 14 }, () => Math.floor(random() * 1e6));
  for (const value of values) heap.push(value);
  const popped = values.map(() => heap.pop());
  assert.deepEqual(
    popped,
    [...values].sort((a, b) => a - b),
  );
  assert.ok(compared <= 3 * 14 * values.length, `${compared} comparisons for ${values.length} values`);
});

test("long texts without a space come back from their ids", () => {
  const tokenizer = trainBpe(["aaaa aaaa ab ab"], { vocabSize: 263 });
  for (const piece of ["aab", "🙂", "e\u0301", "1"]) {
    const text = piece.repeat(20_000);
    assert.equal(tokenizer.decode(tokenizer.encode(text).ids), text);
  }
});

/** Merges as the definition has them: the best pair of all, leftmost first, until there is none. */
function plainMerge(
  word: string,
  vocab: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
): number[] {
  const parts = [...word];
  for (;;) {
    const ranks = parts.slice(1).map((right, i) => merges.findIndex(([a, b]) => a === parts[i] && b === right));
    const best = ranks.filter((rank) => rank >= 0).sort((a, b) => a - b)[0];
    if (best === undefined) return parts.map((part) => vocab.get(part) ?? -1);
    const at = ranks.indexOf(best);
    parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`);
  }
}

test("the heap of merges equals merging by the definition", () => {
  const random = numbers(3);
  for (let round = 0; round < 40; round++) {
    const tokens = ["a", "b", "c", "🙂"];
    const merges: [string, string][] = [];
    for (let i = 0; i < 12; i++) {
      const [left = "a", right = "b"] = [
        tokens[Math.floor(random() * tokens.length)],
        tokens[Math.floor(random() * tokens.length)],
      ];
      if (tokens.includes(left + right)) continue;
      merges.push([left, right]);
      tokens.push(left + right);
    }
    const vocab = new Map(tokens.map((token, id) => [token, id]));
    const bpe = new Bpe(vocab, merges);
    for (let i = 0; i < 30; i++) {
      const word = Array.from({ length: random() * 60 }, () => tokens[Math.floor(random() * 4)]).join("");
      assert.deepEqual(bpe.tokenize(word).ids, plainMerge(word, vocab, merges), word);
    }
  }
});

test("normalizers keep each word's place in the original", () => {
  const texts = ["ﬁne cafe\u0301s \u1112\u1161\u11ab ① x\u0323\u0301", "🙂\u0301 İSTANBUL ẞ", ...randomTexts(300)];
  for (const type of ["NFC", "NFD", "NFKC", "NFKD", "Lowercase"] as const) {
    const normalizer = readNormalizer({ type });
    for (const text of texts) {
      const normalized = normalizer(new Normalized(text));
      if (type !== "Lowercase") assert.equal(normalized.text, text.normalize(type));
      for (const { 0: word, index } of normalized.text.matchAll(/[^ ]+/g)) {
        // A composed character stands for the first of those it is made of; the others follow.
        const [rest = ""] = /^[\p{M}\u1160-\u11ff]*/u.exec(text.slice(normalized.endOf(index + word.length))) ?? [];
        const source = text.slice(normalized.startOf(index), normalized.endOf(index + word.length)) + rest;
        const again = type === "Lowercase" ? source.toLowerCase() : source.normalize(type);
        // A compatibility form may hold a space; then the word is a part of what its source becomes.
        assert.ok(again.replaceAll("ς", "σ").includes(word), `${type}: ${JSON.stringify([word, source])}`);
      }
    }
  }
});

test("what composes stands for its first character, as in Rust", () => {
  const text = "\u1112\u1161\u11ab\u1100\u1173 cafe\u0301s";
  const normalized = readNormalizer({ type: "NFC" })(new Normalized(text));
  assert.equal(normalized.text, "한그 cafés");
  const sources = Array.from(normalized.text, (_, i) => text.slice(normalized.startOf(i), normalized.endOf(i + 1)));
  assert.deepEqual(sources, ["\u1112", "\u1100", " ", "c", "a", "f", "e", "s"]);
});

test("training is deterministic and reads its texts once", () => {
  const again = trainBpe(randomTexts(500), { vocabSize: 600 });
  assert.deepEqual(again.toJson(), trained.toJson());
});

test("training tells its progress", () => {
  const seen: number[][] = [];
  const tokenizer = trainBpe(["abc abc abc abd"], {
    vocabSize: 300,
    progress: (tokens, wanted) => seen.push([tokens, wanted]),
  });
  assert.deepEqual(seen.at(-1), [tokenizer.vocabSize, 300]);
});

test("training refuses a vocabulary that is too small", () => {
  assert.throws(
    () => trainBpe(["text"], { vocabSize: 259 }),
    (error: unknown) => error instanceof ArgumentError && /260/.test(error.message),
  );
});

test("training refuses a string, whose parts would be letters", () => {
  assert.throws(() => trainBpe("a text", { vocabSize: 300 }), /give a list of texts/);
});

test("added tokens take the ids behind the vocabulary", () => {
  const tokenizer = trainBpe(["a b"], { vocabSize: 260 });
  assert.equal(tokenizer.addTokens(["<new>", { content: "<pad>", special: true }, "a", "<more>", "<new>"]), 2);
  assert.equal(tokenizer.vocabSize, 262);
  assert.deepEqual([tokenizer.tokenToId("<new>"), tokenizer.tokenToId("<more>")], [260, 261]);
  assert.deepEqual(tokenizer.encode("x<new><more>").ids.slice(1), [260, 261]);
  assert.equal(tokenizer.idToToken(261), "<more>");
  assert.equal(tokenizer.idToToken(262), undefined);
});

test("a pair joins two texts, words keep their own offsets", () => {
  const pair = trained.encode("ab", { pair: "cd" });
  assert.deepEqual([...new Set(pair.sequenceIds)], [0, 1]);
  const words = trained.encode(["ab", "cd"]);
  assert.deepEqual([...new Set(words.wordIds)], [0, 1]);
  assert.deepEqual(words.offsets.at(-1)?.[1], 2);
});

test("a token called __proto__ is a token", () => {
  const json = { model: { type: "BPE", vocab: JSON.parse('{"__proto__": 0, "a": 1}') as object, merges: [] } };
  const tokenizer = Tokenizer.fromJson(JSON.parse(JSON.stringify(Tokenizer.fromJson(json).toJson())));
  assert.equal(tokenizer.tokenToId("__proto__"), 0);
});

test("UTF-8 that is torn decodes as TextDecoder does", () => {
  const random = numbers(11);
  const pool = [0x41, 0x80, 0xbf, 0xc2, 0xc0, 0xe0, 0xa0, 0xed, 0x9f, 0xef, 0xbb, 0xf0, 0x90, 0xf4, 0x8f, 0xf5, 0xff];
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (let i = 0; i < 5000; i++) {
    const bytes = Array.from({ length: random() * 8 }, () => pool[Math.floor(random() * pool.length)] ?? 0);
    assert.equal(decodeUtf8(bytes), decoder.decode(Uint8Array.from(bytes)), bytes.join(" "));
  }
});

const model = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: ["a b"] };
const torn: { [what: string]: [json: unknown, said: RegExp] } = {
  "no object": ["[]", /tokenizer\.json: wanted an object/],
  "no model": [{}, /tokenizer\.json: model: wanted an object, got nothing/],
  "an id that is a string": [{ model: { ...model, vocab: { a: "0" } } }, /model\.vocab: the id of "a"/],
  "a merge of three": [{ model: { ...model, merges: ["a b c"] } }, /model\.merges\[0\]/],
  "a merge outside the vocabulary": [{ model: { ...model, merges: [["b", "a"]] } }, /merges\[0\]: "ba"/],
  "a flag that is a number": [
    { model, pre_tokenizer: { type: "ByteLevel", add_prefix_space: 1 } },
    /pre_tokenizer\.add_prefix_space: wanted true or false, got 1/,
  ],
  "an unknown behavior": [
    { model, pre_tokenizer: { type: "Split", pattern: { String: "-" }, behavior: "Odd" } },
    /behavior: wanted one of Removed, .* got "Odd"/,
  ],
  "an added token without an id": [
    { model, added_tokens: [{ content: "x" }] },
    /added_tokens\[0\]\.id: wanted a whole number, got nothing/,
  ],
  "a template whose ids are words": [
    {
      model,
      post_processor: {
        type: "TemplateProcessing",
        single: [],
        pair: [],
        special_tokens: { "<s>": { id: "<s>", ids: ["one"], tokens: ["<s>"] } },
      },
    },
    /special_tokens\.<s>\.ids: wanted an array of whole numbers/,
  ],
  "a template without its token": [
    {
      model,
      post_processor: {
        type: "TemplateProcessing",
        single: [{ SpecialToken: { id: "<s>", type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
    },
    /single\[0\]\.SpecialToken: "<s>" is not in special_tokens/,
  ],
};
for (const [what, [json, said]] of Object.entries(torn)) {
  test(`a file with ${what} is refused`, () => {
    assert.throws(
      () => Tokenizer.fromJson(json),
      (error: unknown) => error instanceof CheckpointError && said.test(error.message),
    );
  });
}

test("what does not exist is refused by its name", () => {
  const configs = [
    { model: { type: "NoSuchModel", vocab: [] } },
    { model, normalizer: { type: "NoSuchForm" } },
    { model, pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "NoSuchCut" }] } },
    { model, post_processor: { type: "NoSuchThing" } },
    { model, decoder: { type: "NoSuchDecoder" } },
  ];
  const names = ["NoSuchModel", "NoSuchForm", "NoSuchCut", "NoSuchThing", "NoSuchDecoder"];
  configs.forEach((json, i) => {
    assert.throws(
      () => Tokenizer.fromJson(json),
      (error: unknown) => error instanceof UnsupportedError && error.message.includes(names[i] ?? "?"),
    );
  });
});
