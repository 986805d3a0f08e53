// Files as PyTorch, NumPy and Hugging Face write them: each loads as what it holds, or is refused for what it wants.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { asOurs, described, fixtureBytes, fixtureJson, folder, valuesOnly } from "../../test/checkpoint-files.ts";
import { CheckpointError } from "../base/errors.ts";
import { memoryStats } from "../tensor/memory.ts";
import { forEachTensor } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { load, loadTensors } from "./load.ts";
import type { RawTensor } from "./place.ts";

const expected = fixtureJson<Record<string, unknown>>("expected.json");
const errors = fixtureJson<Record<string, string[]>>("errors.json");
const isNamed = (name: string): boolean => /\.(npz|safetensors)$|^shards$/.test(name);

/** The order of names in these files is not that of the state dict. */
function sorted(value: unknown): unknown {
  const { map } = value as { map: [string, unknown][] }; // the fixture's
  return { map: [...map].sort(([a], [b]) => (a < b ? -1 : 1)) };
}

for (const [name, value] of Object.entries(expected)) {
  test(`loads ${name}`, async () => {
    const got = described(await load(join(folder, name)));
    if (isNamed(name)) assert.deepEqual(valuesOnly(sorted(got)), valuesOnly(sorted(asOurs(value))));
    else if (name === "empty.npy") assert.deepEqual(valuesOnly(got), valuesOnly(value));
    else assert.deepEqual(got, asOurs(value));
  });
}

test("the same from bytes, an ArrayBuffer and a Blob", async () => {
  for (const name of ["shared.pt", "nested.legacy.pt", "tar.legacy.pt", "deflated.npz", "fortran.npy"]) {
    const want = described(await load(join(folder, name)));
    const bytes = fixtureBytes(name) as Uint8Array<ArrayBuffer>; // read from a file
    for (const from of [bytes, bytes.slice().buffer, new Blob([bytes])])
      assert.deepEqual(described(await load(from)), want);
  }
});

for (const [name, words] of Object.entries(errors)) {
  test(`refuses ${name}`, async () => {
    const before = memoryStats().liveBlocks;
    await assert.rejects(load(join(folder, name)), (error) => {
      assert.ok(error instanceof CheckpointError, String(error));
      for (const word of [...words, name]) assert.ok(error.message.includes(word), `"${word}" in: ${error.message}`);
      return true;
    });
    assert.ok(memoryStats().liveBlocks <= before);
    assert.equal(existsSync("kindling-was-here"), false);
  });
}

test("keeps what has an unknown dtype as bytes, if asked", async () => {
  const { a, b, c, d } = await load<{ [name: string]: RawTensor | Tensor }>(join(folder, "unknown.pt"), { raw: true });
  const bytes = (of: unknown): number[] => [...(of as RawTensor).bytes]; // asked for so
  assert.deepEqual([a?.dtype, a?.shape, bytes(a)], ["float8_e4m3fn", [2], [0x3c, 0xc0]]);
  assert.deepEqual([b?.dtype, b?.shape], ["complex64", [1, 2]]);
  assert.deepEqual([...new Float32Array(new Uint8Array(bytes(b)).buffer)], [1, 2, 0, 3]);
  assert.deepEqual([c?.dtype, bytes(c)], ["uint16", [1, 0, 255, 255]]);
  assert.ok(d instanceof Tensor && d.item() === 1);
  const text = await load<RawTensor>(join(folder, "text.npy"), { raw: true });
  assert.deepEqual([text.dtype, text.shape, text.bytes.length], ["U2", [2], 16]);
  const file = await load<Map<string, RawTensor>>(join(folder, "../safetensors/mixed.safetensors"), { raw: true });
  assert.deepEqual([file.get("of.F8_E4M3")?.dtype, file.get("of.U16")?.dtype], ["F8_E4M3", "U16"]);
  await assert.rejects(load(join(folder, "../safetensors/mixed.safetensors")), {
    message: /tensors of .*F8_E4M3.+raw: true/,
  });
});

test("tensors by name, or why there are none", async () => {
  const state = await loadTensors(join(folder, "shared.pt"));
  assert.equal(state.get("tied"), state.get("weight"), "the same object in Python is the same here");
  assert.equal(state.get("alias")?.storage, state.get("weight")?.storage);
  assert.equal((await loadTensors(join(folder, "dtypes.pt"))).get("scalar")?.item(), -1.5);
  await assert.rejects(loadTensors(join(folder, "training.pt")), {
    message: /"model" is no tensor.+part that is a state dict/,
  });
  await assert.rejects(loadTensors(join(folder, "list.pt")), { message: /no tensors by name/ });
});

test("tied weights of a safetensors file are one tensor", async () => {
  const state = await loadTensors(join(folder, "tied.safetensors"));
  assert.equal(state.get("decoder.weight"), state.get("encoder.weight"));
});

test("nothing of what was loaded stays when it is disposed", async () => {
  const before = memoryStats().liveBlocks;
  const state = await loadTensors(join(folder, "shared.pt"));
  assert.ok(memoryStats().liveBlocks > before);
  for (const t of new Set(state.values())) t.dispose();
  assert.ok(memoryStats().liveBlocks <= before);
});

test("every fixture cut off anywhere is refused, or was whole before", async () => {
  for (const name of ["shared.pt", "training.legacy.pt", "tar.legacy.pt", "v1.npy", "deflated.npz", "stored.npz"]) {
    const bytes = fixtureBytes(name);
    const before = memoryStats().liveBlocks;
    const step = Math.max(1, Math.floor(bytes.length / 300));
    for (let length = 0; length < bytes.length; length += step) {
      try {
        const value = await load(bytes.subarray(0, length));
        assert.equal(name, "tar.legacy.pt", "only tar files end in blocks of nothing");
        assert.deepEqual(described(value), asOurs(expected[name]));
        forEachTensor(value, (t) => t.dispose());
      } catch (error) {
        assert.ok(error instanceof CheckpointError, `${name}, ${length} bytes: ${String(error)}`);
      }
    }
    assert.ok(memoryStats().liveBlocks <= before);
  }
});

test("what is no file of tensors", async () => {
  await assert.rejects(load(join(folder, "nothing.pt")), { message: /no such file/ });
  await assert.rejects(load(join(folder, "..")), {
    message: /no weights in it: neither model\.safetensors nor pytorch_model\.bin/,
  });
  await assert.rejects(load(new Uint8Array(0)), { message: /0 bytes long/ });
  await assert.rejects(load(new Uint8Array(1e6).fill(0x80, 0, 1).fill(2, 1, 2).fill(0x5d, 2)), {
    message: /does not begin as PyTorch's/,
  });
  await assert.rejects(load(Uint8Array.of(0x80, 2, 0x4b, 1, 0x2e)), { message: /does not begin as PyTorch's/ });
  await assert.rejects(load(7 as never), { message: /wants a path/ });
});
