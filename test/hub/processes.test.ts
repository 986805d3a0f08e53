// Processes that are killed while they download, and processes that want the same file at once.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { Generator } from "../../src/base/random.ts";
import { type Hub, startHub } from "./server.ts";

/** fetch-one.ts joined into one file: it starts four times faster, and is started 50 times. */
const scratch = mkdtempSync(join(tmpdir(), "kindling-hub-"));
after(() => rmSync(scratch, { recursive: true, force: true }));
const program = join(scratch, "fetch-one.mjs");
buildSync({
  entryPoints: [fileURLToPath(new URL("./fetch-one.ts", import.meta.url))],
  outfile: program,
  bundle: true,
  platform: "node",
  format: "esm",
  conditions: ["kindling-source"],
  banner: {
    js: 'import { createRequire as requireAt } from "node:module"; const require = requireAt(import.meta.url);',
  },
});

const weights = new Uint8Array(2_000_000).map((_, i) => (i * 7919) >> 3);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

interface World {
  readonly hub: Hub;
  readonly folder: string;
  readonly blobs: string;
  start(): { readonly process: ChildProcess; readonly ended: Promise<{ code: number | null; said: string }> };
}

async function world(t: TestContext): Promise<World> {
  const hub = await startHub();
  const folder = mkdtempSync(join(tmpdir(), "kindling-hub-"));
  t.after(() => {
    hub.close();
    rmSync(folder, { recursive: true, force: true });
  });
  hub.add("org/name", { files: { "model.safetensors": weights } });
  const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: folder, HF_HUB_OFFLINE: "" };
  const start = () => {
    const child = spawn(process.execPath, [program, "org/name", "model.safetensors"], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
    const ended = new Promise<{ code: number | null; said: string }>((resolve) => {
      child.on("close", (code) => resolve({ code, said: said.trim() }));
    });
    return { process: child, ended };
  };
  return { hub, folder, blobs: join(folder, "models--org--name", "blobs"), start };
}

const cdnRequests = (hub: Hub) => hub.requests.filter(({ path }) => path.startsWith("/cdn/"));

async function until(what: string, test: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!test()) {
    assert.ok(performance.now() < end, `waited a minute for ${what}`);
    await sleep(8);
  }
}

/** Bytes that are here of the file. */
function here(blobs: string): number {
  const [name] = existsSync(blobs) ? readdirSync(blobs) : [];
  return name === undefined ? 0 : (statSync(join(blobs, name), { throwIfNoEntry: false })?.size ?? 0);
}

/** Whole blobs must be right at any moment. */
function checkBlobs(blobs: string): void {
  for (const name of existsSync(blobs) ? readdirSync(blobs) : []) {
    if (!name.endsWith(".incomplete")) assert.equal(sha256(readFileSync(join(blobs, name))), name);
  }
}

test("a download killed at 20 random moments goes on where it was and verifies", async (t) => {
  const { hub, folder, blobs, start } = await world(t);
  hub.misbehave({ on: "cdn", fault: { kind: "slow", chunkBytes: 4096, pauseMs: 1 } });
  const random = new Generator(20);
  let killed = 0;
  let resumed = 0;
  let reached = 0;
  while (killed < 20) {
    const run = start();
    // Some are killed as soon as they ask for bytes, others when so many more are here; some are done before that.
    const asked = cdnRequests(hub).length;
    const more = Math.max(0, random.integer(-100_000, 400_000));
    const moment = until("bytes", () => cdnRequests(hub).length > asked && here(blobs) >= reached + more);
    await Promise.race([moment, run.ended]);
    run.process.kill("SIGKILL");
    const { code, said } = await run.ended;
    checkBlobs(blobs);
    const from = Number(/\d+/.exec(cdnRequests(hub)[asked]?.range ?? "")?.[0] ?? 0);
    if (cdnRequests(hub).length > asked) assert.equal(from, reached, "it goes on where the one before was killed");
    if (from > 0) resumed++;
    reached = here(blobs);
    if (code === null) killed++;
    else {
      assert.equal(code, 0, said);
      rmSync(folder, { recursive: true }); // whole: begin anew
      hub.forget();
      reached = 0;
    }
  }
  assert.ok(resumed >= 10, `only ${resumed} of ${killed} went on`);
  hub.behave();
  const { code, said } = await start().ended;
  assert.equal(code, 0, said);
  assert.equal(sha256(readFileSync(said)), sha256(weights));
  assert.deepEqual(readdirSync(blobs), [sha256(weights)], "nothing else is left");
  assert.deepEqual(readdirSync(join(folder, ".locks", "models--org--name")), []);
});

test("ten processes that want one file fetch it once, also when the one that fetches is killed", async (t) => {
  const { hub, folder, blobs, start } = await world(t);
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "slow", chunkBytes: 4096, pauseMs: 2 } });
  const runs = Array.from({ length: 10 }, start);
  const lock = join(folder, ".locks", "models--org--name", `${sha256(weights)}.kindling.lock`);
  await until("a quarter of the file", () => here(blobs) > weights.length / 4);
  const { pid } = JSON.parse(readFileSync(lock, "utf8"));
  process.kill(pid, "SIGKILL");
  const ends = await Promise.all(runs.map(({ ended }) => ended));
  assert.equal(ends.filter(({ code }) => code === 0).length, 9);
  const [one, ...others] = ends.filter(({ code }) => code === 0).map(({ said }) => said);
  for (const other of others) assert.equal(other, one);
  assert.equal(sha256(readFileSync(one ?? "")), sha256(weights));
  const ranges = cdnRequests(hub).map(({ range }) => range);
  assert.equal(ranges.length, 2, "the killed one's and its follower's");
  assert.match(ranges[1] ?? "", /^bytes=[1-9]\d+-$/);
  hub.forget();
  rmSync(folder, { recursive: true });
  const again = await Promise.all(Array.from({ length: 10 }, () => start().ended));
  for (const { code, said } of again) assert.equal(code, 0, said);
  assert.equal(cdnRequests(hub).length, 1);
});
