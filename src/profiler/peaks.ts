// What this machine can do at best, measured: arithmetic by a matrix product in float32, memory by a sum over and a copy of
// more than a cache holds. The best of some runs, since others only ever take away.

import { defaultDevice } from "../devices/default.ts";
import { ones } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { setRecorder } from "../tensor/recorder.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

export interface MachinePeaks {
  /** 10⁹ float32 operations a second in a matrix product. */
  readonly gigaflopsPerSecond: number;
  /** 10⁹ bytes a second, reading. */
  readonly readGigabytesPerSecond: number;
  /** 10⁹ bytes a second, read and written together, copying. */
  readonly copyGigabytesPerSecond: number;
}

let measured: MachinePeaks | undefined;

/** The peaks of the default device, measured on the first call in some tenths of a second and kept for the process. */
export function machinePeaks(): MachinePeaks {
  return (measured ??= measure());
}

const largestMatrix = 1024;
const largestVector = 2 ** 23;
/** Long enough to time; what takes longer than this is not made larger. */
const enoughMs = 2;
/** How long one kind of work is repeated without getting faster, and at most. */
const patienceMs = 40;
const mostPatienceMs = 400;

function measure(): MachinePeaks {
  const before = setRecorder(undefined); // inside a profile this is not its business
  const device = defaultDevice();
  const { peakBytes } = device.memoryStats();
  device.resetPeak();
  try {
    return noGrad(() => tidy(() => ({ gigaflopsPerSecond: matmulPeak(), ...memoryPeaks() }), "machinePeaks()"));
  } finally {
    device.resetPeak(peakBytes);
    setRecorder(before);
  }
}

function matmulPeak(): number {
  for (let n = 32; ; n *= 2) {
    const [a, b] = [ones([n, n]), ones([n, n])];
    const once = (): void => a.matmul(b).dispose();
    once(); // compiles
    if (n < largestMatrix && timed(once) < enoughMs / 4) continue;
    const ms = best(once); // which an older V8 reaches only after a while
    if (n < largestMatrix && ms < enoughMs) continue;
    return (2 * n ** 3) / ms / 1e6;
  }
}

function memoryPeaks(): Omit<MachinePeaks, "gigaflopsPerSecond"> {
  for (let n = 2 ** 12; ; n *= 4) {
    const [x, y] = [ones([n]), Tensor.empty([n], "float32")];
    const read = (): void => x.sum().dispose();
    const copy = (): void => void y.copy_(x);
    read();
    copy();
    const tooSmall = n < largestVector && timed(copy) < 4 * enoughMs;
    if (!tooSmall) {
      return { readGigabytesPerSecond: (4 * n) / best(read) / 1e6, copyGigabytesPerSecond: (8 * n) / best(copy) / 1e6 };
    }
    x.dispose();
    y.dispose();
  }
}

function timed(body: () => void): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}

/** The milliseconds of the fastest run; as long as runs get faster, there are more of them. */
function best(body: () => void): number {
  const start = performance.now();
  let least = Number.POSITIVE_INFINITY;
  let improvedMs = start;
  for (let now = start; now - improvedMs < patienceMs && now - start < mostPatienceMs; now = performance.now()) {
    const ms = timed(body);
    if (ms < 0.97 * least) improvedMs = performance.now();
    least = Math.min(least, ms);
  }
  return least;
}
