// Bulk draws against the same draws one by one, to the bit; those are compared with PyTorch's in test/portable.

import assert from "node:assert/strict";
import { test } from "node:test";
import { devices, interpreter } from "../../test/on-devices.ts";
import { fillNormal, fillUniform, Generator } from "../base/random.ts";
import { createWasmDevice } from "../devices/wasm/device.ts";
import type { Device } from "../ir/device.ts";
import { drawCoins, drawNormals, drawUniforms, drawWords } from "./random.ts";

const unfused = createWasmDevice({ threads: 1, relaxed: false });
const all: readonly Device[] = [...devices, unfused, interpreter];

/** Both ways from one state, after which both streams stand at the same place. Every word after `bytes` stays as it is. */
function same(
  device: Device,
  bytes: number,
  bulk: (g: Generator, to: number) => void,
  plain: (g: Generator) => Uint8Array,
) {
  const before = device.memoryStats().liveBlocks;
  const to = device.alloc(bytes + 64);
  device.u8.fill(77, to, to + bytes + 64);
  const [one, other] = [new Generator(5), new Generator(5)];
  for (let i = 0; i < 700; i++) assert.equal(one.u32(), other.u32());
  bulk(one, to);
  const expected = plain(other);
  const actual = device.u8.slice(to, to + bytes + 64);
  assert.ok(Buffer.from(actual.subarray(0, bytes)).equals(Buffer.from(expected)), `${device.name}: other bytes`);
  assert.deepEqual([...actual.subarray(bytes)], new Array<number>(64).fill(77));
  assert.deepEqual(one.state, other.state);
  device.free(to);
  assert.equal(device.memoryStats().liveBlocks, before);
}
const bytesOf = (values: Float32Array | Float64Array | Uint32Array): Uint8Array => new Uint8Array(values.buffer);

for (const n of [0, 1, 547, 548, 549, 624, 1172, 3000]) {
  test(`${n} words`, () => {
    for (const device of all) {
      same(
        device,
        4 * n,
        (g, to) => drawWords(device, g, to, n),
        (g) => bytesOf(Uint32Array.from({ length: n }, () => g.u32())),
      );
    }
  });
}

for (const [n, low, high] of [
  [5, 0, 1],
  [2053, -2.3, 3.1],
  [70001, 0, 1],
] as const) {
  test(`${n} uniforms from ${low} to ${high}`, () => {
    for (const device of n > 9999 ? devices : all) {
      for (const elem of ["f32", "f64"] as const) {
        const out = elem === "f32" ? new Float32Array(n) : new Float64Array(n);
        const plain = (g: Generator): Uint8Array => {
          fillUniform(g, out, low, high);
          return bytesOf(out);
        };
        same(device, out.byteLength, (g, x) => drawUniforms(device, g, { elem, x, n }, low, high), plain);
      }
    }
  });
}

for (const [n, mean, std] of [
  [15, 0, 1],
  [2048, 0, 1],
  [2055, 1.7, 0.3],
  [70001, 0, 1],
] as const) {
  test(`${n} normals around ${mean}`, () => {
    for (const device of n > 9999 ? devices : all) {
      for (const elem of ["f32", "f64"] as const) {
        const out = elem === "f32" ? new Float32Array(n) : new Float64Array(n);
        const plain = (g: Generator): Uint8Array => {
          fillNormal(g, out, mean, std);
          return bytesOf(out);
        };
        same(device, out.byteLength, (g, x) => drawNormals(device, g, { elem, x, n }, mean, std), plain);
      }
    }
  });
}

for (const p of [0, 2 ** -53, 0.1, 0.5, 1 - 2 ** -53, 1]) {
  for (const n of [3, 2051, 70002]) {
    test(`${n} coins of ${p}`, () => {
      for (const device of n > 9999 ? devices : all) {
        const plain = (g: Generator): Uint8Array => Uint8Array.from({ length: n }, () => Number(g.double() < p));
        same(device, n, (g, y) => drawCoins(device, g, y, n, p), plain);
      }
    });
  }
}
