// Every tensor that scripts/goldens/printing.py had PyTorch print.

import { Parameter } from "../../src/nn/parameter.ts";
import { fromArray } from "../../src/tensor/create.ts";
import { setPrintOptions } from "../../src/tensor/print.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { fromGolden, type GoldenTensor } from "../golden.ts";
import { equal, fixture, type Suite, suite } from "./harness.ts";

interface Printed {
  readonly name: string;
  readonly tensor: Omit<GoldenTensor, "data"> &
    ({ readonly data: GoldenTensor["data"] } | { readonly make: { readonly start: number; readonly step: number } });
  readonly requiresGrad?: true;
  readonly then?: string;
  readonly parameter?: true;
  readonly options?: Parameters<typeof setPrintOptions>[0];
  readonly text: string;
}

const calls: { readonly [call: string]: (x: Tensor) => Tensor } = {
  "mul(2)": (x: Tensor) => x.mul(2),
  "sum()": (x: Tensor) => x.sum(),
  "exp()": (x: Tensor) => x.exp(),
  "add(1)": (x: Tensor) => x.add(1),
  "sub(1)": (x: Tensor) => x.sub(1),
  "div(2)": (x: Tensor) => x.div(2),
  "neg()": (x: Tensor) => x.neg(),
  "pow(2)": (x: Tensor) => x.pow(2),
  "matmul(x)": (x: Tensor) => x.matmul(x),
  "t()": (x: Tensor) => x.t(),
  "transpose(0, 1)": (x: Tensor) => x.transpose(0, 1),
  "view([4])": (x: Tensor) => x.view(4),
  "unsqueeze(0)": (x: Tensor) => x.unsqueeze(0),
  "mean()": (x: Tensor) => x.mean(),
  "tanh()": (x: Tensor) => x.tanh(),
  "relu()": (x: Tensor) => x.relu(),
  "clone()": (x: Tensor) => x.clone(),
  "select(0, 0)": (x: Tensor) => x.select(0, 0),
  "permute([1, 0])": (x: Tensor) => x.permute(1, 0),
  "sum({ dim: 0 })": (x: Tensor) => x.sum({ dim: 0 }),
  "amax()": (x: Tensor) => x.amax(),
};

/** Operators that a tensor does not have yet. */
const pending: readonly string[] = ["softmax(-1)", "logSoftmax(-1)"];

/** What our graph calls a function that PyTorch calls otherwise: one of ours stands for several of its. */
const otherNames: { readonly [torch: string]: string } = {
  MmBackward0: "MatmulBackward0",
  TBackward0: "TransposeBackward0",
  SumBackward1: "SumBackward0",
};

function make({ tensor: t, requiresGrad, then, parameter }: Printed): Tensor {
  let x: Tensor;
  if ("make" in t) {
    const { start, step } = t.make;
    const count = t.shape.reduce((n, size) => n * size, 1);
    x = fromArray(
      Float64Array.from({ length: count }, (_, i) => start + step * i),
      t.shape,
      { dtype: t.dtype },
    );
  } else x = fromGolden(t);
  if (parameter) return new Parameter(x, requiresGrad ?? false);
  if (requiresGrad) x.requiresGrad_();
  return then === undefined ? x : calls[then]!(x);
}

const cases = (await fixture("printing/tensors.json")) as readonly Printed[];

export const printing: Suite = suite("printing", (test) => {
  for (const printed of cases) {
    if (pending.includes(printed.then ?? "")) continue;
    test(printed.name, () => {
      setPrintOptions(printed.options ?? {});
      try {
        const text = printed.text.replace(/(?<=grad_fn=<)\w+/, (name) => otherNames[name] ?? name);
        equal(make(printed).toString(), text);
      } finally {
        setPrintOptions({ profile: "default" });
      }
    });
  }
});
