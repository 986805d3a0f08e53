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
export function gradcheck(f: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[], options: GradcheckOptions = {}): true {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3 } = options;
  const checked = inputs.flatMap((t, i) => (t.requiresGrad ? [i] : []));
  if (checked.length === 0) throw new AutogradError("gradcheck: no input requires a gradient.", {});
  for (const i of checked) {
    if (inputs[i]!.dtype !== "float64") {
      throw new AutogradError(`gradcheck: input ${i} is ${inputs[i]!.dtype}; use float64, whose differences are exact enough.`, { input: i });
    }
  }
  const values = inputs.map((t) => t.toArray());
  const evaluate = (at: number, position: number, value: number): Float64Array =>
    tidy(() => {
      const moved = inputs.map((t, i) => {
        if (i !== at) return t.detach();
        const data = Float64Array.from(values[i]!);
        data[position] = value;
        return fromArray(data, t.shape, { dtype: "float64" });
      });
      return Float64Array.from(noGrad(() => f(...moved)).toArray());
    });
  tidy(() => {
    const leaves = inputs.map((t) => (t.requiresGrad ? t.detach().clone().requiresGrad_() : t));
    const out = f(...leaves);
    const n = out.numel;
    const wanted = checked.map((i) => leaves[i]!);
    for (let o = 0; o < n; o++) {
      const seed = new Float64Array(n);
      seed[o] = 1;
      const analytic = grad(out, wanted, fromArray(seed, out.shape, { dtype: out.dtype }), { retainGraph: true, allowUnused: true });
      checked.forEach((i, w) => {
        const row = analytic[w]?.toArray() ?? new Float64Array(values[i]!.length);
        for (let p = 0; p < values[i]!.length; p++) {
          const x = values[i]![p]!;
          const difference = (evaluate(i, p, x + eps)[o]! - evaluate(i, p, x - eps)[o]!) / (2 * eps);
          const error = Math.abs(row[p]! - difference);
          if (!(error <= atol + rtol * Math.abs(difference))) {
            throw new AutogradError(
              `gradcheck: d out[${o}] / d input ${i}[${p}] is ${row[p]} by backward and ${difference} by differences.`,
              { output: o, input: i, element: p, backward: row[p], difference },
            );
          }
        }
      });
    }
  });
  return true;
}

/** `gradcheck` of the gradients themselves: checks second derivatives. `f` is weighted by a fixed pattern and differentiated once. */
export function gradgradcheck(f: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[], options: GradcheckOptions = {}): true {
  const indices = inputs.flatMap((t, i) => (t.requiresGrad ? [i] : []));
  const first = (...at: Tensor[]): Tensor => {
    const leaves = at.map((t, i) => (indices.includes(i) && !t.requiresGrad ? t.detach().requiresGrad_() : t));
    const out = f(...leaves);
    const weights = fromArray(Float64Array.from({ length: out.numel }, (_, i) => 1 + 0.5 * Math.sin(i + 1)), out.shape, { dtype: out.dtype });
    const grads = grad(out, indices.map((i) => leaves[i]!), weights, { createGraph: true, allowUnused: true });
    const parts = grads.map((g, w) => (g ?? leaves[indices[w]!]!.zerosLike()).reshape(-1));
    return parts[0]!.catWith(parts.slice(1));
  };
  // The differences take first gradients of the moved inputs, so recording is on inside.
  return gradcheck((...at) => enableGrad(() => first(...at)), inputs, options);
}
