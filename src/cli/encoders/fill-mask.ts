// Masked language modelling on the command line: on lines of text, with perplexity.

import { perplexity, tokenAccuracy } from "../../metrics/trainer-metrics.ts";
import { AutoModelForMaskedLM } from "../../models/auto.ts";
import type { Row } from "../../text/batch.ts";
import { groupTexts, maskedLanguageCollator, maskRows } from "../../training/recipes/masked-language.ts";
import { Trainer } from "../../training/trainer.ts";
import { readTexts } from "../texts.ts";
import { type AnyRecipe, anyRecipe, figureLines, plainFigures, type Tools } from "./recipe.ts";

export const recipe: AnyRecipe = anyRecipe<string>({
  auto: AutoModelForMaskedLM,
  best: "loss",
  read: (file, { textColumn = "text" }) => readTexts(file, textColumn),
  texts: (rows) => rows,
  features: (rows, tools, isTraining) => {
    const { flags, tokenizer } = tools;
    const grouped = groupTexts(rows, tokenizer, { maxLength: flags.maxLength, lineByLine: flags.lineByLine === true });
    return isTraining ? grouped : maskRows(grouped, masking(tools));
  },
  trainer: (parts, tools) =>
    new Trainer<object>({
      ...parts,
      tokenizer: tools.tokenizer,
      dataCollator: (rows) => maskedLanguageCollator(masking(tools))(rows as readonly Row[]), // the features above
      preprocessLogitsForMetrics: (logits) => logits.argmax({ dim: -1 }),
      computeMetrics: tokenAccuracy(),
    }),
  report: async (trainer, { features }) => {
    const { metrics } = await trainer.predict(features);
    const plain = plainFigures(metrics);
    const figures = { ...plain, perplexity: perplexity(plain["loss"] ?? Number.NaN) };
    return { figures, text: figureLines(figures) };
  },
});

function masking({ tokenizer, flags }: Tools): Parameters<typeof maskRows>[1] {
  const { mlmProbability = 0.15, wholeWordMask = false } = flags;
  return { tokenizer, mlmProbability, wholeWordMask };
}
