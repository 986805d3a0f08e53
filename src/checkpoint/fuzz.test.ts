// Some hundred damaged files of each format; bench/fuzz-checkpoints.ts tries as many as one likes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { folder } from "../../test/checkpoint-files.ts";
import { mutate, mutateWithin, random, tryLoading } from "../../test/checkpoint-fuzz.ts";

const files = [
  "shared.pt",
  "nested.pt",
  "training.legacy.pt",
  "tar.legacy.pt",
  "tied.safetensors",
  "stored.npz",
  "deflated.npz",
  "fortran.npy",
];

for (const [seed, name] of files.entries()) {
  test(`damaged ${name}: an error of ours or a load`, async () => {
    const original = new Uint8Array(readFileSync(`${folder}${name}`));
    const draw = random(seed);
    let loads = 0;
    for (let i = 0; i < 200; i++) {
      const bytes = i % 2 === 0 ? mutate(original, draw) : await mutateWithin(original, draw);
      const { loaded } = await tryLoading(bytes).catch((error: unknown) => {
        throw new Error(`mutation ${i} of ${name}: ${String(error)}`, { cause: error });
      });
      if (loaded) loads++;
    }
    assert.ok(loads < 200, "a mutation can be refused");
  });
}
