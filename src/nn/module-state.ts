// A module's tensors by their names in checkpoints: where they stand, and how a state comes in.

import { CheckpointError } from "../base/errors.ts";
import { numel, sameShape, showShape } from "../base/shape.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { AnyModule, LoadReport, StateDict } from "./module.ts";
import { knownHooks } from "./module-hooks.ts";
import { Buffer, Parameter } from "./parameter.ts";

/** A property that holds a parameter or buffer; a shared tensor has several places. */
export interface Place {
  readonly name: string;
  readonly owner: AnyModule;
  readonly property: string;
  readonly tensor: Parameter | Buffer;
}

/** All places of parameters and buffers, a module's own first, then those below it. */
export function placesOf(owner: AnyModule, prefix = ""): Place[] {
  return [
    ...ownPlaces(owner, prefix),
    ...owner.namedChildren().flatMap(([name, child]) => placesOf(child, `${prefix}${name}.`)),
  ];
}

export function ownPlaces(owner: AnyModule, prefix: string): Place[] {
  return Object.entries(owner).flatMap(([property, tensor]) => {
    if (!(tensor instanceof Parameter || tensor instanceof Buffer)) return [];
    return [{ name: prefix + owner.spell(property), owner, property, tensor }];
  });
}

function isSaved({ tensor }: Place): boolean {
  return tensor instanceof Parameter || tensor.persistent;
}

/** Writes the module's tensors into `state`, with its hooks around. */
export function collectState(module: AnyModule, state: StateDict, prefix: string): StateDict {
  const hooks = knownHooks(module);
  for (const { hook } of [...(hooks?.beforeState ?? [])]) hook(module, prefix);
  for (const place of ownPlaces(module, prefix)) if (isSaved(place)) state.set(place.name, place.tensor);
  for (const [name, child] of module.namedChildren()) collectState(child, state, `${prefix}${name}.`);
  for (const { hook } of [...(hooks?.afterState ?? [])]) hook(module, state, prefix);
  return state;
}

export interface LoadOptions {
  /** Names that are missing or unexpected are an error. Default: true. */
  readonly strict?: boolean;
  /**
   * The given tensors themselves take the places of the module's, with their dtypes, instead of being copied. Each parameter requires
   * a gradient if the one before did; what was shared in the module stays shared. Make the optimizer afterwards.
   */
  readonly assign?: boolean;
}

type Report = { [K in keyof LoadReport]: string[] };

/** See `Module.loadStateDict`. */
export function loadState(module: AnyModule, given: StateDict, { strict = true, assign = false }: LoadOptions): Report {
  const state = new Map(given); // hooks may change it
  for (const [prefix, m] of modulesFrom(module, "")) {
    for (const { hook } of [...(knownHooks(m)?.beforeLoad ?? [])]) hook(m, state, prefix);
  }
  const places = placesOf(module).filter(isSaved);
  const known = new Set(places.map(({ name }) => name));
  const report: Report = {
    missingKeys: [...known].filter((name) => !state.has(name)),
    unexpectedKeys: [...state.keys()].filter((name) => !known.has(name)),
  };
  const unfit = places.flatMap((place) => problemOf(place, state.get(place.name), assign) ?? []);
  const afterLoad = modulesFrom(module, "", "below first").flatMap(([, m]) =>
    (knownHooks(m)?.afterLoad ?? []).map(({ hook }) => [m, hook] as const),
  );
  // Hooks may take names out of the report, and run when values are there; without them an error changes nothing.
  if (unfit.length > 0 || afterLoad.length === 0) refuse(module, report, unfit, strict);
  noGrad(() => {
    if (assign) assignAll(places, state);
    else for (const { name, tensor } of places) if (state.has(name)) tensor.copy_(fitting(state.get(name)!, tensor));
  });
  for (const [m, hook] of afterLoad) hook(m, report);
  refuse(module, report, [], strict);
  return report;
}

/** Modules under every name they have. */
function modulesFrom(module: AnyModule, prefix: string, order?: "below first"): [prefix: string, module: AnyModule][] {
  const below = module.namedChildren().flatMap(([name, child]) => modulesFrom(child, `${prefix}${name}.`, order));
  return order === undefined ? [[prefix, module], ...below] : [...below, [prefix, module]];
}

/** Old checkpoints hold numbers as lists of one. */
function fitting(from: Tensor, tensor: Tensor): Tensor {
  return tensor.ndim === 0 && from.ndim === 1 && numel(from.shape) === 1 ? from.reshape() : from;
}

function problemOf({ name, tensor }: Place, from: unknown, assign: boolean): string | undefined {
  if (from === undefined) return undefined;
  if (!(from instanceof Tensor)) return `${name}: the checkpoint has no tensor there but ${typeof from}`;
  if (!sameShape(fitting(from, tensor).shape, tensor.shape))
    return `${name}: the checkpoint has ${showShape(from.shape)}, the model ${showShape(tensor.shape)}`;
  if (!assign && tensor.isMeta)
    return `${name}: the model has it on the meta device, without memory to copy into; pass assign: true, or call toEmpty() first`;
  return undefined;
}

function refuse(module: AnyModule, report: Report, unfit: readonly string[], strict: boolean): void {
  const { missingKeys, unexpectedKeys } = report;
  const problems = [
    ...(strict && missingKeys.length > 0 ? [`missing: ${missingKeys.join(", ")}`] : []),
    ...(strict && unexpectedKeys.length > 0 ? [`unexpected: ${unexpectedKeys.join(", ")}`] : []),
    ...unfit,
  ];
  if (problems.length === 0) return;
  throw new CheckpointError(`loading the state of ${module.constructor.name}: ${problems.join("; ")}.`, {
    missingKeys,
    unexpectedKeys,
    mismatched: unfit,
  });
}

/** Puts tensors where others were, one for each that was there. */
function assignAll(places: readonly Place[], state: StateDict): void {
  const made = new Map<Tensor, Tensor>();
  for (const { name, tensor } of places) {
    const from = state.get(name);
    if (from !== undefined) made.set(tensor, like(tensor, fitting(from, tensor)));
  }
  for (const { owner, property, tensor } of places) {
    const next = made.get(tensor);
    if (next !== undefined) Object.assign(owner, { [property]: next });
  }
}

/** Values as a parameter or buffer like the one before. */
export function like(tensor: Parameter | Buffer, values: Tensor): Parameter | Buffer {
  return tensor instanceof Buffer ? new Buffer(values, tensor.persistent) : new Parameter(values, tensor.requiresGrad);
}
