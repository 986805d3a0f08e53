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
import { sameShape, showShape } from "../base/shape.ts";
import { snakeCase } from "../base/spelling.ts";
import { isGradEnabled, noGrad } from "../tensor/grad-mode.ts";
import { recorder } from "../tensor/recorder.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Buffer, Parameter } from "./parameter.ts";

/** Sees the arguments of a call; what it returns replaces them. */
export type ForwardPreHook<A extends readonly unknown[]> = (module: Module<A>, args: A) => A | undefined | void;
/** Sees the result of a call; what it returns replaces it. */
export type ForwardHook<A extends readonly unknown[], R> = (
  module: Module<A, R>,
  args: A,
  result: R,
) => R | undefined | void;

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

interface Hooks<A extends readonly unknown[], R> {
  readonly before: ForwardPreHook<A>[];
  readonly after: ForwardHook<A, R>[];
}

// Kept beside the modules, so that walking a module's properties finds nothing but its own.
const hooksOf = new WeakMap<object, Hooks<never, never>>();

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
  /** How the name of a property is spelled in checkpoints. */
  spell(property: string): string {
    return snakeCase(property);
  }
  children(): AnyModule[] {
    return this.namedChildren().map(([, module]) => module);
  }
  /** This module and all below it, each once, with dotted names. */
  namedModules(prefix = "", seen: Set<object> = new Set()): [name: string, module: AnyModule][] {
    if (seen.has(this)) return [];
    seen.add(this);
    const below = this.namedChildren().flatMap(([name, child]) => child.namedModules(dotted(prefix, name), seen));
    return [[prefix, this], ...below];
  }
  modules(): AnyModule[] {
    return this.namedModules().map(([, module]) => module);
  }
  /** Parameters with their names in checkpoints; one that is shared appears once, under its first name. */
  namedParameters(): [name: string, parameter: Parameter][] {
    return unique(this.#tensors((t) => t instanceof Parameter)) as [string, Parameter][]; // filtered by class
  }
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }
  namedBuffers(): [name: string, buffer: Buffer][] {
    return unique(this.#tensors((t) => t instanceof Buffer)) as [string, Buffer][]; // filtered by class
  }
  buffers(): Buffer[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
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

  #tensors(wanted: (t: Tensor) => boolean): [string, Tensor][] {
    const out: [string, Tensor][] = [];
    const walk = (module: AnyModule, prefix: string): void => {
      for (const [name, value] of Object.entries(module)) {
        if (value instanceof Tensor && wanted(value)) out.push([dotted(prefix, module.spell(name)), value]);
      }
      for (const [name, child] of module.namedChildren()) walk(child, dotted(prefix, name));
    };
    walk(this, "");
    return out;
  }

  // ── state ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Parameters and persistent buffers under their names; a shared one appears under each. The tensors are the module's own. */
  stateDict(): StateDict {
    return new Map(this.#tensors((t) => t instanceof Parameter || (t instanceof Buffer && t.persistent)));
  }

  /**
   * Copies values in, converting dtypes. Sizes that differ always throw; with `strict` (the default) so do names that are
   * missing or unexpected. Everything that is wrong is in the one error, and then nothing has been changed.
   */
  loadStateDict(
    state: StateDict | Readonly<Record<string, Tensor>>,
    options: { readonly strict?: boolean } = {},
  ): LoadReport {
    const { strict = true } = options;
    const given = state instanceof Map ? state : new Map(Object.entries(state));
    const own = this.stateDict();
    const missingKeys = [...own.keys()].filter((name) => !given.has(name));
    const unexpectedKeys = [...given.keys()].filter((name) => !own.has(name));
    const mismatched = [...own].flatMap(([name, t]) => {
      const from = given.get(name);
      if (from === undefined || sameShape(from.shape, t.shape)) return [];
      return [`${name}: the checkpoint has ${showShape(from.shape)}, the model ${showShape(t.shape)}`];
    });
    const problems = [
      ...(strict && missingKeys.length > 0 ? [`missing: ${missingKeys.join(", ")}`] : []),
      ...(strict && unexpectedKeys.length > 0 ? [`unexpected: ${unexpectedKeys.join(", ")}`] : []),
      ...mismatched,
    ];
    if (problems.length > 0) {
      throw new CheckpointError(`loading the state of ${this.constructor.name}: ${problems.join("; ")}.`, {
        missingKeys,
        unexpectedKeys,
        mismatched,
      });
    }
    noGrad(() => {
      for (const [name, t] of own) {
        const from = given.get(name);
        if (from !== undefined) t.copy_(from);
      }
    });
    return { missingKeys, unexpectedKeys };
  }

  /**
   * Converts floating-point parameters and buffers, shared ones staying shared. They are replaced, so make the optimizer
   * afterwards.
   */
  to(dtype: DType): this {
    const made = new Map<Tensor, Tensor>();
    const convert = (t: Tensor): Tensor => {
      const converted = noGrad(() => t.to(dtype));
      return t instanceof Buffer ? new Buffer(converted, t.persistent) : new Parameter(converted, t.requiresGrad);
    };
    for (const module of this.modules()) {
      for (const [name, value] of Object.entries(module)) {
        if (!(value instanceof Tensor) || !isFloating(value.dtype) || value.dtype === dtype) continue;
        if (!made.has(value)) made.set(value, convert(value));
        Object.assign(module, { [name]: made.get(value) });
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
    for (const [, t] of this.#tensors(() => true)) t.dispose("the module's dispose()");
  }

  // ── hooks ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Runs before each call; returns a function that removes the hook. */
  registerForwardPreHook(hook: ForwardPreHook<A>): () => void {
    return register(this.#hooks().before, hook);
  }
  /** Runs after each call; returns a function that removes the hook. */
  registerForwardHook(hook: ForwardHook<A, R>): () => void {
    return register(this.#hooks().after, hook);
  }
  #hooks(): Hooks<A, R> {
    const known = hooksOf.get(this) as Hooks<A, R> | undefined; // stored under this very module
    const hooks: Hooks<A, R> = known ?? { before: [], after: [] };
    hooksOf.set(this, hooks as unknown as Hooks<never, never>);
    return hooks;
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

function call<A extends readonly unknown[], R>(module: Module<A, R>, given: A): R {
  const hooks = hooksOf.get(module) as Hooks<A, R> | undefined; // stored under this very module
  const run = (): R => {
    let args = given;
    for (const hook of hooks?.before ?? []) args = hook(module, args) ?? args;
    let result = module.forward(...args);
    for (const hook of hooks?.after ?? []) result = hook(module, args, result) ?? result;
    return result;
  };
  return isGradEnabled() ? run() : tidy(run, module.constructor.name);
}

function register<H>(list: H[], hook: H): () => void {
  list.push(hook);
  return () => {
    const at = list.indexOf(hook);
    if (at >= 0) list.splice(at, 1);
  };
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

function unique<T>(entries: readonly (readonly [string, T])[]): [string, T][] {
  const seen = new Set<T>();
  return entries.flatMap(([name, value]) => {
    if (seen.has(value)) return [];
    seen.add(value);
    return [[name, value] as [string, T]];
  });
}
