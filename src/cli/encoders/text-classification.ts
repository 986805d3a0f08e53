// Classification of texts on the command line: rows, labels, and the report with its table and confusion matrix.

import { argmax } from "../../base/argmax.ts";
import { DataError } from "../../base/errors.ts";
import { classificationReport } from "../../metrics/classification.ts";
import { confusionMatrix } from "../../metrics/confusion-matrix.ts";
import { classificationMetrics, multiLabelMetrics, regressionMetrics } from "../../metrics/trainer-metrics.ts";
import { AutoModelForSequenceClassification } from "../../models/auto.ts";
import type { LabelConfig, ProblemType } from "../../models/encoder-config.ts";
import { fittingLabels, labelId, labelNames, labelsOfHead } from "../../training/recipes/labels.ts";
import {
  type ClassificationLabels,
  type ClassificationRow,
  classificationCollator,
  classificationLabels,
  tokenizeClassification,
} from "../../training/recipes/text-classification.ts";
import { Trainer } from "../../training/trainer.ts";
import { type AnyRecipe, anyRecipe, figureLines, plainFigures, type Report, type Tools } from "./recipe.ts";
import { type PlacedRow, readPlaced, textOf } from "./rows.ts";

type Placed = ClassificationRow & { readonly place: string };

const metricsOf: { readonly [problem in ProblemType]: () => ReturnType<typeof regressionMetrics> } = {
  regression: regressionMetrics,
  single_label_classification: () => classificationMetrics(),
  multi_label_classification: () => multiLabelMetrics(),
};

export const recipe: AnyRecipe = anyRecipe<Placed>({
  auto: AutoModelForSequenceClassification,
  head: "ForSequenceClassification",
  loraTask: "SEQ_CLS",
  best: "loss",
  read: async (file, { textColumn = "text", textPairColumn, labelColumn }) =>
    (await readPlaced(file)).map((placed) => ({
      place: placed.place,
      text: textOf(placed, textColumn),
      ...(textPairColumn !== undefined && { textPair: textOf(placed, textPairColumn) }),
      label: labelOf(placed, labelColumn),
    })),
  texts: (rows) => rows.flatMap(({ text, textPair }) => (textPair === undefined ? [text] : [text, textPair])),
  labels(train, validation, { problemType, ignoreMismatchedSizes = false }, checkpoint) {
    const found = classificationLabels(train, { problemType });
    if (found.problemType === "regression") return found;
    const head = checkpoint === undefined ? undefined : labelsOfHead(checkpoint, "ForSequenceClassification");
    const fitting = { ...found, ...fittingLabels(labelNames(found), head, { ignoreMismatchedSizes }) };
    for (const { label, place } of validation) {
      const isList = Array.isArray(label);
      if (isList !== (found.problemType === "multi_label_classification"))
        throw new DataError(
          `${place}: its label is ${JSON.stringify(label)}; those of the training file are ${isList ? "single ones" : "lists"}.`,
          { label },
        );
      for (const one of [label].flat()) labelId(fitting, String(one), place);
    }
    return fitting;
  },
  features: (rows, { tokenizer, config, flags }) =>
    tokenizeClassification(rows, tokenizer, labelsOf(config), { maxLength: flags.maxLength }),
  trainer: (parts, { tokenizer, config }) =>
    new Trainer<object>({
      ...parts,
      tokenizer,
      dataCollator: classificationCollator(tokenizer, labelsOf(config)) as (
        rows: readonly object[],
      ) => Readonly<Record<string, unknown>>, // the features above
      computeMetrics: metricsOf[labelsOf(config).problemType](),
    }),
  report: async (trainer, { features }, tools) => {
    const { predictions, labelIds, metrics } = await trainer.predict(features);
    const figures = plainFigures(metrics);
    const { problemType } = labelsOf(tools.config);
    if (problemType === "regression") return { figures, text: figureLines(figures) };
    return classReport(predictions as number[][], labelIds, figures, tools); // logits of a classifier
  },
});

function labelOf({ place, row }: PlacedRow, labelColumn: string | undefined): ClassificationRow["label"] {
  const column = labelColumn ?? (row["label"] === undefined && row["labels"] !== undefined ? "labels" : "label");
  const value = row[column];
  const isLabel = (one: unknown): boolean =>
    typeof one === "string" ? one.trim() !== "" : typeof one === "number" && Number.isFinite(one);
  if (Array.isArray(value) ? value.every(isLabel) : isLabel(value)) return value as ClassificationRow["label"]; // as checked
  if (typeof value === "boolean") return String(value);
  const got =
    value === undefined || value === null
      ? `has no "${column}"; its keys are ${Object.keys(row).join(", ")}`
      : `its "${column}" is ${JSON.stringify(value)}`;
  throw new DataError(
    `${place}: ${got}. A label is a text, a number, or a list of them; --label-column names its column.`,
    { column },
  );
}

/** A model that was trained elsewhere may not say what kind its labels are: one label is a number, several are classes. */
function labelsOf(config: LabelConfig): ClassificationLabels {
  return {
    ...config,
    problemType: config.problemType ?? (config.numLabels === 1 ? "regression" : "single_label_classification"),
  };
}

function classReport(
  logits: readonly (readonly number[])[],
  labelIds: readonly unknown[],
  figures: Record<string, number>,
  { config }: Tools,
): Report {
  const names = labelNames(config);
  const labels = [...names.keys()];
  if (labelsOf(config).problemType === "multi_label_classification") {
    const made = logits.map((row) => row.map((logit) => Number(logit >= 0)));
    const table = classificationReport(made, labelIds as number[][], { names });
    return { figures, text: `${table.format()}\n\n${figureLines(figures)}` };
  }
  const made = logits.map(argmax);
  const wanted = labelIds as number[]; // one class a row
  const table = classificationReport(made, wanted, { labels, names });
  const matrix = confusionMatrix(made, wanted, { labels });
  const classes = Object.fromEntries([...table.labels].map(([label, score]) => [names[Number(label)], score]));
  return {
    figures: { ...figures, classes },
    text: `${table.format()}\n\n${figureLines(figures)}`,
    files: { "confusion-matrix.svg": matrix.svg({ names }) },
  };
}
