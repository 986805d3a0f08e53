// The contract of every operator, see ../contract.ts.

import {
  checkErrors,
  checkGradients,
  checkLayouts,
  checkSecondGradients,
  checkSpecials,
  checkValues,
} from "../contract.ts";
import { families } from "../families.ts";
import { type Suite, suite } from "./harness.ts";

function contract(name: string): Suite {
  const { members } = families.find((family) => family.name === name)!;
  return suite(`operators: ${name}`, (test) => {
    for (const { name: op, op: it, cases } of members) {
      test(`${op}: values`, () => checkValues(it, cases));
      test(`${op}: layouts`, () => checkLayouts(it, cases));
      if (cases.specials) test(`${op}: edges`, () => checkSpecials(it, cases));
      if (cases.refuses) test(`${op}: errors`, () => checkErrors(it, cases));
      if (!it.grad) continue;
      test(`${op}: gradients`, () => checkGradients(it, cases));
      test(`${op}: second gradients`, () => checkSecondGradients(it, cases));
    }
  });
}

export const suites: readonly Suite[] = families.map((family) => contract(family.name));
