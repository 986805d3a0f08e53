// That gradients of both orders are right in float64: of every operator PyTorch has a gradient of and we have (`test/opinfo`), and of
// every declared one (`contract.ts` checks these). One without a sample that can be checked fails here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { canCheck } from "./contract.ts";
import { families } from "./families.ts";
import { checkable, checkOrder } from "./opinfo/gradcheck.ts";
import { adapters } from "./opinfo/table.ts";
import { readSamples } from "./opinfo/values.ts";

const samples = readSamples(fileURLToPath(new URL("fixtures/opinfo/samples.json.gz", import.meta.url)));

/** Operators that differences cannot check, with the reason. */
const exempt: Readonly<Record<string, string>> = {
  float: "rounds to fewer digits than the differences have",
  half: "rounds to fewer digits than the differences have",
  bfloat16: "rounds to fewer digits than the differences have",
};

for (const [name, adapter] of Object.entries(adapters)) {
  const stored = samples[name];
  const hasGradient = stored?.samples.some(({ wants = [] }) => wants.length > 0) === true;
  if (!hasGradient) continue;
  test(`${name}: gradients of both orders`, () => {
    const list = checkable(name, adapter, stored);
    assert.ok(list.length > 0, "no sample can be checked: see test/opinfo/gradcheck.ts");
    const first = (): void => list.forEach((sample) => void checkOrder(name, adapter, sample, "first"));
    if (name in exempt) return assert.throws(first, Error, "needs no exemption");
    first();
    checkOrder(name, adapter, list[0]!, "second");
  });
}

/** Declared operators without a second derivative, with the reason. */
const firstOnly: Readonly<Record<string, string>> = {
  recurrent: "the fused layer has none; the cells, of plain operators, have",
};

for (const { name: family, members } of families) {
  for (const { name, op, cases } of members) {
    if (op.grad === undefined) continue;
    test(`${family}, ${name}: has cases whose gradients are checked`, () => {
      assert.ok(canCheck(op, cases, "first"), "no case of few elements, without a kink");
      assert.equal(canCheck(op, cases, "second"), !(name in firstOnly), "of the second order");
    });
  }
}
