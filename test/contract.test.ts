// That no operator is without cases, that no two share a kernel by accident, and that the compiled kernels mean what the
// interpreter says they do. The contract itself runs as a portable suite: portable/contract.portable.ts.

import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { describe, test } from "node:test";
import { defaultDevice } from "../src/devices/default.ts";
import { createInterpreterDevice } from "../src/devices/interpreter/device.ts";
import type { PointwiseOp } from "../src/ops/pointwise.ts";
import { checkDevices } from "./contract.ts";
import { families } from "./families.ts";

const operators = new Set(families.flatMap((family) => family.members.map((member) => member.op)));

test("every operator that src/ops exports has cases", async () => {
  const forgotten: string[] = [];
  for (const file of globSync("src/ops/*.ts", { cwd: `${import.meta.dirname}/..` })) {
    if (/\.(cases|test)\.ts$/.test(file)) continue;
    for (const [name, value] of Object.entries(await import(`../${file}`))) {
      if (typeof value === "object" && value !== null && "infer" in value && !operators.has(value as never)) {
        forgotten.push(`${file}: ${name}`);
      }
    }
  }
  assert.deepEqual(forgotten, [], "add them to the *.cases.ts beside, and that to test/families.ts");
});

test("operators of one name differ in how many operands they take, by which their kernels are told apart", () => {
  const seen = new Set<string>();
  for (const op of operators) {
    if (!("rule" in op)) continue;
    const { rule } = op as PointwiseOp;
    const key = `${rule.name} of ${rule.value.length}`;
    assert.ok(!seen.has(key), key);
    seen.add(key);
  }
});

const compiled = defaultDevice();
const interpreted = createInterpreterDevice();

for (const { name, members } of families) {
  describe(`${name}: the interpreter agrees`, () => {
    for (const { name: member, op, cases } of members)
      test(member, () => checkDevices(op, cases, compiled, interpreted));
  });
}
