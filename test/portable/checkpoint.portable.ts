// Files of tensors in a page as in Node: bytes, Blobs and addresses in, bytes out.

import { CheckpointError, UnsupportedError } from "../../src/base/errors.ts";
import { load, loadTensors, openSafetensors, save, saveBytes } from "../../src/checkpoint.ts";
import { arange, ones, tensor } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { deepEqual, equal, ok, rejects, type Suite, suite } from "./harness.ts";

const isPage = "document" in globalThis;

export const checkpoint: Suite = suite("files of tensors", (test) => {
  test("every format there and back, as bytes and as a Blob", async () => {
    const w = arange(6).reshape(2, 3);
    const state = {
      w,
      half: tensor([1.5, -2], { dtype: "bfloat16" }),
      wide: tensor([1, 2, 3], { dtype: "int64" }),
      none: ones([0, 2]),
    };
    for (const format of ["pt", "safetensors", "npz"] as const) {
      for (const compress of [false, true]) {
        const bytes = await saveBytes(state, format, { compress });
        for (const from of [bytes, bytes.buffer, new Blob([bytes])]) {
          const again = await loadTensors(from);
          for (const [name, t] of Object.entries(state)) {
            const got = again.get(name);
            deepEqual(
              [got?.dtype, got?.shape, [...(got?.toArray() ?? [])]],
              [t.dtype, t.shape, [...t.toArray()]],
              `${format} ${name}`,
            );
          }
        }
      }
    }
    deepEqual((await load<Tensor>(await saveBytes(w.transpose(0, 1), "npy"))).tolist(), w.transpose(0, 1).tolist());
  });

  test("shared memory, and values beside tensors, in PyTorch's format", async () => {
    const w = arange(12).reshape(3, 4);
    const value = {
      model: new Map([
        ["w", w],
        ["row", w.select(0, 1)],
      ]),
      epoch: 3,
      lr: 0.5,
      name: "größe",
      list: [1, null, true],
    };
    const again = await load<typeof value>(new Blob([await saveBytes(value, "pt")]));
    deepEqual([again.epoch, again.lr, again.name, again.list], [3, 0.5, "größe", [1, null, true]]);
    deepEqual(again.model.get("row")?.tolist(), [4, 5, 6, 7]);
    ok(again.model.get("row")?.storage === again.model.get("w")?.storage);
  });

  test("a slice of a file, without the rest", async () => {
    const reader = await openSafetensors(new Blob([await saveBytes({ w: arange(12).reshape(3, 4) }, "safetensors")]));
    deepEqual((await reader.slice("w", [1, 3], [2, 4])).tolist(), [
      [6, 7],
      [10, 11],
    ]);
    await reader.close();
  });

  test("a damaged file is refused", async () => {
    const bytes = await saveBytes({ w: arange(100) }, "npz", { compress: true });
    await rejects(() => load(bytes.subarray(0, bytes.length - 10)), CheckpointError, /cut off/);
    bytes[80]! ^= 255;
    await rejects(() => load(bytes), CheckpointError, /damaged/);
  });

  test("an address by ranges or whole; paths are for Node", async () => {
    if (!isPage) return ok(true); // sources.test.ts has a server for Node
    const file = new URL("../fixtures/checkpoint/shared.pt", import.meta.url);
    const state = await loadTensors(file);
    deepEqual(state.get("weight")?.shape, [3, 4]);
    ok(state.get("row")?.storage === state.get("weight")?.storage);
    equal((await loadTensors(file.pathname)).size, state.size);
    await rejects(() => save({ a: 1 }, "x.pt"), UnsupportedError, /saveBytes\(\)/);
  });
});
