// Copies of modules, each with tensors of its own.

import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type AnyModule, Module } from "./module.ts";
import { Buffer, Parameter } from "./parameter.ts";

/**
 * A module of the same class with copies of all tensors, those shared staying shared. It is made without the constructor of its
 * class, which would want arguments and draw numbers; so without private members (`#x`) that the class may have.
 */
export function copyModule<M extends AnyModule>(module: M, made: Map<object, object> = new Map()): M {
  const known = made.get(module);
  if (known !== undefined) return known as M; // stored under this very module
  const copy = Reflect.construct(Module, [], module.constructor) as M; // of the class of the module
  made.set(module, copy);
  const once = (t: Tensor, copied: () => Tensor): Tensor => {
    const tensor = (made.get(t) as Tensor | undefined) ?? noGrad(() => tidy(copied)); // stored under this very tensor
    made.set(t, tensor);
    return tensor;
  };
  for (const [name, value] of Object.entries(module) as [string, unknown][]) {
    const own =
      value instanceof Module
        ? copyModule(value, made)
        : value instanceof Parameter
          ? once(value, () => new Parameter(value.detach().clone(), value.requiresGrad))
          : value instanceof Buffer
            ? once(value, () => new Buffer(value.detach().clone(), value.persistent))
            : value;
    Object.assign(copy, { [name]: own });
  }
  return copy;
}
