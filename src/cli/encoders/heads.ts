// Whether a checkpoint was trained for a task: a head that was never trained answers at random, which on a command line nobody notices.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ArgumentError } from "../../base/errors.ts";
import { AutoConfig } from "../../models/auto.ts";
import type { EncoderTask } from "./tasks.ts";

/** How the classes of checkpoints with a task's head end; undefined where any encoder will do. */
const heads: { readonly [task in EncoderTask["name"]]: RegExp | undefined } = {
  "text-classification": /ForSequenceClassification$/,
  "token-classification": /ForTokenClassification$/,
  "question-answering": /ForQuestionAnswering$/,
  "fill-mask": /For(MaskedLM|PreTraining)$/,
  embeddings: undefined,
};

/** Throws ArgumentError for a folder whose model has another head. An adapter brings its head, and the hub is not asked twice. */
export async function checkHead(model: string, task: EncoderTask["name"]): Promise<void> {
  const wanted = heads[task];
  if (wanted === undefined || !existsSync(join(model, "config.json"))) return;
  if (existsSync(join(model, "adapter_config.json"))) return;
  const { architectures = [] } = await AutoConfig.fromPretrained(model);
  if (architectures.length === 0 || architectures.some((name) => wanted.test(name))) return;
  throw new ArgumentError(
    `${model} holds a ${architectures.join(", ")}, which has learnt nothing of ${task}. ` +
      `Train it first: kindling train ${task} --model ${model} …`,
    { model, architectures },
  );
}
