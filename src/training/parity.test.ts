// Whole runs beside transformers' Trainer: the same model, rows and arguments give the same batches, rates, losses and norms, the same
// evaluations, the same checkpoints and the same choice. scripts/goldens/trainer.py made what is expected.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { camelCase, mapKeys } from "../base/spelling.ts";
import { accuracy } from "../metrics/classification.ts";
import { BertForSequenceClassification } from "../models/bert.ts";
import type { TrainingArguments } from "./arguments.ts";
import { EarlyStoppingCallback, type EarlyStoppingOptions } from "./callbacks.ts";
import { Trainer } from "./trainer.ts";

interface Row extends Record<string, unknown> {
  readonly inputIds: readonly number[];
  readonly labels: number;
}
interface Run {
  readonly name: string;
  readonly args: TrainingArguments;
  readonly stopping?: EarlyStoppingOptions;
  readonly history: readonly Readonly<Record<string, number>>[];
  readonly globalStep: number;
  readonly maxSteps: number;
  readonly bestMetric: number | null;
  readonly bestStep: number | null;
  readonly checkpoints: readonly string[];
  readonly finalLoss: number;
}
const fixtures = new URL("../../test/fixtures/training/parity/", import.meta.url);
const { train, evaluation, runs } = JSON.parse(readFileSync(new URL("runs.json", fixtures), "utf8")) as {
  readonly train: readonly Row[];
  readonly evaluation: readonly Row[];
  readonly runs: readonly Run[];
}; // its generator has the form
const masked = (rows: readonly Row[]) => rows.map((row) => ({ ...row, attentionMask: row.inputIds.map(() => 1) }));

function near(made: number | undefined, wanted: number, place: string): void {
  // float32 sums in another order, carried through the steps before
  assert.ok(
    Math.abs((made ?? Number.NaN) - wanted) <= 2e-4 * Math.abs(wanted) + 2e-6,
    `${place}: ${made}, not ${wanted}`,
  );
}

for (const { name, args, stopping, ...wanted } of runs) {
  test(`as transformers trains: ${name}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "kindling-parity-"));
    const outputDir = args.saveStrategy === "no" ? {} : { outputDir: folder }; // writing takes longer than training
    try {
      const trainer = new Trainer<Row>({
        model: await BertForSequenceClassification.fromPretrained(fileURLToPath(fixtures)),
        trainDataset: masked(train),
        evalDataset: masked(evaluation),
        computeMetrics: ({ predictions, labelIds }) => ({
          accuracy: accuracy(
            predictions.map((row) => (row as number[]).indexOf(Math.max(...(row as number[])))), // logits
            labelIds as number[], // classes
          ),
        }),
        callbacks: stopping === undefined ? [] : [new EarlyStoppingCallback(stopping)],
        args: { ...(mapKeys(args, camelCase) as TrainingArguments), ...outputDir, disableTqdm: true },
      });
      const { globalStep } = await trainer.train();
      const { state } = trainer;
      assert.deepEqual([globalStep, state.maxSteps], [wanted.globalStep, wanted.maxSteps]);
      checkHistory(state.logHistory, wanted.history);
      if (wanted.bestMetric === null) assert.equal(wanted.bestStep, null);
      else near(state.bestMetric ?? undefined, wanted.bestMetric, "bestMetric");
      const best = state.bestModelCheckpoint?.match(/\d+$/)?.[0];
      if (wanted.bestStep !== null) assert.equal(Number(best), wanted.bestStep, "the best checkpoint");
      const saved = readdirSync(folder).filter((file) => file.startsWith("checkpoint-"));
      // Of one checkpoint theirs is the best in the end; ours keeps the newest too, so that a finished run is known as finished.
      const newest = args.saveTotalLimit === 1 ? [`checkpoint-${globalStep}`] : [];
      assert.deepEqual(new Set(saved), new Set([...wanted.checkpoints, ...newest]));
      // Theirs also smooths the labels of an evaluation, and drops its last rows.
      if (args.labelSmoothingFactor === undefined && args.dataloaderDropLast !== true)
        near((await trainer.evaluate())["evalLoss"], wanted.finalLoss, "the loss in the end");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

/** Ours also logs the loss of the last step, where theirs is silent. */
function checkHistory(made: readonly Readonly<Record<string, number>>[], wanted: Run["history"]): void {
  const ours = made.map((entry) => ({ entry, used: false }));
  for (const { step, epoch, ...values } of wanted) {
    const keys = Object.keys(values).map(camelCase);
    const found = ours.find(({ entry, used }) => !used && entry["step"] === step && keys.every((key) => key in entry));
    assert.ok(found !== undefined, `step ${step}: no entry with ${keys.join(", ")}`);
    found.used = true;
    near(found.entry["epoch"], epoch!, `step ${step}, epoch`);
    for (const [key, value] of Object.entries(values)) near(found.entry[camelCase(key)], value, `step ${step}, ${key}`);
  }
  const more = ours.filter(({ used }) => !used).map(({ entry }) => entry);
  const last = wanted.at(-1)!["step"];
  for (const entry of more)
    assert.ok(entry["step"] === last && "loss" in entry, `an entry more: ${JSON.stringify(entry)}`);
}
