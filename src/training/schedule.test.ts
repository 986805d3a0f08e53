import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { checkArguments, type TrainingArguments } from "./arguments.ts";
import { epochBatches } from "./order.ts";
import { expectedSteps, lengthOf, lrFactorAt } from "./schedule.ts";

interface Golden {
  readonly from: string;
  readonly name: string;
  readonly schedule: NonNullable<TrainingArguments["lrSchedulerType"]>;
  readonly args: Readonly<Record<string, number>>;
  readonly lr: number;
  readonly lrs: readonly number[];
}
const fixture = new URL("../../test/fixtures/optim/schedules.json", import.meta.url);
const goldens = JSON.parse(readFileSync(fixture, "utf8")) as Golden[]; // scripts/goldens/optim.py has the form

for (const { name, schedule, args: given, lr, lrs } of goldens.filter((golden) => golden.from === "transformers")) {
  test(`transformers' ${name}`, () => {
    const { numWarmupSteps = 0, numTrainingSteps = 1, ...lrSchedulerKwargs } = given;
    const args = checkArguments({
      lrSchedulerType: schedule,
      warmupSteps: numWarmupSteps,
      learningRate: lr,
      lrSchedulerKwargs,
    });
    lrs.forEach((wanted, step) => {
      const rate = lr * lrFactorAt(args, step, numTrainingSteps);
      assert.ok(Math.abs(rate - wanted) <= 1e-15 + 1e-12 * wanted, `step ${step}: ${rate}, wanted ${wanted}`);
    });
  });
}

test("how long a run is", () => {
  const length = (args: object, rows = 33): unknown => {
    const { stepsPerEpoch, lastStep, maxSeconds } = lengthOf(checkArguments(args), rows);
    return [stepsPerEpoch, lastStep, maxSeconds];
  };
  const forever = Number.POSITIVE_INFINITY;
  assert.deepEqual(length({}), [5, 15, forever]);
  assert.deepEqual(length({ perDeviceTrainBatchSize: 4, gradientAccumulationSteps: 2 }), [5, 15, forever]);
  assert.deepEqual(length({ numTrainEpochs: 0.5 }), [5, 3, forever]);
  assert.deepEqual(length({ maxSteps: 7, numTrainEpochs: 1 }), [5, 7, forever]);
  assert.deepEqual(length({ dataloaderDropLast: true }), [4, 12, forever]);
  assert.throws(
    () => length({ dataloaderDropLast: true }, 7),
    /dataloaderDropLast leaves nothing of 7 rows in batches of 8/,
  );
  assert.deepEqual(length({ maxMinutes: 2 }), [5, forever, 120]);
  assert.deepEqual(length({ maxMinutes: 2, numTrainEpochs: 1 }), [5, 5, 120]);
});

test("a run bounded by time alone follows the clock", () => {
  const args = checkArguments({ maxMinutes: 1, warmupSteps: 0.1 });
  const length = lengthOf(args, 80);
  const factor = (step: number, seconds: number): number =>
    lrFactorAt(args, step, expectedSteps(args, length, step, seconds));
  assert.equal(factor(0, 0), 0);
  assert.ok(Math.abs(factor(30, 3) - 0.5) < 0.02, "half of the warm-up");
  assert.ok(Math.abs(factor(330, 33) - 0.5) < 0.01, "half way down");
  assert.ok(Math.abs(factor(33, 33) - 0.5) < 0.05, "at another speed");
  assert.equal(factor(600, 60), 0);
  const bounded = checkArguments({ maxMinutes: 1, maxSteps: 40 });
  assert.equal(expectedSteps(bounded, lengthOf(bounded, 80), 3, 30), 40);
});

test("an epoch visits each row once, in an order of its own that the seed decides", () => {
  const order = (epoch: number, seed = 1, lengths?: number[]): number[][] =>
    epochBatches(401, { batchSize: 4, seed, epoch, lengths });
  const lengths = Array.from({ length: 401 }, (_, i) => (i * 7) % 401);
  for (const batches of [order(0), order(1), order(0, 1, lengths), order(1, 1, lengths)]) {
    assert.deepEqual(
      batches.flat().sort((a, b) => a - b),
      Array.from({ length: 401 }, (_, i) => i),
    );
    assert.equal(batches.length, 101);
  }
  assert.deepEqual(order(3), order(3));
  assert.notDeepEqual(order(0), order(1));
  assert.notDeepEqual(order(0), order(0, 2));
  const grouped = order(0, 1, lengths);
  assert.equal(lengths[grouped[0]![0]!], 400, "the longest comes first");
  const spread = (batches: number[][]): number =>
    batches.reduce(
      (sum, rows) => sum + Math.max(...rows.map((i) => lengths[i]!)) - Math.min(...rows.map((i) => lengths[i]!)),
      0,
    );
  assert.ok(spread(grouped) < spread(order(0)) / 10, "rows of like length stand together");
});
