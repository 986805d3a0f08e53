// The operators by family, each with its cases. `contract.test.ts` sees to it that none is missing.

import { cases as activationsCases } from "../src/ops/activations.cases.ts";
import * as activations from "../src/ops/activations.ts";
import { cases as attentionCases } from "../src/ops/attention.cases.ts";
import * as attention from "../src/ops/attention.ts";
import { cases as batchNormCases } from "../src/ops/batch-norm.cases.ts";
import * as batchNorm from "../src/ops/batch-norm.ts";
import { cases as bitsCases } from "../src/ops/bits.cases.ts";
import * as bits from "../src/ops/bits.ts";
import { cases as convertCases } from "../src/ops/convert.cases.ts";
import * as convert from "../src/ops/convert.ts";
import { cases as crossEntropyCases } from "../src/ops/cross-entropy.cases.ts";
import * as crossEntropy from "../src/ops/cross-entropy.ts";
import { cases as elementwiseCases } from "../src/ops/elementwise.cases.ts";
import * as elementwise from "../src/ops/elementwise.ts";
import { cases as gatherCases } from "../src/ops/gather.cases.ts";
import * as gather from "../src/ops/gather.ts";
import { cases as joinCases } from "../src/ops/join.cases.ts";
import * as join from "../src/ops/join.ts";
import { cases as layerNormCases } from "../src/ops/layer-norm.cases.ts";
import * as layerNorm from "../src/ops/layer-norm.ts";
import { cases as matmulCases } from "../src/ops/matmul.cases.ts";
import * as matmul from "../src/ops/matmul.ts";
import type { Op } from "../src/ops/op.ts";
import { cases as recurrentCases } from "../src/ops/recurrent.cases.ts";
import * as recurrent from "../src/ops/recurrent.ts";
import { cases as reduceCases } from "../src/ops/reduce.cases.ts";
import * as reduce from "../src/ops/reduce.ts";
import { cases as softmaxCases } from "../src/ops/softmax.cases.ts";
import * as softmax from "../src/ops/softmax.ts";
import { cases as specialCases } from "../src/ops/special.cases.ts";
import * as special from "../src/ops/special.ts";
import { cases as trigonometryCases } from "../src/ops/trigonometry.cases.ts";
import * as trigonometry from "../src/ops/trigonometry.ts";
import type { CasesOf, OpCases } from "./cases.ts";

export interface Family {
  readonly name: string;
  readonly members: readonly { readonly name: string; readonly op: Op<unknown>; readonly cases: OpCases<unknown> }[];
}

function family<M extends object>(name: string, module: M, cases: CasesOf<M>): Family {
  const members = Object.entries(cases).map(([member, its]) => {
    const op = module[member as keyof M] as Op<unknown>; // CasesOf has a module's operators as its keys,
    return { name: member, op, cases: its as OpCases<unknown> }; // with cases of the same attributes
  });
  return { name, members };
}

export const families: readonly Family[] = [
  family("convert", convert, convertCases),
  family("elementwise", elementwise, elementwiseCases),
  family("activations", activations, activationsCases),
  family("special", special, specialCases),
  family("trigonometry", trigonometry, trigonometryCases),
  family("bits", bits, bitsCases),
  family("reduce", reduce, reduceCases),
  family("join", join, joinCases),
  family("gather", gather, gatherCases),
  family("matmul", matmul, matmulCases),
  family("softmax", softmax, softmaxCases),
  family("batch-norm", batchNorm, batchNormCases),
  family("layer-norm", layerNorm, layerNormCases),
  family("recurrent", recurrent, recurrentCases),
  family("cross-entropy", crossEntropy, crossEntropyCases),
  family("attention", attention, attentionCases),
];
