// kill -9 at any moment of training or saving leaves a checkpoint that is whole, and the run that goes on from it learns what a
// run that was never killed learns.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { killedArgs, tinyRows, tinyTagger } from "../../test/tiny-training.ts";
import { Generator } from "../base/random.ts";
import { readJsonlLog } from "./jsonl-log.node.ts";
import { openCheckpoint } from "./run-folder.node.ts";
import { Trainer } from "./trainer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-kill-"));
after(() => rmSync(root, { recursive: true, force: true }));

const program = fileURLToPath(new URL("../../test/train-until-killed.ts", import.meta.url));

/** Runs the child; kills it `afterMs` after its first step, or lets it end. Says whether it was killed. */
async function runChild(folder: string, afterMs: number | undefined): Promise<boolean> {
  const child = spawn(process.execPath, ["--conditions=kindling-source", program, folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  if (afterMs !== undefined) child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), afterMs));
  else child.stdout.resume();
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on("exit", (code, signal) => resolve([code, signal]));
  });
  assert.ok(signal === "SIGKILL" || code === 0, errors);
  return signal === "SIGKILL";
}

test("killed ten times, resumed each time", async () => {
  const folder = join(root, "killed");
  const g = new Generator(11);
  let killed = 0;
  let last = 0;
  while (killed < 10) {
    assert.ok(await runChild(folder, g.integer(0, 250)), "it ended before it was killed ten times");
    killed++;
    const steps = readdirSync(folder).flatMap((name) =>
      name.startsWith("checkpoint-") ? [Number(name.slice("checkpoint-".length))] : [],
    );
    if (steps.length === 0) continue; // killed before the first save
    const newest = Math.max(...steps);
    await openCheckpoint(join(folder, `checkpoint-${newest}`));
    assert.ok(newest >= last, `from step ${last} back to ${newest}`);
    last = newest;
  }
  assert.ok(last > 0);
  assert.equal(await runChild(folder, undefined), false);
  const leftovers = readdirSync(folder).filter((name) => name.startsWith("."));
  assert.deepEqual(leftovers, []);

  const losses: number[] = [];
  const onStepEnd = ({ loss }: { loss: number }): void => void losses.push(loss);
  const trainer = new Trainer<object>({
    model: tinyTagger(),
    args: killedArgs,
    trainDataset: tinyRows(33),
    callbacks: [{ onStepEnd }],
  });
  await trainer.train();
  const logged = readJsonlLog(join(folder, "log.jsonl")).filter((row) => row["loss"] !== undefined);
  assert.deepEqual(
    logged.map((row) => row["loss"]),
    losses,
  );
});
