// `kindling doctor`: what this machine and runtime offer, and how fast the engine is on them.

import type { Command } from "commander";
import { examine, type Findings } from "./examine.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("Show the runtime, the features found, the machine's measured peaks and what the engine costs.")
    .option("--json", "print the figures as JSON")
    .addHelpText("after", "\nExample:\n  $ kindling doctor --json")
    .action(async (options: { json?: boolean }) => {
      const found = await examine();
      if (options.json === true) console.log(JSON.stringify(found, null, 2));
      else print(found);
    });
}

function line(label: string, value: unknown, reason?: string): void {
  console.log(`${label.padEnd(18)} ${value}${reason === undefined ? "" : ` (${reason})`}`);
}
function heading(text: string): void {
  console.log(`\n${text}`);
}
const yes = (value: boolean): string => (value ? "yes" : "no");

function print(found: Findings): void {
  const { reasons } = found;
  line("runtime", found.runtime);
  line("processor", found.processor);
  line("device", found.device);
  line("threads used", found.threads, reasons["threads"]);
  line("SIMD", yes(found.simd), reasons["simd"]);
  line("relaxed SIMD", yes(found.relaxedSimd), reasons["relaxed"]);
  line("shared memory", yes(found.sharedMemory));
  line("256-bit code", found.revectorized, reasons["revectorized"]);
  line("memory limit", `${found.memoryLimitGib} GiB`);

  heading("the machine at its best, float32");
  line("matmul", `${found.matmulGflops} GFLOP/s`);
  line("reading memory", `${found.readGigabytesPerSecond} GB/s`);
  line("copying memory", `${found.copyGigabytesPerSecond} GB/s, read and written`);

  heading("how near operations on [1024, 3072] come to it");
  for (const [name, share] of Object.entries(found.peakShares)) {
    line(name, `${bar(share)} ${(100 * share).toFixed(0).padStart(4)}%`);
  }

  heading("what the engine itself costs");
  const { runtime, import: importing, firstMatmul } = found.startUpMs;
  line("start-up", `${runtime} ms for Node, ${importing} ms to import, ${firstMatmul} ms to the first matmul`);
  line("compiling", `${found.kernelCompileMs} ms for a small kernel`);
  line(
    "add of 8 elements",
    `${found.smallOperationMicroseconds} µs, ${found.smallOperationWithGradientMicroseconds} µs with a gradient`,
  );
  if (process.arch === "x64" && found.revectorized === "off" && Number.parseInt(process.versions.node, 10) < 24) {
    console.log("\nNode 24 and later run the matrix kernels with 256-bit code, two to three times as fast.");
  }
}

const barWidth = 24;

/** A share from 0 to 1 as a bar; more than 1, as data from a cache may give, fills it. */
function bar(share: number): string {
  const filled = Math.round(barWidth * Math.min(Math.max(share, 0), 1));
  return "█".repeat(filled) + "░".repeat(barWidth - filled);
}
