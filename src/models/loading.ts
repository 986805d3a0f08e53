// From a checkpoint's names to a model's: whatever wrote the file, with the prefix of the base model or without, in today's
// spelling or that of the first releases. Each tensor is read straight into its place, so loading takes the model's own memory.

import { CheckpointError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { AnyModule } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { dtypeOf, hasNaN, readInto, someOf, type WeightsSource } from "./weights-source.ts";

/** What did not fit when a model was loaded; names are those of the model, unexpected ones those of the file. */
export interface LoadingInfo {
  /** Not in the file: initialised as in a new model. */
  readonly missingKeys: readonly string[];
  /** In the file, but not of this model. */
  readonly unexpectedKeys: readonly string[];
  /** Of another size in the file, and initialised as in a new model. */
  readonly mismatchedKeys: readonly {
    readonly name: string;
    readonly checkpoint: readonly number[];
    readonly model: readonly number[];
  }[];
}

export interface FillOptions {
  /** What a head's model puts before the names of its base model. */
  readonly prefix: string;
  /** Names that are no loss if nobody wants them. */
  readonly ignored: readonly RegExp[];
  /** Initialise what has another size instead of refusing it. */
  readonly ignoreMismatchedSizes: boolean;
}

/** Numbers that old files hold and models count by themselves. */
const buffers: readonly RegExp[] = [/(^|\.)position_ids$/, /(^|\.)token_type_ids$/, /(^|\.)rotary_emb\.inv_freq$/];

/**
 * Fills a module from a file, converting dtypes. Throws CheckpointError before anything is changed if nothing in the file is of
 * this model, or something has another size; and afterwards for a weight that holds NaN.
 */
export async function fillModel(model: AnyModule, source: WeightsSource, options: FillOptions): Promise<LoadingInfo> {
  const own = model.stateDict();
  const { file, tensors } = source;
  const places = placesOf([...tensors.keys()], own, options.prefix);
  const ignored = [...buffers, ...options.ignored];
  const unexpectedKeys = [...tensors.keys()].filter(
    (name) => !places.has(name) && !ignored.some((pattern) => pattern.test(name)),
  );
  refuseOther(model, file, tensors.size, places.size);
  const found = new Map([...places].map(([name, place]) => [place, name]));
  const mismatchedKeys = [...own].flatMap(([name, t]) => {
    const given = found.get(name);
    const shape = given === undefined ? t.shape : tensors.get(given)!.shape;
    return sameShape(shape, t.shape) ? [] : [{ name, checkpoint: shape, model: t.shape }];
  });
  if (!options.ignoreMismatchedSizes) refuseMismatched(model, file, mismatchedKeys);
  for (const { name } of mismatchedKeys) found.delete(name);
  refuseUnreadable(file, [...found.values()], tensors);
  const filled = new Set<Tensor>();
  for (const [name, t] of own) {
    const given = found.get(name);
    if (given === undefined || filled.has(t)) continue; // a tensor with two names is read once
    filled.add(t);
    await readWhole(t, given, source);
  }
  const missingKeys = [...own].filter(([, t]) => !filled.has(t)).map(([name]) => name);
  return { missingKeys, unexpectedKeys, mismatchedKeys };
}

/** The name in the model for each name in the file that has one. A name that fits as it is goes first. */
function placesOf(names: readonly string[], own: ReadonlyMap<string, Tensor>, prefix: string): Map<string, string> {
  const places = new Map<string, string>();
  const taken = new Set<string>();
  const settle = (candidates: (name: string) => readonly string[]): void => {
    for (const name of names) {
      const place = places.has(name) ? undefined : candidates(name).find((c) => own.has(c) && !taken.has(c));
      if (place === undefined) continue;
      places.set(name, place);
      taken.add(place);
    }
  };
  settle((name) => [name]);
  const start = `${prefix}.`;
  const moved = (name: string): string[] => [
    ...(name.startsWith(start) ? [name.slice(start.length)] : []),
    `${start}${name}`,
  ];
  settle(moved);
  settle((name) => {
    const today = name.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias"); // as TensorFlow called them
    return today === name ? [] : [today, ...moved(today)];
  });
  return places;
}

function refuseOther(model: AnyModule, file: string, given: number, placed: number): void {
  if (placed > 0 || given === 0) return;
  throw new CheckpointError(
    `${file}: none of its ${given} tensors has a name that ${model.constructor.name} knows. Was it written by a model of another architecture?`,
    { file, model: model.constructor.name },
  );
}

function refuseMismatched(model: AnyModule, file: string, mismatched: LoadingInfo["mismatchedKeys"]): void {
  if (mismatched.length === 0) return;
  const what = mismatched.map(
    ({ name, checkpoint, model: made }) =>
      `${name} is ${showShape(checkpoint)}, the configuration makes it ${showShape(made)}`,
  );
  throw new CheckpointError(
    `${file}: the weights do not fit ${model.constructor.name}: other sizes: ${someOf(what)}. For a new head pass { ignoreMismatchedSizes: true }, or the numLabels that it was trained with.`,
    { file, mismatched },
  );
}

function refuseUnreadable(file: string, names: readonly string[], tensors: WeightsSource["tensors"]): void {
  const unreadable = names.filter((name) => !dtypeOf.has(tensors.get(name)!.dtype));
  if (unreadable.length === 0) return;
  const what = unreadable.map((name) => `${name} is ${tensors.get(name)!.dtype}`);
  throw new CheckpointError(`${file}: dtypes that tensors cannot hold: ${someOf(what)}. Convert them in Python.`, {
    file,
    unreadable,
  });
}

async function readWhole(t: Tensor, name: string, source: WeightsSource): Promise<void> {
  await readInto(t, name, source, (piece) => {
    if (!hasNaN(piece)) return;
    throw new CheckpointError(
      `${source.file}: ${name} holds NaN. The file was damaged, or training left the numbers before it was saved.`,
      { file: source.file, name },
    );
  });
}

/** One readable sentence, or nothing where there is nothing to say. `sameClass`: the file is of this very class. */
export function loadingWarning(name: string, file: string, info: LoadingInfo, sameClass: boolean): string | undefined {
  const { missingKeys, unexpectedKeys, mismatchedKeys } = info;
  const parts = [
    ...(missingKeys.length > 0 ? [`newly initialised, train them before use: ${someOf(missingKeys)}`] : []),
    ...(mismatchedKeys.length > 0 ? [`of other sizes: ${someOf(mismatchedKeys.map((m) => m.name))}`] : []),
    ...(unexpectedKeys.length > 0 ? [`not used: ${someOf(unexpectedKeys)}`] : []),
  ];
  const isQuiet = missingKeys.length + mismatchedKeys.length === 0 && !sameClass;
  return parts.length === 0 || isQuiet ? undefined : `${name} from ${file}: ${parts.join("; ")}.`;
}
