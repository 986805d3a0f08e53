// `kindling doctor`: what this machine and runtime offer, and how fast the engine is on them.

import { platform } from "#runtime/base/platform";
import type { Command } from "commander";
import { defaultDevice } from "../devices/default.ts";
import { features } from "../devices/wasm/features.ts";
import { randn } from "../tensor/random.ts";
import { scope } from "../tensor/scope.ts";
import "../tensor/tensor.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("Show the runtime, the features found, and the measured speed of the engine.")
    .option("--json", "print the figures as JSON")
    .addHelpText("after", "\nExample:\n  $ kindling doctor --json")
    .action((options: { json?: boolean }) => {
      const found = examine();
      if (options.json === true) console.log(JSON.stringify(found, null, 2));
      else for (const [name, value] of Object.entries(found)) console.log(`${name.padEnd(22)} ${value}`);
    });
}

/** Everything as one flat table. */
function examine(): Record<string, string | number | boolean> {
  const device = defaultDevice();
  const found = features();
  const matmul = measure(1024, 12);
  const copy = measureCopy();
  return {
    runtime: `Node ${process.versions.node}, V8 ${platform.v8Version ?? "unknown"}`,
    processor: `${process.arch}, ${platform.threads} threads available`,
    device: device.name,
    threads: device.threads,
    simd: found.simd,
    "relaxed simd": found.relaxed,
    "shared memory": found.sharedMemory,
    revectorisation: found.revectorized,
    "matmul GFLOP/s": Number(matmul.toFixed(1)),
    "memory GB/s": Number(copy.toFixed(1)),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function timed(runs: number, body: () => void): number {
  const times: number[] = [];
  for (let i = 0; i < runs + 2; i++) {
    const start = performance.now();
    body();
    if (i >= 2) times.push(performance.now() - start); // the first ones compile
  }
  return median(times) / 1000;
}

/** GFLOP/s of an n × n matrix product in float32. */
function measure(n: number, runs: number): number {
  using _ = scope("doctor");
  const [a, b] = [randn([n, n]), randn([n, n])];
  return (2 * n ** 3) / timed(runs, () => a.matmul(b).dispose()) / 1e9;
}

/** GB/s read and written by an addition of vectors that no cache holds. */
function measureCopy(): number {
  using _ = scope("doctor");
  const n = 16 * 2 ** 20;
  const x = randn([n]);
  return (8 * n) / timed(8, () => x.add(1).dispose()) / 1e9;
}
