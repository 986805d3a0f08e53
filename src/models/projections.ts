// Layers that read the same input, as one product: their weights lie next to each other in memory, so that without gradients one
// view over all of them does the work of three. Whoever replaces, converts or watches one of them gets three products again.

import { Linear } from "../nn/linear.ts";
import { isWatched } from "../nn/module-hooks.ts";
import { Parameter } from "../nn/parameter.ts";
import { empty } from "../tensor/create.ts";
import { isGradEnabled, noGrad } from "../tensor/grad-mode.ts";
import { linear } from "../tensor/linear.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Moves the weights and biases of layers of the same sizes next to each other. */
export function placeTogether(layers: readonly Linear[]): void {
  for (const name of ["weight", "bias"] as const) {
    const old = layers.map((layer) => layer[name]);
    const [first] = old;
    if (first === undefined || first.isMeta || old.some((t) => t === undefined)) continue;
    noGrad(() =>
      tidy(() => {
        const [rows, ...rest] = first.shape as [number, ...number[]]; // a matrix or a vector
        const whole = empty([rows * layers.length, ...rest], { dtype: first.dtype });
        layers.forEach((layer, i) => {
          const part = whole.narrow(0, i * rows, rows);
          part.copy_(old[i]!); // none is undefined
          layer[name] = new Parameter(part, old[i]!.requiresGrad);
        });
      }),
    );
    for (const t of old) t?.dispose("placeTogether()");
  }
}

/** `layers[i](x)` side by side, `[…, N C]`, if one product can give them now. */
export function projectTogether(layers: readonly Linear[], x: Tensor): Tensor | undefined {
  if (isGradEnabled() || layers.some((layer) => layer.constructor !== Linear || isWatched(layer))) return undefined;
  const weight = joined(layers.map((layer) => layer.weight));
  if (weight === undefined) return undefined;
  const bias = joined(layers.map((layer) => layer.bias));
  return layers[0]!.bias !== undefined && bias === undefined ? undefined : linear(x, weight, bias);
}

/** One view over tensors that lie next to each other. */
function joined(tensors: readonly (Tensor | undefined)[]): Tensor | undefined {
  const [first] = tensors;
  if (first === undefined) return undefined;
  const { storage, offset, shape, strides, dtype, numel } = first;
  const isNext = (t: Tensor | undefined, i: number): boolean =>
    t?.storage === storage && t.offset === offset + i * numel && t.numel === numel && t.dtype === dtype;
  if (!tensors.every(isNext)) return undefined;
  const [rows, ...rest] = shape as [number, ...number[]]; // a matrix or a vector
  return new Tensor(storage.hold(), [rows * tensors.length, ...rest], strides, offset, dtype);
}
