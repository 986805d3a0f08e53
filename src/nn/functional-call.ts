// A module as a function of its tensors: for gradients of steps of training, for models whose weights another model makes,
// for many sets of weights and one architecture.

import { ArgumentError } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { AnyModule, Module, StateDict } from "./module.ts";
import { type Place, placesOf } from "./module-state.ts";

type Tensors = StateDict | Readonly<Record<string, Tensor>>;

export interface FunctionalCallOptions {
  /** A tensor stands for all parameters that are one with the named one. Default: true. */
  readonly tieWeights?: boolean;
  /** Names that the module has and `tensors` has not, and the other way round, are an error. Default: false. */
  readonly strict?: boolean;
}

/**
 * `module(...args)` with `tensors`, by their names in checkpoints, in the place of its parameters and buffers; what is not named is
 * the module's own. Gradients go to the given tensors and what they come from. The call is synchronous; afterwards, and if it
 * throws, the module is as it was. What the module writes in place (running statistics) it writes into the given tensors.
 *
 *     const stepped = Object.fromEntries(model.namedParameters().map(([name, p], i) => [name, p.sub(grads[i], { alpha: lr })]));
 *     const loss = functionalCall(model, stepped, [x]).square().mean(); // its gradient goes through the step
 */
export function functionalCall<A extends readonly unknown[], R>(
  module: Module<A, R>,
  tensors: Tensors,
  args: A,
  options: FunctionalCallOptions = {},
): R {
  const given = tensors instanceof Map ? tensors : new Map(Object.entries(tensors));
  const places = placesOf(module);
  check(module, places, given, options.strict ?? false);
  const chosen = places.map(({ name }) => given.get(name));
  if (options.tieWeights ?? true) tie(places, chosen);
  try {
    places.forEach(({ owner, property }, i) => {
      if (chosen[i] !== undefined) Object.assign(owner, { [property]: chosen[i] });
    });
    return module(...args);
  } finally {
    for (const { owner, property, tensor } of places) Object.assign(owner, { [property]: tensor });
  }
}

function check(module: AnyModule, places: readonly Place[], given: StateDict, strict: boolean): void {
  const wrong = [...given].filter(([, value]) => !(value instanceof Tensor)).map(([name]) => name);
  const known = new Set(places.map(({ name }) => name));
  const missing = strict ? [...known].filter((name) => !given.has(name)) : [];
  const unexpected = strict ? [...given.keys()].filter((name) => !known.has(name)) : [];
  const problems = Object.entries({ "no tensors": wrong, missing, unexpected }).filter(([, names]) => names.length > 0);
  if (problems.length === 0) return;
  const what = problems.map(([problem, names]) => `${problem}: ${names.join(", ")}`).join("; ");
  throw new ArgumentError(`functionalCall of ${module.constructor.name}: ${what}.`, { missing, unexpected });
}

/** Gives a shared tensor's other places what one of them was given. */
function tie(places: readonly Place[], chosen: (Tensor | undefined)[]): void {
  const first = new Map<Tensor, number>();
  chosen.forEach((tensor, i) => {
    if (tensor === undefined) return;
    const shared = places[i]!.tensor;
    const before = first.get(shared) ?? i;
    first.set(shared, before);
    if (chosen[before] === tensor) return;
    const names = [places[before]!.name, places[i]!.name];
    throw new ArgumentError(
      `functionalCall: ${names.join(" and ")} are one tensor in the module and two in the call. Give one, or pass tieWeights: false.`,
      { names },
    );
  });
  places.forEach(({ tensor }, i) => {
    const at = first.get(tensor);
    if (at !== undefined) chosen[i] = chosen[at];
  });
}
