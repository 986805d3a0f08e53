// Where bytes come from: single tensors and slices without the rest, HTTP ranges, and how much memory a load takes.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { described, fixtureBytes, folder } from "../../test/checkpoint-files.ts";
import { arange } from "../tensor/create.ts";
import { memoryStats } from "../tensor/memory.ts";
import { randn } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { crc32 } from "./crc32.ts";
import { load } from "./load.ts";
import { openSafetensors } from "./open-safetensors.ts";
import type { RawTensor } from "./place.ts";
import { joinChunks, writeSafetensors } from "./safetensors.ts";
import { readSafetensorsFrom } from "./safetensors-reader.ts";
import { saveBytes } from "./save.ts";
import { save } from "./save-file.node.ts";
import { bytesSource } from "./source.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-sources-"));
after(() => rmSync(root, { recursive: true, force: true }));

test("a single tensor, and slices in every dimension, without the rest", async () => {
  const cube = arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5);
  const path = join(root, "cube.safetensors");
  await save({ cube, other: randn([1000]), scalar: arange(1).reshape() }, path);
  const bytes = new Uint8Array(readFileSync(path));
  let read = 0;
  const source = bytesSource(bytes);
  const counting = {
    ...source,
    read: (into: Uint8Array, from: number) => {
      read += into.length;
      return source.read(into, from);
    },
  };
  const reader = await readSafetensorsFrom(counting);
  const header = read;
  assert.deepEqual((await reader.tensor("cube")).tolist(), cube.tolist());
  assert.equal(read - header, cube.nbytes);
  const ranges = [[0, 2], [1, 3], [0, 4], [2, 5], [1, 1], [0, 1], undefined] as const;
  for (const a of [[0, 2], [1, 2], undefined] as const) {
    for (const b of [[1, 3], [0, 3], undefined] as const) {
      for (const c of [
        [0, 4],
        [2, 3],
        [1, 1],
      ] as const) {
        for (const d of ranges) {
          read = 0;
          const got = await reader.slice("cube", a, b, c, d);
          const cut = (x: Tensor, dim: number, range: readonly [number, number] | undefined) =>
            range ? x.slice(dim, ...range) : x;
          const want = cut(cut(cut(cut(cube, 0, a), 1, b), 2, c), 3, d);
          assert.deepEqual([got.shape, got.toArray()], [want.shape, want.toArray()]);
          assert.equal(read, want.nbytes, "not a byte more");
        }
      }
    }
  }
  assert.deepEqual((await reader.slice("cube", [1, 2])).tolist(), cube.slice(0, 1).tolist());
  assert.equal((await reader.slice("scalar")).item(), 0);
  for (const wrong of [[[0, 3]], [[-1, 1]], [[2, 1]], [[0, 1.5]], Array(5).fill(undefined)]) {
    await assert.rejects(reader.slice("cube", ...(wrong as [number, number][])), {
      message: /does not lie within \[2, 3, 4, 5\]/,
    });
  }
  await assert.rejects(async () => reader.tensor("x.cube"), { message: /no tensor is named "x\.cube".+"cube"/ });
});

test("elements of less than a byte, kept as bytes", async () => {
  const bytes = joinChunks(
    writeSafetensors([{ name: "q", dtype: "F4", shape: [2, 3], bytes: Uint8Array.of(1, 2, 3) }]),
  );
  const q = (await load<Map<string, RawTensor>>(bytes, { raw: true })).get("q");
  assert.deepEqual([q?.dtype, q?.shape, q?.bytes], ["F4", [2, 3], Uint8Array.of(1, 2, 3)]);
  await assert.rejects(load(bytes), { message: /tensors of F4/ });
});

async function served(listener: RequestListener): Promise<{ url: string; close: () => void }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has one
  return { url: `http://127.0.0.1:${port}/x`, close: () => server.close() };
}

test("an address: by ranges where the server knows them, whole where not, and what it answers else", async (t) => {
  const bytes = fixtureBytes("shared.pt");
  const want = described(await load(bytes));
  const asked: string[] = [];
  const ranged = await served((request, response) => {
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
    asked.push(request.headers.range ?? "");
    const part = bytes.subarray(Number(first), Number(last) + 1);
    response.writeHead(206, { "content-range": `bytes ${first}-${last}/${bytes.length}` });
    response.end(part);
  });
  const whole = await served((_, response) => response.end(bytes));
  const missing = await served((_, response) => response.writeHead(404).end());
  t.after(() => [ranged, whole, missing].forEach(({ close }) => close()));
  assert.deepEqual(described(await load(ranged.url)), want);
  assert.ok(asked.length > 5 && asked.every((range) => range.startsWith("bytes=")));
  assert.deepEqual(described(await load(new URL(whole.url))), want);
  await assert.rejects(load(missing.url), { name: "CheckpointError", message: /answered 404/ });
  missing.close();
  await assert.rejects(load("http://127.0.0.1:1/x"), { name: "CheckpointError", message: /request failed/ });
  assert.deepEqual(described(await load(pathToFileURL(join(folder, "shared.pt")))), want);
});

test("a load takes the tensors' memory, and no second copy of the file", async () => {
  const state = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`w${i}`, randn([2 ** 20])])); // 4 MiB each
  const total = 8 * 2 ** 22;
  for (const ending of ["pt", "safetensors", "npz"]) {
    const path = join(root, `large.${ending}`);
    await save(state, path);
    const [live, arrays] = [memoryStats().liveBytes, process.memoryUsage().arrayBuffers];
    const value = await load(path);
    const tensors = [...(value instanceof Map ? value.values() : Object.values(value as object))] as Tensor[]; // as saved
    const taken = memoryStats().liveBytes - live;
    assert.ok(taken <= total && taken > total - 2 ** 23, `${taken}`); // a collection may free others meanwhile
    const beside = process.memoryUsage().arrayBuffers - arrays;
    assert.ok(beside < total, `${ending}: ${beside} bytes of arrays beside the tensors`);
    for (const t of tensors) t.dispose();
  }
});

test("the checksum is zlib's, in one go and in pieces", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * i * 31) & 255);
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926); // the check value of CRC-32
  assert.equal(crc32(new Uint8Array(0)), 0);
  for (const cut of [0, 1, 7, 8, 9, 500, 1000]) {
    assert.equal(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), crc32(bytes), String(cut));
  }
});

test("opens from bytes, and closes what it cannot read", async () => {
  const reader = await openSafetensors(await saveBytes({ a: arange(3) }, "safetensors"));
  assert.deepEqual([reader.names, (await reader.tensor("a")).tolist()], [["a"], [0, 1, 2]]);
  await reader.close();
  await assert.rejects(openSafetensors(join(folder, "shared.pt")), { message: /PyTorch file/ });
});
