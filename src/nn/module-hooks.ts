// What is called around a module's call, its backward pass and its state. Kept beside the modules, so that walking a module's
// properties finds nothing but its own.

import { type Registered, type RemovableHandle, register } from "../base/removable.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BackwardCall } from "./backward-hooks.ts";
import type { AnyModule, LoadReport, Module, StateDict } from "./module.ts";

/** Sees the arguments of a call; what it returns replaces them. */
export type ForwardPreHook<A extends readonly unknown[]> = (module: Module<A>, args: A) => A | undefined | void;
/** Sees the result of a call; what it returns replaces it. After an error `alwaysCall` hooks get undefined as the result. */
export type ForwardHook<A extends readonly unknown[], R> = (
  module: Module<A, R>,
  args: A,
  result: R,
) => R | undefined | void;

/** Gradients by the places of a call's arguments or results; undefined where there is no tensor or no gradient. */
export type CallGradients = readonly (Tensor | undefined)[];
/** Sees the gradients of a call's results before they go through it; what it returns replaces them. */
export type FullBackwardPreHook = (module: AnyModule, gradOutput: CallGradients) => CallGradients | undefined | void;
/** Sees the gradients of a call's arguments, and those of its results; what it returns replaces the former. */
export type FullBackwardHook = (
  module: AnyModule,
  gradInput: CallGradients,
  gradOutput: CallGradients,
) => CallGradients | undefined | void;

/** Runs before a module's state is collected; its names will begin with `prefix`. */
export type StateDictPreHook = (module: AnyModule, prefix: string) => void;
/** May change the state in which the module's tensors, and those below it, now stand under names that begin with `prefix`. */
export type StateDictHook = (module: AnyModule, state: StateDict, prefix: string) => void;
/** May change the state that is being loaded (a copy) before its names are compared with the module's. */
export type LoadStateDictPreHook = (module: AnyModule, state: StateDict, prefix: string) => void;
/** Runs when values have been loaded; what it takes out of the lists is no error. */
export type LoadStateDictPostHook = (module: AnyModule, report: { [K in keyof LoadReport]: string[] }) => void;

export interface Prepend {
  /** Before the hooks that are there. */
  readonly prepend?: boolean;
}

interface Always {
  readonly always: boolean;
}

export interface ModuleHooks<A extends readonly unknown[], R> {
  readonly before: Registered<ForwardPreHook<A>>[];
  readonly after: (Registered<ForwardHook<A, R>> & Always)[];
  readonly beforeBackward: Registered<FullBackwardPreHook>[];
  readonly afterBackward: Registered<FullBackwardHook>[];
  readonly beforeState: Registered<StateDictPreHook>[];
  readonly afterState: Registered<StateDictHook>[];
  readonly beforeLoad: Registered<LoadStateDictPreHook>[];
  readonly afterLoad: Registered<LoadStateDictPostHook>[];
}

const hooksOf = new WeakMap<object, ModuleHooks<never, never>>();

/** The hooks of a module, if it ever had one. */
export function knownHooks<A extends readonly unknown[], R>(module: Module<A, R>): ModuleHooks<A, R> | undefined {
  return hooksOf.get(module) as ModuleHooks<A, R> | undefined; // stored under this very module
}

/** Whether anything sees the module's calls. What computes with its weights without calling it asks first. */
export function isWatched(module: AnyModule): boolean {
  const hooks = knownHooks(module);
  if (hooks === undefined) return false;
  return [hooks.before, hooks.after, hooks.beforeBackward, hooks.afterBackward].some((list) => list.length > 0);
}

type Entry<L> = L extends readonly (infer E)[] ? E : never;

/** Adds an entry to one of a module's lists. */
export function addHook<A extends readonly unknown[], R, K extends keyof ModuleHooks<A, R>>(
  module: Module<A, R>,
  kind: K,
  entry: Entry<ModuleHooks<A, R>[K]>,
  options: Prepend = {},
): RemovableHandle {
  let hooks = knownHooks(module);
  if (hooks === undefined) {
    hooks = {
      before: [],
      after: [],
      beforeBackward: [],
      afterBackward: [],
      beforeState: [],
      afterState: [],
      beforeLoad: [],
      afterLoad: [],
    };
    hooksOf.set(module, hooks as unknown as ModuleHooks<never, never>); // read under the same module only
  }
  return register(hooks[kind] as Entry<ModuleHooks<A, R>[K]>[], entry, options.prepend); // a list holds its own entries
}

/** The call with what is registered around it. */
export function callWithHooks<A extends readonly unknown[], R>(
  module: Module<A, R>,
  hooks: ModuleHooks<A, R>,
  given: A,
): R {
  const called = new Set<object>();
  let args = given;
  try {
    for (const { hook } of [...hooks.before]) args = hook(module, args) ?? args;
    const isWatched = hooks.beforeBackward.length + hooks.afterBackward.length > 0;
    const backward = isWatched ? new BackwardCall(module, hooks) : undefined;
    if (backward !== undefined) args = backward.takeInputs(args);
    let result = module.forward(...args);
    for (const entry of [...hooks.after]) {
      called.add(entry);
      result = entry.hook(module, args, result) ?? result;
    }
    return backward === undefined ? result : backward.takeOutputs(result);
  } catch (error) {
    for (const entry of hooks.after) {
      if (entry.always && !called.has(entry)) quietly(() => entry.hook(module, args, undefined as R)); // as its docs say
    }
    throw error;
  }
}

/** An error on the way of another one is not told. */
function quietly(body: () => void): void {
  try {
    body();
  } catch {
    // the first error is the one that explains
  }
}
