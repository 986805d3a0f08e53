// A run that was stopped or killed goes on bit by bit: its losses, weights and log are those of a run that never paused.

import assert from "node:assert/strict";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { echoRows, TinyTagger, tinyRows, tinySeq2Seq, tinyTagger } from "../../test/tiny-training.ts";
import { CheckpointError } from "../base/errors.ts";
import { manualSeed } from "../base/random.ts";
import { padCollate } from "../data/collate.ts";
import { Seq2SeqRnn } from "../models/rnn-seq2seq.ts";
import type { AnyModule } from "../nn/module.ts";
import { StepLR } from "../optim/lr-scheduler.ts";
import { SGD } from "../optim/sgd.ts";
import type { TrainingArguments } from "./arguments.ts";
import { readJsonlLog } from "./jsonl-log.node.ts";
import { Trainer, type TrainerOptions } from "./trainer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-resume-"));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const freshFolder = (): string => join(root, String(folders++));

interface Case {
  readonly name: string;
  readonly make: (seed: number) => AnyModule;
  readonly args: TrainingArguments;
  readonly echo?: boolean;
  readonly optimizers?: (model: AnyModule) => NonNullable<TrainerOptions<object>["optimizers"]>;
}
const common: TrainingArguments = {
  learningRate: 0.02,
  weightDecay: 0.1,
  loggingSteps: 3,
  saveStrategy: "no",
  perDeviceTrainBatchSize: 4,
  disableTqdm: true,
};
const cases: readonly Case[] = [
  { name: "dropout and shuffling", make: tinyTagger, args: { numTrainEpochs: 2.5, warmupSteps: 0.1 } },
  {
    name: "accumulation",
    make: tinyTagger,
    args: { numTrainEpochs: 4, gradientAccumulationSteps: 3, lrSchedulerType: "cosine" },
  },
  { name: "batches of like length", make: tinyTagger, args: { maxSteps: 25, groupByLength: true, dataSeed: 9 } },
  {
    name: "an optimizer and a schedule of the user's",
    make: tinyTagger,
    args: { numTrainEpochs: 2 },
    optimizers: (model) => {
      const optimizer = new SGD(model.parameters(), { lr: 0.5, momentum: 0.9 });
      return { optimizer, scheduler: new StepLR(optimizer, { stepSize: 4, gamma: 0.7 }) };
    },
  },
  {
    name: "evaluations between, a recurrent model",
    make: tinySeq2Seq,
    echo: true,
    args: {
      maxSteps: 24,
      evalStrategy: "steps",
      evalSteps: 4,
      predictWithGenerate: true,
      generationMaxNewTokens: 4,
      labelSmoothingFactor: 0.1,
    },
  },
];

interface Ran {
  readonly losses: readonly number[];
  readonly weights: readonly (readonly number[])[];
  readonly logged: readonly unknown[];
}

/** One call of `train`, stopped after step `stopAt`. */
async function part(
  one: Case,
  folder: string,
  losses: number[],
  stopAt?: number,
  resume: boolean | string = losses.length > 0,
): Promise<AnyModule> {
  const model = one.make(losses.length); // other weights each time: they must come from the checkpoint
  const trainer: Trainer<object> = new Trainer<object>({
    model,
    args: { ...common, ...one.args, outputDir: folder },
    trainDataset: one.echo === true ? echoRows(33) : tinyRows(33),
    evalDataset: one.echo === true ? echoRows(9, 7) : tinyRows(9, 7),
    ...(one.optimizers !== undefined && { optimizers: one.optimizers(model) }),
    callbacks: [
      {
        onStepEnd: ({ loss, state }) => {
          losses.push(loss);
          if (state.globalStep === stopAt) trainer.stop();
        },
      },
    ],
  });
  manualSeed(123 + losses.length); // train() brings the stream itself
  const { wasStopped } = await trainer.train({ resumeFromCheckpoint: resume });
  assert.equal(wasStopped, stopAt !== undefined);
  return model;
}

async function ran(one: Case, stops: readonly number[]): Promise<Ran> {
  const folder = freshFolder();
  const losses: number[] = [];
  for (const stop of stops) await part(one, folder, losses, stop);
  const model = await part(one, folder, losses);
  const logged = readJsonlLog(join(folder, "log.jsonl")).map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !/runtime|per_second|train_/.test(name))),
  );
  return { losses, weights: model.parameters().map((p) => Array.from(p.toArray())), logged };
}

for (const one of cases) {
  test(`stopped and resumed: ${one.name}`, async () => {
    const whole = await ran(one, []);
    assert.ok(whole.losses.length >= 12 && whole.losses.at(-1)! < whole.losses[0]!, "it learns");
    for (const stops of [[7], [2, 3, 11]]) {
      const { losses, weights, logged } = await ran(one, stops);
      assert.deepEqual(losses, whole.losses, `losses, stopped after ${stops}`);
      assert.deepEqual(weights, whole.weights, `weights, stopped after ${stops}`);
      assert.deepEqual(logged, whole.logged, `log, stopped after ${stops}`);
    }
  });
}

test("a stop in the middle of an evaluation leaves it to the resumed run", async () => {
  const folder = freshFolder();
  const one: Case = {
    name: "",
    make: tinyTagger,
    args: { maxSteps: 6, evalStrategy: "steps", evalSteps: 3, perDeviceEvalBatchSize: 2 },
  };
  const args = { ...common, ...one.args, outputDir: folder };
  let evaluated = 0;
  const model = tinyTagger();
  const trainer: Trainer<object> = new Trainer<object>({
    model,
    args,
    trainDataset: tinyRows(33),
    evalDataset: tinyRows(9, 7),
    dataCollator: (rows) => {
      if (!model.training && ++evaluated === 3) trainer.stop();
      return padCollate()(rows);
    },
  });
  const { wasStopped, globalStep } = await trainer.train();
  assert.deepEqual([wasStopped, globalStep, evaluated], [true, 3, 3]);
  const losses = [0, 0, 0];
  await part(one, folder, losses);
  assert.equal(losses.length, 6);
  const evaluations = readJsonlLog(join(folder, "log.jsonl")).filter((row) => row["eval_loss"] !== undefined);
  assert.deepEqual(
    evaluations.map((row) => row["step"]),
    [3, 6],
  );
});

// ── what is wrong with a checkpoint is said, and nothing is lost ────────────────────────────────────────────────────

const saving: Case = { name: "", make: tinyTagger, args: { maxSteps: 9, saveStrategy: "steps", saveSteps: 3 } };

/** A finished run with checkpoints 3, 6 and 9, to be damaged. */
let finished: Promise<{ readonly folder: string; readonly losses: readonly number[] }> | undefined;
async function damaged(damage: (folder: string) => void): Promise<{ folder: string; losses: readonly number[] }> {
  finished ??= (async () => {
    const folder = freshFolder();
    const losses: number[] = [];
    await part(saving, folder, losses);
    return { folder, losses };
  })();
  const { folder: from, losses } = await finished;
  const folder = freshFolder();
  cpSync(from, folder, { recursive: true });
  damage(folder);
  return { folder, losses };
}

const damages: { readonly [what: string]: readonly [file: string, damage: (file: string) => void] } = {
  "weights cut off": ["model.safetensors", (file) => truncateSync(file, 300)],
  "one bit of the weights changed": [
    "model.safetensors",
    (file) => {
      const bytes = readFileSync(file);
      bytes[bytes.length - 5]! ^= 1;
      writeFileSync(file, bytes);
    },
  ],
  "an empty state": ["trainer_state.json", (file) => truncateSync(file, 0)],
  "the optimizer's tensors missing": ["optimizer.safetensors", (file) => rmSync(file)],
  "a number of the optimizer changed": [
    "optimizer.json",
    (file) => writeFileSync(file, readFileSync(file, "utf8").replace("9", "8")),
  ],
  "the checksums cut off": ["SHA256SUMS", (file) => truncateSync(file, 100)],
  "the checksums missing": ["SHA256SUMS", (file) => rmSync(file)],
};
for (const [what, [name, damage]] of Object.entries(damages)) {
  test(`${what}: the error names the file and the checkpoint that is whole`, async () => {
    const { folder, losses } = await damaged((folder) => damage(join(folder, "checkpoint-9", name)));
    const before = readdirSync(folder).sort();
    const log = readFileSync(join(folder, "log.jsonl"), "utf8");
    await assert.rejects(part(saving, folder, [], undefined, true), (error) => {
      assert.ok(error instanceof CheckpointError, String(error));
      assert.ok(error.message.startsWith(join(folder, "checkpoint-9", name)), error.message);
      assert.match(error.message, /checkpoint-6 is whole: move checkpoint-9 away/);
      return true;
    });
    assert.deepEqual(readdirSync(folder).sort(), before);
    assert.equal(readFileSync(join(folder, "log.jsonl"), "utf8"), log);
    // What the message advises works.
    renameSync(join(folder, "checkpoint-9"), join(folder, "broken"));
    const again: number[] = [];
    await part(saving, folder, again, undefined, true);
    assert.deepEqual(again, losses.slice(6));
  });
}

test("no checkpoint is whole", async () => {
  const { folder } = await damaged((folder) => {
    for (const step of [3, 6, 9]) rmSync(join(folder, `checkpoint-${step}`, "rng_state.json"));
  });
  await assert.rejects(
    part(saving, folder, [], undefined, true),
    /checkpoint-9.rng_state.json: it is missing. There is no older/,
  );
});

test("resumes from a checkpoint that is named, also into another folder", async () => {
  const { folder, losses } = await damaged(() => {});
  const other = freshFolder();
  for (const target of [folder, other]) {
    const again: number[] = [];
    await part(saving, target, again, undefined, join(folder, "checkpoint-3"));
    assert.deepEqual(again, losses.slice(3));
  }
  assert.deepEqual(
    readdirSync(other)
      .filter((name) => name.startsWith("checkpoint"))
      .sort(),
    ["checkpoint-6", "checkpoint-9"],
  );
  await assert.rejects(part(saving, folder, [], undefined, join(folder, "checkpoint-4")), /there is no such folder/);
  await assert.rejects(part(saving, folder, [], undefined, folder), /is named checkpoint-N/);
});

test("a checkpoint of another run is refused", async () => {
  const { folder } = await damaged(() => {});
  const log = readFileSync(join(folder, "log.jsonl"), "utf8");
  const resume = (one: Case): Promise<unknown> => part(one, folder, [], undefined, true);
  const [wider, otherBatch] = [new TinyTagger(0.2, 16), { ...saving.args, perDeviceTrainBatchSize: 5 }];
  await assert.rejects(
    resume({ ...saving, make: () => wider }),
    /model.safetensors: the weights do not fit.*embedding.weight is \[20, 8\]/,
  );
  await assert.rejects(resume({ ...saving, args: otherBatch }), /per_device_train_batch_size is 4 there and 5 here/);
  await assert.rejects(
    resume({ ...saving, echo: true, args: { ...saving.args, dataSeed: 1 } }),
    /data_seed is 42 there and 1 here/,
  );

  assert.equal(readFileSync(join(folder, "log.jsonl"), "utf8"), log);

  const recurrent: Case = { ...saving, make: tinySeq2Seq, echo: true };
  const seq2seq = freshFolder();
  await part(recurrent, seq2seq, []);
  const make = (): AnyModule =>
    new Seq2SeqRnn({ vocabSize: 20, embeddingSize: 8, hiddenSize: 16, numLayers: 2, rnnType: "gru" });
  await assert.rejects(part({ ...recurrent, make }, seq2seq, [], undefined, true), (error) => {
    assert.ok(error instanceof CheckpointError);
    assert.match(
      error.message,
      /config.json.*hidden_size is 12 there and 16 here, rnn_type is "lstm" there and "gru" here/,
    );
    return true;
  });
});

test("a folder that holds a run is neither mixed nor destroyed unasked", async () => {
  const { folder, losses } = await damaged(() => {});
  const before = readdirSync(folder, { recursive: true }).sort();
  await assert.rejects(part(saving, folder, [], undefined, false), (error) => {
    assert.ok(error instanceof CheckpointError);
    assert.match(
      error.message,
      /it holds checkpoints up to step 9. Resume it, choose another folder, or set overwriteOutputDir/,
    );
    return true;
  });
  assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), before);
  for (const step of [3, 6, 9]) rmSync(join(folder, `checkpoint-${step}`), { recursive: true });
  await assert.rejects(part(saving, folder, [], undefined, false), /it holds a model/);
  await assert.rejects(part(saving, folder, [], undefined, true), /it holds a model/);

  const again: number[] = [];
  await part({ ...saving, args: { ...saving.args, maxSteps: 4, overwriteOutputDir: true } }, folder, again);
  assert.equal(again.length, 4);
  assert.equal(again[0], losses[0]);
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => name.startsWith("checkpoint"))
      .sort(),
    ["checkpoint-3", "checkpoint-4"],
  );
});

test("resuming begins where there is nothing yet, and ends at once where all is done", async () => {
  const { folder, losses } = await damaged(() => {});
  const none: number[] = [];
  await part(saving, folder, none, undefined, true);
  assert.deepEqual(none, []);
  const all: number[] = [];
  await part(saving, freshFolder(), all, undefined, true);
  assert.deepEqual(all, losses);
});

test("a place that cannot be written is said before anything is trained", async () => {
  const file = join(root, "a-file");
  writeFileSync(file, "");
  await assert.rejects(part(saving, file, []), CheckpointError);
  await assert.rejects(part(saving, join(file, "below"), []), CheckpointError);
});
