// The start of a pool thread: fetches what it needs by address, since a worker file is bundled alone, then serves.

import type { mathImports } from "../../ir/math.ts";
import type { Member, Run, serve } from "./phases.ts";

/** The one message that a worker gets. */
export interface Hire {
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
  readonly threads: number;
  /** Addresses of the modules that the worker needs. */
  readonly phases: string;
  readonly math: string;
}

self.onmessage = async ({ data }: MessageEvent<Hire>): Promise<void> => {
  const { memory, thread, threads } = data;
  const phases = (await import(data.phases)) as { serve: typeof serve };
  const math = ((await import(data.math)) as { mathImports: typeof mathImports }).mathImports;
  const runs: Run[] = [];

  const compile = (code: number, bytes: number): Run => {
    const copy = new Uint8Array(memory.buffer).slice(code, code + bytes); // out of shared memory
    const instance = new WebAssembly.Instance(new WebAssembly.Module(copy), { env: { memory }, math });
    return instance.exports.run as Run; // what emitKernel exports
  };
  const me: Member = {
    thread,
    threads,
    words: new Int32Array(memory.buffer),
    runOf: (kernel, code, bytes) => (runs[kernel] ??= compile(code >>> 0, bytes)),
    sleeps: true,
    onWait: () => {},
  };
  phases.serve(me, () => {
    memory.grow(0); // shows what the calling thread added
    me.words = new Int32Array(memory.buffer);
  });
};
