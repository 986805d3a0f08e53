// Runs the command as a shell does, from the sources, and a tiny run that tests share.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../scripts/build.ts";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string;
  /** Sees stderr as it comes, with a way to signal the command. */
  readonly onStderr?: (soFar: string, kill: (signal: NodeJS.Signals) => void) => void;
}

const main = join(root, "src/cli/main.ts");

export function kindling(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, ["--conditions=kindling-source", main, ...args], {
    cwd: options.cwd ?? root,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    options.onStderr?.(stderr, (signal) => child.kill(signal));
  });
  child.stdin.on("error", () => {}); // the command may end without reading
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** The first rows of an example file, as a file of their own. */
export function someRows(split: "train" | "validation" | "test", count: number, folder: string): string {
  const lines = readFileSync(join(root, `examples/data/summarization.${split}.jsonl`), "utf8").split("\n");
  const file = join(folder, `${split}.jsonl`);
  writeFileSync(file, `${lines.slice(0, count).join("\n")}\n`);
  return file;
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "kindling-cli-"));
}

/** The smallest run: its files, and the flags that train it in a second or two. */
export interface TinyRun {
  readonly folder: string;
  readonly train: string;
  readonly validation: string;
  readonly model: string;
  readonly flags: readonly string[];
}

export function tinyRun(): TinyRun {
  const folder = newFolder();
  const train = someRows("train", 64, folder);
  const validation = someRows("validation", 8, folder);
  const model = join(folder, "model");
  const sizes =
    "--batch-size 8 --hidden-size 16 --embedding-size 16 --vocab-size 300 --max-source-tokens 32 --max-target-tokens 8";
  const files = ["--train", train, "--validation", validation];
  return { folder, train, validation, model, flags: [...files, ...sizes.split(" ")] };
}
