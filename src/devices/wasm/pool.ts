// The threads of a device as the calling one sees them: it starts them, writes jobs, takes part, and turns what goes
// wrong anywhere into one error.

import { platform } from "#runtime/base/platform";
import { DeviceError } from "../../base/errors.ts";
import type { WorkerHandle } from "../../base/platform.ts";
import type { Compiled, Launch } from "../../ir/device.ts";
import type { FlatMemory } from "../memory.ts";
import { writeArgs } from "./args.ts";
import type { Member, Run } from "./phases.ts";
import {
  announce,
  argsAt,
  callOff,
  codeAt,
  codeBytesAt,
  doneAt,
  failedWord,
  failure,
  grainAt,
  insideWord,
  jobStride,
  jobWords,
  kernelAt,
  nextAt,
  nextStride,
  phaseWords,
  rangeAt,
  smallTableBytes,
  smallTables,
  stateWord,
  tableCount,
  takePart,
  tasksAt,
} from "./phases.ts";
import type { Hire } from "./worker.ts";

/** A kernel as the pool needs it. */
export interface PoolKernel extends Compiled {
  readonly bytes: Uint8Array;
  readonly run: Run;
}

interface Table {
  address: number;
  bytes: number;
  /** The last job that was written here. */
  sequence: number;
}

/** How long to wait for others. */
export interface Patience {
  /** So long may nobody do anything before the job, or a thread, is given up. */
  readonly silenceMs: number;
  /** So long may a thread work at one chunk; no message says that a thread died while this one waits. */
  readonly chunkMs: number;
}

const defaultPatience: Patience = { silenceMs: 5000, chunkMs: 60_000 };
/** More than this between two looks means that the process itself stood still (Ctrl-Z, a sleeping machine): nobody was slow. */
const longestLookMs = 1000;
const codeBlockBytes = 2 ** 18;

export class Pool {
  readonly threads: number;
  /** Why there are fewer threads than wanted. */
  problem: string | undefined = undefined;

  readonly #memory: FlatMemory;
  readonly #shared: WebAssembly.Memory;
  readonly #reserve: (bytes: number) => number;
  readonly #patience: Patience;
  readonly #me: Member;
  /** By id: the device's kernels, and where the bytes lie of those that workers have been told of. */
  readonly #kernels: readonly PoolKernel[];
  readonly #codes: number[] = [];
  #codeNext = 0;
  #codeEnd = 0;
  readonly #tables: readonly Table[];
  readonly #workers: WorkerHandle[] = [];
  #started = false;
  #sequence = 0;
  /** What did not move when it was last looked at, and for how long. */
  #quietPhase = -1;
  #quietDone = -1;
  #quietTaken = -1;
  #quietMs = 0;
  #lookedMs = 0;

  constructor(
    memory: FlatMemory,
    shared: WebAssembly.Memory,
    kernels: readonly PoolKernel[],
    reserve: (bytes: number) => number,
    patience: Partial<Patience> = {},
  ) {
    const { threads } = memory;
    this.threads = threads;
    this.#kernels = kernels;
    this.#memory = memory;
    this.#shared = shared;
    this.#reserve = reserve;
    this.#patience = { ...defaultPatience, ...patience };
    this.#tables = Array.from({ length: tableCount }, (_, i) => {
      return { address: smallTables + i * smallTableBytes, bytes: smallTableBytes, sequence: 0 };
    });
    this.#me = {
      thread: 0,
      threads,
      words: memory.i32,
      runOf: (id) => this.#kernels[id]!.run,
      sleeps: maySleep(),
      onWait: (phase, done) => this.#watch(phase, done),
    };
  }

  /** Does the launches one after another, each with all threads. */
  run(launches: readonly Launch[]): void {
    if (!this.#started) this.#start();
    const sequence = (this.#sequence + 1) | 0 || 1; // 0 means "in no job"
    const table = this.#tables[sequence & (tableCount - 1)]!;
    this.#await(table.sequence);
    this.#write(table, launches); // may throw: nothing has happened yet
    table.sequence = sequence;
    this.#publish(sequence, table.address >>> 2, launches.length);
    const words = this.#me.words;
    try {
      takePart(this.#me, table.address >>> 2, launches.length);
    } catch (error) {
      callOff(words, error instanceof Error ? error.message : String(error));
    }
    if (Atomics.load(words, failedWord) !== 0) throw this.#end(sequence, launches);
  }

  close(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
  }

  #start(): void {
    this.#started = true;
    const hire = {
      memory: this.#shared,
      threads: this.threads,
      phases: new URL("./phases.ts", import.meta.url).href,
      math: new URL("../../ir/math.ts", import.meta.url).href,
    };
    try {
      for (let thread = 1; thread < this.threads; thread++) {
        const worker = platform.spawnWorker(new URL("./worker.ts", import.meta.url));
        this.#workers.push(worker);
        worker.onError((error) => this.#lose(thread, error.message));
        worker.postMessage({ ...hire, thread } satisfies Hire);
      }
    } catch (error) {
      this.problem = String(error); // then the calling thread does it alone
    }
  }

  /** A thread that is gone holds nothing and is waited for no more. */
  #lose(thread: number, why: string): void {
    this.problem = `thread ${thread} is gone: ${why}`;
    Atomics.store(this.#memory.i32, stateWord(thread), 0);
    Atomics.store(this.#memory.i32, insideWord(thread), 0);
  }

  /** Waits until no worker is in this job any more. It has ended, so none stays long. */
  #await(sequence: number): void {
    if (sequence === 0) return;
    const words = this.#memory.i32;
    for (let thread = 1; thread < this.threads; thread++) {
      let since = 0;
      const inside = insideWord(thread);
      for (let spins = 1; Atomics.load(words, inside) === sequence; spins++) {
        if (spins % 1024 !== 0) continue;
        if (this.#me.sleeps) Atomics.wait(words, inside, sequence, 0.05); // lets it have the processor
        const now = performance.now();
        if (since === 0 || Atomics.load(words, stateWord(thread)) !== 0) since = now;
        else if (now - since > this.#patience.silenceMs) this.#lose(thread, "it does not answer");
      }
    }
  }

  #write(table: Table, launches: readonly Launch[]): void {
    const stride = phaseWords(this.threads);
    let args = launches.length * stride * 4;
    let bytes = args;
    for (const { kernel } of launches) {
      bytes += kernel.kernel.params.length * 8;
      if (this.#codes[kernel.id] === undefined) this.#tell(this.#kernels[kernel.id]!);
    }
    if (bytes > table.bytes) {
      table.bytes = 2 * bytes;
      table.address = this.#reserve(table.bytes);
    }
    const words = this.#memory.i32; // after the last thing that can grow the memory
    let at = table.address >>> 2;
    args += table.address;
    for (const { kernel, args: values, tasks, grain } of launches) {
      this.#writePhase(words, at, this.#kernels[kernel.id]!, args, tasks, grain);
      writeArgs(this.#memory, kernel.kernel, args, values);
      at += stride;
      args += values.length * 8;
    }
  }

  #writePhase(words: Int32Array, at: number, kernel: PoolKernel, args: number, tasks: number, grain: number): void {
    const { threads } = this;
    const chunk = Math.min(grain, 2 ** 24);
    const range = tasks <= grain ? 0 : Math.ceil(tasks / threads / chunk) * chunk;
    if (tasks + chunk * threads > 2 ** 31 - 1)
      throw new DeviceError(`${kernel.kernel.name}: ${tasks} tasks are too many`, { tasks });
    words[at + kernelAt] = kernel.id;
    words[at + codeAt] = this.#codes[kernel.id]!;
    words[at + codeBytesAt] = kernel.bytes.length;
    words[at + argsAt] = args;
    words[at + tasksAt] = tasks;
    words[at + grainAt] = chunk;
    words[at + rangeAt] = range;
    words[at + doneAt] = 0;
    for (let i = 0; i < threads; i++) words[at + nextAt + nextStride * i] = i * range;
  }

  /** Puts a kernel's bytes where workers find them. */
  #tell(kernel: PoolKernel): void {
    const { bytes, id } = kernel;
    if (this.#codeNext + bytes.length > this.#codeEnd) {
      const block = Math.max(codeBlockBytes, bytes.length);
      this.#codeNext = this.#reserve(block);
      this.#codeEnd = this.#codeNext + block;
    }
    this.#memory.u8.set(bytes, this.#codeNext);
    this.#codes[id] = this.#codeNext;
    this.#codeNext += bytes.length;
  }

  #publish(sequence: number, table: number, phases: number): void {
    const words = this.#memory.i32;
    this.#me.words = words;
    const job = jobWords + jobStride * (sequence & (tableCount - 1));
    words[job] = table;
    words[job + 1] = phases;
    words[job + 2] = words.length >>> 14; // pages
    this.#sequence = sequence;
    this.#quietPhase = -1;
    announce(words, sequence);
  }

  /** While a phase does not end: gives up when nothing has happened for long, sooner if nobody holds a chunk. */
  #watch(phase: number, done: number): void {
    const { words, threads } = this.#me;
    const now = performance.now();
    let taken = 0;
    for (let i = 0; i < threads; i++) taken += Atomics.load(words, phase + nextAt + nextStride * i);
    const moved = phase !== this.#quietPhase || done !== this.#quietDone || taken !== this.#quietTaken;
    this.#quietMs = moved ? 0 : this.#quietMs + Math.min(now - this.#lookedMs, longestLookMs);
    this.#lookedMs = now;
    this.#quietPhase = phase;
    this.#quietDone = done;
    this.#quietTaken = taken;
    const busy: number[] = [];
    for (let thread = 1; thread < threads; thread++)
      if (Atomics.load(words, stateWord(thread)) !== 0) busy.push(thread);
    const quietMs = this.#quietMs;
    if (quietMs <= (busy.length > 0 ? this.#patience.chunkMs : this.#patience.silenceMs)) return;
    for (const thread of busy) this.#dismiss(thread, `it did not finish its work in ${Math.round(quietMs)} ms`);
    callOff(words, `a thread went away with its work (${this.problem ?? "no word of it"})`);
  }

  /** Ends a thread that may still be running, so that it writes nothing later. */
  #dismiss(thread: number, why: string): void {
    this.#workers[thread - 1]?.terminate();
    this.#lose(thread, why);
  }

  /** Cleans up after a job that was called off, so that the next one finds all in order, and says what happened. */
  #end(sequence: number, launches: readonly Launch[]): DeviceError {
    const words = this.#memory.i32;
    const next = (sequence + 1) | 0 || 1;
    const table = this.#tables[next & (tableCount - 1)]!;
    this.#await(table.sequence);
    table.sequence = next;
    this.#publish(next, table.address >>> 2, 0); // who comes late finds nothing to do
    Atomics.store(words, stateWord(0), 0);
    this.#await(sequence);
    const message = failure(words);
    Atomics.store(words, failedWord, 0);
    const kernels = [...new Set(launches.map((l) => l.kernel.kernel.name))];
    return new DeviceError(`${kernels.slice(0, 4).join(", ")}: ${message}`, { kernels });
  }
}

/** A browser forbids its main thread to sleep. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}
