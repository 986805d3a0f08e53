// safetensors on disk: tensors read one by one, and what a reader and a writer say when a file is not as it should be.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ArgumentError } from "../base/errors.ts";
import { openSafetensors, saveSafetensors } from "./safetensors.node.ts";
import { readSafetensors } from "./safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "kindling-safetensors-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const mixed = fileURLToPath(new URL("../../test/fixtures/safetensors/mixed.safetensors", import.meta.url));

test("reads what readSafetensors reads, tensor by tensor, in any order", async () => {
  const { tensors, metadata } = readSafetensors(readFileSync(mixed));
  const reader = await openSafetensors(mixed);
  assert.deepEqual(reader.metadata, metadata);
  assert.deepEqual(reader.names, [...tensors.keys()]);
  for (const name of [...reader.names].reverse()) {
    const { dtype, shape } = reader.tensors.get(name) ?? {};
    assert.deepEqual([dtype, shape], [tensors.get(name)?.dtype, tensors.get(name)?.shape]);
    assert.deepEqual([...(await reader.read(name))], [...(tensors.get(name)?.bytes ?? [])]);
  }
  await reader.close();
});

test("reads into memory that is given, shared memory too, and only of the right length", async () => {
  const reader = await openSafetensors(mixed);
  const memory = new Uint8Array(new SharedArrayBuffer(16)).fill(9);
  const into = memory.subarray(4, 8);
  assert.equal(await reader.read("scalar.f32", into), into);
  assert.deepEqual([...memory], [9, 9, 9, 9, 0, 0, 0xc0, 0xbf, 9, 9, 9, 9, 9, 9, 9, 9]);
  await assert.rejects(reader.read("scalar.f32", memory), ArgumentError);
  await reader.close();
});

test("a name that is not there: says which is like it", async () => {
  const reader = await openSafetensors(mixed);
  await assert.rejects(reader.read("model.scalar.f32"), {
    message: /no tensor is named "model\.scalar\.f32"\. It has "scalar\.f32"/,
  });
  await reader.close();
});

test("missing, a folder, empty, cut off, and cut off while it is open", async () => {
  const path = join(folder, "cut");
  await assert.rejects(openSafetensors(path), { name: "CheckpointError", message: /no such file/ });
  await assert.rejects(openSafetensors(folder), { name: "CheckpointError", message: /this is a folder/ });
  for (const length of [0, 5, 8, 200, 2363]) {
    writeFileSync(path, readFileSync(mixed).subarray(0, length));
    await assert.rejects(openSafetensors(path), { name: "CheckpointError", message: /cut off/ }, String(length));
  }
  writeFileSync(path, readFileSync(mixed));
  const reader = await openSafetensors(path);
  truncateSync(path, 2360);
  const last = reader.names.at(-1) ?? "";
  const nonEmpty = [...reader.names].reverse().find((name) => (reader.tensors.get(name)?.end ?? 0) > 2360) ?? last;
  await assert.rejects(reader.read(nonEmpty), {
    name: "CheckpointError",
    message: /ended at byte 2360 while it was read/,
  });
  await reader.close();
});

test("saves what opens again, and a wrong entry leaves the old file", async () => {
  const path = join(folder, "model.safetensors");
  const entry = { name: "w", dtype: "F32", shape: [2], bytes: new Uint8Array(8).fill(1) } as const;
  await saveSafetensors(path, [entry], { format: "pt" });
  await assert.rejects(saveSafetensors(path, [entry, entry]), { message: /comes twice/ });
  await assert.rejects(saveSafetensors(path, [{ ...entry, bytes: () => new Uint8Array(7) }]), {
    message: /has 7 bytes/,
  });
  const reader = await openSafetensors(path);
  assert.deepEqual(reader.metadata, { format: "pt" });
  assert.deepEqual([...(await reader.read("w"))], Array(8).fill(1));
  await reader.close();
});
