// Rows before training and answers after it, beside Python's: three kinds of tokenizer, answers at every border of windows, emoji,
// accents, empty words. scripts/goldens/recipes.py made what is expected.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { AutoTokenizer } from "../../models/pretrained-files.ts";
import { answersOfLogits, nBestAnswers } from "./answers.ts";
import { labelMap } from "./labels.ts";
import { groupTexts } from "./masked-language.ts";
import { prepareQuestionAnswering, type QuestionFeature, questionRows } from "./question-answering.ts";
import { classificationLabels, tokenizeClassification } from "./text-classification.ts";
import { type TaggedRow, tagNames, tokenizeAndAlignLabels } from "./token-classification.ts";

interface Listed {
  readonly text: string;
  readonly score: number;
  readonly places: readonly [number, number];
  readonly probability: number;
}
interface Pieces {
  readonly maxLength: number;
  readonly rows: readonly {
    readonly inputIds: readonly number[];
    readonly specialTokensMask: readonly number[];
    readonly wordIds: readonly (number | null)[];
  }[];
}
interface Questions {
  readonly maxLength: number;
  readonly docStride: number;
  readonly features: readonly (Partial<Pick<QuestionFeature, "inputIds" | "tokenTypeIds" | "offsets">> & {
    readonly row: number;
    readonly start: number;
    readonly end: number;
  })[];
  readonly logits?: readonly (readonly [number[], number[]])[];
  readonly settings?: {
    readonly nBest: number;
    readonly maxAnswerLength: number;
    readonly nullScoreDiffThreshold: number;
  };
  readonly answers?: readonly {
    readonly plain: readonly Listed[];
    readonly either: readonly Listed[];
    readonly best: string;
    readonly bestOrNone: string;
    readonly nullScore: number;
  }[];
}
interface Golden {
  readonly tagged: readonly TaggedRow[];
  readonly tags: readonly string[];
  readonly questions: readonly object[];
  readonly lines: readonly string[];
  readonly pairs: readonly { readonly text: string; readonly textPair: string | null; readonly label: string }[];
  readonly tokenizers: Readonly<
    Record<
      string,
      {
        readonly aligned: readonly {
          readonly maxLength: number;
          readonly labelAllTokens: boolean;
          readonly rows: readonly { readonly inputIds: readonly number[]; readonly labels: readonly number[] }[];
        }[];
        readonly questions: readonly Questions[];
        readonly grouped: readonly (Pieces & { readonly rest: readonly number[] })[];
        readonly byLine: Pieces;
        readonly classified: readonly {
          readonly maxLength: number;
          readonly rows: readonly { readonly inputIds: readonly number[]; readonly labels: number }[];
        }[];
      }
    >
  >;
}
const fixtures = new URL("../../../test/fixtures/recipes/", import.meta.url);
const golden = JSON.parse(gunzipSync(readFileSync(new URL("goldens.json.gz", fixtures))).toString()) as Golden; // its generator has the form

for (const [name, wanted] of Object.entries(golden.tokenizers)) {
  const tokenizer = await AutoTokenizer.fromPretrained(fileURLToPath(new URL(name, fixtures)));

  test(`tags stand on the pieces of words as Python puts them (${name})`, () => {
    assert.deepEqual(tagNames(golden.tagged), golden.tags);
    for (const { rows, ...options } of wanted.aligned) {
      const made = tokenizeAndAlignLabels(golden.tagged, tokenizer, labelMap(golden.tags), options);
      const shown = made.map(({ inputIds, labels }) => ({ inputIds, labels }));
      assert.deepEqual(shown, rows, JSON.stringify(options));
    }
  });

  test(`windows of long texts are Python's, with the answers' places (${name})`, () => {
    for (const { maxLength, docStride, features } of wanted.questions) {
      const made = prepareQuestionAnswering(questionRows(golden.questions), tokenizer, { maxLength, docStride });
      assert.equal(made.length, features.length);
      made.forEach(({ row, inputIds, tokenTypeIds, offsets, startPositions: start, endPositions: end }, i) => {
        const [types, golden] = [tokenTypeIds === undefined ? {} : { tokenTypeIds }, features[i]!];
        const shown = golden.inputIds === undefined ? {} : { inputIds, ...types, offsets };
        assert.deepEqual({ row, start, end, ...shown }, golden, `window ${i}`);
      });
    }
  });

  test(`answers out of logits are Python's (${name})`, () => {
    const { maxLength, docStride, logits = [], settings, answers = [] } = wanted.questions[0]!;
    const rows = questionRows(golden.questions);
    const features = prepareQuestionAnswering(rows, tokenizer, { maxLength, docStride });
    const [plain, either] = [false, true].map((nullAnswers) =>
      nBestAnswers(rows, features, logits, { ...settings, nullAnswers }),
    ) as [ReturnType<typeof nBestAnswers>, ReturnType<typeof nBestAnswers>]; // two in, two out
    const same = (made: (typeof plain)[number], listed: readonly Listed[], place: string): void => {
      listed.forEach(({ text, score, places, probability }, k) => {
        const one = made[k]!;
        assert.deepEqual([one.text, one.score, [one.start, one.end]], [text, score, places], `${place}, answer ${k}`);
        assert.ok(Math.abs(one.probability - probability) < 1e-12, `${place}, probability ${k}`);
      });
    };
    answers.forEach((answer, i) => {
      same(plain[i]!, answer.plain, `question ${i}`);
      same(either[i]!, answer.either, `question ${i}, or none`);
    });
    const texts = (options: object): string[] =>
      answersOfLogits(rows, features, logits, { ...settings, ...options }).map(({ answer }) => answer);
    assert.deepEqual(
      texts({}),
      answers.map(({ best }) => best),
    );
    const chosen = answers.map(({ bestOrNone }) => bestOrNone);
    assert.deepEqual(texts({ nullAnswers: true }), chosen);
    assert.ok(chosen.includes("") && chosen.some((text) => text !== ""));
    // Batches pad: logits are longer than the window.
    const side = tokenizer.paddingSide;
    const padded = logits.map((both) => both.map((row) => (side === "left" ? [9, 9, ...row] : [...row, 9, 9])));
    const found = answersOfLogits(rows, features, padded, { ...settings, nullAnswers: true, paddingSide: side });
    assert.deepEqual(
      found.map(({ answer }) => answer),
      chosen,
    );
  });

  test(`texts become blocks and lines as Python cuts them (${name})`, () => {
    const shown = (rows: ReturnType<typeof groupTexts>) =>
      rows.map(({ inputIds, specialTokensMask, wordIds }) => ({ inputIds, specialTokensMask, wordIds }));
    for (const { maxLength, rows, rest } of wanted.grouped) {
      assert.deepEqual(shown(groupTexts(golden.lines, tokenizer, { maxLength, dropLast: true })), rows);
      const all = groupTexts(golden.lines, tokenizer, { maxLength });
      assert.deepEqual(
        all.slice(rows.length).flatMap(({ inputIds }) => inputIds),
        rest,
      );
    }
    const { maxLength, rows } = wanted.byLine;
    const lines = groupTexts([...golden.lines, "", " \t "], tokenizer, { maxLength, lineByLine: true });
    assert.deepEqual(shown(lines), rows);
  });

  test(`texts and pairs are cut as Python cuts them (${name})`, () => {
    const pairs = golden.pairs.map(({ textPair, ...row }) => ({ ...row, ...(textPair !== null && { textPair }) }));
    for (const { maxLength, rows } of wanted.classified) {
      const made = tokenizeClassification(pairs, tokenizer, classificationLabels(pairs), { maxLength });
      const shown = made.map(({ attentionMask: _, ...row }) => row);
      assert.deepEqual(shown, rows);
    }
  });
}
