// What runs kernels. A device owns one flat memory, hands out pieces of it by byte address, compiles kernels on first
// use and runs them over a range of tasks. Everything above speaks only to this interface.

import type { Kernel } from "./ir.ts";

/** A kernel ready to run on the device that compiled it. */
export interface Compiled {
  readonly kernel: Kernel;
  readonly id: number;
}

/** One run of a kernel: `args` in the order of its parameters, over tasks `0 … tasks-1`. */
export interface Launch {
  readonly kernel: Compiled;
  readonly args: readonly number[];
  readonly tasks: number;
  /** Tasks that are handed to a thread at once; work of at most one grain stays on the calling thread. */
  readonly grain: number;
}

export interface MemoryStats {
  /** Bytes handed out and not yet returned. */
  readonly liveBytes: number;
  readonly liveBlocks: number;
  /** The most that `liveBytes` has been, since the start or since `resetPeak`. */
  readonly peakBytes: number;
  /** Bytes the device has taken from the system. */
  readonly reservedBytes: number;
  /** The most it can take. */
  readonly limitBytes: number;
}

export interface Device {
  readonly name: string;
  /** How many threads take part in a run, the calling one included. */
  readonly threads: number;

  /** A piece of at least `bytes`, 64-byte aligned, its content undefined. Throws DeviceError when memory ends. */
  alloc(bytes: number): number;
  free(address: number): void;
  /** Called when an allocation would grow the memory; frees what it can and says whether it freed anything. */
  onPressure: (() => boolean) | undefined;
  memoryStats(): MemoryStats;
  /** From now on `peakBytes` is the most since this moment, but at least `bytes`. */
  resetPeak(bytes?: number): void;
  /** Called after a kernel was built and compiled, with its name and when that began and ended (`performance.now()`). */
  onCompile: ((kernel: string, startMs: number, endMs: number) => void) | undefined;

  /** Views over the whole memory. Fetch them anew after anything that may allocate. */
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly i64: BigInt64Array;

  /** The kernel of this key, built and compiled on first use. Equal keys mean equal kernels. */
  compile(key: string, build: () => Kernel): Compiled;
  /** Runs and waits. */
  run(kernel: Compiled, args: readonly number[], tasks: number, grain: number): void;
  /** Runs one after another, each finished before the next begins, without waking the threads in between. */
  runAll(launches: readonly Launch[]): void;
  /** Memory that a kernel may use while it runs: `bytes` for each thread, one after another from the address. */
  scratch(bytesPerThread: number): number;
}
