// Evaluation of an encoder on a file, with the same rows, features and report as its training.

import { AutoTokenizer } from "../../models/pretrained-files.ts";
import { loadAdapted } from "../../pipelines/auto-peft.ts";
import { lengthLimit } from "../../pipelines/encoder.ts";
import { checkHead } from "./heads.ts";
import type { DataFlags, Tools } from "./recipe.ts";
import { inFile } from "./rows.ts";
import type { EncoderTask } from "./tasks.ts";

export interface EvaluateFlags extends DataFlags {
  readonly model: string;
  readonly data: string;
  readonly rows?: number;
  readonly json?: boolean;
}

export async function evaluateEncoder(task: EncoderTask, flags: EvaluateFlags): Promise<void> {
  const recipe = await task.recipe();
  const rows = (await recipe.read(flags.data, flags)).slice(0, flags.rows);
  await checkHead(flags.model, task.name);
  const tokenizer = await AutoTokenizer.fromPretrained(flags.model);
  const model = await loadAdapted(recipe.auto, flags.model);
  const maxLength = Math.min(flags.maxLength, lengthLimit({ tokenizer, model }));
  const tools: Tools = { tokenizer, config: model.config, flags: { ...flags, maxLength } };
  const evaluation = { rows, features: inFile(flags.data, () => recipe.features(rows, tools, false)) };
  const args = { perDeviceEvalBatchSize: flags.batchSize, disableTqdm: true };
  const trainer = recipe.trainer({ model, args, evalDataset: evaluation.features }, tools, evaluation);
  const started = performance.now();
  const { figures, text } = await recipe.report(trainer, evaluation, tools);
  const seconds = (performance.now() - started) / 1000;
  if (flags.json === true) console.log(JSON.stringify({ rows: rows.length, seconds, ...figures }, null, 2));
  else console.log(`${text}\n${rows.length} rows in ${seconds.toFixed(1)} s`);
}
