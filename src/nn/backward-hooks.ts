// The gradients of a module's call, seen from outside. Arguments and results pass through functions that change nothing, whose
// places in the graph tell when their gradients are there:
//
//     args → inputs → forward → outputs → result         backward: outputs (pre hooks) … inputs (hooks)

import { isFloating } from "../base/dtype.ts";
import { AutogradError } from "../base/errors.ts";
import type { Registered } from "../base/removable.ts";
import { zeros } from "../tensor/create.ts";
import { FunctionNode } from "../tensor/dispatch.ts";
import { isGradEnabled } from "../tensor/grad-mode.ts";
import type { Gradients, Node } from "../tensor/graph.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { AnyModule } from "./module.ts";
import type { CallGradients, FullBackwardHook, FullBackwardPreHook } from "./module-hooks.ts";

interface BackwardHooks {
  readonly beforeBackward: readonly Registered<FullBackwardPreHook>[];
  readonly afterBackward: readonly Registered<FullBackwardHook>[];
}

export class BackwardCall {
  readonly #module: AnyModule;
  readonly #before: readonly Registered<FullBackwardPreHook>[];
  readonly #after: readonly Registered<FullBackwardHook>[];
  /** Where tensors stand among the arguments; undefined if none of them has a gradient. */
  #inputs: readonly number[] | undefined;
  #inputCount = 0;
  /** What came to the results in the backward pass that is on its way. */
  #gradOutput: CallGradients | undefined;

  constructor(module: AnyModule, { beforeBackward, afterBackward }: BackwardHooks) {
    this.#module = module;
    this.#before = [...beforeBackward];
    this.#after = [...afterBackward];
  }

  takeInputs<A extends readonly unknown[]>(args: A): A {
    const passed = passThrough(args);
    this.#inputCount = args.length;
    if (passed === undefined) return args;
    this.#inputs = passed.places;
    passed.node.registerHook((grads) => this.#inputGradients(passed.places, grads));
    return passed.values as unknown as A; // the same kinds of values in the same places
  }

  /** The result is a tensor or an array with tensors; of others no gradient is seen, as in PyTorch. */
  takeOutputs<R>(result: R): R {
    const isList = Array.isArray(result);
    const list: readonly unknown[] = isList ? result : [result];
    const passed = passThrough(list);
    if (passed === undefined) return result;
    passed.node.registerHook((_, came) => this.#outputGradients(passed.places, list.length, came));
    return (isList ? passed.values : passed.values[0]) as R; // the same kinds of values in the same places
  }

  #outputGradients(places: readonly number[], count: number, grads: Gradients): Gradients {
    let gradOutput = spread(places, grads, count);
    for (const { hook } of this.#before) {
      gradOutput = checked("pre hook", gradOutput, hook(this.#module, gradOutput));
    }
    this.#gradOutput = gradOutput;
    if (this.#inputs === undefined) this.#withoutInputs(gradOutput);
    return places.map((place) => gradOutput[place]);
  }

  /** No argument has a gradient: the hooks run as soon as those of the results are there. */
  #withoutInputs(gradOutput: CallGradients): void {
    this.#gradOutput = undefined;
    const none = new Array<undefined>(this.#inputCount).fill(undefined);
    for (const { hook } of this.#after) {
      const given = hook(this.#module, none, gradOutput);
      if (given?.some((g) => g !== undefined)) {
        throw new AutogradError(
          `backward hook of ${this.#module.constructor.name}: no argument of the call has a gradient that could be replaced.`,
          {},
        );
      }
    }
  }

  #inputGradients(places: readonly number[], grads: Gradients): Gradients | undefined {
    const gradOutput = this.#gradOutput;
    if (gradOutput === undefined) return undefined; // it came some other way than through the results
    this.#gradOutput = undefined;
    let gradInput = spread(places, grads, this.#inputCount);
    for (const { hook } of this.#after) {
      gradInput = checked("hook", gradInput, hook(this.#module, gradInput, gradOutput));
    }
    return places.map((place) => gradInput[place]);
  }
}

interface Passed {
  readonly values: unknown[];
  readonly places: readonly number[];
  readonly node: Node;
}

/** The values, tensors among them made anew by one function; undefined if no gradient will pass. */
function passThrough(values: readonly unknown[]): Passed | undefined {
  const places = values.flatMap((value, i) => (value instanceof Tensor ? [i] : []));
  const tensors = places.map((i) => values[i] as Tensor); // chosen so
  if (!isGradEnabled() || !tensors.some((t) => t.requiresGrad)) return undefined;
  // Where no gradient came there are zeros, as for every function that a user writes in PyTorch.
  const metas = tensors.map(({ shape, dtype }) => (isFloating(dtype) ? { shape, dtype } : undefined));
  const node = new FunctionNode("backwardHookFunction", tensors, (grads) =>
    metas.map((meta, i) => meta && (grads[i] ?? zeros(meta.shape, { dtype: meta.dtype }))),
  );
  const next = [...values];
  places.forEach((place, i) => {
    const t = tensors[i]!.alias();
    if (t.requiresGrad) t.edge = { node, index: i };
    next[place] = t;
  });
  return { values: next, places, node };
}

function spread(places: readonly number[], grads: Gradients, count: number): CallGradients {
  const out = new Array<Tensor | undefined>(count).fill(undefined);
  places.forEach((place, i) => {
    out[place] = grads[i];
  });
  return out;
}

function checked(what: string, grads: CallGradients, given: CallGradients | undefined | void): CallGradients {
  if (given === undefined) return grads;
  if (given.length === grads.length) return given;
  throw new AutogradError(`backward ${what}: ${given.length} gradients returned, ${grads.length} wanted.`, {
    returned: given.length,
    wanted: grads.length,
  });
}
