// One side of a comparison: a process that can open a case, run it, and say what memory it took. See `peers/protocol.py`.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Quiet } from "./quiet.ts";

export interface Side {
  readonly name: string;
  readonly pid: number;
  /** Makes the case ready, its first run done. */
  open(words: string): Promise<void>;
  /** Runs it `reps` times `times` times; the milliseconds of one, `reps` of them. */
  run(reps: number, times: number): Promise<readonly number[]>;
  peakBytes(): Promise<number>;
  close(): Promise<void>;
}

const bench = fileURLToPath(new URL("..", import.meta.url));

/** Our process; `root` is a checkout, this one unless said otherwise. */
export function startOurs(
  options: { readonly name?: string; readonly root?: string; readonly threads?: number } = {},
): Promise<Side> {
  const { name = "Kindling", root = fileURLToPath(new URL("../..", import.meta.url)), threads = 2 } = options;
  const script = `${root}/bench/suite/ours.ts`;
  return start(name, process.execPath, ["--conditions=kindling-source", script], { KINDLING_THREADS: String(threads) });
}

export function startTorch(python: string): Promise<Side> {
  return start("PyTorch", python, [`${bench}peers/cases_torch.py`], {});
}

export function startOnnx(python: string): Promise<Side> {
  return start("onnxruntime", python, [`${bench}peers/cases_onnx.py`], {});
}

export async function start(
  name: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Side> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
  });
  failed.catch(() => undefined); // it is awaited below, or too late to matter
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await Promise.race([lines.next(), failed]);
    if (done === true) throw new Error(`${name}: its process ended`);
    return String(value);
  };
  const first = await next();
  if (first !== "ready") throw new Error(`${name}: it said "${first}" instead of "ready"`);
  const pid = child.pid!; // it has spoken, so it has started
  const ask = async (line: string): Promise<Record<string, unknown>> => {
    child.stdin.write(`${line}\n`);
    const answer = JSON.parse(await next()) as Record<string, unknown>; // an object, says protocol.py
    if (answer["error"] !== undefined) throw new Error(`${name}: ${line}: ${answer["error"]}`);
    return answer;
  };
  return {
    name,
    pid,
    open: async (words) => void (await ask(`open ${words}`)),
    run: async (reps, times) => (await ask(`run ${reps} ${times}`))["ms"] as readonly number[], // as protocol.py says
    peakBytes: async () => (await ask("mem"))["peak_rss_bytes"] as number, // as protocol.py says
    close: () => ended(child),
  };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.stdin?.end("quit\n");
  });
}

/** Throws if a process computes while it has nothing to do: it would slow the others down. */
export async function checkIdle(sides: readonly Side[]): Promise<void> {
  const ms = 400;
  const before = sides.map((side) => Quiet.cpuMs(side.pid));
  await sleep(ms);
  sides.forEach((side, i) => {
    const [from, to] = [before[i], Quiet.cpuMs(side.pid)];
    if (from !== undefined && to !== undefined && to - from > 0.1 * ms)
      throw new Error(`${side.name} computed for ${to - from} of ${ms} ms while it had nothing to do`);
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
