import assert from "node:assert/strict";
import { test } from "node:test";
import { draws } from "../../test/arrays.ts";
import { devices, interpreter } from "../../test/on-devices.ts";
import { nonzero } from "./nonzero.ts";

for (const shape of [[], [1], [0, 3], [7], [5, 9], [3, 1, 50], [2, 3, 4, 5], [40_000], [90, 300]]) {
  for (const share of [0, 0.4, 1]) {
    test(`of [${shape}], of which ${share} is not 0`, () => {
      const n = shape.reduce((a, b) => a * b, 1);
      const next = draws(n);
      const x = Uint8Array.from({ length: n }, () => ((next() + 1) / 2 < share ? 3 : 0));
      const expected: number[] = [];
      const at = shape.map(() => 0);
      x.forEach((value) => {
        if (value !== 0) expected.push(...at);
        for (let d = shape.length - 1; d >= 0 && ++at[d]! >= shape[d]!; d--) at[d] = 0;
      });
      const count = x.filter((value) => value !== 0).length;
      for (const device of n > 999 ? devices : [...devices, interpreter]) {
        const before = device.memoryStats().liveBlocks;
        const [from, to] = [device.alloc(n + 64), device.alloc(4 * count * shape.length + 64)];
        device.u8.set(x, from);
        device.i32.fill(-1, to / 4, to / 4 + count * shape.length + 1);
        nonzero(device, { x: from, shape }, (found) => {
          assert.equal(found, count);
          return to;
        });
        assert.deepEqual([...device.i32.subarray(to / 4, to / 4 + count * shape.length + 1)], [...expected, -1]);
        device.free(from);
        device.free(to);
        assert.equal(device.memoryStats().liveBlocks, before);
      }
    });
  }
}
