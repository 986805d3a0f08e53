// Whatever is wrong with what the command is given, it says so in one line, fails, and leaves what was saved before as
// it was.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { kindling, newFolder, type RunOptions, type TinyRun, tinyRun } from "./kindling.ts";

let run: TinyRun;
before(async () => {
  run = tinyRun();
  const { code, stderr } = await train(["--max-steps", "2", "--save-steps", "1", "--eval-steps", "1"]);
  assert.equal(code, 0, stderr);
});
after(() => rmSync(run.folder, { recursive: true, force: true }));

function train(more: readonly string[], output = run.model): ReturnType<typeof kindling> {
  return kindling(["train", "summarization", ...run.flags, "--output", output, ...more]);
}

/** The command ends with one line of complaint that matches, after nothing but progress. */
async function fails(args: readonly string[], complaint: RegExp, options: RunOptions = {}): Promise<void> {
  const { code, stdout, stderr } = await kindling(args, options);
  const lines = stderr.trimEnd().split("\n");
  const complaints = lines.filter((line) => line.startsWith("kindling: "));
  assert.equal(complaints.length, 1, `stderr was:\n${stderr}`);
  assert.match(complaints[0]!, complaint);
  assert.equal(lines.at(-1), complaints[0]);
  assert.doesNotMatch(stderr, /^ {4}at /m);
  assert.equal(stdout, "");
  assert.equal(code, 1);
}

/** Trains with these flags over those of the tiny run; `--train` and the like given twice count the last time. */
function trainFails(more: readonly string[], complaint: RegExp, output = join(run.folder, "new")): Promise<void> {
  return fails(["train", "summarization", ...run.flags, "--output", output, ...more], complaint);
}

/** What must outlive every failure: each file of the model and its checkpoints, with its content. */
function saved(): readonly string[] {
  const files = globSync(["checkpoint-*/*", "*.json", "*.safetensors"], { cwd: run.model }).sort();
  return files.map(
    (file) =>
      `${file} ${createHash("sha256")
        .update(readFileSync(join(run.model, file)))
        .digest("hex")}`,
  );
}

async function leavesAll(body: () => Promise<void>): Promise<void> {
  const before = saved();
  assert.ok(before.some((line) => line.startsWith("checkpoint-2")));
  await body();
  assert.deepEqual(saved(), before);
}

describe("data", () => {
  const row = (value: unknown): string => `${JSON.stringify(value)}\n`;
  const good = row({ text: "a text about cats", summary: "cats" });

  function file(content: string): string {
    const path = join(mkdtempSync(join(run.folder, "data-")), "rows.jsonl");
    writeFileSync(path, content);
    return path;
  }

  test("a file that is not there", async () => {
    await trainFails(["--train", "nowhere.jsonl"], /read nowhere\.jsonl: there is no such file/);
    await trainFails(["--validation", "nowhere.jsonl"], /read nowhere\.jsonl: there is no such file/);
    await fails(
      ["evaluate", "summarization", "--model", run.model, "--data", "nowhere.jsonl"],
      /nowhere\.jsonl: there is no such file/,
    );
    await fails(
      ["run", "summarization", "--model", run.model, "--file", "nowhere.txt"],
      /nowhere\.txt: there is no such file/,
    );
  });
  test("a folder instead of a file", async () => {
    await trainFails(["--train", run.folder], /this is a folder/);
    await fails(["run", "summarization", "--model", run.model, "--file", run.folder], /this is a folder/);
  });
  test("an empty file", async () => {
    await trainFails(["--train", file("")], /rows\.jsonl: the file holds no rows/);
    await fails(["run", "summarization", "--model", run.model, "--file", file("\n \n")], /rows\.jsonl/);
  });
  test("a line that is not JSON", () =>
    trainFails(["--train", file(`${good}${good}{"text": "x",`)], /rows\.jsonl, line 3: not valid JSON/));
  test("a row without a text", () =>
    trainFails(["--train", file(good + row({ summary: "s" }))], /line 2: has no "text"/));
  test("a row without a summary", () =>
    trainFails(["--validation", file(row({ text: "t" }))], /line 1: has no "summary"/));
  test("a row that is no object", async () => {
    await trainFails(["--train", file(good + row([1, 2]))], /line 2: wants a JSON object, got a list/);
    await trainFails(["--train", file(row(null))], /line 1: wants a JSON object, got null/);
  });
  test("a text that is no string", () =>
    trainFails(["--train", file(row({ text: 5, summary: "s" }))], /line 1: "text" is a number/));
  test("an empty text", async () => {
    await trainFails(["--train", file(good + row({ text: "", summary: "s" }))], /line 2: "text" is empty/);
    await fails(["run", "summarization", "--model", run.model, ""], /text 0 is empty/);
    await fails(["run", "summarization", "--model", run.model], /text 0 is empty/, { input: "\n" });
  });
  test("a text of 100,000 characters is cut, and works", async () => {
    for (const text of ["many words ".repeat(9091), "x".repeat(100_000)]) {
      const { code, stderr, stdout } = await kindling(["run", "summarization", "--model", run.model], { input: text });
      assert.equal(code, 0, stderr);
      assert.equal(stdout.split("\n").length, 2);
    }
    const rows = file(good + row({ text: "y".repeat(100_000), summary: "many" }));
    const trained = await train(["--train", rows, "--max-steps", "1"], join(run.folder, "long"));
    assert.equal(trained.code, 0, trained.stderr);
  });
});

describe("places", () => {
  test("an output folder that cannot be made", async () => {
    await trainFails([], /write .*below.*: a part of the path is a file, not a folder/, join(run.train, "below"));
    await trainFails([], /write \/proc\/kindling: /, "/proc/kindling");
  });
  test("an output folder that is a file", () => trainFails([], /train\.jsonl/, run.train));
  test("an output folder that holds a model", () =>
    leavesAll(() => trainFails([], /--resume.*--overwrite/, run.model)));
});

describe("numbers", () => {
  const cases: readonly (readonly [flag: string, value: string, complaint: RegExp])[] = [
    ["--batch-size", "0", /--batch-size <n>.*'0' is invalid.*whole number of at least 1/],
    ["--batch-size", "2.5", /--batch-size.*whole number/],
    ["--epochs", "-1", /--epochs.*above 0/],
    ["--learning-rate", "fast", /--learning-rate.*a number above 0/],
    ["--dropout", "1.5", /--dropout/],
    ["--rnn", "elman", /--rnn.*lstm, gru/],
    ["--vocab-size", "100", /vocab/i],
    ["--hidden-size", "15", /15 is odd/],
    ["--colour", "red", /unknown option '--colour'/],
  ];
  for (const [flag, value, complaint] of cases) test(`${flag} ${value}`, () => trainFails([flag, value], complaint));

  test("a loss that is no number", () =>
    leavesAll(async () => {
      await trainFails(
        ["--learning-rate", "1e30", "--max-steps", "20"],
        /the (loss|norm.*) is (NaN|-?Infinity) at step \d+/,
      );
      await trainFails(["--learning-rate", "1e30", "--max-steps", "20", "--resume"], /at step \d+/, run.model);
    }));
  test("options that are missing", async () => {
    await fails(["train", "summarization"], /required option '--train <file>' not specified/);
    await fails(["run", "summarization"], /required option '--model <folder>' not specified/);
    await fails(["frobnicate"], /unknown command 'frobnicate'/);
  });
});

describe("models", () => {
  const weights = "model.safetensors";

  /** A copy of the model that `spoil` changes. */
  function spoilt(spoil: (folder: string) => void): string {
    const folder = mkdtempSync(join(run.folder, "model-"));
    cpSync(run.model, folder, { recursive: true });
    spoil(folder);
    return folder;
  }
  async function refuses(model: string, complaint: RegExp): Promise<void> {
    await fails(["run", "summarization", "--model", model, "a text"], complaint);
  }
  /** A copy in which one file is another, or was changed where it lay. */
  const change = (name: string, edit: (bytes: Buffer) => Buffer | void): string =>
    spoilt((folder) => {
      const bytes = readFileSync(join(folder, name));
      writeFileSync(join(folder, name), edit(bytes) ?? bytes);
    });

  test("a folder that is not there", () => refuses(join(run.folder, "nowhere"), /there is no (such )?folder/));
  test("a file instead of a folder", () => refuses(run.train, /train\.jsonl/));
  test("an empty folder", () => refuses(newFolder(), /holds no tokenizer\.json/));
  test("no weights", () =>
    refuses(
      spoilt((folder) => rmSync(join(folder, weights))),
      /there are no weights in it: neither model\.safetensors/,
    ));
  test("no configuration", () =>
    refuses(
      spoilt((folder) => rmSync(join(folder, "config.json"))),
      /config\.json: there is no such file/,
    ));
  test("a broken configuration", () =>
    refuses(
      change("config.json", (b) => b.subarray(0, 20)),
      /config\.json: not valid JSON/,
    ));
  test("truncated weights", () =>
    refuses(
      spoilt((folder) => truncateSync(join(folder, weights), 5000)),
      /model\.safetensors/,
    ));
  test("weights with a broken header", () =>
    refuses(
      change(weights, (b) => void b.write("}}}}", 20)),
      /model\.safetensors.*header/,
    ));
  test("weights whose header claims to be endless", () =>
    refuses(
      change(weights, (b) => void b.writeBigUInt64LE(2n ** 60n)),
      /model\.safetensors.*header/,
    ));
  test("weights with bytes at the end", () =>
    refuses(
      change(weights, (b) => Buffer.concat([b, Buffer.alloc(64)])),
      /model\.safetensors/,
    ));
  test("weights of another configuration", () =>
    refuses(
      change("config.json", (b) => Buffer.from(b.toString().replace('"hidden_size": 16', '"hidden_size": 32'))),
      /the weights do not fit the model.*other sizes/,
    ));
  test("another architecture", () =>
    refuses(
      change("config.json", (b) => Buffer.from(b.toString().replace("rnn_seq2seq", "t5"))),
      /the model type "t5" is not known here/,
    ));

  test("a checkpoint of another configuration", () =>
    leavesAll(() =>
      trainFails(["--resume", "--max-steps", "4", "--hidden-size", "32"], /hidden_size|other sizes/, run.model),
    ));
  test("a checkpoint that was tampered with", async () => {
    const output = spoilt((folder) => {
      const file = join(folder, "checkpoint-2", weights);
      const bytes = readFileSync(file);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(file, bytes);
    });
    await trainFails(["--resume", "--max-steps", "4"], /checkpoint-2.*not as it was saved/, output);
  });
  test("the run goes on after all this", async () => {
    const { code, stderr } = await train(["--resume", "--max-steps", "3"]);
    assert.equal(code, 0, stderr);
  });
});
