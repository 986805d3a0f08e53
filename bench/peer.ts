// The other side of a comparison: a program that answers each line on its stdin with one line of JSON (see peers/protocol.py),
// so that a bench can let both sides run in turn.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Peer {
  ask<T>(line: string): Promise<T>;
  close(): void;
}

/** Starts `peers/script` and waits until it is warm. */
export async function startPeer(python: string, script: string, args: readonly string[] = []): Promise<Peer> {
  const path = fileURLToPath(new URL(`peers/${script}`, import.meta.url));
  const child = spawn(python, [path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${python} ${script}: it ended`);
    return String(value);
  };
  const first = await next();
  if (first !== "ready") throw new Error(`${python} ${script}: it said "${first}" instead of "ready"`);
  return {
    async ask<T>(line: string): Promise<T> {
      child.stdin.write(`${line}\n`);
      return JSON.parse(await next()) as T; // each script's answers are its own
    },
    close: () => child.stdin.end("quit\n"),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
