// The runtime as Node sees it. A worker thread is dressed as a web worker, so that a worker file is written once.

import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { isMainThread, Worker } from "node:worker_threads";
import type { Platform, WorkerHandle } from "./platform.ts";

/**
 * Messages wait in the port until the module has run and set `onmessage`, as they do on the web. Without `require` and `import`
 * statements, as it is CommonJS or a module by the `--input-type` that the process was started with.
 */
const dress = `
  import("node:worker_threads").then(async ({ parentPort, workerData }) => {
    globalThis.self = globalThis;
    globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
    await import(workerData);
    parentPort.on("message", (data) => globalThis.onmessage?.({ data }));
  });
`;

function spawnWorker(url: URL): WorkerHandle {
  const worker = new Worker(dress, { eval: true, workerData: url.href });
  worker.unref();
  let done = false;
  let failed: ((error: Error) => void) | undefined;
  const fail = (error: Error) => {
    if (!done) failed?.(error);
    done = true;
  };
  worker.on("error", fail);
  worker.on("exit", (code) => fail(new Error(`worker ${url.href} ended by itself with code ${code}`)));
  return {
    postMessage: (message) => worker.postMessage(message),
    onMessage: (listen) => {
      worker.on("message", listen);
      worker.unref(); // a listener holds the process again
    },
    onError: (listen) => {
      failed = listen;
    },
    terminate: () => {
      done = true;
      void worker.terminate();
    },
  };
}

/** A runtime that froze its flags throws. */
function setV8Flag(flag: string): boolean {
  try {
    setFlagsFromString(flag);
    return true;
  } catch {
    return false;
  }
}

let collect: (() => void) | undefined;

/**
 * `gc` is a global of contexts made after the flag; it collects the whole heap from any of them. What a WeakRef was made for in
 * this turn stays alive until the turn ends; a script in a context with its own microtask queue ends it early.
 */
function exposeGc(): (() => void) | undefined {
  if (collect || !setV8Flag("--expose-gc")) return collect;
  const vm = createRequire(import.meta.url)("node:vm") as typeof import("node:vm"); // few programs need it
  const gc: unknown = vm.runInNewContext("typeof gc === 'function' ? gc : undefined");
  const turn = vm.createContext({}, { microtaskMode: "afterEvaluate" });
  if (typeof gc === "function") {
    collect = () => {
      vm.runInContext("0", turn);
      gc();
    };
  }
  return collect;
}

export const platform: Platform = {
  name: "node",
  threads: availableParallelism(),
  isMainThread,
  v8Version: process.versions.v8,
  arch: process.arch,
  spawnWorker,
  setV8Flag,
  get forceGc() {
    return exposeGc(); // only when asked for: a process that never needs it keeps its flags
  },
  readEnv: (name) => process.env[name],
};
