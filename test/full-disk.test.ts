// A disk that is full in the middle of writing: an error that says where and how much was asked for, nothing half written, and what
// was there before as it was. On a real small disk where one can be mounted, and with a failure put into Node's own writing anywhere.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { manualSeed } from "../src/base/random.ts";
import { save } from "../src/checkpoint/save-file.node.ts";
import { Dataset } from "../src/data/sets/dataset.ts";
import { loadFromDisk } from "../src/data/sets/saved.ts";
import { hubDownload } from "../src/hub/download.ts";
import { Seq2SeqRnn } from "../src/models/rnn-seq2seq.ts";
import { randn } from "../src/tensor/random.ts";
import { loadDataset } from "../src/training/load-dataset.ts";
import { openCheckpoint } from "../src/training/run-folder.node.ts";
import { Trainer } from "../src/training/trainer.ts";
import { startHub } from "./hub/server.ts";
import { TinyTagger, tinyRows } from "./tiny-training.ts";

interface Disk {
  readonly folder: string;
  /** From now on only so much can be written, about. */
  leave(bytes: number): void;
  /** There is room again. */
  free(): void;
}

/** A disk of its own in memory; undefined where this user may not mount one. */
function mounted(t: TestContext): Disk | undefined {
  const folder = mkdtempSync(join(tmpdir(), "kindling-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], { stdio: "ignore" });
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  t.after(() => {
    execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true });
  });
  const filler = join(folder, "filler");
  const free = (): void => rmSync(filler, { force: true });
  return {
    folder,
    free,
    leave(bytes) {
      free();
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(filler, new Uint8Array(Math.max(0, bavail * bsize - bytes)));
    },
  };
}

/** Node's own functions, made to fail as the system's do. */
async function injected(t: TestContext): Promise<Disk> {
  const folder = mkdtempSync(join(tmpdir(), "kindling-full-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  let left = Number.POSITIVE_INFINITY;
  /** How many bytes of a write come to the disk: some, where not all do. */
  const taken = (length: number): number => {
    const bytes = Math.min(length, left);
    left -= bytes;
    if (bytes > 0 || length === 0) return bytes;
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  };
  const { writeSync } = fs;
  const less = (fd: number, bytes: Uint8Array, from = 0): number =>
    writeSync(fd, bytes, from, taken(bytes.length - from));
  fs.writeSync = less as typeof writeSync; // called in no other way
  syncBuiltinESMExports();
  const handle = await open(folder);
  const methods = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { write } = methods;
  async function lessLater(this: FileHandle, bytes: Uint8Array, from = 0, length = bytes.length - from, at?: number) {
    return Reflect.apply(write, this, [bytes, from, taken(length), at]) as Promise<{ bytesWritten: number }>;
  }
  methods.write = lessLater as typeof write; // called in no other way
  t.after(() => {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
    methods.write = write;
  });
  return {
    folder,
    leave: (bytes) => {
      left = bytes;
    },
    free: () => {
      left = Number.POSITIVE_INFINITY;
    },
  };
}

/** Every file with its size, but for the log, which only grows, and what makes the disk full. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !/^filler$|log\.jsonl$/.test(name) && statSync(join(folder, name)).isFile())
    .map((name) => `${name} ${statSync(join(folder, name)).size}`)
    .sort();
}

async function refused(folder: string, act: () => unknown): Promise<Error & { facts: Record<string, unknown> }> {
  const before = filesIn(folder);
  const error = await Promise.resolve()
    .then(act)
    .then(
      () => assert.fail("it was written"),
      (error: Error) => error,
    );
  const { facts } = error as Error & { facts: Record<string, unknown> }; // checked next
  assert.equal(facts?.["code"], "ENOSPC", error.message);
  assert.match(error.message, /the disk is full/);
  assert.ok(error.message.includes(folder), error.message);
  assert.deepEqual(filesIn(folder), before);
  return error as Error & { facts: Record<string, unknown> };
}

const rows = (count: number): { id: number; text: string }[] =>
  Array.from({ length: count }, (_, id) => ({ id, text: `${id} `.repeat(100) }));

async function dataSets({ folder, leave, free }: Disk): Promise<void> {
  const source = join(folder, "rows.jsonl");
  writeFileSync(
    source,
    rows(4000)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(""),
  );
  const options = { dataFiles: source, cacheDir: join(folder, "cache"), split: "train" };
  leave(300_000);
  await refused(folder, () => loadDataset("json", options));
  free();
  const data = await loadDataset<{ id: number; text: string }>("json", options);
  const upper = (): Dataset<{ id: number; upper: string }> =>
    data.map(({ text }) => ({ upper: text.toUpperCase() }), { fnKwargs: {}, removeColumns: ["text"] });
  leave(700_000);
  const error = await refused(folder, upper);
  const { writtenBytes, askedBytes } = error.facts as { writtenBytes: number; askedBytes: number }; // it says so
  assert.ok(askedBytes > 0 && writtenBytes < 700_000, error.message);
  assert.match(error.message, /cache-\w+\.arrow: the disk is full.+after \d\.\d MB were written and \d\.\d MB more/);
  free();
  assert.equal(upper().length, 4000);

  const saved = join(folder, "saved");
  const small = Dataset.fromList(rows(10));
  small.saveToDisk(saved, { numShards: 2 });
  small.toJson(join(saved, "rows.jsonl"));
  await small.toParquet(join(saved, "rows.parquet"));
  leave(700_000);
  await refused(folder, () => data.saveToDisk(saved, { numShards: 2 }));
  await refused(folder, () => data.toJson(join(saved, "rows.jsonl")));
  leave(50_000);
  await refused(folder, () => data.toParquet(join(saved, "rows.parquet")));
  free();
  assert.deepEqual(((await loadFromDisk(saved)) as Dataset).toList(), rows(10)); // no splits
  assert.equal(readFileSync(join(saved, "rows.jsonl"), "utf8").split("\n").length, 11);
}

async function models({ folder, leave, free }: Disk): Promise<void> {
  manualSeed(0);
  const model = new Seq2SeqRnn({ vocabSize: 3000, embeddingSize: 16, hiddenSize: 16, numLayers: 1 });
  const saved = join(folder, "model");
  await model.savePretrained(saved);
  const before = readFileSync(join(saved, "model.safetensors"));
  await refused(folder, async () => {
    leave(100_000);
    await model.savePretrained(saved);
  });
  const weights = join(folder, "w.safetensors");
  const error = await refused(folder, () => save({ w: randn([300, 300]) }, weights));
  assert.match(error.message, /w\.safetensors: the disk is full.+\d MB of the file, when \d\.\d MB more/);
  free();
  assert.deepEqual(readFileSync(join(saved, "model.safetensors")), before);
}

async function checkpoints({ folder, leave, free }: Disk): Promise<void> {
  const outputDir = join(folder, "run");
  manualSeed(0);
  const trainer = new Trainer({
    model: new TinyTagger(0, 2000),
    trainDataset: tinyRows(16),
    args: { outputDir, saveSteps: 1, maxSteps: 3, perDeviceTrainBatchSize: 2, disableTqdm: true },
    callbacks: [{ onSave: () => leave(400_000) }],
  });
  const error = await trainer.train().then(
    () => assert.fail("it was written"),
    (error: Error & { facts: Record<string, unknown> }) => error,
  );
  free();
  assert.equal(error.facts["code"], "ENOSPC", error.message);
  assert.match(error.message, /checkpoint-2.+the disk is full/);
  assert.deepEqual(
    readdirSync(outputDir).filter((name) => name.includes("checkpoint")),
    ["checkpoint-1"],
  );
  await openCheckpoint(join(outputDir, "checkpoint-1")); // checks every sum
}

async function downloads({ folder, leave, free }: Disk): Promise<void> {
  const hub = await startHub();
  try {
    const weights = new Uint8Array(700_000).fill(7);
    hub.add("org/name", { files: { "model.safetensors": weights } });
    const options = { endpoint: hub.endpoint, cacheDir: join(folder, "hub"), token: false, retryDelayMs: 1 } as const;
    leave(300_000);
    const error: Error & { facts?: Record<string, unknown> } = await hubDownload(
      "org/name",
      "model.safetensors",
      options,
    ).then(
      () => assert.fail("it was written"),
      (error: Error) => error,
    );
    assert.equal(error.facts?.["code"], "ENOSPC", error.message);
    assert.match(error.message, /the disk is full/);
    const visible = filesIn(folder).filter((name) => /snapshots|blobs\/[^.]+$/.test(name));
    assert.deepEqual(visible, []);
    free();
    assert.deepEqual(
      new Uint8Array(readFileSync(await hubDownload("org/name", "model.safetensors", options))),
      weights,
    );
  } finally {
    hub.close();
  }
}

const topics = { "data sets": dataSets, models, checkpoints, downloads };
for (const [name, topic] of Object.entries(topics)) {
  test(`${name}: a write fails`, async (t) => topic(await injected(t)));
  test(`${name}: a disk is full`, async (t) => {
    const disk = mounted(t);
    if (disk === undefined) t.diagnostic("no disk can be mounted here; the failure that was put in stands for it");
    await topic(disk ?? (await injected(t)));
  });
}
