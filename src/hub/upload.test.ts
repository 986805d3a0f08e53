// Uploads, against the hub of test/hub: small files in the commit, large ones through LFS.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startHub } from "../../test/hub/server.ts";
import { createRepo, pushToHub, uploadFiles, uploadFolder } from "./upload.ts";

test("a folder is pushed, replaced and read back", async (t) => {
  const hub = await startHub({ users: { hf_test: "org" } });
  const folder = mkdtempSync(join(tmpdir(), "kindling-hub-"));
  t.after(() => {
    hub.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const weights = new Uint8Array(5000).map((_, i) => i * 3);
  const fill = async (into: string) => {
    mkdirSync(join(into, ".git"));
    mkdirSync(join(into, "sub"));
    writeFileSync(join(into, ".git", "HEAD"), "x");
    writeFileSync(join(into, "config.json"), "{}");
    writeFileSync(join(into, "sub", "model.safetensors"), weights);
  };
  const options = { endpoint: hub.endpoint, token: "hf_test" };
  const made = await pushToHub("org/mine", fill, options);
  const repo = hub.repos.get("models/org/mine")!;
  assert.equal(made.oid, repo.branches.get("main")?.sha);
  const files = repo.branches.get("main")!.files;
  assert.deepEqual([...files.keys()], ["config.json", "sub/model.safetensors"]);
  assert.deepEqual(Uint8Array.from(files.get("sub/model.safetensors")!.bytes), weights);

  await fill(folder);
  await pushToHub("org/mine", folder, { ...options, pathInRepo: "v2/", ignorePatterns: "sub/", commitMessage: "Two" });
  assert.ok(repo.branches.get("main")!.files.has("v2/config.json"));
  assert.ok(!repo.branches.get("main")!.files.has("v2/sub/model.safetensors"));
  await uploadFiles("org/mine", [{ path: "a.txt", content: new Blob(["a"]) }], { ...options, revision: "next" });
  assert.ok(repo.branches.get("next")!.files.has("a.txt") && !repo.branches.get("main")!.files.has("a.txt"));

  await assert.rejects(createRepo("org/mine", { ...options, existOk: false }), /createRepo: "org\/mine"/);
  await assert.rejects(uploadFolder("org/mine", folder, { ...options, token: "hf_other" }), /allow to write there/);
  await assert.rejects(uploadFolder("org/mine", folder, { ...options, token: false }), /wants a token/);
  await assert.rejects(uploadFiles("mine", [], options), /wants its owner/);
  await assert.rejects(uploadFiles("org/mine", [{ path: "../x", content: new Blob() }], options), /no file's path/);
});
