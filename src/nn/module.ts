// The base of every layer and model. A module is a plain class that is called like a function:
//
//     class Scale extends Module<[x: Tensor], Tensor> {
//       readonly weight = new Parameter(ones([4]));
//       forward(x: Tensor): Tensor { return x.mul(this.weight); }
//     }
//     const y = new Scale()(x);
//
// Parameters, buffers and submodules are its own properties, in the order in which the constructor made them; in
// checkpoints their names are spelled as PyTorch's (`weightIhL0` is `weight_ih_l0`).

import type { DType } from "../base/dtype.ts";
import { isFloating } from "../base/dtype.ts";
import { CheckpointError } from "../base/errors.ts";
import type { RemovableHandle } from "../base/removable.ts";
import { snakeCase } from "../base/spelling.ts";
import { isGradEnabled, noGrad } from "../tensor/grad-mode.ts";
import { recorder } from "../tensor/recorder.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import {
  addHook,
  callWithHooks,
  type ForwardHook,
  type ForwardPreHook,
  type FullBackwardHook,
  type FullBackwardPreHook,
  knownHooks,
  type LoadStateDictPostHook,
  type LoadStateDictPreHook,
  type Prepend,
  type StateDictHook,
  type StateDictPreHook,
} from "./module-hooks.ts";
import { collectState, type LoadOptions, like, loadState } from "./module-state.ts";
import { Buffer, Parameter } from "./parameter.ts";

/** Names in checkpoints to tensors, in order. */
export type StateDict = Map<string, Tensor>;

export interface LoadReport {
  /** Names the module has and the state dict has not. */
  readonly missingKeys: readonly string[];
  /** Names the state dict has and the module has not. */
  readonly unexpectedKeys: readonly string[];
}

// biome-ignore lint/suspicious/noExplicitAny: any module, whatever it takes and gives
export type AnyModule = Module<any, any>;

/** How a walk over a module's tensors or modules names and finds them. */
export interface NamedOptions {
  /** What the names begin with. */
  readonly prefix?: string;
  /** Also those of submodules. Default: true. */
  readonly recurse?: boolean;
  /** What is shared appears once, under its first name; false for all of its names. Default: true. */
  readonly removeDuplicate?: boolean;
}

/** Makes instances callable: what the constructor returns is a function, on which the subclasses put their fields. */
class Callable {
  constructor() {
    const call = (...args: never[]): unknown => invoke(call as unknown as Module<never[], unknown>, args); // it becomes the module
    delete (call as { name?: string }).name;
    delete (call as { length?: number }).length;
    // biome-ignore lint/correctness/noConstructorReturn: this is how an instance becomes callable
    return Object.setPrototypeOf(call, new.target.prototype) as Callable; // setPrototypeOf loses the type
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the default stands for modules of any signature
export abstract class Module<A extends readonly unknown[] = any, R = any> extends Callable {
  /** Whether layers like dropout act as in training. Set by `train()` and `eval()`. */
  training = true;

  /** What the module computes. Call the module instead of this: the call runs hooks and frees temporaries. */
  abstract forward(...args: A): R;

  // ── what belongs to it ──────────────────────────────────────────────────────────────────────────────────────────

  /** Direct submodules with their names in checkpoints (items of a list have their positions). */
  namedChildren(): [name: string, module: AnyModule][] {
    return Object.entries(this).flatMap(([name, value]) =>
      value instanceof Module ? [[this.spell(name), value] as [string, AnyModule]] : [],
    );
  }
  /** How the name of a property is spelled in checkpoints; one that begins with a capital stands as it is (`LayerNorm`). */
  spell(property: string): string {
    return /^[A-Z]/.test(property) ? property : snakeCase(property);
  }
  children(): AnyModule[] {
    return this.namedChildren().map(([, module]) => module);
  }
  /** This module and all below it, each once (unless told otherwise), with dotted names. */
  namedModules(options: Omit<NamedOptions, "recurse"> = {}): [name: string, module: AnyModule][] {
    const { prefix = "", removeDuplicate = true } = options;
    const seen = new Set<object>();
    const walk = (module: AnyModule, path: string): [string, AnyModule][] => {
      if (removeDuplicate && seen.has(module)) return [];
      seen.add(module);
      return [[path, module], ...module.namedChildren().flatMap(([name, child]) => walk(child, dotted(path, name)))];
    };
    return walk(this, prefix);
  }
  modules(): AnyModule[] {
    return this.namedModules().map(([, module]) => module);
  }
  /** Parameters with their names in checkpoints; one that is shared appears once (unless told otherwise), under its first name. */
  namedParameters(options: NamedOptions = {}): [name: string, parameter: Parameter][] {
    return this.#named(options, (t): t is Parameter => t instanceof Parameter);
  }
  parameters(options: Pick<NamedOptions, "recurse"> = {}): Parameter[] {
    return this.namedParameters(options).map(([, parameter]) => parameter);
  }
  namedBuffers(options: NamedOptions = {}): [name: string, buffer: Buffer][] {
    return this.#named(options, (t): t is Buffer => t instanceof Buffer);
  }
  buffers(options: Pick<NamedOptions, "recurse"> = {}): Buffer[] {
    return this.namedBuffers(options).map(([, buffer]) => buffer);
  }
  /** The module at a dotted path of checkpoint names; the empty path is this one. */
  getSubmodule(path: string): AnyModule {
    let at: AnyModule = this;
    for (const part of path === "" ? [] : path.split(".")) {
      const child = at.namedChildren().find(([name]) => name === part);
      if (child === undefined)
        throw new CheckpointError(`${this.constructor.name} has no submodule "${path}".`, { path });
      at = child[1];
    }
    return at;
  }
  /** The parameter of this name in checkpoints. */
  getParameter(path: string): Parameter {
    return this.#at(path, "parameter", this.namedParameters({ removeDuplicate: false }));
  }
  /** The buffer of this name in checkpoints. */
  getBuffer(path: string): Buffer {
    return this.#at(path, "buffer", this.namedBuffers({ removeDuplicate: false }));
  }
  #at<T>(path: string, kind: string, all: readonly [string, T][]): T {
    const found = all.find(([name]) => name === path);
    if (found !== undefined) return found[1];
    throw new CheckpointError(`${this.constructor.name} has no ${kind} "${path}".`, { path });
  }

  #named<T extends Tensor>(options: NamedOptions, wanted: (t: unknown) => t is T): [string, T][] {
    const { prefix = "", recurse = true, removeDuplicate = true } = options;
    const out: [string, T][] = [];
    const seen = new Set<T>();
    const walk = (module: AnyModule, path: string): void => {
      for (const [name, value] of Object.entries(module)) {
        if (!wanted(value) || (removeDuplicate && seen.has(value))) continue;
        seen.add(value);
        out.push([dotted(path, module.spell(name)), value]);
      }
      if (!recurse) return;
      for (const [name, child] of module.namedChildren()) walk(child, dotted(path, name));
    };
    walk(this, prefix);
    return out;
  }

  // ── state ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Parameters and persistent buffers under their names; a shared one appears under each. The tensors are the module's own. */
  stateDict(): StateDict {
    return collectState(this, new Map(), "");
  }

  /**
   * Copies values in, converting dtypes, or with `assign` puts the given tensors in place of the module's. Sizes that differ always
   * throw; with `strict` (the default) so do names that are missing or unexpected. Everything that is wrong is in the one error, and
   * then nothing has been changed.
   */
  loadStateDict(state: StateDict | Readonly<Record<string, Tensor>>, options: LoadOptions = {}): LoadReport {
    return loadState(this, state instanceof Map ? state : new Map(Object.entries(state)), options);
  }

  /**
   * Converts floating-point parameters and buffers, shared ones staying shared. They are replaced, so make the optimizer
   * afterwards.
   */
  to(dtype: DType): this {
    return this.#replaceAll((t) => (isFloating(t.dtype) && t.dtype !== dtype ? t.to(dtype) : t));
  }
  /** Gives every parameter and buffer memory of its own, with undefined content: for modules that were built on the meta device. */
  toEmpty(): this {
    return this.#replaceAll((t) => Tensor.empty(t.shape, t.dtype));
  }
  float(): this {
    return this.to("float32");
  }
  double(): this {
    return this.to("float64");
  }
  half(): this {
    return this.to("float16");
  }
  bfloat16(): this {
    return this.to("bfloat16");
  }
  /** Puts another tensor in the place of each parameter and buffer for which `make` gives one, shared ones staying shared. */
  #replaceAll(make: (t: Tensor) => Tensor): this {
    const made = new Map<Tensor, Tensor>();
    for (const module of this.modules()) {
      for (const [name, value] of Object.entries(module)) {
        if (!(value instanceof Parameter || value instanceof Buffer)) continue;
        if (!made.has(value)) {
          const next = noGrad(() => make(value));
          made.set(value, next === value ? value : like(value, next));
        }
        if (made.get(value) !== value) Object.assign(module, { [name]: made.get(value) });
      }
    }
    return this;
  }

  // ── modes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }
  eval(): this {
    return this.train(false);
  }
  requiresGrad_(value = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = value;
    return this;
  }
  /** Forgets the gradients: their memory is freed. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) {
      parameter.grad?.dispose("zeroGrad()");
      parameter.grad = undefined;
    }
  }
  /** Calls `visit` with every submodule, children first, and then with this one. */
  apply(visit: (module: AnyModule) => void): this {
    for (const child of this.children()) child.apply(visit);
    visit(this);
    return this;
  }
  /** Frees all parameters, buffers and gradients. */
  dispose(): void {
    this.zeroGrad();
    const isTensor = (t: unknown): t is Tensor => t instanceof Tensor;
    for (const [, t] of this.#named({}, isTensor)) t.dispose("the module's dispose()");
  }

  // ── hooks ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Runs before each call; what it returns replaces the arguments. */
  registerForwardPreHook(hook: ForwardPreHook<A>, options: Prepend = {}): RemovableHandle {
    return addHook<A, R, "before">(this, "before", { hook }, options);
  }
  /** Runs after each call; what it returns replaces the result. With `alwaysCall` also when the call throws. */
  registerForwardHook(
    hook: ForwardHook<A, R>,
    options: Prepend & { readonly alwaysCall?: boolean } = {},
  ): RemovableHandle {
    return addHook<A, R, "after">(this, "after", { hook, always: options.alwaysCall ?? false }, options);
  }
  /** Runs in backward when the gradients of a call's results are there; what it returns replaces them. */
  registerFullBackwardPreHook(hook: FullBackwardPreHook, options: Prepend = {}): RemovableHandle {
    return addHook<A, R, "beforeBackward">(this, "beforeBackward", { hook }, options);
  }
  /**
   * Runs in backward when the gradients of a call's arguments are there; what it returns replaces them. If no argument requires a
   * gradient, it runs when those of the results are there. Results in which gradients are looked for: a tensor, or an array.
   */
  registerFullBackwardHook(hook: FullBackwardHook, options: Prepend = {}): RemovableHandle {
    return addHook<A, R, "afterBackward">(this, "afterBackward", { hook }, options);
  }
  /** Runs before `stateDict()` takes this module's tensors, also as a part of another module. */
  registerStateDictPreHook(hook: StateDictPreHook): RemovableHandle {
    return addHook<A, R, "beforeState">(this, "beforeState", { hook });
  }
  /** Runs when `stateDict()` has taken this module's tensors, and may change the state. */
  registerStateDictPostHook(hook: StateDictHook): RemovableHandle {
    return addHook<A, R, "afterState">(this, "afterState", { hook });
  }
  /** Runs before a state's names are compared with this module's, and may change the state. */
  registerLoadStateDictPreHook(hook: LoadStateDictPreHook): RemovableHandle {
    return addHook<A, R, "beforeLoad">(this, "beforeLoad", { hook });
  }
  /** Runs when a state has been loaded, and may take names out of the report, which are then no error. */
  registerLoadStateDictPostHook(hook: LoadStateDictPostHook): RemovableHandle {
    return addHook<A, R, "afterLoad">(this, "afterLoad", { hook });
  }

  // ── printing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What stands between the parentheses when a leaf module is printed. */
  extraRepr(): string {
    return "";
  }
  /** PyTorch's tree. */
  override toString(): string {
    const children = this.namedChildren().map(([name, child]) => `(${name}): ${child}`);
    return tree(this.constructor.name, this.extraRepr(), children);
  }
}

// What Node's `console.log` shows. Not written in the class, where declarations cannot name the symbol.
Object.defineProperty(Module.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: AnyModule): string {
    return this.toString();
  },
});

export interface Module<A extends readonly unknown[], R> {
  (...args: A): R;
}

function invoke<A extends readonly unknown[], R>(module: Module<A, R>, given: A): R {
  const name = recorder?.moduleName(module);
  if (recorder === undefined || name === undefined) return call(module, given);
  return recorder.range("module", name, () => call(module, given));
}

function call<A extends readonly unknown[], R>(module: Module<A, R>, args: A): R {
  const hooks = knownHooks(module);
  const run = (): R => (hooks === undefined ? module.forward(...args) : callWithHooks(module, hooks, args));
  return isGradEnabled() ? run() : tidy(run, module.constructor.name);
}

/** `Name(extra)`, or with children each on lines of its own. */
export function tree(name: string, extra: string, children: readonly string[]): string {
  if (children.length === 0) return `${name}(${extra})`;
  const lines = (extra === "" ? children : [extra, ...children]).map((line) => `\n  ${line.replaceAll("\n", "\n  ")}`);
  return `${name}(${lines.join("")}\n)`;
}

function dotted(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}.${name}`;
}
