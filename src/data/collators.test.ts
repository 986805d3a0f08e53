// Collators make the batches of transformers', random draws included (scripts/goldens/data_collators.py).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { TensorBatch, TokenRow } from "./collate.ts";
import * as collators from "./collators.ts";

type Listed = Record<string, number[] | number[][]>;
const golden = JSON.parse(
  readFileSync(new URL("../../test/fixtures/datasets/collators.json", import.meta.url), "utf8"),
);
const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const renamed = (row: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [camel(name), value]));
const rows: Record<string, unknown>[] = golden.rows.map(renamed);
const ids = (row: Record<string, unknown>): number[] => row["inputIds"] as number[]; // as the fixture has them

const tokenizer = {
  padTokenId: 0,
  unkTokenId: 1,
  clsTokenId: 2,
  sepTokenId: 3,
  maskTokenId: 4,
  vocabSize: golden.vocab_size,
};

function same(batch: TensorBatch, expected: Listed, what: string): void {
  const listed = Object.fromEntries(Object.entries(batch).map(([name, value]) => [name, value.tolist()]));
  assert.deepEqual(listed, renamed(expected), what);
}
const withLabels = (labels: readonly unknown[], name = "labels"): TokenRow[] =>
  rows.map((row, i) => ({ ...row, [name]: labels[i] }));

for (const paddingSide of ["right", "left"] as const) {
  test(`padded on the ${paddingSide}`, () => {
    const options = { tokenizer: { ...tokenizer, paddingSide } };
    const expected = golden[paddingSide];
    const padded = collators.DataCollatorWithPadding({ ...options, padToMultipleOf: 8 });
    same(padded(withLabels([0, 1, 2], "label")), expected.padding, "padding");
    const tokens = collators.DataCollatorForTokenClassification(options);
    same(tokens(withLabels(rows.map((row) => ids(row).map((_, i) => i)))), expected.tokens, "tokens");
    assert.throws(() => tokens(withLabels([[1], [1], [1]])), /row 0 has 1 labels for 8 tokens/);
    const seq2seq = collators.DataCollatorForSeq2Seq({ ...options, padToMultipleOf: 4 });
    same(seq2seq(withLabels([[5, 6], [7], [8, 9, 10, 11, 12]])), expected.seq2seq, "seq2seq");
    same(collators.DataCollatorForLanguageModeling({ ...options, mlm: false })(rows), expected.causal, "causal");
  });
}

test("decoder inputs are the labels, one place on", () => {
  const collate = collators.DataCollatorForSeq2Seq({ tokenizer, decoderStartTokenId: 2 });
  const batch = collate(withLabels([[5, 6], [7], [8, 9, 10]]));
  assert.deepEqual(batch["decoderInputIds"]?.tolist(), [
    [2, 5, 6],
    [2, 7, 0],
    [2, 8, 9],
  ]);
});

test("masks the tokens that transformers masks with the same seed", () => {
  const mlm = collators.DataCollatorForLanguageModeling({ tokenizer, mlmProbability: 0.4, seed: 13 });
  for (const expected of golden.mlm) same(mlm(rows), expected, "80/10/10");
  const shares = { mlmProbability: 0.4, maskReplaceProb: 0.5, randomReplaceProb: 0.25, seed: 2 };
  const other = collators.DataCollatorForLanguageModeling({ tokenizer, ...shares });
  for (const expected of golden.mlm_shares) same(other(rows), expected, "50/25/25");
});

test("masks whole words", () => {
  const whole = collators.DataCollatorForWholeWordMask({ tokenizer, mlmProbability: 0.4, seed: 13 });
  const worded = golden.whole_rows.map((row: { offset_mapping?: unknown }, i: number) => {
    const { offset_mapping: _, ...rest } = row;
    return { ...renamed(rest), wordIds: golden.word_ids[i] };
  });
  for (const expected of golden.whole) same(whole(worded), expected, "whole words");
  const placed = collators.DataCollatorForWholeWordMask({ tokenizer, mlmProbability: 0.4, seed: 13 });
  for (const expected of golden.touching) same(placed(golden.touching_rows.map(renamed)), expected, "by places");
  assert.throws(() => whole(rows), /row 0 has no wordIds/);
});

test("shares over many tokens are those asked for", () => {
  const inputIds = Array.from({ length: 500 }, (_, i) => (i === 0 ? 2 : 5 + (i % 20)));
  const collate = collators.DataCollatorForLanguageModeling({ tokenizer, seed: 1 });
  let [tokens, chosen, masked, kept] = [0, 0, 0, 0];
  for (let round = 0; round < 20; round++) {
    const { inputIds: made, labels } = collate([{ inputIds }, { inputIds }]);
    const [x, y] = [made!.toArray(), labels!.toArray()];
    y.forEach((label, i) => {
      tokens++;
      if (label === -100) return assert.equal(x[i], inputIds[i % 500]);
      chosen++;
      assert.equal(label, inputIds[i % 500]);
      if (x[i] === 4) masked++;
      else if (x[i] === label) kept++;
    });
    assert.equal(y[0], -100);
  }
  assert.ok(Math.abs(chosen / tokens - 0.15) < 0.01, String(chosen / tokens));
  assert.ok(Math.abs(masked / chosen - 0.8) < 0.03, String(masked / chosen));
  assert.ok(Math.abs(kept / chosen - 0.1) < 0.03, String(kept / chosen)); // a random token may be the same one
});

test("what is wrong is said before a batch is made", () => {
  const { DataCollatorForLanguageModeling: model, DataCollatorWithPadding: padding } = collators;
  assert.throws(() => padding({ tokenizer: { padTokenId: null } }), /no padding token/);
  assert.throws(() => model({ tokenizer: { ...tokenizer, maskTokenId: null } }), /no mask token/);
  assert.throws(() => model({ tokenizer, mlmProbability: 2 }), /mlmProbability 2/);
  assert.throws(() => model({ tokenizer, maskReplaceProb: 0.9, randomReplaceProb: 0.2 }), /sum 1.1/);
});
