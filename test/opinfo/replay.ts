// Runs one operator's samples: outputs and gradients within PyTorch's tolerances, errors where PyTorch has errors.

import { type DType, isFloating } from "../../src/base/dtype.ts";
import { KindlingError } from "../../src/base/errors.ts";
import { grad } from "../../src/tensor/autograd.ts";
import { tidy } from "../../src/tensor/scope.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { close, deepEqual, equal } from "../portable/harness.ts";
import { tolerances } from "../tolerances.ts";
import { type Adapter, bind, NotApplicable, type Result } from "./adapter.ts";
import { argumentsOf, expected, isStored, made, type StoredError, type StoredOp, type StoredSample } from "./values.ts";

export interface Outcome {
  passed: number;
  readonly failed: string[];
  /** How often each reason stood in the way. */
  readonly notApplicable: Map<string, number>;
}

export function replay(adapter: Adapter, { samples, errors }: StoredOp): Outcome {
  const outcome: Outcome = { passed: 0, failed: [], notApplicable: new Map() };
  samples.forEach((sample, i) => {
    attempt(outcome, `sample ${i}, ${describe(sample)}`, () => tidy(() => check(adapter, sample)));
  });
  errors.forEach((error, i) => {
    attempt(outcome, `error ${i}, ${describe(error)}, which is "${error.error}"`, () =>
      tidy(() => checkError(adapter, error)),
    );
  });
  return outcome;
}

function attempt(outcome: Outcome, what: string, body: () => void): void {
  try {
    body();
    outcome.passed += 1;
  } catch (error) {
    if (error instanceof NotApplicable) {
      outcome.notApplicable.set(error.message, (outcome.notApplicable.get(error.message) ?? 0) + 1);
    } else outcome.failed.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function describe({ args, kwargs }: Pick<StoredSample, "args" | "kwargs">): string {
  const short = (key: string, value: unknown): unknown => {
    if (typeof value !== "object" || value === null || !("t" in value)) return value;
    const stored = value as { t: string; shape: number[]; strides: number[] }; // as isStored says
    return `${stored.t}[${stored.shape.join()}](${stored.strides.join()})`;
  };
  return `${JSON.stringify(args, short)} ${JSON.stringify(kwargs, short)}`.slice(0, 300);
}

function listOf(result: Result): (Tensor | number | boolean)[] {
  if (typeof result === "number" || typeof result === "boolean" || result instanceof Tensor) return [result];
  if (Array.isArray(result)) return result.flatMap(listOf);
  const { values, indices } = result as { values: Tensor; indices: Tensor }; // the only other form
  return [values, indices];
}

function check(adapter: Adapter, sample: StoredSample): void {
  const { args, kwargs, tensors } = argumentsOf(sample, sample.wants);
  const outputs = listOf(adapter.call(...bind(adapter, args, kwargs)));
  const count = adapter.outputs?.count ?? sample.out.length;
  equal(outputs.length >= count, true, `${outputs.length} outputs, PyTorch has ${sample.out.length}`);
  sample.out.slice(0, count).forEach((stored, i) => {
    const output = outputs[i]!;
    if (!isStored(stored)) return equal(output, stored as never, `output ${i}`);
    if (!(output instanceof Tensor)) throw new Error(`output ${i} is ${String(output)}, not a tensor`);
    compare(adapter, output, stored, `output ${i}`);
  });
  if (sample.grads === undefined || sample.wants === undefined) return;
  const leaves = sample.wants.map((at) => tensors[at]!);
  const roots = outputs.flatMap((o, i) => (o instanceof Tensor && sample.weights![i] && o.requiresGrad ? [i] : []));
  const flat = sample.grads.every((g) => g === null || expected(g).data.every((x) => x === 0));
  if (roots.length === 0 && flat) return; // a gradient of zeros may be left out
  if (roots.length === 0) throw new Error("no output has a gradient");
  const grads = grad(
    roots.map((i) => outputs[i] as Tensor), // filtered so
    leaves,
    roots.map((i) => made(sample.weights![i]!).to((outputs[i] as Tensor).dtype)), // filtered so
    { allowUnused: true },
  );
  sample.grads.forEach((stored, i) => {
    const got = grads[i];
    if (stored === null) return;
    if (got === undefined) {
      const zero = expected(stored).data.every((x) => x === 0);
      if (!zero) throw new Error(`no gradient of tensor ${sample.wants![i]}`);
    } else compare(adapter, got, stored, `gradient of tensor ${sample.wants![i]}`);
  });
}

/** Ids and counts are int32 here where PyTorch has int64. */
function sameKind(actual: DType, wanted: DType): boolean {
  return actual === wanted || (wanted === "int64" && actual === "int32");
}

function compare(adapter: Adapter, actual: Tensor, stored: Parameters<typeof expected>[0], what: string): void {
  const want = expected(stored);
  deepEqual([...actual.shape], [...want.shape], `${what}, shape`);
  if (!sameKind(actual.dtype, want.dtype)) throw new Error(`${what}: ${actual.dtype}, PyTorch gives ${want.dtype}`);
  const tolerance = isFloating(want.dtype) ? (adapter.tolerance ?? tolerances[want.dtype]) : tolerances[want.dtype];
  close(Array.from(actual.toArray(), Number), want.data, tolerance, what);
}

function checkError(adapter: Adapter, error: StoredError): void {
  const { args, kwargs } = argumentsOf(error);
  const values = bind(adapter, args, kwargs);
  try {
    adapter.call(...values);
  } catch (thrown) {
    if (thrown instanceof NotApplicable || thrown instanceof KindlingError) {
      if (thrown instanceof NotApplicable) throw thrown;
      return;
    }
    throw new Error(`${(thrown as Error).name} instead of an error of ours: ${(thrown as Error).message}`);
  }
  throw new Error("no error");
}
