// Metrics against what scikit-learn, scipy, seqeval and SQuAD's own script printed (scripts/goldens/metrics.py), and their
// answers to what makes no sense.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ArgumentError } from "../base/errors.ts";
import {
  type Average,
  accuracy,
  type ClassRow,
  classificationReport,
  matthewsCorrcoef,
  precisionRecallFscore,
} from "./classification.ts";
import { confusionMatrix } from "./confusion-matrix.ts";
import { averagePrecision, rocAuc } from "./ranking.ts";
import { meanAbsoluteError, meanSquaredError, pearson, spearman } from "./regression.ts";
import { entitiesOf, seqeval, type TagScheme } from "./seqeval.ts";
import { squad, squadV2 } from "./squad.ts";
import {
  classificationMetrics,
  multiLabelMetrics,
  regressionMetrics,
  seqevalMetrics,
  tokenAccuracy,
} from "./trainer-metrics.ts";

interface Classes<Row> {
  readonly predictions: readonly Row[];
  readonly references: readonly Row[];
  readonly accuracy: number;
  /** "macro 2 1": beta 2, division by zero is 1. */
  readonly averages: Readonly<Record<string, readonly [number, number, number]>>;
}
interface Fixture {
  readonly single: readonly (Classes<number> & {
    readonly matthews: number;
    readonly matrix: Readonly<Record<"none" | "true" | "pred" | "all", readonly (readonly number[])[]>>;
  })[];
  readonly several: readonly Classes<readonly number[]>[];
  readonly ranked: readonly {
    readonly scores: readonly number[];
    readonly references: readonly number[];
    readonly auc: number;
    readonly average_precision: number;
  }[];
  readonly ranked_classes: readonly {
    readonly scores: readonly (readonly number[])[];
    readonly references: readonly number[];
    readonly flags: readonly (readonly number[])[];
    readonly auc: Readonly<Record<string, number>>;
    readonly flag_auc: Readonly<Record<"macro" | "weighted", number>>;
  }[];
  readonly numbers: readonly {
    readonly predictions: readonly number[];
    readonly references: readonly number[];
    readonly pearson: number;
    readonly spearman: number;
    readonly mse: number;
    readonly mae: number;
  }[];
  readonly tags: readonly (readonly [
    TagScheme | "lenient",
    readonly string[],
    readonly (readonly [string, number, number])[],
  ])[];
  readonly answers: readonly (readonly [string, readonly string[], number, number])[];
}

const fixture = JSON.parse(
  readFileSync(new URL("../../test/fixtures/metrics/metrics.json", import.meta.url), "utf8"),
) as Fixture; // as scripts/goldens/metrics.py writes it

function near(actual: number, expected: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
    `${what}: ${actual}, not ${expected}`,
  );
}

function checkAverages({ predictions, references, averages }: Classes<ClassRow>): void {
  for (const [name, [precision, recall, fscore]] of Object.entries(averages)) {
    const [average, beta, zero] = name.split(" ") as [Average, string, string]; // as the fixture names them
    const options = { average, beta: Number(beta), zeroDivision: zero === "1" ? 1 : 0 } as const;
    const scores = precisionRecallFscore(predictions, references, options);
    near(scores.precision, precision, `${name} precision`);
    near(scores.recall, recall, `${name} recall`);
    near(scores.fscore, fscore, `${name} F`);
  }
}

test("one class a row: accuracy, averages, Matthews and confusion equal scikit-learn's", () => {
  for (const row of fixture.single) {
    near(accuracy(row.predictions, row.references), row.accuracy, "accuracy");
    near(matthewsCorrcoef(row.predictions, row.references), row.matthews, "Matthews");
    checkAverages(row);
    for (const kind of ["none", "true", "pred", "all"] as const) {
      const { counts } = confusionMatrix(row.predictions, row.references, kind === "none" ? {} : { normalize: kind });
      assert.deepEqual(
        counts.map((line) => line.map((value) => Math.round(value * 1e9))),
        row.matrix[kind].map((line) => line.map((value) => Math.round(value * 1e9))),
      );
    }
  }
});

test("several classes a row: accuracy and averages equal scikit-learn's", () => {
  for (const row of fixture.several) {
    near(accuracy(row.predictions, row.references), row.accuracy, "accuracy");
    checkAverages(row);
  }
});

test("areas under ROC curves and average precision equal scikit-learn's, ties included", () => {
  for (const { scores, references, auc, average_precision } of fixture.ranked) {
    near(rocAuc(scores, references), auc, "AUC");
    near(averagePrecision(scores, references), average_precision, "average precision");
  }
  for (const { scores, references, flags, auc, flag_auc } of fixture.ranked_classes) {
    for (const [name, value] of Object.entries(auc)) {
      const [multiClass, average] = name.split(" ") as ["ovr" | "ovo", "macro" | "weighted"]; // as the fixture names them
      near(rocAuc(scores, references, { multiClass, average }), value, name);
    }
    for (const average of ["macro", "weighted"] as const)
      near(rocAuc(scores, flags, { average }), flag_auc[average], average);
  }
});

test("errors and correlations equal scipy's", () => {
  for (const { predictions, references, ...wanted } of fixture.numbers) {
    near(pearson(predictions, references), wanted.pearson, "Pearson");
    near(spearman(predictions, references), wanted.spearman, "Spearman");
    near(meanSquaredError(predictions, references), wanted.mse, "MSE");
    near(meanAbsoluteError(predictions, references), wanted.mae, "MAE");
  }
});

test("entities are read as seqeval reads them, leniently and by each scheme", () => {
  for (const [scheme, tags, wanted] of fixture.tags) {
    const entities = entitiesOf(tags, scheme === "lenient" ? undefined : scheme);
    assert.deepEqual(
      entities.map(({ type, start, end }) => [type, start, end]),
      wanted,
      `${scheme}: ${tags.join(" ")}`,
    );
  }
});

test("seqeval counts entities, not tags", () => {
  // seqeval's own documented example: one of two entities is right.
  const references = [
    ["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"],
    ["B-PER", "I-PER", "O"],
  ];
  const predictions = [
    ["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"],
    ["B-PER", "I-PER", "O"],
  ];
  const scores = seqeval(predictions, references);
  assert.deepEqual(scores.micro, { precision: 0.5, recall: 0.5, fscore: 0.5, support: 2 });
  assert.equal(scores.accuracy, 0.8);
  assert.equal(scores.types.get("PER")?.fscore, 1);
  assert.equal(scores.types.get("MISC")?.fscore, 0);
  assert.match(scores.format(), /MISC +0\.000 +0\.000 +0\.000 +1\n/);
});

test("a run of I- without B- is an entity leniently and none by IOB2", () => {
  const tags = [["I-PER", "I-PER", "O"]];
  assert.equal(seqeval(tags, tags).micro.fscore, 1);
  assert.deepEqual(seqeval(tags, tags, { scheme: "IOB2" }).micro, { precision: 0, recall: 0, fscore: 0, support: 0 });
});

test("answers: exact match and F1 equal SQuAD's script", () => {
  for (const [prediction, references, exact, f1] of fixture.answers) {
    const scores = squadV2([prediction], [references]);
    near(scores.exactMatch, 100 * exact, `"${prediction}" for ${JSON.stringify(references)}`);
    near(scores.f1, 100 * f1, `F1 of "${prediction}" for ${JSON.stringify(references)}`);
  }
  assert.deepEqual(squad(["The Eiffel Tower!", "Rome"], [["eiffel tower"], ["Milan", "in Rome"]]), {
    exactMatch: 50,
    f1: (100 * (1 + 2 / 3)) / 2,
  });
  const { hasAns, noAns } = squadV2(["", "x"], [[], ["y"]]);
  assert.deepEqual([hasAns?.exactMatch, noAns?.exactMatch], [0, 100]);
});

test("a Trainer's logits become metrics", () => {
  const predictions = [
    [0.2, 1.5],
    [2, -1],
    [0.3, 0.1],
    [-1, 0],
  ];
  const labelIds = [1, 0, 1, 1];
  assert.deepEqual(classificationMetrics({ average: "binary" })({ predictions, labelIds }), {
    accuracy: 0.75,
    precision: 1,
    recall: 2 / 3,
    f1: 0.8,
    rocAuc: 1,
  });
  const chosen = classificationMetrics({ average: "binary" })({ predictions: [1, 0, 0, 1], labelIds });
  assert.deepEqual(chosen, { accuracy: 0.75, precision: 1, recall: 2 / 3, f1: 0.8 }); // no scores, so no area under a curve
  assert.throws(
    () => classificationMetrics()({ predictions: [0.7], labelIds: [1] }),
    /row 0 is 0\.7; wants logits, or/,
  );
  const flags = multiLabelMetrics()({
    predictions,
    labelIds: [
      [1, 1],
      [1, 0],
      [0, 0],
      [0, 1],
    ],
  }); // prettier to read
  assert.deepEqual([flags["accuracy"], flags["precision"], flags["recall"]], [0.75, 4 / 6, 1]);
  assert.equal(regressionMetrics()({ predictions: [[1], [2], [4]], labelIds: [1, 2, 3] })["mse"], 1 / 3);
  const tags = seqevalMetrics(["O", "B-X", "I-X"])({
    predictions: [
      [
        [9, 0, 0],
        [0, 9, 0],
        [0, 0, 9],
        [9, 0, 0],
      ],
    ],
    labelIds: [[-100, 1, 2, 0]],
  });
  assert.deepEqual(tags, { precision: 1, recall: 1, f1: 1, accuracy: 1 });
  assert.equal(
    tokenAccuracy()({
      predictions: [
        [
          [1, 0],
          [0, 1],
        ],
      ],
      labelIds: [[-100, 0]],
    })["accuracy"],
    0,
  );
});

test("a confusion matrix is drawn with every count, and names are escaped", () => {
  const matrix = confusionMatrix(["a", "b", "b"], ["a", "a", "b"]);
  assert.deepEqual(matrix.counts, [
    [1, 1],
    [0, 1],
  ]);
  const svg = matrix.svg({ names: ["<a>", "b"] });
  assert.equal(svg.match(/<rect/g)?.length, 4);
  assert.ok(svg.includes("&lt;a&gt;") && !svg.includes("<a>"));
  assert.match(matrix.text(), /^a +1 +1$/m);
  assert.match(classificationReport(["a", "b", "b"], ["a", "a", "b"]).format(2), /^a +1\.00 +0\.50 +0\.67 +2$/m);
});

test("what makes no sense is an error that says why", () => {
  assert.throws(() => accuracy([1], [1, 0]), ArgumentError);
  assert.throws(() => precisionRecallFscore([0, 1, 2], [0, 1, 2]), /average "binary" wants two labels/);
  assert.throws(() => precisionRecallFscore(["yes", "no"], ["no", "no"]), /posLabel/);
  assert.throws(() => precisionRecallFscore([[1, 0]], [[1]], { average: "micro" }), /row 0/);
  assert.throws(() => precisionRecallFscore([[2, 0]], [[1, 0]], { average: "micro" }), /row 0 holds 2/);
  assert.throws(() => rocAuc([0.5, 0.1], [1, 1]), /wants both 0 and 1/);
  assert.throws(() => rocAuc([0.5, 0.1], [1, 2]), /reference 1 is 2/);
  assert.throws(() => seqeval([["O"]], [["O", "O"]]), /sentence 0/);
  assert.throws(() => seqeval([["PER"]], [["O"]]), /tag 0 is "PER"/);
  assert.throws(() => seqeval([["E-X"]], [["O"]], { scheme: "IOB2" }), /IOB2 does not know/);
  assert.throws(() => seqevalMetrics(["O"])({ predictions: [[3]], labelIds: [[0]] }), /label 3 has no name/);
});
