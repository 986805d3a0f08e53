// From rows to features: labels, tags on word pieces, windows of long texts and back, masked pieces. What is expected is worked out from
// the rows themselves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { trainEncoderTokenizer, trainWordPieceTokenizer } from "../../text/train-tokenizer.ts";
import { answersOfLogits } from "./answers.ts";
import { fittingLabels, labelMap, labelsOfHead } from "./labels.ts";
import { groupTexts, maskRows } from "./masked-language.ts";
import { prepareQuestionAnswering, questionCollator, questionRows } from "./question-answering.ts";
import { classificationCollator, classificationLabels, tokenizeClassification } from "./text-classification.ts";
import { parseConll, tagNames, tagSpans, tokenizeAndAlignLabels } from "./token-classification.ts";

const words = "the quick brown fox jumps over the lazy dog and Ada Lovelace lived in London near the Thames";
const tokenizer = trainEncoderTokenizer([words, words, "Ada Lovelace"], { vocabSize: 300, modelMaxLength: 64 });

test("a trained encoder's tokenizer frames texts and leaves spaces out of offsets", () => {
  const { inputIds, tokenTypeIds, offsetMapping } = tokenizer("the fox", {
    textPair: "Ada lived",
    returnOffsetsMapping: true,
  });
  const tokens = tokenizer.convertIdsToTokens(inputIds);
  assert.equal(tokens[0], "[CLS]");
  assert.equal(tokens.filter((token) => token === "[SEP]").length, 2);
  assert.deepEqual([tokenTypeIds![0], tokenTypeIds!.at(-1)], [0, 1]);
  const parts = offsetMapping!.map(([from, to], t) =>
    (tokenTypeIds![t] === 0 ? "the fox" : "Ada lived").slice(from, to),
  );
  assert.ok(
    parts.every((part) => part === part.trim()),
    parts.join("|"),
  );
});

test("a trained tagger's tokenizer begins tokens where words begin, and keeps capitals", () => {
  const text = "Ada, née Lovelace, lived in London.";
  const pieces = trainWordPieceTokenizer([text, words], { vocabSize: 90, modelMaxLength: 64 });
  const { inputIds, offsetMapping, wordIds } = pieces("Ada née London, Nada", {
    returnOffsetsMapping: true,
    returnWordIds: true,
  });
  const tokens = pieces.convertIdsToTokens(inputIds);
  assert.deepEqual([tokens[0], tokens.at(-1)], ["[CLS]", "[SEP]"]);
  const firsts = wordIds!.flatMap((word, t) =>
    word !== null && wordIds![t - 1] !== word ? [offsetMapping![t]![0]] : [],
  );
  assert.deepEqual(firsts, [0, 4, 8, 14, 16]);
  assert.equal(pieces.decode(inputIds, { skipSpecialTokens: true }), "Ada née London,");
});

test("labels tell the problem, and are checked", () => {
  const rows = (...labels: (string | number | string[])[]) => labels.map((label) => ({ text: "a fox", label }));
  assert.deepEqual(classificationLabels(rows("b", "a", "b")).label2id, { a: 0, b: 1 });
  assert.deepEqual(classificationLabels(rows(10, 9, 2)).id2label, { 0: "2", 1: "9", 2: "10" });
  assert.equal(classificationLabels(rows(0.5, 1)).problemType, "regression");
  const several = classificationLabels(rows(["x", "y"], []));
  assert.equal(several.problemType, "multi_label_classification");
  const features = tokenizeClassification(rows(["y"], []), tokenizer, several);
  assert.deepEqual(
    features.map(({ labels }) => labels),
    [
      [0, 1],
      [0, 0],
    ],
  );
  const { labels } = classificationCollator(tokenizer, several)(features) as {
    labels: import("../../tensor/tensor.ts").Tensor;
  };
  assert.deepEqual([labels.dtype, labels.shape], ["float32", [2, 2]]);
  assert.throws(() => classificationLabels(rows("a", "a")), /all rows have the label "a"/);
  assert.throws(() => classificationLabels(rows("a", ["b"])), /row 1: it has \["b"\].*one label/);
  assert.throws(
    () => tokenizeClassification([{ text: " ", label: "a" }], tokenizer, classificationLabels(rows("a", "b"))),
    /row 0: its text is empty/,
  );
  assert.throws(
    () => tokenizeClassification(rows("c"), tokenizer, classificationLabels(rows("a", "b"))),
    /row 0: the label "c" is not among "a", "b"/,
  );
});

test("a head with other labels is refused unless a new one is wanted", () => {
  const config = { architectures: ["BertForSequenceClassification"], ...labelMap(["no", "yes", "maybe"]) };
  const head = labelsOfHead(config, "ForSequenceClassification");
  assert.deepEqual(fittingLabels(["maybe", "no"], head).label2id, { no: 0, yes: 1, maybe: 2 });
  assert.throws(() => fittingLabels(["other"], head), /head is for the labels no, yes, maybe; the data has 1: other/);
  assert.deepEqual(fittingLabels(["other"], head, { ignoreMismatchedSizes: true }).label2id, { other: 0 });
  assert.equal(labelsOfHead({ ...config, architectures: ["BertForMaskedLM"] }, "ForSequenceClassification"), undefined);
});

test("spans and CoNLL files become words with tags", () => {
  const text = "Ada Lovelace, of London.";
  const row = tagSpans(text, [
    { start: 17, end: 23, label: "LOC" },
    { start: 0, end: 12, label: "PER" },
  ]);
  assert.deepEqual(row, {
    tokens: ["Ada", "Lovelace", ",", "of", "London", "."],
    tags: ["B-PER", "I-PER", "O", "O", "B-LOC", "O"],
  });
  assert.deepEqual(tagNames([row]), ["B-LOC", "B-PER", "I-PER", "O"]);
  const span = (start: number, end: number) => ({ start, end, label: "X" });
  assert.throws(() => tagSpans(text, [span(3, 99)]), /within a text of 24 characters/);
  assert.throws(() => tagSpans(text, [span(0, 5), span(4, 8)]), /overlap/);
  assert.deepEqual(parseConll("-DOCSTART- -X- O\n\nAda NNP B-PER\nwent VBD O\n\nHome NN O\n"), [
    { tokens: ["Ada", "went"], tags: ["B-PER", "O"] },
    { tokens: ["Home"], tags: ["O"] },
  ]);
  assert.throws(() => parseConll("Ada B-PER\nwent\n", { file: "x.conll" }), /x\.conll, line 2: "went"/);
});

test("tags stand on the first piece of each word", () => {
  const row = { tokens: ["Lovelace", "unheard", "of"], tags: ["B-PER", "O", "O"] };
  const labels = labelMap(["B-PER", "I-PER", "O"]);
  const wordIds = tokenizer([...row.tokens], { isSplitIntoWords: true, returnWordIds: true }).wordIds!;
  assert.ok(wordIds.filter((id) => id === 1).length > 1, "a word in pieces");
  const [first] = tokenizeAndAlignLabels([row], tokenizer, labels);
  const [all] = tokenizeAndAlignLabels([row], tokenizer, labels, { labelAllTokens: true });
  const wanted = [0, 2, 2];
  assert.deepEqual(
    first!.labels,
    wordIds.map((id, t) => (id === null || wordIds[t - 1] === id ? -100 : wanted[id])),
  );
  assert.deepEqual(
    all!.labels,
    wordIds.map((id, t) => (id === null ? -100 : id === 0 && wordIds[t - 1] === 0 ? 1 : wanted[id])),
  );
  assert.throws(() => tokenizeAndAlignLabels([{ tokens: ["a"], tags: [] }], tokenizer, labels), /1 words and 0 tags/);
});

const context = `${words}. ${words.toUpperCase()}. In the end Ada answered.`;

test("questions come in all of their spellings, and answers stand in the context", () => {
  const squad = {
    data: [
      {
        paragraphs: [
          {
            context,
            qas: [{ id: "q", question: "Who?", answers: [{ text: "Ada", answer_start: context.indexOf("Ada") }] }],
          },
        ],
      },
    ],
  };
  const flat = [
    { id: "q", question: "Who?", context, answers: { text: ["Ada"], answer_start: [context.indexOf("Ada")] } },
  ];
  assert.deepEqual(questionRows(squad), questionRows(flat));
  assert.deepEqual(questionRows([{ question: "Who?", context, answers: "Ada" }])[0]!.answers, {
    text: ["Ada"],
    answerStart: [context.indexOf("Ada")],
  });
  assert.throws(
    () => questionRows([{ question: "Who?", context, answers: ["Grace"] }], "f"),
    /f, row 0: the answer "Grace" does not stand in the context/,
  );
  for (const answer_start of [-1, 1, 99, 0.5])
    assert.throws(
      () =>
        questionRows([
          { question: "Who?", context: "Ada, Ada", answers: { text: ["Ada"], answer_start: [answer_start] } },
        ]),
      /the answer "Ada" does not stand at character/,
    );
  assert.throws(() => questionRows([{ question: "", context, answers: [] }]), /"question" is ""/);
  assert.throws(() => questionRows([{ question: "Who?", answers: [] }], "f"), /f, row 0: "context" is missing/);
  assert.throws(
    () => questionRows([{ question: "Who?", context }], "f"),
    /f, row 0: "answers" is missing; an empty list/,
  );
});

test("windows hold the answer where it is, and logits lead back to it", () => {
  const at = context.lastIndexOf("Ada answered");
  const rows = questionRows([
    { question: "Who?", context, answers: { text: ["Ada answered"], answer_start: [at] } },
    { question: "Why?", context, answers: [] },
  ]);
  const features = prepareQuestionAnswering(rows, tokenizer, { maxLength: 40, docStride: 8 });
  assert.ok(features.filter(({ row }) => row === 0).length > 2);
  const holding = features.filter(({ startPositions }) => startPositions > 0);
  assert.ok(holding.length >= 1 && holding.every(({ row }) => row === 0));
  for (const { offsets, startPositions, endPositions } of holding)
    assert.equal(context.slice(offsets[startPositions]![0], offsets[endPositions]![1]), "Ada answered");
  // Every part of the context is in some window.
  const covered = new Set(
    features.flatMap(({ row, offsets }) => (row === 0 ? offsets.flatMap((o) => (o ? [o[0]] : [])) : [])),
  );
  const whole = tokenizer.backend.encode(context, { padding: null, truncation: null, addSpecialTokens: false });
  for (const [from] of whole.offsets) assert.ok(covered.has(from), `${from}`);

  const logits = features.map(({ inputIds, startPositions, endPositions }) =>
    [startPositions, endPositions].map((place) => inputIds.map((_, t) => (t === place ? 5 + Number(place > 0) : 0))),
  );
  const found = answersOfLogits(rows, features, logits, { nullAnswers: true });
  // The windows without the answer say so with 10; the one that has it says 0 for none.
  assert.deepEqual(
    found.map(({ answer, start }) => [answer, start]),
    [
      ["Ada answered", at],
      ["", 0],
    ],
  );
  const batch = questionCollator(tokenizer)(features.slice(0, 2)) as Readonly<
    Record<string, import("../../tensor/tensor.ts").Tensor>
  >;
  assert.deepEqual(Object.keys(batch).sort(), [
    "attentionMask",
    "endPositions",
    "inputIds",
    "startPositions",
    "tokenTypeIds",
  ]);
  assert.throws(
    () => prepareQuestionAnswering(rows, tokenizer, { maxLength: 10, docStride: 8 }),
    /leaves no place for the context/,
  );
});

test("texts are cut into rows one after another, and evaluation always masks the same tokens", () => {
  const rows = groupTexts([words, "", words], tokenizer, { maxLength: 16 });
  const whole = [words, words].flatMap((text) => tokenizer(text).inputIds);
  assert.deepEqual(
    rows.flatMap(({ inputIds }) => inputIds),
    whole,
  );
  assert.ok(rows.slice(0, -1).every(({ inputIds }) => inputIds.length === 16));
  const lines = groupTexts([words, "the fox"], tokenizer, { maxLength: 16, lineByLine: true });
  assert.deepEqual(
    lines.map(({ inputIds }) => inputIds.length <= 16),
    [true, true],
  );
  const [once, again] = [maskRows(rows, { tokenizer }), maskRows(rows, { tokenizer })];
  assert.deepEqual(once, again);
  const chosen = once.flatMap(({ labels }) => labels.filter((label) => label !== -100));
  assert.ok(chosen.length > 0);
  once.forEach(({ labels }, i) =>
    labels.forEach((label, t) => {
      if (label === -100) return;
      assert.equal(label, rows[i]!.inputIds[t]);
      assert.equal(rows[i]!.specialTokensMask![t], 0);
    }),
  );
  assert.throws(() => groupTexts([" "], tokenizer), /there is no text/);
});
