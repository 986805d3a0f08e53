import assert from "node:assert/strict";
import { test } from "node:test";
import { devices, interpreter } from "../../test/on-devices.ts";
import { copyBytes, zeroBytes } from "./move.ts";

for (const bytes of [0, 1, 63, 64, 65, 4096, 300_001]) {
  test(`${bytes} bytes are copied and cleared, and those around them left alone`, () => {
    for (const device of bytes > 9999 ? devices : [...devices, interpreter]) {
      const [from, to] = [device.alloc(bytes + 64), device.alloc(bytes + 64)];
      for (let i = 0; i < bytes; i++) device.u8[from + i] = i * 7 + 1;
      device.u8.fill(9, to, to + bytes + 64);
      copyBytes(device, from, to + 4, bytes);
      const copied = device.u8.slice(to, to + bytes + 64);
      assert.ok(copied.every((x, i) => x === (i >= 4 && i < bytes + 4 ? ((i - 4) * 7 + 1) % 256 : 9)));
      zeroBytes(device, to + 4, bytes);
      assert.ok(device.u8.slice(to, to + bytes + 64).every((x, i) => x === (i >= 4 && i < bytes + 4 ? 0 : 9)));
      device.free(from);
      device.free(to);
    }
  });
}
