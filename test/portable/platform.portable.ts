import { platform } from "#runtime/base/platform";
import { deepEqual, equal, ok, type Suite, suite } from "./harness.ts";

export const platformSuite: Suite = suite("platform", (test) => {
  test("is the one of this runtime", () => {
    equal(platform.name, "document" in globalThis ? "web" : "node");
    ok(platform.isMainThread);
    ok(platform.threads >= 1);
  });

  test("starts a worker that shares memory", async () => {
    const worker = platform.spawnWorker(new URL("./echo.worker.ts", import.meta.url));
    const memory = new SharedArrayBuffer(4);
    const answer = await new Promise((resolve, reject) => {
      worker.onError(reject);
      worker.onMessage(resolve);
      worker.postMessage(memory);
    });
    worker.terminate();
    deepEqual(answer, { wrote: 42, isWorker: true });
    equal(new Int32Array(memory)[0], 42);
  });

  test("tells of a worker that cannot be loaded", async () => {
    const worker = platform.spawnWorker(new URL("./missing.worker.js", import.meta.url));
    const error = await new Promise((resolve) => worker.onError(resolve));
    ok(error instanceof Error && /missing\.worker/.test(error.message));
  });

  test("sets V8 flags and collects garbage where it can", () => {
    equal(platform.setV8Flag("--no-trace-gc"), platform.name === "node");
    equal(platform.forceGc === undefined, platform.name === "web");
    platform.forceGc?.();
  });
});
