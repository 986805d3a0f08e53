// The trainers of tokenizers against Python's `tokenizers`: vocabularies to the last id where Python itself has the same in
// every run, else the tokens that all its runs have and none that no run has. The values come from scripts/goldens/trainers.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Bpe } from "./bpe.ts";
import type { Model } from "./model.ts";
import type { NormalizerConfig } from "./normalizers.ts";
import type { PreTokenizerConfig } from "./pre-tokenizers.ts";
import { Tokenizer } from "./tokenizer.ts";
import { BpeTrainer } from "./train-bpe.ts";
import { UnigramTrainer } from "./train-unigram.ts";
import { WordLevelTrainer } from "./train-word-level.ts";
import { WordPieceTrainer } from "./train-word-piece.ts";
import { byCodePoints } from "./train-words.ts";
import type { TokenizerTrainer } from "./trainer.ts";
import { Unigram } from "./unigram.ts";
import { WordLevel } from "./word-level.ts";
import { WordPiece } from "./word-piece.ts";

type Case = {
  name: string;
  kind: "BPE" | "WordPiece" | "WordLevel" | "Unigram";
  normalizer: NormalizerConfig | null;
  preTokenizer: PreTokenizerConfig | null;
  options: { readonly [name: string]: unknown };
  vocab?: string[];
  merges?: [string, string][] | null;
  always?: string[];
  sometimes?: string[];
  size?: number;
  heldOut?: number;
  scores?: [string, number][];
  loose?: string[];
};

const { texts, heldOut, cases }: { texts: string[]; heldOut: string[]; cases: Case[] } = JSON.parse(
  gunzipSync(readFileSync(new URL("../../test/fixtures/text/trainers.json.gz", import.meta.url))).toString(),
);

const kinds: { [kind in Case["kind"]]: { model: () => Model; trainer: (options: object) => TokenizerTrainer } } = {
  BPE: { model: () => new Bpe(new Map(), []), trainer: (options) => new BpeTrainer(options) },
  WordPiece: { model: () => new WordPiece(new Map()), trainer: (options) => new WordPieceTrainer(options) },
  WordLevel: { model: () => new WordLevel(new Map()), trainer: (options) => new WordLevelTrainer(options) },
  Unigram: { model: () => new Unigram([]), trainer: (options) => new UnigramTrainer(options) },
};

function untrained({ kind, normalizer, preTokenizer }: Case): Tokenizer {
  return new Tokenizer({ model: kinds[kind].model(), normalizer, preTokenizer });
}

/** Options as Python spells them, in camelCase. */
function trainerOf({ kind, options }: Case): TokenizerTrainer {
  const camel = (name: string): string => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return kinds[kind].trainer(Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value])));
}

function tokensOf(tokenizer: Tokenizer): string[] {
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.idToToken(id) ?? "");
}

/** The same pieces and, but for rounding, scores. */
function comparePieces(vocab: readonly [string, number][], { scores = [], loose = [] }: Case): void {
  const ours = [...vocab].sort(([a], [b]) => byCodePoints(a, b));
  assert.deepEqual(
    ours.map(([piece]) => piece),
    scores.map(([piece]) => piece),
  );
  const near = (a: number, b: number, piece: string): void =>
    assert.ok(Math.abs(a - b) < 1e-8, `${piece} has ${a}, Python's ${b}`);
  for (const [i, [piece, score]] of scores.entries())
    if (!loose.includes(piece)) near(ours[i]?.[1] ?? Number.NaN, score, piece);
  const dealt = (all: readonly [string, number][]): number[] =>
    all
      .filter(([piece]) => loose.includes(piece))
      .map(([, score]) => score)
      .sort((a, b) => a - b);
  const [left, right] = [dealt(ours), dealt(scores)];
  for (const [i, score] of left.entries()) near(score, right[i] ?? Number.NaN, "a letter without a piece of its own");
}

for (const one of cases) {
  test(`${one.kind}: ${one.name}`, () => {
    const tokenizer = untrained(one).trainFromIterator(texts, trainerOf(one));
    const tokens = tokensOf(tokenizer);
    if (one.vocab !== undefined) {
      assert.deepEqual(tokens, one.vocab);
      assert.deepEqual(tokenizer.model.toJson()["merges"] ?? null, one.merges ?? null);
    } else if (one.always !== undefined) {
      const { always, sometimes = [], size } = one;
      assert.equal(tokens.length, size);
      const [learned, known] = [new Set(tokens), new Set([...always, ...sometimes])];
      assert.deepEqual(
        always.filter((token) => !learned.has(token)),
        [],
      );
      assert.deepEqual(
        tokens.filter((token) => !known.has(token)),
        [],
      );
    } else {
      const { vocab } = tokenizer.model.toJson() as { vocab: [string, number][] }; // it is Unigram's
      comparePieces(vocab, one);
      assert.equal(
        heldOut.reduce((sum, text) => sum + tokenizer.encode(text).ids.length, 0),
        one.heldOut,
      );
    }
  });
}

test("Unigram tells its progress", () => {
  const seen: [done: number, total: number][] = [];
  const tokenizer = new Tokenizer({ model: new Unigram([]) });
  const progress = (done: number, total: number): unknown => seen.push([done, total]);
  tokenizer.trainFromIterator(texts.slice(0, 40), new UnigramTrainer({ vocabSize: 200, progress }));
  const done = seen.map(([count]) => count);
  assert.deepEqual(
    done,
    done.map((_, i) => i + 1),
  );
  const last = done.length;
  assert.deepEqual(seen.at(-1), [last, last]);
  assert.ok(seen.slice(0, -1).every(([count, total]) => count < total));
});

test("bad input is told of", () => {
  const tokenizer = new Tokenizer({ model: new Bpe(new Map(), []) });
  assert.throws(() => tokenizer.trainFromIterator([], new BpeTrainer()), /there is no text/);
  assert.throws(() => tokenizer.trainFromIterator([3 as never], new BpeTrainer()), /text 0 is 3; a text is a string/);
  assert.throws(() => new BpeTrainer({ specialTokens: ["<s>", "<s>"] }), /"<s>" is there twice/);
  assert.throws(() => tokenizer.trainFromIterator(["abc"], new BpeTrainer({ vocabSize: 2 })), /alone take 3/);
  assert.throws(() => tokenizer.trainFromIterator(["abc"], new UnigramTrainer()), /trains a model of the kind Unigram/);
});

test("texts that come one after another give the same", async () => {
  const [later, now] = [0, 1].map(() => new Tokenizer({ model: new Bpe(new Map(), []) })) as [Tokenizer, Tokenizer]; // two
  async function* slowly() {
    yield "abab abc";
    yield ["abc", "abd"];
  }
  await later.trainFromIterator(slowly(), new BpeTrainer({ vocabSize: 12 }));
  now.trainFromIterator(["abab abc", "abc", "abd"], new BpeTrainer({ vocabSize: 12 }));
  assert.deepEqual(later.toJson(), now.toJson());
});
