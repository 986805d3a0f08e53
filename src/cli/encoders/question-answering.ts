// Questions about texts on the command line: SQuAD's files, windows of long texts, and SQuAD's scores.

import { DataError } from "../../base/errors.ts";
import { squadV2 } from "../../metrics/squad.ts";
import { AutoModelForQuestionAnswering } from "../../models/auto.ts";
import { answersOfLogits } from "../../training/recipes/answers.ts";
import {
  prepareQuestionAnswering,
  type QuestionFeature,
  type QuestionRow,
  questionCollator,
  questionRows,
} from "../../training/recipes/question-answering.ts";
import { Trainer } from "../../training/trainer.ts";
import { readWhole } from "../texts.ts";
import { type AnyRecipe, anyRecipe, type Encoded, figureLines, plainFigures, type Tools } from "./recipe.ts";
import { readPlaced } from "./rows.ts";

export const recipe: AnyRecipe = anyRecipe<QuestionRow>({
  auto: AutoModelForQuestionAnswering,
  loraTask: "QUESTION_ANS",
  best: "loss",
  read: async (file) => {
    if (!file.endsWith(".json"))
      return questionRows(
        (await readPlaced(file)).map(({ row }) => row),
        `read ${file}`,
      );
    const content = await readWhole(file);
    let json: unknown;
    try {
      json = JSON.parse(content);
    } catch (error) {
      throw new DataError(
        `read ${file}: not valid JSON. JSONL, a row a line, wants the ending .jsonl.`,
        { file },
        { cause: error },
      );
    }
    return questionRows(json, `read ${file}`);
  },
  texts: (rows) => new Set(rows.flatMap(({ question, context }) => [question, context])),
  features: (rows, { tokenizer, flags }) =>
    prepareQuestionAnswering(rows, tokenizer, { maxLength: flags.maxLength, docStride: flags.docStride }),
  trainer: (parts, tools, evaluated) =>
    new Trainer<object>({
      ...parts,
      tokenizer: tools.tokenizer,
      dataCollator: questionCollator(tools.tokenizer) as (rows: readonly object[]) => Readonly<Record<string, unknown>>, // the features above
      computeMetrics: ({ predictions }) => {
        const { exactMatch, f1 } = scored(predictions, evaluated, tools);
        return { exactMatch, f1 };
      },
    }),
  report: async (trainer, evaluation, tools) => {
    const { predictions, metrics } = await trainer.predict(evaluation.features);
    const figures = plainFigures(metrics);
    const { hasAns, noAns, total } = scored(predictions, evaluation, tools);
    const parts = Object.entries({ "with an answer": hasAns, without: noAns }).flatMap(([name, scores]) =>
      scores === undefined
        ? []
        : [
            `${name}: ${scores.total} questions, exact match ${scores.exactMatch.toFixed(2)}, F1 ${scores.f1.toFixed(2)}`,
          ],
    );
    return {
      figures: { ...figures, total, ...(hasAns && { hasAns }), ...(noAns && { noAns }) },
      text: [figureLines(figures), ...parts].join("\n"),
    };
  },
});

function scored(
  predictions: readonly unknown[],
  { rows, features }: Encoded<QuestionRow>,
  { flags, tokenizer: { paddingSide } }: Tools,
): ReturnType<typeof squadV2> {
  const nullAnswers = flags.nullAnswers === true;
  const answers = answersOfLogits(rows, features as readonly QuestionFeature[], predictions, {
    nullAnswers,
    paddingSide,
  }); // made above
  return squadV2(
    answers.map(({ answer }) => answer),
    rows.map((row) => row.answers.text),
  );
}
