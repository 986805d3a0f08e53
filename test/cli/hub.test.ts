// `kindling download` and `kindling cache` as a shell sees them, against the hub of test/hub.

import assert from "node:assert/strict";
import { existsSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hubDownload, snapshotDownload } from "../../src/hub/download.ts";
import { removeRepo, scanCache, verifyCache } from "../../src/hub/scan.node.ts";
import { startHub } from "../hub/server.ts";
import { kindling, newFolder } from "./kindling.ts";

test("download, list, verify and remove", async (t) => {
  const hub = await startHub();
  const folder = newFolder();
  const { env } = process;
  Object.assign(env, { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: join(folder, "cache") });
  t.after(() => {
    hub.close();
    rmSync(folder, { recursive: true, force: true });
    for (const name of ["HF_ENDPOINT", "HF_HUB_CACHE"]) delete env[name];
  });
  const weights = new Uint8Array(5000).fill(7);
  const repo = hub.add("org/name", { files: { "config.json": "{}", "model.safetensors": weights, "a.bin": "x" } });
  const commit = repo.branches.get("main")!.sha;

  const whole = await kindling(["download", "org/name", "--exclude", "*.bin"]);
  assert.deepEqual([whole.code, whole.stderr], [0, ""], "no bar where there is no terminal");
  assert.deepEqual(readdirSync(whole.stdout.trim()), ["config.json", "model.safetensors"]);
  const [none, listed] = await Promise.all([
    kindling(["download", "org/none"]),
    kindling(["cache", "ls", "--revisions"]),
  ]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /^kindling: hub: there is no repository "org\/none", or it is private\..*\n$/);
  assert.match(listed.stdout, new RegExp(`^org/name +5\\.0 kB +2 files +${commit.slice(0, 12)} +main$`, "m"));
  assert.match(listed.stdout, /1 repositories, 5\.0 kB in /);

  writeFileSync(realpathSync(join(whole.stdout.trim(), "model.safetensors")), "spoiled");
  const spoiled = await kindling(["cache", "verify", "--remove"]);
  assert.equal(spoiled.code, 1);
  assert.match(spoiled.stderr, /1 of 2 files are not what their names say\. They were deleted/);
  await hubDownload("org/name", "model.safetensors", { progress: false });
  assert.deepEqual(await verifyCache(await scanCache()), []);

  const next = repo.commit({ "config.json": "{ }" });
  await snapshotDownload("org/name", { progress: false });
  const removed = await kindling(["cache", "rm", "org/name", "--revision", commit]);
  assert.equal(removed.stdout, `Deleted ${commit} of org/name.\n`);
  const root = join(folder, "cache", "models--org--name");
  assert.deepEqual(readdirSync(join(root, "snapshots")), [next.sha]);
  assert.equal(readdirSync(join(root, "blobs")).length, 3, "the old config.json is gone");
  for (const one of await scanCache()) await removeRepo(one);
  assert.equal(existsSync(root), false);
});
