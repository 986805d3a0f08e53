// What `kindling doctor` finds out: what the runtime offers, what the machine can do at best, and what the engine itself
// costs.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { platform } from "#runtime/base/platform";
import { defaultDevice } from "../devices/default.ts";
import { features } from "../devices/wasm/features.ts";
import { add, kernel, load } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import { machinePeaks } from "../profiler/peaks.ts";
import { type Profile, profile } from "../profiler/profile.ts";
import { ones } from "../tensor/create.ts";
import { gelu } from "../tensor/functional/activation.ts";
import { layerNorm } from "../tensor/functional/normalization.ts";
import { softmax } from "../tensor/functional/softmax.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import "../tensor/tensor.ts";

export interface Findings {
  readonly runtime: string;
  readonly processor: string;
  readonly device: string;
  readonly threads: number;
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  readonly sharedMemory: boolean;
  readonly revectorized: string;
  /** How much memory tensors can have. */
  readonly memoryLimitGib: number;
  readonly matmulGflops: number;
  readonly readGigabytesPerSecond: number;
  readonly copyGigabytesPerSecond: number;
  /** Some operations on float32 [1024, 3072]: the least time that these peaks allow, over the time taken. */
  readonly peakShares: Readonly<Record<string, number>>;
  readonly kernelCompileMs: number;
  /** An addition of 8 elements, without and with a gradient being recorded. */
  readonly smallOperationMicroseconds: number;
  readonly smallOperationWithGradientMicroseconds: number;
  /** From the start of a process to its first matrix product, in parts. */
  readonly startUpMs: StartUp;
  /** Why a feature is not at its best. */
  readonly reasons: Readonly<Record<string, string>>;
}
interface StartUp {
  readonly runtime: number;
  readonly import: number;
  readonly firstMatmul: number;
}

export async function examine(): Promise<Findings> {
  const startUpMs = await measureStartUp();
  const device = defaultDevice();
  const found = features();
  const peaks = machinePeaks();
  return {
    runtime: `Node ${process.versions.node}, V8 ${platform.v8Version ?? "unknown"}`,
    processor: `${process.arch}, ${platform.threads} threads`,
    device: device.name,
    threads: device.threads,
    simd: found.simd,
    relaxedSimd: found.relaxed,
    sharedMemory: found.sharedMemory,
    revectorized: found.revectorized,
    memoryLimitGib: rounded(device.memoryStats().limitBytes / 2 ** 30),
    matmulGflops: rounded(peaks.gigaflopsPerSecond),
    readGigabytesPerSecond: rounded(peaks.readGigabytesPerSecond),
    copyGigabytesPerSecond: rounded(peaks.copyGigabytesPerSecond),
    peakShares: peakShares(),
    kernelCompileMs: rounded(measureCompile(device), 2),
    smallOperationMicroseconds: rounded(measureSmall(false), 2),
    smallOperationWithGradientMicroseconds: rounded(measureSmall(true), 2),
    startUpMs,
    reasons: found.reasons,
  };
}

function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** How near operations of several kinds come to the peak. */
function peakShares(): Record<string, number> {
  const body = (): void =>
    noGrad(() =>
      tidy(() => {
        const x = ones([1024, 3072]);
        x.matmul(x.mT);
        gelu(x.add(x));
        softmax(x, -1);
        layerNorm(x, [3072]);
        x.sum({ dim: 0 });
      }),
    );
  body(); // compiles
  const runs: readonly Profile<void>[] = Array.from({ length: 3 }, () => profile(body));
  const names = runs[0]!.operations.map((row) => row.name).filter((name) => name !== "fill_");
  const shareOf = (run: Profile, name: string): number =>
    run.operations.find((row) => row.name === name)?.peakShare ?? 0;
  return Object.fromEntries(names.map((name) => [name, rounded(median(runs.map((run) => shareOf(run, name))), 2)]));
}

/** Milliseconds to build, compile and instantiate a small kernel that is not known yet. */
function measureCompile(device: Device): number {
  const times = Array.from({ length: 9 }, (_, i) => {
    const start = performance.now();
    device.compile(`doctor ${i}`, () =>
      kernel(`doctor ${i}`, { x: "ptr", y: "ptr" }, (k, { x, y }) => {
        k.for(k.begin, k.end, 1, (at) => k.store("f32", y, at, add(load("f32", x, at), i)));
      }),
    );
    return performance.now() - start;
  });
  return median(times);
}

/** Microseconds of an addition of 8 elements. */
function measureSmall(requiresGrad: boolean): number {
  const [count, x] = [2000, ones([8], { requiresGrad })];
  const round = (): number => {
    const start = performance.now();
    tidy(() => {
      for (let i = 0; i < count; i++) x.add(1);
    });
    return ((performance.now() - start) * 1000) / count;
  };
  const times = Array.from({ length: 15 }, round);
  return median(times.slice(5)); // the first ones warm V8 up
}

const firstSteps = `
const started = performance.now();
const { ones } = await import(process.argv[1]);
const imported = performance.now();
ones([64, 64]).matmul(ones([64, 64]));
console.log(JSON.stringify([started, imported - started, performance.now() - imported]));
`;

/** A process of its own, which is asked how long it took. */
async function measureStartUp(): Promise<StartUp> {
  const entry = new URL("../index.ts", import.meta.url).href;
  const flags = [...process.execArgv, "--input-type=module", "--eval", firstSteps, entry];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  const [runtime, imported, firstMatmul] = JSON.parse(stdout) as [number, number, number]; // what it prints
  return { runtime: rounded(runtime), import: rounded(imported), firstMatmul: rounded(firstMatmul) };
}
