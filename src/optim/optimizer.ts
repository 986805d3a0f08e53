// The base of optimizers: parameter groups, the state of each parameter, and both in PyTorch's form for checkpoints.

import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { camelCase, snakeCase } from "../base/spelling.ts";
import { enableGrad, noGrad } from "../tensor/grad-mode.ts";
import { recordFunction } from "../tensor/recorder.ts";
import { persist, tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Settings that every optimizer has. */
export interface BaseOptions {
  readonly lr: number;
}

/** Parameters with settings of their own. The settings may be changed between steps, as schedules do. */
export type ParamGroup<O extends BaseOptions> = { readonly params: readonly Tensor[] } & {
  -readonly [k in keyof O]: O[k];
};
/** A group as it is given: settings that are left out are the optimizer's. */
export type GroupOptions<O extends BaseOptions> = { readonly params: readonly Tensor[] } & Partial<O>;

/** What an optimizer remembers of one parameter. */
export type ParamState = Record<string, Tensor | number>;
/** The same as a checkpoint has it: `LBFGS` keeps lists too. */
export type SavedParamState = Record<string, Tensor | number | readonly (Tensor | number)[]>;

/** Numbers that PyTorch keeps in tensors without dimensions. Not told by their size: a parameter can have one element too. */
const scalarKeys: ReadonlySet<string> = new Set(["step", "mu_product", "eta", "mu"]);

/** PyTorch's form: parameters are numbered through all groups. */
export interface OptimizerState {
  readonly state: Readonly<Record<string, SavedParamState>>;
  readonly param_groups: readonly Readonly<Record<string, unknown>>[];
}

export abstract class Optimizer<O extends BaseOptions> {
  readonly paramGroups: ParamGroup<O>[] = [];
  protected readonly state: Map<Tensor, ParamState> = new Map();
  readonly defaults: O;

  constructor(params: readonly Tensor[] | readonly GroupOptions<O>[], defaults: O) {
    this.defaults = defaults;
    const groups = params.every((p) => p instanceof Tensor) ? [{ params }] : (params as readonly GroupOptions<O>[]); // one kind or the other
    for (const group of groups as readonly GroupOptions<O>[]) this.addParamGroup(group); // bare parameters have all the defaults
    if (this.#all().length === 0) throw new ArgumentError(`${this.constructor.name}: no parameters were given.`, {});
  }

  /** Takes more parameters, with settings of their own where they are given. */
  addParamGroup(group: GroupOptions<O>): void {
    const whole = { ...this.defaults, ...group } as ParamGroup<O>; // defaults fill what the group leaves out
    const known = new Set(this.#all());
    for (const p of group.params) {
      if (known.has(p))
        throw new ArgumentError(`${this.constructor.name}: a parameter appears twice or in two groups.`, {});
      if (!p.isLeaf)
        throw new ArgumentError(
          `${this.constructor.name}: wants leaf tensors, got the result of ${p.gradFn?.name}.`,
          {},
        );
      known.add(p);
    }
    if (!(whole.lr >= 0)) {
      throw new ArgumentError(`${this.constructor.name}: learning rate ${whole.lr}; it is at least 0.`, {
        lr: whole.lr,
      });
    }
    this.check(whole);
    this.paramGroups.push(whole);
  }

  /** Throws if the settings of a group make no sense. */
  protected check(_group: ParamGroup<O>): void {}

  #all(): Tensor[] {
    return this.paramGroups.flatMap((group) => group.params);
  }

  /** Updates the parameters of one group that have a gradient. */
  protected abstract update(group: ParamGroup<O>, params: readonly Tensor[]): void;

  /** One update of every parameter that has a gradient. A closure is called before; it makes the gradients and returns the loss. */
  step(closure?: () => Tensor): Tensor | undefined {
    const loss = closure === undefined ? undefined : enableGrad(closure);
    recordFunction(`Optimizer.step#${this.constructor.name}.step`, () => noGrad(() => tidy(() => this.#update())));
    return loss;
  }

  #update(): void {
    for (const group of this.paramGroups) {
      const params = group.params.filter((p) => p.grad !== undefined);
      if (params.length > 0) this.update(group, params);
    }
  }

  /** Frees the gradients. */
  zeroGrad(): void {
    for (const p of this.#all()) {
      p.grad?.dispose("zeroGrad()");
      p.grad = undefined;
    }
  }

  /** A parameter's state, made by `make` when it is first asked for; its tensors outlive every scope. */
  protected stateOf<S extends ParamState>(p: Tensor, make: () => S): S {
    let state = this.state.get(p) as S | undefined; // what `make` gave before
    if (state === undefined) {
      state = persist(make());
      this.state.set(p, state);
    }
    return state;
  }

  /** The shape of a tensor in the state of `p`. */
  protected stateShape(_key: string, p: Tensor): readonly number[] {
    return p.shape;
  }

  /** State and settings under PyTorch's names. The tensors are the optimizer's own. */
  stateDict(): OptimizerState {
    const all = this.#all();
    const state: Record<string, ParamState> = {};
    all.forEach((p, i) => {
      const own = this.state.get(p);
      if (own !== undefined)
        state[i] = Object.fromEntries(Object.entries(own).map(([key, value]) => [snakeCase(key), value]));
    });
    let next = 0;
    const groups = this.paramGroups.map(({ params, ...settings }) => ({
      ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [snakeCase(key), value])),
      params: params.map(() => next++),
    }));
    return { state, param_groups: groups };
  }

  /** Takes over settings and copies of the state. Throws before anything is changed if they are of other parameters. */
  loadStateDict(dict: OptimizerState): void {
    const all = this.#all();
    const sizes = this.paramGroups.map((group) => group.params.length);
    const given = dict.param_groups.map((group) => (group.params as readonly unknown[]).length); // PyTorch's form
    if (!sameShape(sizes, given)) {
      throw new CheckpointError(
        `loading the state of ${this.constructor.name}: it is of groups of ${showShape(given)} parameters, this optimizer has ${showShape(sizes)}.`,
        { given, own: sizes },
      );
    }
    for (const [index, entry] of Object.entries(dict.state)) {
      const p = all[Number(index)];
      if (p === undefined)
        throw new CheckpointError(`loading the state of ${this.constructor.name}: there is no parameter ${index}.`, {
          index,
        });
      for (const [key, value] of Object.entries(entry)) {
        if (Array.isArray(value)) {
          throw new CheckpointError(
            `loading the state of ${this.constructor.name}: ${key} of parameter ${index} is a list; is it the state of another optimizer, LBFGS?`,
            { index, key },
          );
        }
        if (!(value instanceof Tensor) || value.numel === 1) continue;
        const wanted = this.stateShape(camelCase(key), p);
        if (sameShape(value.shape, wanted)) continue;
        throw new CheckpointError(
          `loading the state of ${this.constructor.name}: ${key} of parameter ${index} is ${showShape(value.shape)}, wants ${showShape(wanted)}.`,
          { index, key },
        );
      }
    }
    const copies = new Map<Tensor, ParamState>();
    noGrad(() => {
      for (const [index, entry] of Object.entries(dict.state)) {
        const copy = Object.entries(entry).flatMap(([key, value]): [string, Tensor | number][] => {
          if (!(value instanceof Tensor)) return value === null ? [] : [[camelCase(key), value as number]]; // lists were refused, and PyTorch's empty buffers are null
          return [[camelCase(key), value.numel === 1 && scalarKeys.has(key) ? value.item() : persist(value.clone())]];
        });
        if (copy.length > 0) copies.set(all[Number(index)]!, Object.fromEntries(copy));
      }
    });
    for (const old of this.state.values()) {
      for (const value of Object.values(old)) if (value instanceof Tensor) value.dispose("loadStateDict()");
    }
    this.state.clear();
    for (const [p, copy] of copies) this.state.set(p, copy);
    dict.param_groups.forEach((settings, g) => {
      const { params: _, ...rest } = settings;
      Object.assign(
        this.paramGroups[g]!,
        Object.fromEntries(Object.entries(rest).map(([key, value]) => [camelCase(key), value])),
      );
    });
  }
}
