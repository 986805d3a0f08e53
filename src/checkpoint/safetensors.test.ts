// The format against files that Python's safetensors wrote, against its verdict on damaged ones, and against itself.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CheckpointError } from "../base/errors.ts";
import {
  headerEnd,
  joinChunks,
  parseHeader,
  readSafetensors,
  type SafetensorsDType,
  type SafetensorsEntry,
  safetensorsBits,
  writeSafetensors,
} from "./safetensors.ts";

function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../test/fixtures/safetensors/${name}`, import.meta.url));
}

function fixtureJson<T>(name: string): T {
  return JSON.parse(fixture(name).toString("utf8")) as T;
}

/** A file of any header, right or wrong, and this many bytes behind it. */
function fileOf(header: string, dataBytes: number): Uint8Array {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

function entriesOf(file: Uint8Array): SafetensorsEntry[] {
  return [...readSafetensors(file).tensors].map(([name, tensor]) => ({ name, ...tensor }));
}

function errorOf(run: () => unknown): CheckpointError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return error;
  }
}

test("reads every dtype, shape and name that Python wrote", () => {
  const want = fixtureJson<Record<string, { dtype: string; shape: number[]; hex: string }>>("mixed.json");
  const { tensors, metadata } = readSafetensors(fixture("mixed.safetensors"));
  assert.deepEqual(metadata, { format: "pt" });
  const got = [...tensors].map(([name, { dtype, shape, bytes }]) => [
    name,
    { dtype, shape, hex: Buffer.from(bytes).toString("hex") },
  ]);
  const byName = (a: unknown[], b: unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
  assert.deepEqual(got.sort(byName as never), Object.entries(want).sort(byName as never));
  assert.ok(got.length > 25);
});

test("writes the same bytes as Python", () => {
  const file = fixture("mixed.safetensors");
  const shuffled = entriesOf(file).sort((a, b) => (a.name < b.name ? -1 : 1));
  const written = joinChunks(writeSafetensors(shuffled, { format: "pt" }));
  assert.ok(file.equals(written));
});

test("every replaced byte of length and header: the same verdict as the crate, no other error", () => {
  const { file, accepted } = fixtureJson<{ file: string; accepted: string }>("flips.json");
  const original = Buffer.from(file, "base64");
  const bitmap = Buffer.from(accepted, "base64");
  const end = headerEnd(original, original.length);
  assert.equal(bitmap.length, end * 32);
  let loaded = 0;
  for (let at = 0; at < end; at++) {
    for (let value = 0; value < 256; value++) {
      const changed = Buffer.from(original);
      changed[at] = value;
      const error = errorOf(() => {
        const { tensors } = readSafetensors(changed);
        const total = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
        assert.equal(total, original.length - end, "the tensors are exactly the bytes behind the header");
      });
      const wanted = (((bitmap[at * 32 + (value >> 3)] ?? 0) >> (value & 7)) & 1) === 1;
      assert.equal(error === undefined, wanted, `byte ${at} as ${value}: ${error?.message ?? "loaded"}`);
      if (error === undefined) loaded++;
    }
  }
  assert.ok(loaded > end && loaded < end * 128);
});

test("headers by hand: the same verdict as the crate", () => {
  type Case = { name: string; header: string; dataBytes: number; accepted: boolean };
  for (const { name, header, dataBytes, accepted } of fixtureJson<Case[]>("cases.json")) {
    const error = errorOf(() => readSafetensors(fileOf(header, dataBytes), "model.safetensors"));
    assert.equal(error === undefined, accepted, `${name}: ${error?.message ?? "loaded"}`);
    if (error !== undefined) {
      assert.match(error.message, /^safetensors: model\.safetensors .+\. .+\.$/s, name);
      assert.equal(error.facts["file"], "model.safetensors");
    }
  }
});

test("cut off anywhere, or longer than it says", () => {
  const file = fixture("mixed.safetensors");
  for (let length = 0; length < file.length; length++) {
    const error = errorOf(() => readSafetensors(file.subarray(0, length)));
    assert.match(error?.message ?? "loaded", /cut off/, `${length} bytes`);
  }
  const longer = Buffer.concat([file, Buffer.alloc(3)]);
  assert.match(errorOf(() => readSafetensors(longer))?.message ?? "", /3 bytes that belong to no tensor/);
});

test("a name or a field that comes twice, which JSON.parse would hide", () => {
  const empty = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
  for (const header of [
    `{"a":${empty},"a":${empty}}`,
    `{"a":${empty},"\\u0061":${empty}}`,
    `{"a{\\"":${empty} , "a{\\"" :${empty}}`,
    '{"a":{"dtype":"F32","dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    '{"__metadata__":{"x":"1","x":"2"}}',
  ]) {
    assert.match(errorOf(() => readSafetensors(fileOf(header, 0)))?.message ?? "loaded", /twice/, header);
  }
  const values = '{"__metadata__":{"a":"b: \\"a\\": {","b":"a"}}';
  assert.deepEqual(readSafetensors(fileOf(values, 0)).metadata, { a: 'b: "a": {', b: "a" });
});

test("says what a file is that is no safetensors file", () => {
  const cases: [string, RegExp][] = [
    ["version https://git-lfs.github.com/spec/v1\noid sha256:0", /git lfs pull/],
    ["PK\u0003\u0004 data.pkl and so on", /PyTorch file/],
    ["GGUF\u0003\u0000\u0000\u0000", /GGUF/],
    ["<!DOCTYPE html><html>", /web page/],
    ['{"weight_map": {}}', /JSON/],
    ["\u00ff".repeat(40), /no safetensors file/],
  ];
  for (const [content, message] of cases) {
    assert.match(errorOf(() => readSafetensors(Buffer.from(content, "latin1"), "x"))?.message ?? "loaded", message);
  }
});

test("a header longer than 100 MB is not believed", () => {
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(100_000_001n);
  assert.match(errorOf(() => headerEnd(start, 1e12))?.message ?? "", /100000001 bytes \(at most 100000000\)/);
  start.writeBigUInt64LE(100_000_000n);
  assert.equal(headerEnd(start, 1e12), 100_000_008);
});

test("offsets in the header count from the file's first byte", () => {
  const file = fixture("mixed.safetensors");
  const end = headerEnd(file, file.length);
  assert.equal(end % 8, 0);
  const { tensors } = parseHeader(file.subarray(0, end), file.length);
  assert.equal([...tensors.values()][0]?.begin, end);
  assert.equal([...tensors.values()].at(-1)?.end, file.length);
});

test("writes every dtype in the crate's order and takes converted bytes only when their turn comes", () => {
  const asked: string[] = [];
  const entries = (Object.keys(safetensorsBits) as SafetensorsDType[]).map((dtype) => ({
    name: `of ${dtype}`,
    dtype,
    shape: [4],
    bytes: () => {
      asked.push(dtype);
      return new Uint8Array(safetensorsBits[dtype] / 2).fill(asked.length);
    },
  }));
  const file = writeSafetensors(entries);
  assert.deepEqual(asked, []);
  const bytes = joinChunks(file);
  assert.deepEqual(asked, Object.keys(safetensorsBits).reverse());
  const { tensors } = readSafetensors(bytes);
  assert.deepEqual(
    [...tensors.keys()],
    asked.map((dtype) => `of ${dtype}`),
  );
  assert.deepEqual([...(tensors.get("of U64")?.bytes ?? [])], Array(32).fill(1));
});

test("an empty file, and one that is only metadata", () => {
  assert.equal(readSafetensors(joinChunks(writeSafetensors([]))).tensors.size, 0);
  const only = readSafetensors(joinChunks(writeSafetensors([], { step: "7" })));
  assert.deepEqual(only.metadata, { step: "7" });
});

test("refuses to write what nobody could read", () => {
  const entry = (over: Partial<SafetensorsEntry>): SafetensorsEntry => ({
    name: "w",
    dtype: "F32",
    shape: [2],
    bytes: new Uint8Array(8),
    ...over,
  });
  const refused: [SafetensorsEntry[], RegExp][] = [
    [[entry({}), entry({})], /"w": it comes twice/],
    [[entry({ bytes: new Uint8Array(7) })], /has 7 bytes.+take 8/],
    [[entry({ shape: [-2] })], /shape \[-2\]/],
    [[entry({ shape: [0.5, 4] })], /shape \[0\.5,4\]/],
    [[entry({ dtype: "float32" as SafetensorsDType })], /unknown dtype float32/],
    [[entry({ dtype: "F4", shape: [3], bytes: new Uint8Array(2) })], /whole bytes/],
    [[entry({ name: "__metadata__" })], /name of the metadata/],
    [[entry({ name: "\ud800" })], /surrogate/],
  ];
  for (const [entries, message] of refused) {
    assert.match(errorOf(() => writeSafetensors(entries))?.message ?? "written", message);
  }
  assert.match(errorOf(() => writeSafetensors([], { step: 7 as never }))?.message ?? "", /whole strings/);
  const late = writeSafetensors([entry({ bytes: () => new Uint8Array(9) })]);
  assert.match(errorOf(() => joinChunks(late))?.message ?? "", /has 9 bytes/);
});
