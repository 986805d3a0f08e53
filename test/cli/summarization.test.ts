// The command from rows of text to summaries, as a person uses it.

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { kindling, newFolder, type RunOptions, type TinyRun, tinyRun } from "./kindling.ts";

let run: TinyRun;
before(() => {
  run = tinyRun();
});
after(() => rmSync(run.folder, { recursive: true, force: true }));

function train(output: string, more: readonly string[], options: RunOptions = {}): ReturnType<typeof kindling> {
  return kindling(["train", "summarization", ...run.flags, "--output", output, ...more], options);
}

async function succeeds(...args: Parameters<typeof kindling>): Promise<string> {
  const { code, stdout, stderr } = await kindling(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The losses of a run's log, by step. */
function losses(output: string): Map<number, number> {
  const rows = readFileSync(join(output, "log.jsonl"), "utf8").trimEnd().split("\n");
  return new Map(
    rows.map((row) => JSON.parse(row)).flatMap(({ step, loss }) => (loss === undefined ? [] : [[step, loss]])),
  );
}

describe("a run", () => {
  const steps = ["--max-steps", "6", "--eval-steps", "3", "--log-steps", "1"];

  test("trains, with progress, a curve and summaries", async () => {
    const { code, stdout, stderr } = await train(run.model, steps);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /parameters learns from 64 rows/);
    assert.match(stderr, /train .*6\/6/);
    assert.match(stderr, /step 3: loss \d/);
    assert.match(stdout, /training loss \d/);
    assert.match(stdout, /\nsummary {4}/);
    const files = globSync("*", { cwd: run.model });
    for (const file of [
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "log.jsonl",
      "loss.svg",
      "checkpoint-6",
    ]) {
      assert.ok(files.includes(file), file);
    }
    assert.match(readFileSync(join(run.model, "loss.svg"), "utf8"), /^<svg /);
    assert.equal(losses(run.model).size, 6);
  });

  test("its model summarizes arguments, files and standard input", async () => {
    const command = ["run", "summarization", "--model", run.model, "--max-new-tokens", "4"];
    assert.equal((await succeeds([...command, "one text", "another text"])).trimEnd().split("\n").length, 2);
    const [one] = JSON.parse(await succeeds([...command, "--json"], { input: "a text\nof two lines\n" }));
    assert.deepEqual(Object.keys(one), ["summary_text"]);
    const lines = await succeeds([...command, "--file", run.validation, "--num-beams", "1", "--batch-size", "3"]);
    assert.equal(lines.split("\n").length, 9);
  });

  test("its model is scored beside the baseline", async () => {
    const command = ["evaluate", "summarization", "--model", run.model, "--data", run.validation, "--rows", "4"];
    assert.match(await succeeds(command), /ROUGE-1 +ROUGE-2 +ROUGE-L\nmodel .*\nfirst 12 words .*\n4 texts in/);
    const figures = JSON.parse(await succeeds([...command, "--json"]));
    assert.equal(figures.rows, 4);
    assert.ok(figures.baseline.rouge1.fmeasure > 0.1);
  });

  test("Ctrl-C saves a checkpoint, and --resume goes on as if nothing had been", async () => {
    const long = ["--max-steps", "300", "--eval-steps", "150", "--log-steps", "1"];
    const output = join(run.folder, "interrupted");
    let interrupted = false;
    const stopped = await train(output, long, {
      onStderr: (soFar, kill) => {
        if (!interrupted && soFar.includes("/300")) kill("SIGINT");
        interrupted ||= soFar.includes("/300");
      },
    });
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.match(stopped.stderr, /Stopped after step \d+, with a checkpoint/);
    const [checkpoint] = globSync("checkpoint-*", { cwd: output });
    const step = Number(checkpoint?.slice("checkpoint-".length));
    assert.ok(step >= 1 && step < 300, `stopped at step ${step}`);

    const resumed = await train(output, [...long, "--resume"]);
    assert.equal(resumed.code, 0, resumed.stderr);
    const whole = join(run.folder, "whole");
    assert.equal((await train(whole, long)).code, 0);
    assert.deepEqual(losses(output), losses(whole));
    assert.equal(losses(output).size, 300);
  });

  test("--resume begins where nothing was saved yet", async () => {
    const output = join(run.folder, "resumed");
    const { code, stderr } = await train(output, [...steps, "--resume"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(losses(output), losses(run.model)); // the same seed draws the same
  });

  test("--overwrite begins anew", async () => {
    const { code, stderr } = await train(run.model, ["--max-steps", "2", "--eval-steps", "2", "--overwrite"]);
    assert.equal(code, 0, stderr);
    assert.ok(existsSync(join(run.model, "checkpoint-2")));
    assert.ok(!existsSync(join(run.model, "checkpoint-6")));
  });
});

describe("help", () => {
  const commands = ["", "train summarization", "evaluate summarization", "run summarization", "doctor"];
  for (const command of commands) {
    test(`kindling ${command} --help has an example`, async () => {
      const help = await succeeds([...command.split(" "), "--help"].filter((part) => part !== ""));
      assert.match(help, /Usage: kindling/);
      assert.match(help, /Examples?:\n {2}\$ kindling/);
    });
  }
  test("--version is the package's", async () => assert.match(await succeeds(["--version"]), /^\d+\.\d+\.\d+\n$/));
});

test("doctor tells what it found and measured", async () => {
  const found = JSON.parse(await succeeds(["doctor", "--json"], { cwd: newFolder() }));
  assert.match(found.runtime, /^Node \d+/);
  assert.ok(found.threads >= 1 && found.memoryLimitGib > 0.4);
  for (const name of ["matmulGflops", "readGigabytesPerSecond", "copyGigabytesPerSecond", "kernelCompileMs"]) {
    assert.ok(found[name] > 0, name);
  }
  for (const part of ["runtime", "import", "firstMatmul"]) assert.ok(found.startUpMs[part] > 0, part);
  assert.ok(found.peakShares.softmax > 0 && found.peakShares.matmul > 0);
  const text = await succeeds(["doctor"]);
  assert.match(text, /\nmatmul +[\d.]+ GFLOP\/s/);
  assert.match(text, /\nsoftmax +[█░]{24} +\d+%/);
  assert.match(text, /\nmemory limit +[\d.]+ GiB/);
});
