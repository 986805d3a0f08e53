// That no operator and no layer keeps memory: some rounds here, a thousand by bench/leaks.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ones } from "../src/tensor/create.ts";
import { tidy } from "../src/tensor/scope.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { growth, leaks } from "./leaks.ts";
import { readSamples } from "./opinfo/values.ts";

const samples = readSamples(fileURLToPath(new URL("fixtures/opinfo/samples.json.gz", import.meta.url)));

test("rounds of every operator and layer hold the memory in use constant", () => {
  assert.deepEqual(leaks(samples, 10), []);
});

test("a leak would be seen", () => {
  const kept: Tensor[] = [];
  const { bytes, blocks } = growth(() => void tidy(() => kept.push(ones([16]))), 5);
  assert.deepEqual([bytes, blocks], [0, 0]); // the scope frees what was pushed
  const { bytes: more, blocks: five } = growth(() => void kept.push(ones([16])), 5);
  assert.ok(more >= 5 * 64 && five === 5);
});
