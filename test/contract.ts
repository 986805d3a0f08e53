// What every operator owes: its value in each dtype and layout, gradients of both orders, errors before anything is
// allocated, and no memory left behind. It knows operators by their cases alone.

import { type DType, isFloating } from "../src/base/dtype.ts";
import { Generator } from "../src/base/random.ts";
import { defaultDevice } from "../src/devices/default.ts";
import type { Device } from "../src/ir/device.ts";
import type { Op } from "../src/ops/op.ts";
import { grad } from "../src/tensor/autograd.ts";
import { fromArray } from "../src/tensor/create.ts";
import { apply } from "../src/tensor/dispatch.ts";
import { noGrad } from "../src/tensor/grad-mode.ts";
import { gradcheck, gradgradcheck } from "../src/tensor/gradcheck.ts";
import { tidy } from "../src/tensor/scope.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { writeNumbers } from "../src/tensor/transfer.ts";
import { floats, type Input, NdArray, type OpCases, type Sample } from "./cases.ts";
import { close, deepEqual, equal, throws } from "./portable/harness.ts";
import { tolerances } from "./tolerances.ts";

// ── inputs ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function draw({ domain }: Input, dtype: DType, g: Generator): number {
  const u = g.double();
  if (typeof domain === "object" && "from" in domain) return domain.from + u * (domain.to - domain.from);
  if (typeof domain === "object") return "ids" in domain ? Math.floor(u * domain.ids) : 0;
  if (dtype === "bool") return Number(u < 0.5);
  const signed = dtype !== "uint8" && domain !== "positive" && g.double() < 0.5 ? -1 : 1;
  const magnitude = domain === "small" ? 0.9 * u : 0.2 + 2.8 * u;
  return signed * (isFloating(dtype) ? magnitude : Math.ceil(magnitude * 1.6));
}

/** The same numbers for the same sample, whatever ran before. */
function numbersFor(inputs: readonly Input[], dtype: DType): NdArray[] {
  const g = new Generator(12);
  return inputs.map((input) => {
    const own = input.dtype ?? dtype;
    const drawn = NdArray.from(input.shape, () => draw(input, own, g));
    return typeof input.domain === "object" && "values" in input.domain
      ? new NdArray(input.shape, input.domain.values)
      : drawn;
  });
}

export function onDevice(x: NdArray, dtype: DType, device: Device = defaultDevice()): Tensor {
  const t = Tensor.empty(x.shape, dtype, device);
  writeNumbers(t, x.data);
  return t;
}

/** The values that a tensor really holds. */
function read(t: Tensor): NdArray {
  return new NdArray(t.shape, Array.from(t.toArray()));
}

/** Ways for a tensor to lie in memory, with the same values. */
const layouts: { readonly [name: string]: (t: Tensor) => Tensor } = {
  transposed(t) {
    const back = t.shape.map((_, d) => t.ndim - 1 - d);
    return t
      .permute(...back)
      .contiguous()
      .permute(...back);
  },
  "with gaps"(t) {
    if (t.ndim === 0) return t;
    const d = t.ndim - 1;
    const wide = Tensor.empty([...t.shape.slice(0, d), 2 * t.shape[d]! + 1], t.dtype, t.device).fill_(
      isFloating(t.dtype) ? Number.NaN : 1,
    );
    return wide.slice(d, 1, undefined, 2).copy_(t);
  },
  "with an offset"(t) {
    const wide = Tensor.empty([t.numel + 3], t.dtype, t.device).fill_(1);
    return wide
      .slice(0, 3)
      .copy_(t.reshape(-1))
      .view(...t.shape);
  },
};

// ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const words = { int8: Int8Array, int16: Int16Array, int32: Int32Array, uint8: Uint8Array } as {
  readonly [d in DType]?: { of(x: number): ArrayLike<number> };
};

/** A number as a dtype keeps it: integers wrap, a bool is whether it is 0. */
function kept(dtype: DType, x: number): number {
  if (dtype === "bool") return Number(x !== 0);
  if (dtype === "int64") return Math.trunc(x);
  return words[dtype]?.of(x)[0] ?? x;
}

function listOf(expected: NdArray | readonly NdArray[]): readonly NdArray[] {
  return expected instanceof NdArray ? [expected] : expected;
}

function check(outputs: readonly Tensor[], expected: NdArray | readonly NdArray[], what: string): void {
  listOf(expected).forEach((want, i) => {
    const got = outputs[i]!;
    const name = `${what}, output ${i} (${got.dtype})`;
    deepEqual([...got.shape], [...want.shape], name);
    close(
      got.toArray(),
      want.data.map((x) => kept(got.dtype, x)),
      tolerances[got.dtype],
      name,
    );
  });
}

function describe(sample: Sample<unknown>, dtype: DType): string {
  const shapes = sample.inputs.map((input) => `${input.dtype ?? dtype}[${input.shape.join()}]`);
  return `${shapes.join(" ")} ${JSON.stringify(sample.attrs) ?? ""}`;
}

/** The outputs; inputs that the operator consumes are copied first. */
function run<A>(op: Op<A>, cases: OpCases<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
  const consumes = cases.consumes ?? [];
  return apply(
    op,
    inputs.map((t, i) => (consumes.includes(i) ? t.clone() : t)),
    attrs,
  );
}

/** What gradients are taken of: the outputs that have one, as one list. */
function result<A>(op: Op<A>, cases: OpCases<A>, inputs: readonly Tensor[], attrs: A): Tensor {
  const count = cases.results?.(attrs) ?? 1;
  const [first, ...rest] = run(op, cases, inputs, attrs).slice(0, count);
  return count === 1 ? first! : first!.reshape(-1).catWith(rest.map((t) => t.reshape(-1)));
}

/** Runs `body` and checks that it gave back all memory it took, but for what a kernel keeps from its first run on. */
function leavesNothing(what: string, body: () => void): void {
  const liveBlocks = (): number => defaultDevice().memoryStats().liveBlocks;
  const before = liveBlocks();
  body();
  const after = liveBlocks();
  if (after === before) return;
  body();
  equal(liveBlocks(), after, `${what}: blocks left behind`);
}

export function checkValues<A>(op: Op<A>, cases: OpCases<A>): void {
  for (const dtype of cases.dtypes) {
    for (const sample of cases.samples) {
      const what = describe(sample, dtype);
      leavesNothing(what, () =>
        tidy(() => {
          const inputs = tensorsFor(sample, dtype);
          const outputs = run(op, cases, inputs, sample.attrs);
          check(outputs, cases.reference(inputs.map(read), sample.attrs), what);
        }),
      );
    }
  }
}

export function checkLayouts<A>(op: Op<A>, cases: OpCases<A>): void {
  for (const [name, lay] of Object.entries(layouts)) {
    for (const sample of cases.samples) {
      const what = `${describe(sample, cases.dtypes[0]!)} ${name}`;
      leavesNothing(what, () =>
        tidy(() => {
          const inputs = tensorsFor(sample, cases.dtypes[0]!);
          const outputs = run(op, cases, inputs.map(lay), sample.attrs);
          check(outputs, cases.reference(inputs.map(read), sample.attrs), what);
        }),
      );
    }
  }
}

/** The edges of a formula: zeros of both signs, what is not finite, and what is very large or small. */
export function checkSpecials<A>(op: Op<A>, cases: OpCases<A>): void {
  const calls = new Map(cases.samples.map((sample) => [JSON.stringify(sample.attrs), sample])); // one sample for each
  for (const dtype of floats.filter((d) => cases.dtypes.includes(d))) {
    for (const sample of calls.values()) {
      tidy(() => {
        const lists = combinations(sample.inputs.map(({ dtype: own }) => (own === "bool" ? [0, 1] : cases.specials!)));
        const inputs = lists.map((list, i) =>
          onDevice(new NdArray([list.length], list), sample.inputs[i]!.dtype ?? dtype),
        );
        const expected = cases.reference(inputs.map(read), sample.attrs) as NdArray; // of one output
        const rounded = dtype === "float32" ? expected.data.map(Math.fround) : expected.data;
        check(
          apply(op, inputs, sample.attrs),
          new NdArray(expected.shape, rounded),
          `${dtype} ${JSON.stringify(sample.attrs)}`,
        );
      });
    }
  }
}

/** For each list a column, so that the rows are all combinations. */
function combinations(lists: readonly (readonly number[])[]): number[][] {
  const rows = lists.reduce<number[][]>((all, list) => all.flatMap((row) => list.map((x) => [...row, x])), [[]]);
  return lists.map((_, i) => rows.map((row) => row[i]!));
}

function tensorsFor(sample: Sample<unknown>, dtype: DType, device?: Device): Tensor[] {
  return numbersFor(sample.inputs, dtype).map((x, i) => onDevice(x, sample.inputs[i]!.dtype ?? dtype, device));
}

/** Two devices give the same numbers, up to rounding, in the outputs that have a reference: others may lie in part unwritten. */
export function checkDevices<A>(op: Op<A>, cases: OpCases<A>, one: Device, other: Device): void {
  for (const dtype of cases.dtypes) {
    for (const sample of cases.samples) {
      tidy(() => {
        const { length = 1 } = cases.reference(numbersFor(sample.inputs, dtype), sample.attrs) as {
          readonly length?: number;
        };
        const [a, b] = [one, other].map((device) => run(op, cases, tensorsFor(sample, dtype, device), sample.attrs));
        check(a!, b!.slice(0, length).map(read), describe(sample, dtype));
      });
    }
  }
}

// ── gradients ───────────────────────────────────────────────────────────────────────────────────────────────────────

const mostElements = 30; // of a sample whose whole Jacobian is looked at

function differentiable<A>(op: Op<A>, cases: OpCases<A>): readonly Sample<A>[] {
  if (op.grad === undefined) return [];
  return cases.samples.filter((s) => {
    const finite = numbersFor(s.inputs, "float64").every((x) => x.data.every(Number.isFinite));
    return s.gradient !== "none" && finite && s.inputs.some(wantsGradient);
  });
}
function wantsGradient({ dtype, fixed }: Input): boolean {
  return fixed !== true && (dtype === undefined || isFloating(dtype));
}
function isShort(sample: Sample<unknown>): boolean {
  return numbersFor(sample.inputs, "float64").every((x) => x.data.length <= mostElements);
}
function leavesFor(sample: Sample<unknown>, dtype: DType): Tensor[] {
  return tensorsFor(sample, dtype).map((t, i) => (wantsGradient(sample.inputs[i]!) ? t.requiresGrad_() : t));
}

/** Whether there are samples on which gradients of that order are compared with differences. */
export function canCheck<A>(op: Op<A>, cases: OpCases<A>, order: "first" | "second"): boolean {
  const short = differentiable(op, cases).filter(isShort);
  return (order === "first" ? short : short.filter(hasSecond)).length > 0;
}
function hasSecond({ gradient }: Sample<unknown>): boolean {
  return gradient === undefined;
}

/** The gradient against differences in float64, and in float32 against that in float64. */
export function checkGradients<A>(op: Op<A>, cases: OpCases<A>): void {
  for (const sample of differentiable(op, cases)) {
    const what = describe(sample, "float64");
    leavesNothing(what, () =>
      tidy(() => {
        if (isShort(sample))
          labelled(what, () => gradcheck((...at) => result(op, cases, at, sample.attrs), leavesFor(sample, "float64")));
        const [single, double] = (["float32", "float64"] as const).map((dtype) =>
          gradientsOf(op, cases, sample, dtype),
        );
        single!.forEach((g, i) => {
          if (g === undefined) return equal(double![i], undefined, `${what}, gradient ${i}`);
          check([g], read(double![i]!), `${what}, gradient ${i}`);
        });
      }),
    );
  }
}

/** Gradients of the first output, weighted by a fixed pattern. */
function gradientsOf<A>(op: Op<A>, cases: OpCases<A>, sample: Sample<A>, dtype: DType): (Tensor | undefined)[] {
  const inputs = leavesFor(sample, dtype);
  const out = result(op, cases, inputs, sample.attrs);
  const weights = fromArray(
    Float64Array.from({ length: out.numel }, (_, i) => Math.sin(i + 1)),
    out.shape,
    { dtype },
  );
  const wanted = inputs.filter((t) => t.requiresGrad);
  const grads = grad(out, wanted, weights, { allowUnused: true });
  grads.forEach((g, i) => {
    if (g === undefined) return;
    equal(g.dtype, wanted[i]!.dtype, "dtype of a gradient");
    deepEqual([...g.shape], [...wanted[i]!.shape], "shape of a gradient");
  });
  return grads;
}

export function checkSecondGradients<A>(op: Op<A>, cases: OpCases<A>): void {
  for (const sample of differentiable(op, cases).filter((s) => isShort(s) && hasSecond(s))) {
    const what = describe(sample, "float64");
    leavesNothing(what, () =>
      tidy(() =>
        labelled(what, () =>
          gradgradcheck((...at) => result(op, cases, at, sample.attrs), leavesFor(sample, "float64")),
        ),
      ),
    );
  }
}

/** Adds to an error which sample it was. */
function labelled(what: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

// ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export function checkErrors<A>(op: Op<A>, cases: OpCases<A>): void {
  for (const refusal of cases.refuses ?? []) {
    const what = describe(refusal, cases.dtypes[0]!);
    leavesNothing(what, () =>
      tidy(() => {
        const inputs = tensorsFor(refusal, cases.dtypes[0]!);
        throws(() => noGrad(() => apply(op, inputs, refusal.attrs)), refusal.error, refusal.message);
      }),
    );
  }
}
