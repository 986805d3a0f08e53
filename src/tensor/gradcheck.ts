// Checking gradients against differences of values. For double precision: in float32 the differences are mostly rounding.

import { AutogradError } from "../base/errors.ts";
import { grad } from "./autograd.ts";
import type { Tensor } from "./core.ts";
import { fromArray } from "./create.ts";
import { enableGrad, noGrad } from "./grad-mode.ts";
import { tidy } from "./scope.ts";

export interface GradcheckOptions {
  /** The step of the differences. */
  readonly eps?: number;
  readonly atol?: number;
  readonly rtol?: number;
}

/**
 * Compares the gradients of `f` (any tensor of floats) at `inputs` with central differences, entry by entry of the whole
 * Jacobian. Returns true or throws, naming the entry that differs. Inputs that require a gradient must be float64.
 */
export function gradcheck(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): true {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3 } = options;
  const checked = inputs.flatMap((t, i) => (t.requiresGrad ? [i] : []));
  if (checked.length === 0) throw new AutogradError("gradcheck: no input requires a gradient.", {});
  for (const i of checked) {
    if (inputs[i]!.dtype !== "float64") {
      throw new AutogradError(
        `gradcheck: input ${i} is ${inputs[i]!.dtype}; use float64, whose differences are exact enough.`,
        { input: i },
      );
    }
  }
  const values = inputs.map((t) => t.toArray());
  const evaluate = (at: number, position: number, value: number): ArrayLike<number> =>
    tidy(() => {
      const moved = inputs.map((t, i) => {
        if (i !== at) return t.detach();
        const data = Float64Array.from(values[i]!);
        data[position] = value;
        return fromArray(data, t.shape, { dtype: "float64" });
      });
      return noGrad(() => f(...moved)).toArray();
    });
  const rows = tidy(() => jacobian(f, inputs, checked));
  checked.forEach((i, w) => {
    for (let p = 0; p < values[i]!.length; p++) {
      const x = values[i]![p]!;
      const [above, below] = [evaluate(i, p, x + eps), evaluate(i, p, x - eps)];
      for (let o = 0; o < rows.length; o++) {
        const difference = (above[o]! - below[o]!) / (2 * eps);
        const backward = rows[o]![w]?.[p] ?? 0;
        if (!(Math.abs(backward - difference) <= atol + rtol * Math.abs(difference))) {
          throw new AutogradError(
            `gradcheck: d out[${o}] / d input ${i}[${p}] is ${backward} by backward and ${difference} by differences.`,
            { output: o, input: i, element: p, backward, difference },
          );
        }
      }
    }
  });
  return true;
}

/** For each element of the result, the gradients of the `checked` inputs, undefined where it does not depend on one. */
function jacobian(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  checked: readonly number[],
): (ArrayLike<number> | undefined)[][] {
  const leaves = inputs.map((t) => (t.requiresGrad ? t.detach().clone().requiresGrad_() : t));
  const wanted = checked.map((i) => leaves[i]!);
  const out = f(...leaves);
  return Array.from({ length: out.numel }, (_, o) =>
    tidy(() => {
      const seed = new Float64Array(out.numel);
      seed[o] = 1;
      const weights = fromArray(seed, out.shape, { dtype: out.dtype });
      return grad(out, wanted, weights, { retainGraph: true, allowUnused: true }).map((g) => g?.toArray());
    }),
  );
}

/**
 * `gradcheck` of the gradients themselves: they are differentiated by the inputs and by the gradient that comes in, which
 * checks second derivatives.
 */
export function gradgradcheck(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): true {
  const indices = inputs.flatMap((t, i) => (t.requiresGrad ? [i] : []));
  return tidy(() => {
    const { shape, numel } = noGrad(() => f(...inputs));
    const pattern = Float64Array.from({ length: numel }, (_, i) => 1 + 0.5 * Math.sin(i + 1));
    const weights = fromArray(pattern, shape, { dtype: "float64", requiresGrad: true });
    const first = (...at: Tensor[]): Tensor => {
      const leaves = at.map((t, i) => (indices.includes(i) && !t.requiresGrad ? t.detach().requiresGrad_() : t));
      const out = f(...leaves.slice(0, -1));
      const wanted = indices.map((i) => leaves[i]!);
      const grads = grad(out, wanted, leaves.at(-1)!, { createGraph: true, allowUnused: true });
      const parts = grads.map((g, w) => (g ?? wanted[w]!.zerosLike()).reshape(-1));
      return parts[0]!.catWith(parts.slice(1));
    };
    // The differences take first gradients of the moved inputs, so recording is on inside.
    return gradcheck((...at) => enableGrad(() => first(...at)), [...inputs, weights], options);
  });
}
