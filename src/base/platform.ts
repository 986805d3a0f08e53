// What the engine asks of the runtime it stands in. `platform.node.ts` and `platform.web.ts` answer;
// `import { platform } from "#runtime/base/platform"` gets the one that fits.

export interface Platform {
  readonly name: "node" | "web";
  /** How many threads can share memory and run at once. */
  readonly threads: number;
  /** False in a worker, which must not start workers of its own. */
  readonly isMainThread: boolean;
  /** V8's version, as "13.6.233.17"; undefined where the runtime does not tell. */
  readonly v8Version: string | undefined;
  /** The processor's kind in Node's words ("x64", "arm64"); undefined where the runtime does not tell. */
  readonly arch: string | undefined;
  /**
   * Starts a module worker, written for the web (`self.onmessage`, `postMessage`) in both runtimes and without imports
   * of values. `url` is spelled `new URL("./worker.ts", import.meta.url)`: the build turns it into `.js`, and bundlers
   * find it. A worker keeps no process alive.
   */
  spawnWorker(url: URL): WorkerHandle;
  /**
   * Sets a V8 flag (`--name`) for what is compiled from now on; false where there are none to set. V8 complains on
   * stderr about a flag that it does not know, so look at `v8Version` first.
   */
  setV8Flag(flag: string): boolean;
  /** Collects garbage now; undefined where the runtime does not let us. */
  readonly forceGc: (() => void) | undefined;
  /** An environment variable; always undefined in browsers. */
  readEnv(name: string): string | undefined;
}

export interface WorkerHandle {
  postMessage(message: unknown): void;
  onMessage(listen: (message: unknown) => void): void;
  /** Called once when the worker fails to load, throws, or ends unasked. */
  onError(listen: (error: Error) => void): void;
  terminate(): void;
}
