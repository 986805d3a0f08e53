// Gradients of both orders against differences in float64, at PyTorch's own samples: of operators that are made of others too, which
// the contract of `src/ops` does not see.

import { isFloating } from "../../src/base/dtype.ts";
import { KindlingError } from "../../src/base/errors.ts";
import { fromArray } from "../../src/tensor/create.ts";
import { enableGrad } from "../../src/tensor/grad-mode.ts";
import { gradcheck, gradgradcheck } from "../../src/tensor/gradcheck.ts";
import { tidy } from "../../src/tensor/scope.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { type Adapter, bind, NotApplicable, type Result } from "./adapter.ts";
import { argumentsOf, type StoredOp, type StoredSample } from "./values.ts";

/** Up to so many elements a whole Jacobian is looked at; up to so many, the derivatives of one weighted sum of the results. */
const most = { jacobian: 30, sum: 130 };
const samplesOfEach = 2;
/** Larger samples are tried with this much of each dimension. */
const cropped = 3;

/** Of symmetric matrices: only one triangle is read, and the gradient is that of the symmetric one, as in PyTorch's own checks. */
const symmetric: ReadonlySet<string> = new Set(["cholesky", "linalg.cholesky", "linalg.eigh", "linalg.eigvalsh"]);

export type Order = "first" | "second";

/** A sample, perhaps with less of each of its tensors. */
export interface Checkable {
  readonly sample: StoredSample;
  readonly size: number | undefined;
  readonly elements: number;
}

/** Samples of an operator whose gradients can be checked: the largest that are small, cut ones, or else the smallest. */
export function checkable(name: string, adapter: Adapter, { samples }: StoredOp): Checkable[] {
  const fit = samples.flatMap((sample): Checkable[] => {
    if (!sample.dtype.startsWith("float") || sample.dtype === "float16" || sample.wants === undefined) return [];
    const whole = elementsOf(name, adapter, sample, undefined);
    if (whole !== undefined && whole <= most.jacobian) return [{ sample, size: undefined, elements: whole }];
    const part = elementsOf(name, adapter, sample, cropped);
    const [size, elements] = part === undefined ? [undefined, whole] : [cropped, part];
    return elements === undefined || elements > most.sum ? [] : [{ sample, size, elements }];
  });
  const [small, large] = [true, false].map((is) => fit.filter(({ elements }) => elements <= most.jacobian === is));
  small!.sort((a, b) => Number(a.size ?? 0) - Number(b.size ?? 0) || b.elements - a.elements);
  large!.sort((a, b) => a.elements - b.elements);
  return [...small!, ...large!].slice(0, samplesOfEach);
}

/** Of the inputs or the results, whichever are more; undefined if there is nothing to differentiate. */
function elementsOf(
  name: string,
  adapter: Adapter,
  sample: StoredSample,
  size: number | undefined,
): number | undefined {
  return tidy(() => {
    try {
      const { leaves, call } = problem(name, adapter, sample, size);
      if (leaves.length === 0) return undefined;
      const out = call(...leaves);
      const inputs = leaves.reduce((n, t) => n + t.numel, 0);
      const isFit = out.requiresGrad && inputs > 0 && out.numel > 0 && out.isfinite().all().item() === 1;
      return isFit ? Math.max(inputs, out.numel) : undefined;
    } catch (error) {
      if (error instanceof NotApplicable || (size !== undefined && error instanceof KindlingError)) return undefined;
      throw error;
    }
  });
}

export function checkOrder(name: string, adapter: Adapter, { sample, size, elements }: Checkable, order: Order): void {
  tidy(() => {
    const { leaves, call } = problem(name, adapter, sample, size);
    const check = order === "first" ? gradcheck : gradgradcheck;
    check(elements <= most.jacobian ? call : (...at) => weighted(call(...at)), leaves);
  });
}

function weighted(out: Tensor): Tensor {
  const weights = Float64Array.from({ length: out.numel }, (_, i) => Math.sin(3 * i + 1));
  return out.mul(fromArray(weights, out.shape, { dtype: "float64" })).sum();
}

export interface Problem {
  readonly leaves: Tensor[];
  /** All float results. */
  readonly outputs: (leaves: readonly Tensor[]) => Tensor[];
  /** The float results that have a gradient, as one list. */
  readonly call: (...leaves: Tensor[]) => Tensor;
}

export function problem(name: string, adapter: Adapter, sample: StoredSample, size: number | undefined): Problem {
  const wants = sample.wants ?? [];
  const asDouble = (whole: Tensor): Tensor => {
    const t = size === undefined ? whole : whole.shape.reduce((x, n, d) => x.narrow(d, 0, Math.min(n, size)), whole);
    return isFloating(t.dtype) ? t.double() : t;
  };
  const { tensors } = argumentsOf(sample, [], asDouble);
  const wanted = wants.filter((at) => isFloating(tensors[at]!.dtype));
  const results = (leaves: readonly Tensor[]): Tensor[] => {
    const { args, kwargs } = argumentsOf(sample, [], (t, index) => {
      const place = wanted.indexOf(index);
      if (place < 0) return asDouble(t);
      return symmetric.has(name) ? leaves[place]!.add(leaves[place]!.mT).mul(0.5) : leaves[place]!;
    });
    return floats(adapter.call(...bind(adapter, args, kwargs)));
  };
  const leaves = wanted.map((at) => tensors[at]!.contiguous().detach().requiresGrad_());
  let differentiable: readonly boolean[] | undefined;
  return {
    leaves,
    outputs: results,
    call(...at) {
      // Differences are taken without gradients, so what has one is looked up before.
      differentiable ??= enableGrad(() => results(leaves)).map((t) => t.requiresGrad);
      const [first, ...rest] = results(at)
        .filter((_, i) => differentiable![i])
        .map((t) => t.reshape(-1));
      if (first === undefined) throw new NotApplicable("no result has a gradient");
      return rest.length === 0 ? first : first.catWith(rest);
    },
  };
}

function floats(result: Result): Tensor[] {
  if (typeof result === "number" || typeof result === "boolean") return [];
  if (result instanceof Tensor) return isFloating(result.dtype) ? [result] : [];
  if (Array.isArray(result)) return result.flatMap(floats);
  return floats((result as { readonly values: Tensor }).values); // the only other form
}
