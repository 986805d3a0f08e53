// ROUGE against what rouge-score printed, against its published examples, and against the definition itself: the
// longest of all common subsequences, found by trying them all.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ArgumentError } from "../base/errors.ts";
import { type RougeScores, type RougeValue, rouge, rougeScore } from "./rouge.ts";

const kinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"] as const;
type Triple = [precision: number, recall: number, fmeasure: number];
type Row = [prediction: string, reference: string, Triple, Triple, Triple, Triple];

function near(got: RougeValue, [precision, recall, fmeasure]: Triple, label: string): void {
  for (const [key, want] of Object.entries({ precision, recall, fmeasure }) as [keyof RougeValue, number][]) {
    assert.ok(Math.abs(got[key] - want) < 1e-11, `${label} ${key}: got ${got[key]}, want ${want}`);
  }
}

test("equals rouge-score on random and odd texts", () => {
  const file = new URL("../../test/fixtures/metrics/rouge.json", import.meta.url);
  const rows = JSON.parse(readFileSync(file, "utf8")) as Row[];
  assert.ok(rows.length > 200);
  for (const [prediction, reference, ...wanted] of rows) {
    const scores = rougeScore(prediction, reference);
    kinds.forEach((kind, i) => {
      const want = wanted[i];
      assert.ok(want);
      near(scores[kind], want, `${kind} of ${JSON.stringify([prediction, reference])}`);
    });
  }
});

test("the examples that rouge-score publishes", () => {
  const fox = rougeScore("The quick brown dog jumps on the log.", "The quick brown fox jumps over the lazy dog");
  near(fox.rouge1, [0.75, 2 / 3, 12 / 17], "rouge1");
  near(fox.rougeL, [0.625, 5 / 9, 10 / 17], "rougeL");
  near(rougeScore("testing", "testing one two").rouge1, [1, 1 / 3, 0.5], "rouge1");
  near(rougeScore("testing one", "testing one two").rouge2, [1, 0.5, 2 / 3], "rouge2");
  near(rougeScore("testing two", "testing one two").rougeL, [1, 2 / 3, 0.8], "not consecutive");
  near(rougeScore("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5").rougeLsum, [0.4, 0.8, 8 / 15], "union");
  for (const [p, r] of [
    ["", "w1"],
    ["w1", ""],
    ["/", "w1"],
    ["", ""],
  ] as const) {
    for (const kind of kinds) near(rougeScore(p, r)[kind], [0, 0, 0], `${kind} of nothing`);
  }
});

test("an n-gram counts no more often than both texts have it", () => {
  near(rougeScore("the the the the", "the cat").rouge1, [1 / 4, 1 / 2, 1 / 3], "clipped");
  near(rougeScore("a b a b", "a b c").rouge2, [1 / 3, 1 / 2, 2 / 5], "clipped pairs");
});

/** The length of the longest common subsequence, from its definition. */
function lcs(a: readonly string[], b: readonly string[]): number {
  const [headA, ...restA] = a;
  const [headB, ...restB] = b;
  if (headA === undefined || headB === undefined) return 0;
  return headA === headB ? 1 + lcs(restA, restB) : Math.max(lcs(restA, b), lcs(a, restB));
}

test("rougeL is the longest of all common subsequences", () => {
  let seed = 1;
  const draw = (n: number): number => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % n;
  };
  for (let round = 0; round < 200; round++) {
    const [p, r] = [0, 1].map(() => Array.from({ length: 1 + draw(9) }, () => "xyz"[draw(3)] ?? "x")) as [
      string[],
      string[],
    ];
    const length = lcs(p, r);
    const value = rougeScore(p.join(" "), r.join(" ")).rougeL;
    assert.equal(Math.round(value.precision * p.length), length, `${p} and ${r}`);
    assert.equal(Math.round(value.recall * r.length), length);
  }
});

test("the mean over pairs, not over words", () => {
  const scores: RougeScores = rouge(["a", "x y z"], ["a", "p q r"]);
  near(scores.rouge1, [0.5, 0.5, 0.5], "mean");
  near(rouge(["a b c"], ["a b c"]).rougeLsum, [1, 1, 1], "one pair");
});

test("pairs that do not match up are an error with its facts", () => {
  assert.throws(
    () => rouge(["a"], ["a", "b"]),
    (e) => e instanceof ArgumentError && e.facts["references"] === 2,
  );
  assert.throws(() => rouge([], []), ArgumentError);
});
