// Uploads, against the hub of test/hub: small files in the commit, large ones through LFS.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startHub } from "../../test/hub/server.ts";
import { HubError } from "./errors.ts";
import { createBranch, createRepo, pushToHub, uploadFiles, uploadFolder } from "./upload.ts";

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
  assert.equal(repo.branches.get("main")?.message, "Two");
  const file = [{ path: "a.txt", content: new Blob(["a"]) }];
  await assert.rejects(uploadFiles("org/mine", file, { ...options, revision: "next" }), {
    name: "RevisionNotFoundError",
    message: /Invalid rev id: next.+createBranch\(\) makes the branch/,
  });
  await createBranch("org/mine", "next", options);
  await createBranch("org/mine", "next", options); // there already
  await uploadFiles("org/mine", file, { ...options, revision: "next" });
  assert.ok(repo.branches.get("next")!.files.has("a.txt") && !repo.branches.get("main")!.files.has("a.txt"));

  await assert.rejects(createRepo("org/mine", { ...options, existOk: false }), /createRepo: "org\/mine"/);
  await assert.rejects(uploadFolder("org/mine", folder, { ...options, token: "hf_other" }), /does not know the token/);
  await assert.rejects(uploadFolder("org/mine", folder, { ...options, token: false }), /wants a token/);
  await assert.rejects(uploadFiles("mine", [], options), /wants its owner/);
  await assert.rejects(uploadFiles("org/mine", [{ path: "../x", content: new Blob() }], options), /no file's path/);
});

test("private, and a branch of its own", async (t) => {
  const hub = await startHub({ users: { hf_test: "org" } });
  t.after(() => hub.close());
  const fill = async (folder: string) => writeFileSync(join(folder, "a.jsonl"), "{}");
  const options = { endpoint: hub.endpoint, token: "hf_test", private: true, repoType: "dataset" } as const;
  await pushToHub("org/rows", fill, { ...options, revision: "v2" });
  const repo = hub.repos.get("datasets/org/rows")!;
  assert.equal(repo.token, "hf_test"); // nobody else sees it
  assert.deepEqual(
    [...repo.branches].map(([name, { files }]) => [name, files.size]),
    [
      ["main", 0],
      ["v2", 1],
    ],
  );
});

test("a large file goes in parts; a part that fails is sent again, one that is there is not", async (t) => {
  const hub = await startHub({ users: { hf_test: "org" } });
  t.after(() => hub.close());
  hub.add("org/a", {});
  hub.add("org/b", {});
  const bytes = new Uint8Array(20_000).map((_, i) => (i * 31) >> 3);
  const files = [{ path: "model.safetensors", content: new Blob([bytes]) }];
  const options = { endpoint: hub.endpoint, token: "hf_test", retryDelayMs: 1 } as const;
  const puts = () => hub.requests.filter(({ method }) => method === "PUT").length;
  hub.misbehave({ on: "upload", method: "PUT", times: 2, fault: { kind: "status", status: 503 } });
  await uploadFiles("org/a", files, options);
  assert.equal(puts(), 5 + 2);
  const sent = hub.repos.get("models/org/a")!.branches.get("main")!.files.get("model.safetensors")!;
  assert.deepEqual(Uint8Array.from(sent.bytes), bytes);
  await uploadFiles("org/b", files, options); // as after one that broke off before its commit
  assert.equal(puts(), 5 + 2);
  assert.ok(hub.repos.get("models/org/b")!.branches.get("main")!.files.has("model.safetensors"));
});

test("what a hub refuses is said with what to do", async (t) => {
  const hub = await startHub({ users: { hf_test: "org" } });
  t.after(() => hub.close());
  hub.add("org/a", {});
  const files = [{ path: "a.txt", content: new Blob(["a"]) }];
  const options = { endpoint: hub.endpoint, token: "hf_test", retryDelayMs: 1, retries: 1 } as const;
  const fails = (status: number) => hub.misbehave({ on: "upload", times: 3, fault: { kind: "status", status } }); // the question and its repetitions
  for (const [status, message] of [
    [403, /uploadFiles: "org\/a": .*403.*HF_TOKEN.*allow to write/],
    [409, /409.*at the same time/],
    [429, /429.*wait a while/],
    [500, /status 500/],
  ] as const) {
    fails(status);
    await assert.rejects(uploadFiles("org/a", files, options), (error) => {
      assert.ok(error instanceof HubError && error.facts["status"] === status, String(error));
      assert.match(error.message, message);
      return true;
    });
    hub.behave();
  }
  await assert.rejects(uploadFiles("org/none", files, options), {
    name: "RepositoryNotFoundError",
    message: /createRepo\(\) makes one/,
  });
  assert.equal(hub.repos.get("models/org/a")!.branches.get("main")!.files.size, 0);
  hub.close();
  await assert.rejects(uploadFiles("org/a", files, options), { name: "ConnectionError", message: /network up/ });
});
