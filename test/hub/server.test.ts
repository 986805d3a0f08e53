// The hub for tests answers as huggingface.co does, so far as clients look.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gitSha1 } from "./repos.ts";
import { startHub } from "./server.ts";

const weights = new Uint8Array(5000).map((_, i) => i);

test("a small file comes itself, a large one by a redirect to another host", async (t) => {
  const hub = await startHub();
  t.after(hub.close);
  const { branches } = hub.add("org/name", { files: { "config.json": "{}\n", "model.safetensors": weights } });
  const sha = branches.get("main")!.sha;
  const small = await fetch(`${hub.endpoint}/org/name/resolve/main/config.json`);
  assert.equal(small.headers.get("x-repo-commit"), sha);
  // `printf '{}\n' | git hash-object --stdin`
  assert.equal(small.headers.get("etag"), '"0967ef424bce6791893e9a57bb952f80fd536e93"');
  assert.equal(gitSha1(new TextEncoder().encode("{}\n")), "0967ef424bce6791893e9a57bb952f80fd536e93");
  const large = await fetch(`${hub.endpoint}/org/name/resolve/${sha}/model.safetensors`, { redirect: "manual" });
  assert.equal(large.status, 302);
  assert.equal(large.headers.get("x-linked-size"), "5000");
  const location = large.headers.get("location")!;
  assert.match(location, /^http:\/\/localhost:\d+\/cdn\//);
  const part = await fetch(location, { headers: { range: "bytes=4000-" } });
  assert.equal(part.status, 206);
  assert.deepEqual(new Uint8Array(await part.arrayBuffer()), weights.subarray(4000));
});

test("what is not there, and who may not see it", async (t) => {
  const hub = await startHub();
  t.after(hub.close);
  hub.add("org/name", { files: { a: "a" } });
  hub.add("org/hidden", { files: { a: "a" }, token: "secret" });
  hub.add("org/gated", { files: { a: "a" }, gatedFor: "member" });
  const ask = async (path: string, token?: string) => {
    const headers = { ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(hub.endpoint + path, { headers });
    return [answer.status, answer.headers.get("x-error-code")];
  };
  assert.deepEqual(await ask("/org/name/resolve/main/b"), [404, "EntryNotFound"]);
  assert.deepEqual(await ask("/org/name/resolve/v2/a"), [404, "RevisionNotFound"]);
  assert.deepEqual(await ask("/org/other/resolve/main/a"), [401, "RepoNotFound"]);
  assert.deepEqual(await ask("/org/other/resolve/main/a", "x"), [404, "RepoNotFound"]);
  assert.deepEqual(await ask("/org/hidden/resolve/main/a", "secret"), [200, null]);
  assert.deepEqual(await ask("/org/gated/resolve/main/a"), [401, "GatedRepo"]);
  assert.deepEqual(await ask("/api/models/org/gated"), [200, null]);
});

test("the tree comes in pages", async (t) => {
  const hub = await startHub({ pageSize: 2 });
  t.after(hub.close);
  hub.add("org/data", { type: "dataset", files: { "README.md": "x", "data/a.json": "1", "data/b/c.json": "2" } });
  const seen: string[] = [];
  let next: string | undefined = `${hub.endpoint}/api/datasets/org/data/tree/main?recursive=true`;
  while (next !== undefined) {
    const page: Response = await fetch(next);
    seen.push(...((await page.json()) as { path: string }[]).map(({ path }) => path));
    next = /<(.+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1];
  }
  assert.deepEqual(seen.sort(), ["README.md", "data", "data/a.json", "data/b", "data/b/c.json"]);
  assert.equal(hub.requests.length, 3);
});

test("it misbehaves when told to, and as often", async (t) => {
  const hub = await startHub();
  t.after(hub.close);
  hub.add("org/name", { files: { a: "a", "model.safetensors": weights } });
  const sha = [...hub.repos.get("models/org/name")!.branches.get("main")!.files.values()].at(-1)!.sha256!;
  hub.misbehave({ on: "resolve", times: 1, fault: { kind: "status", status: 429, retryAfter: 3 } });
  const refused = await fetch(`${hub.endpoint}/org/name/resolve/main/a`);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "3"]);
  assert.equal((await fetch(`${hub.endpoint}/org/name/resolve/main/a`)).status, 200);
  const cdn = `${hub.endpoint}/cdn/${sha}`;
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "cut", afterBytes: 100 } });
  await assert.rejects(async () => (await fetch(cdn)).arrayBuffer());
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "wrongBytes" } });
  assert.notDeepEqual(new Uint8Array(await (await fetch(cdn)).arrayBuffer()), weights);
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "ignoreRange" } });
  assert.equal((await fetch(cdn, { headers: { range: "bytes=10-" } })).status, 200);
  assert.deepEqual(new Uint8Array(await (await fetch(cdn)).arrayBuffer()), weights);
});
