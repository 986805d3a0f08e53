// What a download does when all goes well and when something does not, against the hub of test/hub.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type FilesByPath, gitSha1, type Repo, type RepoSettings } from "../../test/hub/repos.ts";
import { type Hub, type HubOptions, startHub } from "../../test/hub/server.ts";
import { hubDownload, snapshotDownload } from "./download.ts";
import * as errors from "./errors.ts";
import type { DownloadOptions, DownloadProgress } from "./options.ts";

const weights = new Uint8Array(300_000).map((_, i) => (i * 7919) >> 3);
const files: FilesByPath = { "config.json": '{"a": 1}\n', "model.safetensors": weights, "sub/dir/b.txt": "b" };

interface World {
  readonly hub: Hub;
  readonly repo: Repo;
  readonly folder: string;
  readonly options: DownloadOptions;
  readonly commit: string;
}

async function world(t: TestContext, settings: RepoSettings = {}, hubOptions?: HubOptions): Promise<World> {
  const hub = await startHub(hubOptions);
  const folder = mkdtempSync(join(tmpdir(), "kindling-hub-"));
  t.after(() => {
    hub.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const repo = hub.add("org/name", { files, ...settings });
  const options = { endpoint: hub.endpoint, cacheDir: folder, token: false, retryDelayMs: 1 } as const;
  return { hub, repo, folder, options, commit: repo.branches.get("main")!.sha };
}

const shaOf = (repo: Repo, file: string) => repo.branches.get("main")!.files.get(file)!.sha256!;
const cdnRequests = (hub: Hub) => hub.requests.filter(({ path }) => path.startsWith("/cdn/"));

test("the cache is Python's: blobs by hash, relative links, refs, absences", async (t) => {
  const { repo, folder, options, commit } = await world(t);
  const path = await hubDownload("org/name", "model.safetensors", options);
  const root = join(folder, "models--org--name");
  const sha = shaOf(repo, "model.safetensors");
  assert.equal(path, join(root, "snapshots", commit, "model.safetensors"));
  assert.equal(readlinkSync(path), `../../blobs/${sha}`);
  assert.deepEqual(new Uint8Array(readFileSync(join(root, "blobs", sha))), weights);
  assert.equal(readFileSync(join(root, "refs", "main"), "utf8"), commit);
  const deep = await hubDownload("org/name", "sub/dir/b.txt", options);
  assert.equal(readlinkSync(deep), `../../../../blobs/${gitSha1(new TextEncoder().encode("b"))}`);
  await assert.rejects(hubDownload("org/name", "none.json", options), errors.EntryNotFoundError);
  assert.equal(statSync(join(root, ".no_exist", commit, "none.json")).size, 0);
  assert.deepEqual(readdirSync(join(folder, ".locks", "models--org--name")), []);
  assert.match(readFileSync(join(folder, "CACHEDIR.TAG"), "utf8"), /^Signature: 8a477f597d28d172789f06886806bc55/);
});

test("what is here is not fetched again; a commit's file needs no request at all", async (t) => {
  const { hub, repo, options, commit } = await world(t);
  await hubDownload("org/name", "model.safetensors", options);
  hub.forget();
  await hubDownload("org/name", "model.safetensors", options);
  assert.deepEqual(
    hub.requests.map(({ method }) => method),
    ["HEAD"],
  );
  hub.forget();
  await hubDownload("org/name", "model.safetensors", { ...options, revision: commit });
  assert.equal(hub.requests.length, 0);
  const next = repo.commit({ "config.json": "{}" });
  const path = await hubDownload("org/name", "model.safetensors", options);
  assert.ok(path.includes(next.sha));
  assert.equal(cdnRequests(hub).length, 0, "the blob is the same");
  await hubDownload("org/name", "model.safetensors", { ...options, forceDownload: true });
  assert.equal(cdnRequests(hub).length, 1);
});

test("offline after one online use", async (t) => {
  const { hub, options } = await world(t);
  const path = await hubDownload("org/name", "config.json", options);
  const snapshot = await snapshotDownload("org/name", options);
  await assert.rejects(hubDownload("org/name", "none.json", options), errors.EntryNotFoundError);
  hub.close();
  assert.equal(await hubDownload("org/name", "config.json", options), path, "the hub is away");
  process.env["HF_HUB_OFFLINE"] = "1";
  t.after(() => delete process.env["HF_HUB_OFFLINE"]);
  hub.forget();
  assert.equal(await hubDownload("org/name", "config.json", options), path);
  assert.equal(await snapshotDownload("org/name", options), snapshot);
  const absent = await hubDownload("org/name", "none.json", options).catch((error: unknown) => error);
  assert.ok(absent instanceof errors.EntryNotFoundError && !(absent instanceof errors.LocalEntryNotFoundError));
  await assert.rejects(hubDownload("org/name", "other.json", options), errors.LocalEntryNotFoundError);
  await assert.rejects(hubDownload("org/name", "config.json", { ...options, forceDownload: true }), /forceDownload/);
});

test("what is here needs no retries when the hub is away", async (t) => {
  const { hub, options } = await world(t);
  const nowhere = { ...options, endpoint: "http://no-such-host.invalid" };
  await assert.rejects(snapshotDownload("org/name", nowhere), /could not be asked: /);
  const snapshot = await snapshotDownload("org/name", options);
  hub.close();
  assert.equal(await snapshotDownload("org/name", { ...options, retryDelayMs: 60_000 }), snapshot);
  const file = await hubDownload("org/name", "config.json", { ...options, retryDelayMs: 60_000 });
  assert.ok(file.startsWith(snapshot));
});

test("a snapshot that is here in part is not taken for a whole one", async (t) => {
  const { options } = await world(t);
  await snapshotDownload("org/name", { ...options, allowPatterns: "*.json" });
  const local = { ...options, localFilesOnly: true };
  await snapshotDownload("org/name", { ...local, allowPatterns: "*.json" });
  const error = await snapshotDownload("org/name", local).catch((error: unknown) => error);
  assert.ok(error instanceof errors.LocalEntryNotFoundError);
  assert.deepEqual(error.facts["missing"], ["model.safetensors", "sub/dir/b.txt"]);
});

test("a snapshot: pages, patterns, several at once, one account of progress", async (t) => {
  const many = Object.fromEntries(
    Array.from({ length: 25 }, (_, i) => [`data/${i}.bin`, new Uint8Array(2000).fill(i)]),
  );
  const { hub, options, commit, folder } = await world(t, { files: { ...many, "README.md": "x" } }, { pageSize: 7 });
  const seen: DownloadProgress[] = [];
  const path = await snapshotDownload("org/name", {
    ...options,
    ignorePatterns: ["data/1?.bin", "*.md"],
    progress: (one) => seen.push(one),
  });
  assert.equal(path, join(folder, "models--org--name", "snapshots", commit));
  assert.deepEqual(readdirSync(path), ["data"]);
  assert.equal(readdirSync(join(path, "data")).length, 15);
  assert.equal(hub.requests.filter(({ path }) => path.includes("/tree/")).length, 4);
  assert.equal(hub.requests.filter(({ method }) => method === "HEAD").length, 0, "the listing says what HEAD would");
  const { bytes, totalBytes, files, totalFiles } = seen.at(-1)!;
  assert.deepEqual([bytes, totalBytes, files, totalFiles], [30_000, 30_000, 15, 15]);
  hub.forget();
  await snapshotDownload("org/name", { ...options, revision: commit, ignorePatterns: ["data/1?.bin", "*.md"] });
  assert.equal(hub.requests.length, 0);
});

test("a cut connection is gone on with by Range, also by the next process", async (t) => {
  const { hub, folder, options } = await world(t);
  hub.misbehave({ on: "cdn", times: 2, fault: { kind: "cut", afterBytes: 100_000 } });
  const path = await hubDownload("org/name", "model.safetensors", options);
  assert.deepEqual(new Uint8Array(readFileSync(path)), weights);
  const ranges = cdnRequests(hub).map(({ range }) => range);
  assert.equal(ranges[0], undefined);
  assert.equal(ranges.length, 3);
  for (const range of ranges.slice(1)) assert.match(range ?? "", /^bytes=\d+-$/);
  rmSync(folder, { recursive: true });
  hub.forget();
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "cut", afterBytes: 100_000 } });
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "cut", afterBytes: 0 } });
  await assert.rejects(
    hubDownload("org/name", "model.safetensors", { ...options, retries: 0 }),
    errors.ConnectionError,
  );
  const blobs = join(folder, "models--org--name", "blobs");
  const [partial = ""] = readdirSync(blobs);
  assert.match(partial, /\.incomplete$/);
  const { size } = statSync(join(blobs, partial));
  assert.ok(size > 0);
  await hubDownload("org/name", "model.safetensors", options);
  assert.equal(cdnRequests(hub).at(-1)?.range, `bytes=${size}-`);
  assert.equal(readdirSync(blobs).length, 1);
});

test("a server that ignores Range, or whose file changed its size", async (t) => {
  const { hub, repo, folder, options } = await world(t);
  const partial = join(folder, "models--org--name", "blobs");
  const leave = async (bytes: Uint8Array) => {
    rmSync(folder, { recursive: true, force: true });
    await hubDownload("org/name", "config.json", options);
    writeFileSync(join(partial, `${shaOf(repo, "model.safetensors")}.kindling-01234567.incomplete`), bytes);
  };
  await leave(weights.subarray(0, 1000));
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "ignoreRange" } });
  const path = await hubDownload("org/name", "model.safetensors", options);
  assert.deepEqual(new Uint8Array(readFileSync(path)), weights);
  assert.equal(cdnRequests(hub).at(-1)?.range, "bytes=1000-");
  await leave(new Uint8Array(weights.length + 5));
  assert.deepEqual(new Uint8Array(readFileSync(await hubDownload("org/name", "model.safetensors", options))), weights);
  await leave(new Uint8Array(1000)); // lost by a power cut: zeros where bytes were
  assert.deepEqual(new Uint8Array(readFileSync(await hubDownload("org/name", "model.safetensors", options))), weights);
});

test("wrong bytes are refused, by sha256 and by git's sha1, and nothing of them stays", async (t) => {
  const { hub, folder, options } = await world(t);
  for (const [on, file] of [
    ["cdn", "model.safetensors"],
    ["resolve", "config.json"],
  ] as const) {
    hub.behave();
    hub.misbehave({ on, method: "GET", path: on === "cdn" ? /./ : /config/, fault: { kind: "wrongBytes" } });
    const error = await hubDownload("org/name", file, options).catch((error: unknown) => error);
    assert.ok(error instanceof errors.CorruptDownloadError, String(error));
    assert.match(error.message, /came with the hash [0-9a-f]+, the hub announced [0-9a-f]+\. It was deleted/);
    assert.deepEqual(readdirSync(join(folder, "models--org--name", "blobs")), []);
    await assert.rejects(
      hubDownload("org/name", file, { ...options, localFilesOnly: true }),
      errors.LocalEntryNotFoundError,
    );
  }
});

test("a wrong size is an error that says both", async (t) => {
  const { hub, options } = await world(t);
  hub.misbehave({ on: "resolve", method: "HEAD", times: 1, fault: { kind: "wrongSize", more: 10 } });
  const error = await hubDownload("org/name", "model.safetensors", { ...options, retries: 2 }).catch((e: unknown) => e);
  assert.ok(error instanceof errors.CorruptDownloadError);
  assert.match(error.message, /of 300010 bytes/);
  hub.misbehave({ on: "resolve", method: "HEAD", times: 1, fault: { kind: "wrongSize", more: -10 } });
  await assert.rejects(hubDownload("org/name", "model.safetensors", options), /more than the 299990 bytes/);
  assert.deepEqual(new Uint8Array(readFileSync(await hubDownload("org/name", "model.safetensors", options))), weights);
});

test("5xx and 429 are tried again, after the pause that the server asks for", async (t) => {
  const { hub, options } = await world(t);
  hub.misbehave({ on: "resolve", times: 2, fault: { kind: "status", status: 503 } });
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "status", status: 429, retryAfter: 1 } });
  const before = performance.now();
  await hubDownload("org/name", "model.safetensors", options);
  assert.ok(performance.now() - before >= 1000, "Retry-After was a second");
  hub.misbehave({ on: "resolve", fault: { kind: "status", status: 500 } });
  const error = await hubDownload("org/name", "config.json", { ...options, retries: 1 }).catch((e: unknown) => e);
  assert.ok(error instanceof errors.LocalEntryNotFoundError && error.facts["status"] === 500, String(error));
});

test("silence ends, and so does an aborted call", async (t) => {
  const { hub, options } = await world(t);
  process.env["HF_HUB_DOWNLOAD_TIMEOUT"] = "0.1";
  t.after(() => delete process.env["HF_HUB_DOWNLOAD_TIMEOUT"]);
  hub.misbehave({ on: "cdn", times: 1, fault: { kind: "stall" } });
  await hubDownload("org/name", "model.safetensors", options);
  delete process.env["HF_HUB_DOWNLOAD_TIMEOUT"];
  hub.misbehave({ on: "cdn", fault: { kind: "stall" } });
  const controller = new AbortController();
  const reason = new Error("enough");
  const call = hubDownload("org/name", "model.safetensors", {
    ...options,
    forceDownload: true,
    signal: controller.signal,
    progress: ({ bytes }) => bytes > 1000 && controller.abort(reason),
  });
  await assert.rejects(call, reason);
});

test("each refusal is an error of its own", async (t) => {
  const { hub, options } = await world(t);
  hub.add("org/hidden", { files, token: "secret" });
  hub.add("org/gated", { files, gatedFor: "member" });
  const get = (repo: string, more: DownloadOptions = {}) => hubDownload(repo, "config.json", { ...options, ...more });
  await assert.rejects(get("org/other"), errors.RepositoryNotFoundError);
  await assert.rejects(get("org/hidden"), errors.RepositoryNotFoundError);
  await assert.rejects(get("org/gated"), errors.GatedRepoError);
  await assert.rejects(get("org/name", { revision: "v9" }), errors.RevisionNotFoundError);
  await assert.rejects(snapshotDownload("org/other", options), errors.RepositoryNotFoundError);
  await assert.rejects(snapshotDownload("org/name", { ...options, revision: "v9" }), errors.RevisionNotFoundError);
  await get("org/hidden", { token: "secret" });
  await get("org/gated", { token: "member" });
  await assert.rejects(get("../x"), /no repository's name/);
  await assert.rejects(get("org/name", { endpoint: "ftp://hub" }), /no http\(s\) address/);
});

test("a token goes to the hub and not to where it redirects", async (t) => {
  const { hub, options } = await world(t, { token: "secret" });
  await hubDownload("org/name", "model.safetensors", { ...options, token: "secret" });
  for (const { path, token } of hub.requests) assert.equal(token, path.startsWith("/cdn/") ? undefined : "secret");
  assert.equal(cdnRequests(hub).length, 1);
});

test("names that lead out of the folder are refused, the server's too", async (t) => {
  const { hub, options, folder } = await world(t, { files: { "../../evil": "x", a: "a" } });
  for (const name of ["../x", "/etc/passwd", "a/../../b", "a\\b", "C:/x", "a//b", "."]) {
    await assert.rejects(hubDownload("org/name", name, options), /no file's path/, name);
  }
  await assert.rejects(snapshotDownload("org/name", options), /"\.\.\/\.\.\/evil" is no file's path/);
  for (const revision of ["../main", "a/..", ""]) {
    await assert.rejects(hubDownload("org/name", "a", { ...options, revision }), /no revision/);
  }
  assert.deepEqual(readdirSync(folder), []);
  assert.equal(hub.requests.filter(({ path }) => path.includes("resolve")).length, 0);
});

test("a file that cannot fit is refused before anything is written", async (t) => {
  const { hub, folder, options } = await world(t);
  hub.misbehave({ on: "resolve", method: "HEAD", times: 1, fault: { kind: "wrongSize", more: 1e15 } });
  const error = await hubDownload("org/name", "model.safetensors", options).catch((error: unknown) => error);
  assert.ok(error instanceof errors.CacheWriteError && error.facts["code"] === "ENOSPC");
  assert.match(error.message, /the disk is full: \d+ MB are needed, \d+ MB are free/);
  assert.deepEqual(readdirSync(join(folder, "models--org--name", "blobs")), []);
});

test("where links fail, snapshots hold the files", async (t) => {
  const { repo, folder, options } = await world(t);
  process.env["HF_HUB_DISABLE_SYMLINKS"] = "1";
  t.after(() => delete process.env["HF_HUB_DISABLE_SYMLINKS"]);
  const path = await hubDownload("org/name", "model.safetensors", options);
  assert.deepEqual(new Uint8Array(readFileSync(path)), weights);
  assert.deepEqual(readdirSync(join(folder, "models--org--name", "blobs")), []);
  assert.equal(await hubDownload("org/name", "model.safetensors", options), path);
  assert.equal(repo.id, "org/name");
});

test("localDir: the files under their own names, fetched anew only when they changed", async (t) => {
  const { hub, repo, folder, options } = await world(t);
  const localDir = join(folder, "mine");
  const local = { ...options, localDir };
  assert.equal(await snapshotDownload("org/name", local), localDir);
  assert.deepEqual(new Uint8Array(readFileSync(join(localDir, "model.safetensors"))), weights);
  assert.equal(readFileSync(join(localDir, "sub/dir/b.txt"), "utf8"), "b");
  hub.forget();
  repo.commit({ "config.json": "{}" });
  await snapshotDownload("org/name", local);
  assert.equal(readFileSync(join(localDir, "config.json"), "utf8"), "{}");
  assert.equal(cdnRequests(hub).length, 0);
  writeFileSync(join(localDir, "model.safetensors"), "changed by hand");
  await hubDownload("org/name", "model.safetensors", { ...local, forceDownload: true });
  assert.equal(cdnRequests(hub).length, 1);
  assert.deepEqual(new Uint8Array(readFileSync(join(localDir, "model.safetensors"))), weights);
});

test("datasets have their own addresses and folders", async (t) => {
  const { hub, folder, options } = await world(t);
  hub.add("org/name", { type: "dataset", files: { "train.jsonl": "{}\n" } });
  const path = await hubDownload("org/name", "train.jsonl", { ...options, repoType: "dataset" });
  assert.ok(path.startsWith(join(folder, "datasets--org--name")));
  await snapshotDownload("org/name", { ...options, repoType: "dataset" });
});
