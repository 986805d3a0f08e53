// Whether Python's huggingface_hub and we read, finish and respect each other's caches, against the hub of test/hub.
//
//   node --conditions=kindling-source scripts/hub-interplay.ts     with a `python` that has huggingface_hub; --write renews docs/hub-interplay.md

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hubDownload, snapshotDownload } from "../src/hub/download.ts";
import { scanCache, verifyCache } from "../src/hub/scan.node.ts";
import { startHub } from "../test/hub/server.ts";

const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), "kindling-hub-"));
const hub = await startHub({ pageSize: 3 });
const weights = new Uint8Array(300_000).map((_, i) => (i * 7919) >> 3);
const files = {
  "config.json": "{}",
  "model.safetensors": weights,
  "sub/dir/vocab.txt": "a\nb\n",
  "README.md": "# x\n",
};
const commit = hub.add("org/name", { files }).branches.get("main")!.sha;
hub.add("org/rows", { type: "dataset", files: { "data/train.jsonl": "{}\n" } });

async function python(code: string, cacheDir: string, offline = false): Promise<string> {
  const env = {
    ...process.env,
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: cacheDir,
    HF_HUB_OFFLINE: offline ? "1" : "0",
    HF_HUB_DISABLE_TELEMETRY: "1",
    HF_HUB_DISABLE_PROGRESS_BARS: "1",
  };
  const { stdout } = await run("python", ["-c", `from huggingface_hub import *\n${code}`], { env });
  return stdout.trim();
}

/** Names and link targets below a folder; locks and the tag's comment differ and do not matter. */
function layout(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(folder.length + 1);
      return entry.isSymbolicLink()
        ? `${name} -> ${readlinkSync(path)}`
        : `${name}: ${readFileSync(path).length} bytes`;
    })
    .filter((line) => !line.startsWith(".locks") && !line.startsWith("CACHEDIR.TAG"))
    .sort();
}

const bytesAsked = () => hub.requests.filter(({ path, method }) => method === "GET" && /cdn|resolve/.test(path)).length;
const [ours, theirs] = [join(scratch, "ours"), join(scratch, "theirs")];
const options = { endpoint: hub.endpoint, token: false, progress: false } as const;

const checks: { readonly [claim: string]: () => Promise<void> } = {
  "A snapshot that we fetched is, file by file and link by link, the one that Python fetches": async () => {
    await snapshotDownload("org/name", { ...options, cacheDir: ours });
    await hubDownload("org/name", "none.json", { ...options, cacheDir: ours }).catch(() => {});
    await python("snapshot_download('org/name')", theirs);
    await python("try:\n  hf_hub_download('org/name', 'none.json')\nexcept Exception: pass", theirs);
    assert.deepEqual(layout(ours), layout(theirs));
  },
  "Python reads our cache online without fetching a file again": async () => {
    hub.forget();
    const path = await python("print(snapshot_download('org/name'))", ours);
    assert.equal(path, join(ours, "models--org--name", "snapshots", commit));
    assert.equal(bytesAsked(), 0);
  },
  "Python reads our cache offline, and knows what the hub does not have": async () => {
    const path = await python("print(hf_hub_download('org/name', 'sub/dir/vocab.txt'))", ours, true);
    assert.equal(readFileSync(path, "utf8"), files["sub/dir/vocab.txt"]);
    const absent = await python("print(try_to_load_from_cache('org/name', 'none.json') is _CACHED_NO_EXIST)", ours);
    assert.equal(absent, "True");
    await python("snapshot_download('org/name')", ours, true);
  },
  "Python's scan_cache_dir finds our cache whole": async () => {
    const code =
      "info = scan_cache_dir()\nprint(len(info.warnings), [(r.repo_id, r.size_on_disk, r.nb_files) for r in info.repos])";
    assert.equal(await python(code, ours), await python(code, theirs));
  },
  "We read Python's cache online and offline without fetching a file again": async () => {
    hub.forget();
    const path = await snapshotDownload("org/name", { ...options, cacheDir: theirs });
    assert.equal(path, join(theirs, "models--org--name", "snapshots", commit));
    assert.equal(bytesAsked(), 0);
    await snapshotDownload("org/name", { ...options, cacheDir: theirs, localFilesOnly: true });
    assert.deepEqual(await verifyCache(await scanCache(theirs)), []);
  },
  "Data sets too, in both directions": async () => {
    await snapshotDownload("org/rows", { ...options, repoType: "dataset", cacheDir: ours });
    await python("snapshot_download('org/rows', repo_type='dataset')", ours, true);
    await python("snapshot_download('org/rows', repo_type='dataset')", theirs);
    await snapshotDownload("org/rows", { ...options, repoType: "dataset", cacheDir: theirs, localFilesOnly: true });
  },
  "Both at once into one cache: both succeed, and every blob is right": async () => {
    const both = join(scratch, "both");
    hub.misbehave({ on: "cdn", fault: { kind: "slow", chunkBytes: 16384, pauseMs: 20 } });
    const code = "print(hf_hub_download('org/name', 'model.safetensors'))";
    const mine = () => hubDownload("org/name", "model.safetensors", { ...options, cacheDir: both });
    const paths = await Promise.all([python(code, both), mine(), python(code, both), mine()]);
    hub.behave();
    assert.equal(new Set(paths).size, 1);
    assert.deepEqual(await verifyCache(await scanCache(both)), []);
    assert.equal(readdirSync(join(both, "models--org--name", "blobs")).length, 1);
  },
  "What Python is fetching we wait for, on Linux, and do not fetch again": async () => {
    const both = join(scratch, "waiting");
    hub.forget();
    hub.misbehave({ on: "cdn", fault: { kind: "slow", chunkBytes: 16384, pauseMs: 100 } });
    const first = python("print(hf_hub_download('org/name', 'model.safetensors'))", both);
    while (bytesAsked() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const mine = await hubDownload("org/name", "model.safetensors", { ...options, cacheDir: both });
    assert.equal(mine, await first);
    hub.behave();
    assert.equal(hub.requests.filter(({ path, method }) => method === "GET" && path.startsWith("/cdn")).length, 1);
  },
  "A folder that Python filled (local_dir) is up to date for us, and the reverse": async () => {
    const [a, b] = [join(scratch, "a"), join(scratch, "b")];
    await python(`snapshot_download('org/name', local_dir=${JSON.stringify(a)})`, join(scratch, "none"));
    await snapshotDownload("org/name", { ...options, cacheDir: join(scratch, "none"), localDir: b });
    hub.forget();
    await snapshotDownload("org/name", { ...options, cacheDir: join(scratch, "none"), localDir: a });
    await python(`snapshot_download('org/name', local_dir=${JSON.stringify(b)})`, join(scratch, "none"));
    assert.equal(bytesAsked(), 0);
  },
};

const lines: string[] = [];
for (const [claim, check] of Object.entries(checks)) {
  const failure = await check().then(
    () => undefined,
    (error: Error) => error,
  );
  console.log(`${failure === undefined ? "yes" : "NO "}  ${claim}`);
  if (failure !== undefined) {
    console.log(failure);
    process.exitCode = 1;
  }
  lines.push(`| ${claim} | ${failure === undefined ? "yes" : "no"} |`);
}
const version = await python("import huggingface_hub\nprint(huggingface_hub.__version__)", ours);
hub.close();
rmSync(scratch, { recursive: true, force: true });
if (process.argv.includes("--write")) {
  const text = `# One cache, two languages

What \`scripts/hub-interplay.ts --write\` found with huggingface_hub ${version}; [hub.md](hub.md) says what it means.

| | |
|---|---|
${lines.join("\n")}
`;
  writeFileSync(fileURLToPath(new URL("../docs/hub-interplay.md", import.meta.url)), text);
}
