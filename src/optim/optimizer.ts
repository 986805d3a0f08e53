// The base of optimizers: parameter groups, the state of each parameter, and both in PyTorch's form for checkpoints.

import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { camelCase, snakeCase } from "../base/spelling.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { persist, tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Settings that every optimizer has. */
export interface BaseOptions {
  readonly lr: number;
}

/** Parameters with settings of their own. The settings may be changed between steps, as schedules do. */
export type ParamGroup<O extends BaseOptions> = { readonly params: readonly Tensor[] } & { -readonly [k in keyof O]: O[k] };
/** A group as it is given: settings that are left out are the optimizer's. */
export type GroupOptions<O extends BaseOptions> = { readonly params: readonly Tensor[] } & Partial<O>;

/** What an optimizer remembers of one parameter. */
export type ParamState = Record<string, Tensor | number>;

/** PyTorch's form: parameters are numbered through all groups. */
export interface OptimizerState {
  readonly state: Readonly<Record<string, ParamState>>;
  readonly param_groups: readonly Readonly<Record<string, unknown>>[];
}

export abstract class Optimizer<O extends BaseOptions> {
  readonly paramGroups: ParamGroup<O>[];
  protected readonly state = new Map<Tensor, ParamState>();

  constructor(params: readonly Tensor[] | readonly GroupOptions<O>[], defaults: O) {
    const groups = params.every((p) => p instanceof Tensor) ? [{ params }] : (params as readonly GroupOptions<O>[]); // one kind or the other
    this.paramGroups = groups.map((group) => ({ ...defaults, ...group }) as ParamGroup<O>); // defaults fill what the group leaves out
    const all = this.#all();
    if (all.length === 0) throw new ArgumentError(`${this.constructor.name}: no parameters were given.`, {});
    if (new Set(all).size < all.length) throw new ArgumentError(`${this.constructor.name}: a parameter appears in two groups.`, {});
    for (const group of this.paramGroups) {
      if (!(group.lr >= 0)) throw new ArgumentError(`${this.constructor.name}: learning rate ${group.lr}; it is at least 0.`, { lr: group.lr });
    }
  }

  #all(): Tensor[] {
    return this.paramGroups.flatMap((group) => group.params);
  }

  /** Updates the parameters of one group that have a gradient. */
  protected abstract update(group: ParamGroup<O>, params: readonly Tensor[]): void;

  /** One update of every parameter that has a gradient. */
  step(): void {
    noGrad(() =>
      tidy(() => {
        for (const group of this.paramGroups) {
          const params = group.params.filter((p) => p.grad !== undefined);
          if (params.length > 0) this.update(group, params);
        }
      }),
    );
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

  /** State and settings under PyTorch's names. The tensors are the optimizer's own. */
  stateDict(): OptimizerState {
    const all = this.#all();
    const state: Record<string, ParamState> = {};
    all.forEach((p, i) => {
      const own = this.state.get(p);
      if (own !== undefined) state[i] = Object.fromEntries(Object.entries(own).map(([key, value]) => [snakeCase(key), value]));
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
      if (p === undefined) throw new CheckpointError(`loading the state of ${this.constructor.name}: there is no parameter ${index}.`, { index });
      for (const [key, value] of Object.entries(entry)) {
        if (value instanceof Tensor && value.numel !== 1 && !sameShape(value.shape, p.shape)) {
          throw new CheckpointError(
            `loading the state of ${this.constructor.name}: ${key} of parameter ${index} is ${showShape(value.shape)}, the parameter ${showShape(p.shape)}.`,
            { index, key },
          );
        }
      }
    }
    noGrad(() => {
      for (const [index, entry] of Object.entries(dict.state)) {
        const copies = Object.entries(entry).map(([key, value]) => {
          const step = key === "step" && value instanceof Tensor; // PyTorch keeps the count in a tensor
          return [camelCase(key), step ? value.item() : value instanceof Tensor ? persist(value.clone()) : value];
        });
        this.state.set(all[Number(index)]!, Object.fromEntries(copies) as ParamState);
      }
    });
    dict.param_groups.forEach((settings, g) => {
      const { params: _, ...rest } = settings;
      Object.assign(this.paramGroups[g]!, Object.fromEntries(Object.entries(rest).map(([key, value]) => [camelCase(key), value])));
    });
  }
}
