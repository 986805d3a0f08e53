// The runtime as a browser, or a worker in one, sees it.

import type { Platform, WorkerHandle } from "./platform.ts";

function spawnWorker(url: URL): WorkerHandle {
  const worker = new Worker(url, { type: "module" });
  return {
    postMessage: (message) => worker.postMessage(message),
    onMessage: (listen) => worker.addEventListener("message", (event: MessageEvent<unknown>) => listen(event.data)),
    onError: (listen) =>
      worker.addEventListener(
        "error",
        (event) => listen(new Error(event.message || `worker ${url.href} could not be loaded`)),
        { once: true },
      ),
    terminate: () => worker.terminate(),
  };
}

export const platform: Platform = {
  name: "web",
  threads: globalThis.crossOriginIsolated ? (navigator.hardwareConcurrency ?? 1) : 1, // else memory cannot be shared
  isMainThread: typeof document === "object",
  v8Version: undefined,
  arch: undefined,
  spawnWorker,
  setV8Flag: () => false,
  forceGc: undefined,
  readEnv: () => undefined,
};
