// The gradient of each sample of a batch by itself, where backward() gives only their sum: for clipping them one by one (differential
// privacy), or for finding the samples that matter.

import { ArgumentError, AutogradError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { grad } from "../tensor/autograd.ts";
import { zeros } from "../tensor/create.ts";
import { enableGrad, noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyModule, StateDict } from "./module.ts";

/**
 * For each parameter that requires a gradient, under its name, those of every sample: `[B, ...parameter]`. `loss` is called with one
 * sample after another, each of `batch`'s tensors cut to `[1, …]`, and returns a single number; like `vmap(grad(loss))` of PyTorch's
 * `torch.func`, it is right for every model, recurrent and tied ones too, and takes the time of B passes. Hooks of the parameters run
 * for each sample; `grad` is left alone.
 *
 *     const grads = perSampleGrads(model, (x, y) => crossEntropy(model(x), y), [inputs, labels]);
 *     grads.get("0.weight")!.flatten(1).norm(2, { dim: 1 }); // [B]
 */
export function perSampleGrads<S extends readonly Tensor[]>(
  model: AnyModule,
  loss: (...sample: S) => Tensor,
  batch: S,
): StateDict {
  const B = batchSize(batch);
  const trained = model.namedParameters().filter(([, p]) => p.requiresGrad);
  if (trained.length === 0) {
    throw new AutogradError(`perSampleGrads: no parameter of ${model.constructor.name} requires a gradient.`, {});
  }
  const parameters = trained.map(([, p]) => p);
  return tidy(() => {
    const grads = parameters.map((p) => zeros([B, ...p.shape], { dtype: p.dtype }));
    for (let b = 0; b < B; b++) {
      tidy(() => {
        const sample = batch.map((t) => t.narrow(0, b, 1)) as unknown as S; // one of each
        const value = enableGrad(() => loss(...sample));
        if (value.numel !== 1) {
          throw new ShapeError(
            `perSampleGrads: the loss of a sample is ${showShape(value.shape)}; wants a single number.`,
            {
              shape: value.shape,
            },
          );
        }
        const own = grad(value, parameters, undefined, { allowUnused: true });
        noGrad(() => {
          own.forEach((g, i) => {
            if (g !== undefined) grads[i]!.select(0, b).copy_(g);
          });
        });
      });
    }
    return new Map(trained.map(([name], i) => [name, grads[i]!]));
  }, "perSampleGrads()");
}

function batchSize(batch: readonly Tensor[]): number {
  const sizes = batch.map((t) => (t.ndim === 0 ? undefined : t.size(0)));
  const [B] = sizes;
  if (B === undefined || sizes.some((size) => size !== B)) {
    const shapes = batch.map((t) => showShape(t.shape)).join(", ");
    throw new ArgumentError(
      `perSampleGrads: a batch of ${shapes === "" ? "nothing" : shapes}; wants tensors that agree in their first dimension, the samples.`,
      { shapes: batch.map((t) => t.shape) },
    );
  }
  return B;
}
