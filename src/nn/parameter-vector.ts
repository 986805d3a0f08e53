// All parameters as one vector, for methods that see a model as a point in space.

import { ShapeError } from "../base/errors.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { cat } from "../tensor/indexing.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The parameters one after another, `[elements of all]`; gradients go back to them. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  return cat([...parameters].map((p) => p.reshape(-1)));
}

/** Writes a vector's pieces into the parameters, in their order. */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  const list = [...parameters];
  const wanted = list.reduce((n, p) => n + p.numel, 0);
  if (vector.ndim !== 1 || vector.numel !== wanted) {
    throw new ShapeError(
      `vectorToParameters: a vector of [${vector.shape.join(", ")}] for ${list.length} parameters of ${wanted} elements.`,
      { vector: vector.shape, wanted },
    );
  }
  let from = 0;
  noGrad(() => {
    for (const p of list) {
      p.copy_(vector.narrow(0, from, p.numel).reshape(...p.shape));
      from += p.numel;
    }
  });
}
