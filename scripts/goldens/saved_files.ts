// Files as Kindling writes them, for check_saved_files.py to read: `node --conditions=kindling-source saved_files.ts FOLDER`.
// "big" as a second argument adds one of more than 4 GiB, where zip64 is needed.

import { open } from "node:fs/promises";
import { join } from "node:path";
import { arange, type DType, manualSeed, nn, ones, optim, tensor, zeros } from "kindling";
import { load, save } from "kindling/checkpoint";
import { writeZip } from "../../src/checkpoint/zip-writer.ts";

const [folder, big] = process.argv.slice(2);
if (folder === undefined) throw new Error("saved_files.ts FOLDER [big]");
const into = (name: string): string => join(folder, name);
const kinds: readonly DType[] = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "bool",
];
const dtypes = Object.fromEntries(
  kinds.map((dtype) => [dtype, tensor([0, 1, 1, 0, 1, 1], { dtype }).reshape(2, 3).transpose(0, 1)]),
);

manualSeed(0);
await save(dtypes, into("dtypes.pt"));
await save(dtypes, into("dtypes.safetensors"));
await save(dtypes, into("dtypes.npz"));
await save(dtypes, into("packed.npz"), { compress: true });
for (const [dtype, t] of Object.entries(dtypes)) await save(t, into(`${dtype}.npy`));

const w = arange(12).reshape(3, 4);
await save(
  {
    w,
    tied: w,
    row: w.select(0, 1),
    turned: w.transpose(0, 1),
    wide: ones([1, 2]).expand(3, 2),
    leaf: ones([2], { requiresGrad: true }),
  },
  into("shared.pt"),
);
await save(
  {
    numbers: [0, 255, 256, -1, 2 ** 31, -(2 ** 53) + 1, 2n ** 80n, -(2n ** 70n), 0.5, -0, 1e300, Infinity, NaN],
    words: ["", "größe 😀", "x".repeat(300)],
    bytes: Uint8Array.of(0, 127, 128, 255),
    none: null,
    yes: true,
    set: new Set([1, 2]),
    indices: { 0: "a", 7: "b" },
    digits: new Map([["0", 1]]),
    many: Array.from({ length: 300 }, (_, i) => `${i}`),
    empty: [[], {}, new Map()],
    hollow: zeros([2, 0]),
    scalar: tensor(3),
  },
  into("nested.pt"),
);
await save(
  Array.from({ length: 70_000 }, (_, i) => i),
  into("long.pth"),
);

const model = new nn.Sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.Linear(4, 2));
const optimizer = new optim.AdamW(model.parameters(), { lr: 0.1 });
const step = (): void => {
  optimizer.zeroGrad();
  model(ones([5, 3]))
    .square()
    .sum()
    .backward();
  optimizer.step();
};
step();
await save({ model: model.stateDict(), optimizer: optimizer.stateDict(), epoch: 1 }, into("training.pt"));
await save(model.stateDict(), into("shards/model.safetensors"), { maxShardSize: 60 });
step();
await save(model.stateDict(), into("next.bin"));

const again = await load(new URL("../../test/fixtures/checkpoint/nested.pt", import.meta.url));
await save(again, into("again.pt"));

if (big === "big") {
  const piece = new Uint8Array(2 ** 28).fill(1);
  const content = (name: string, pieces: number) => ({
    name: `big/${name}`,
    size: pieces * piece.length,
    bytes: () => Array<Uint8Array>(pieces).fill(piece),
  });
  const version = { name: "big/version", size: 2, bytes: () => [new TextEncoder().encode("3\n")] };
  const { chunks, byteLength } = writeZip([content("data/0", 17), content("data/1", 1), version]);
  const file = await open(into("big.zip"), "w");
  for (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
  await file.close();
  if ((await import("node:fs")).statSync(into("big.zip")).size !== byteLength)
    throw new Error("another length than was said");
}
