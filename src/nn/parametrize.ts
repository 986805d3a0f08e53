// Weights that are computed: in the place of a parameter stands a function of other parameters, which are the ones that are trained.
//
//     module.weight = P₂(P₁(original))         parametrizations.weight.original, parametrizations.weight.0, .1
//
// The module gets a class of its own, whose accessor computes the tensor each time it is read.

import { ArgumentError, DTypeError, ShapeError, UnsupportedError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { enableGrad, isGradEnabled, noGrad } from "../tensor/grad-mode.ts";
import { Tensor } from "../tensor/tensor.ts";
import { ModuleDict, ModuleList } from "./container.ts";
import type { AnyModule, Module } from "./module.ts";
import { Buffer, Parameter } from "./parameter.ts";

/**
 * A module from the original (of the first in a list: from all originals) to what stands in its place. `rightInverse` finds originals
 * for a value: one tensor, or several, which are then called `original0`, `original1`, … Without it the value is its own original.
 */
// biome-ignore lint/suspicious/noExplicitAny: it takes as many tensors as its own inverse gives
export type Parametrization = Module<any, Tensor> & {
  rightInverse?(value: Tensor): Tensor | readonly Tensor[];
};

export interface ParametrizationOptions {
  /** The result may have another shape or dtype than the tensor had; nothing is checked. */
  readonly unsafe?: boolean;
}

/** The parametrizations of one tensor, and its originals. Called, it gives the tensor. */
export class ParametrizationList extends ModuleList<Parametrization> {
  unsafe: boolean;
  [original: `original${string}`]: Parameter | Buffer;

  constructor(first: Parametrization, tensor: Parameter | Buffer, unsafe: boolean) {
    super([first]);
    this.unsafe = unsafe;
    const found = noGrad(() => first.rightInverse?.(tensor) ?? tensor);
    const own = (t: Tensor): Parameter | Buffer => asLike(tensor, t.storage === tensor.storage ? t.clone() : t);
    if (!(found instanceof Tensor)) {
      found.forEach((t, i) => {
        this[`original${i}`] = own(t);
      });
    } else if (found.dtype !== tensor.dtype) {
      throw new DTypeError(`parametrization: its inverse gives ${found.dtype} for a tensor that is ${tensor.dtype}.`, {
        inverse: found.dtype,
        tensor: tensor.dtype,
      });
    } else {
      // The tensor itself, if it fits: optimizers know it.
      this["original"] = sameShape(found.shape, tensor.shape) ? noGrad(() => put(tensor, found)) : own(found);
    }
    if (!unsafe) checkLikeness("the result of the parametrization", this.forward(), tensor);
  }

  /** One, or as many as the first parametrization's inverse gave. */
  get sources(): (Parameter | Buffer)[] {
    return this.names.map((name) => this[name]!);
  }
  private get names(): `original${string}`[] {
    return Object.keys(this).filter((key): key is `original${string}` => key.startsWith("original"));
  }

  override forward(): Tensor {
    const [first, ...rest] = this;
    return rest.reduce<Tensor>((x, next) => next(x), first!(...this.sources));
  }

  /** Finds originals for a value, through the inverses from the last to the first. */
  rightInverse(value: Tensor): void {
    noGrad(() => {
      let found: Tensor | readonly Tensor[] = value;
      for (const module of [...this].reverse()) {
        if (module.rightInverse === undefined || !(found instanceof Tensor)) {
          throw new UnsupportedError(
            `${module.constructor.name} has no rightInverse, so its tensor cannot be set.`,
            {},
          );
        }
        found = module.rightInverse(found);
      }
      const list = found instanceof Tensor ? [found] : found;
      this.sources.forEach((original, i) => {
        checkLikeness("what the inverse gives", list[i]!, original);
        original.copy_(list[i]!);
      });
    });
  }
}

/**
 * Puts `parametrization` in the way of a module's parameter or buffer: reading it now computes it from `original`, and setting it finds
 * an original. A further one takes what those before it give. Returns the module.
 */
export function registerParametrization<M extends AnyModule>(
  module: M,
  name: string,
  parametrization: Parametrization,
  options: ParametrizationOptions = {},
): M {
  const { unsafe = false } = options;
  parametrization.train(module.training);
  const known = listsOf(module)?.[spelled(module, name)];
  if (known !== undefined) {
    if (!unsafe) checkNext(parametrization, compute(known));
    known.push(parametrization);
    known.unsafe ||= unsafe;
    return module;
  }
  const property = propertyOf(module, name);
  const list = new ParametrizationList(parametrization, ownTensor(module, property)!, unsafe); // it is, as found
  Reflect.deleteProperty(module, property);
  if (!isParametrized(module)) {
    injectClass(module);
    Object.assign(module, { parametrizations: new ModuleDict() });
  }
  Object.defineProperty(Object.getPrototypeOf(module), property, {
    configurable: true,
    get: () => read(list),
    set: (value: Tensor) => list.rightInverse(value),
  });
  dictOf(module)!.set(module.spell(property), list);
  return module;
}

/** Whether a module has parametrizations, or one of this tensor. */
export function isParametrized(module: AnyModule, name?: string): boolean {
  const lists = listsOf(module);
  if (lists === undefined) return false;
  return name === undefined ? Object.keys(lists).length > 0 : lists[spelled(module, name)] !== undefined;
}

/**
 * Makes the tensor a plain one again: with the value it had, or with `leaveParametrized: false` the original, if that is one tensor.
 * Returns the module.
 */
export function removeParametrizations<M extends AnyModule>(
  module: M,
  name: string,
  options: { readonly leaveParametrized?: boolean } = {},
): M {
  const { leaveParametrized = true } = options;
  const key = spelled(module, name);
  const list = listsOf(module)?.[key];
  if (list === undefined) throw missing(module, name, "parametrization of");
  const [original, ...others] = list.sources;
  if (!leaveParametrized && others.length > 0) {
    throw new ArgumentError(
      `removeParametrizations: "${name}" comes from ${others.length + 1} tensors, none of which is the original.`,
      { name },
    );
  }
  const value = enableGrad(() => compute(list));
  const like = value.requiresGrad ? original! : new Buffer(value.detach());
  const fits = others.length === 0 && sameShape(value.shape, original!.shape) && value.dtype === original!.dtype;
  const left = !leaveParametrized
    ? original!
    : fits
      ? noGrad(() => put(original!, value))
      : asLike(like, value.detach());
  const proto = Object.getPrototypeOf(module) as object; // the class that injectClass made
  const property = Object.getOwnPropertyNames(proto).find((p) => p !== "constructor" && module.spell(p) === key)!;
  Reflect.deleteProperty(proto, property);
  dictOf(module)!.delete(key);
  Object.assign(module, { [property]: left });
  if (!isParametrized(module)) {
    Reflect.deleteProperty(module, "parametrizations");
    Object.setPrototypeOf(module, Object.getPrototypeOf(proto) as object); // the class before
  }
  return module;
}

let cache: Map<ParametrizationList, Tensor> | undefined;

/** Runs `body`, in which each parametrized tensor is computed once: for a module that is called many times with the same weights. */
export function cached<T>(body: () => T): T {
  const before = cache;
  cache ??= new Map();
  try {
    return body();
  } finally {
    cache = before;
  }
}

function compute(list: ParametrizationList): Tensor {
  return list() as Tensor; // as its forward says, but the type of a list's call does not
}

function read(list: ParametrizationList): Tensor {
  const known = cache?.get(list);
  if (known !== undefined && !known.disposed && (known.requiresGrad || !isGradEnabled())) return known;
  const tensor = compute(list);
  cache?.set(list, tensor);
  return tensor;
}

// ── what they rest on ───────────────────────────────────────────────────────────────────────────────────────────────

function dictOf(module: AnyModule): ModuleDict<ParametrizationList> | undefined {
  const own = (module as { readonly parametrizations?: unknown }).parametrizations;
  return own instanceof ModuleDict ? (own as ModuleDict<ParametrizationList>) : undefined; // only injectClass sets it
}
function listsOf(module: AnyModule): { readonly [name: string]: ParametrizationList } | undefined {
  const dict = dictOf(module);
  return dict && Object.fromEntries(dict);
}

/** The name in checkpoints, which may be given instead of the property's. */
function spelled(module: AnyModule, name: string): string {
  const lists = listsOf(module);
  return lists !== undefined && name in lists ? name : module.spell(name);
}

function ownTensor(module: AnyModule, property: string): Parameter | Buffer | undefined {
  const value = Object.entries(module).find(([key]) => key === property)?.[1];
  return value instanceof Parameter || value instanceof Buffer ? value : undefined;
}
function propertyOf(module: AnyModule, name: string): string {
  const found = Object.keys(module).find(
    (key) => (key === name || module.spell(key) === name) && ownTensor(module, key) !== undefined,
  );
  if (found === undefined) throw missing(module, name, "parameter or buffer");
  return found;
}
function missing(module: AnyModule, name: string, what: string): ArgumentError {
  return new ArgumentError(`${module.constructor.name} has no ${what} "${name}".`, { name });
}

/** A class of the module's own below its class, for accessors. */
function injectClass(module: AnyModule): void {
  const Class = module.constructor as new () => object; // it is only extended, not called
  const name = `Parametrized${Class.name}`;
  const { [name]: Own } = { [name]: class extends Class {} };
  Object.setPrototypeOf(module, Own!.prototype);
}

/** Values as a parameter or buffer like another. */
function asLike(like: Parameter | Buffer, values: Tensor): Parameter | Buffer {
  return like instanceof Buffer ? new Buffer(values, like.persistent) : new Parameter(values, like.requiresGrad);
}
function put(tensor: Parameter | Buffer, values: Tensor): Parameter | Buffer {
  if (values !== tensor) tensor.copy_(values);
  return tensor;
}

function checkLikeness(what: string, got: unknown, wanted: Tensor): void {
  if (!(got instanceof Tensor)) throw new ArgumentError(`parametrization: ${what} is no tensor.`, {});
  if (got.dtype !== wanted.dtype)
    throw new DTypeError(`parametrization: ${what} is ${got.dtype}, the tensor ${wanted.dtype}; unsafe allows it.`, {});
  if (!sameShape(got.shape, wanted.shape)) {
    throw new ShapeError(
      `parametrization: ${what} is ${showShape(got.shape)}, the tensor ${showShape(wanted.shape)}; unsafe allows it.`,
      { got: got.shape, wanted: wanted.shape },
    );
  }
}

function checkNext(parametrization: Parametrization, before: Tensor): void {
  const after = parametrization(before);
  checkLikeness("the result of the parametrization", after, before);
  const back = noGrad(() => parametrization.rightInverse?.(after));
  if (back !== undefined) checkLikeness("what the inverse gives", back, before);
}
