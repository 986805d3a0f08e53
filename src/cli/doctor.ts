// `kindling doctor`: what this machine and runtime offer, and how fast the engine is on them.

import type { Command } from "commander";
import { platform } from "#runtime/base/platform";
import { defaultDevice } from "../devices/default.ts";
import { features } from "../devices/wasm/features.ts";
import { ones } from "../tensor/create.ts";
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
      else print(found);
    });
}

interface Findings {
  readonly runtime: string;
  readonly processor: string;
  readonly device: string;
  readonly threads: number;
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  readonly sharedMemory: boolean;
  readonly revectorized: string;
  readonly matmulGflops: number;
  readonly memoryGigabytesPerSecond: number;
  /** Why a feature is not at its best. */
  readonly reasons: Readonly<Record<string, string>>;
}

function examine(): Findings {
  const device = defaultDevice();
  const found = features();
  return {
    runtime: `Node ${process.versions.node}, V8 ${platform.v8Version ?? "unknown"}`,
    processor: `${process.arch}, ${platform.threads} threads`,
    device: device.name,
    threads: device.threads,
    simd: found.simd,
    relaxedSimd: found.relaxed,
    sharedMemory: found.sharedMemory,
    revectorized: found.revectorized,
    matmulGflops: rounded(measureMatmul(1024)),
    memoryGigabytesPerSecond: rounded(measureMemory(16 * 2 ** 20)),
    reasons: found.reasons,
  };
}

function print({ reasons, ...found }: Findings): void {
  const line = (label: string, value: unknown): void => console.log(`${label.padEnd(18)} ${value}`);
  const because = (value: unknown, reason: string | undefined): string =>
    reason === undefined ? String(value) : `${value} (${reason})`;
  const yes = (value: boolean): string => (value ? "yes" : "no");
  line("runtime", found.runtime);
  line("processor", found.processor);
  line("device", found.device);
  line("threads used", because(found.threads, reasons["threads"]));
  line("SIMD", because(yes(found.simd), reasons["simd"]));
  line("relaxed SIMD", because(yes(found.relaxedSimd), reasons["relaxed"]));
  line("shared memory", yes(found.sharedMemory));
  line("256-bit code", because(found.revectorized, reasons["revectorized"]));
  line("matmul", `${found.matmulGflops} GFLOP/s (float32, 1024 x 1024)`);
  line("memory", `${found.memoryGigabytesPerSecond} GB/s (reading and writing)`);
  if (process.arch === "x64" && found.revectorized === "off" && Number.parseInt(process.versions.node, 10) < 24) {
    console.log("\nNode 24 and later run the matrix kernels with 256-bit code, two to three times as fast.");
  }
}

function rounded(value: number): number {
  return Number(value.toFixed(1));
}

/** Seconds that `body` takes, the median of some runs. */
function timed(runs: number, body: () => void): number {
  for (let i = 0; i < 2; i++) body(); // compiles
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    body();
    return (performance.now() - start) / 1000;
  });
  return times.sort((a, b) => a - b)[runs >> 1]!;
}

/** GFLOP/s of an n × n matrix product in float32. */
function measureMatmul(n: number): number {
  using _ = scope("doctor");
  const [a, b] = [randn([n, n]), randn([n, n])];
  return (2 * n ** 3) / timed(12, () => a.matmul(b).dispose()) / 1e9;
}

/** GB/s read and written by an addition over a vector that no cache holds. */
function measureMemory(n: number): number {
  using _ = scope("doctor");
  const x = ones([n]);
  return (8 * n) / timed(8, () => x.add(1).dispose()) / 1e9;
}
