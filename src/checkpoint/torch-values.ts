// Between Python's values and ours. A round trip gives the same Python values, but that tuples come back as lists:
//
//   dict           plain object; a Map if an object could not say its keys (strings like "0", other keys, or both kinds)
//   OrderedDict    Map, as `stateDict()` gives                int     number, bigint beyond 2^53
//   list, tuple, torch.Size   array                           float   number
//   set            Set                                        bytes   Uint8Array
//   torch.float32  "float32"                                  torch.device   "cpu"

import { CheckpointError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Py, PyDict, PyGlobal, PySet, PyTuple } from "./pickle.ts";
import type { RawTensor } from "./place.ts";

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Tensor
  | RawTensor
  | Value[]
  | Map<Value, Value>
  | Set<Value>
  | { [key: string]: Value };

/** How deep values may nest; Python's own pickler gives up before. */
export const deepest = 1000;

/** A whole number as JavaScript orders it in objects: "0", "17", not "007" or "-1". */
export const looksLikeIndex = (key: string): boolean => /^(0|[1-9]\d{0,8})$/.test(key);

/** Turns what a pickle built into values; `own` answers for the objects of the caller. */
export function toValue(top: Py, own: (object: object) => Value | undefined, file: string): Value {
  const made = new Map<object, Value>();
  const once = <T extends Value>(from: object, value: T, fill: (value: T) => void): T => {
    made.set(from, value); // before it is filled: it may hold itself
    fill(value);
    return value;
  };
  const convert = (value: Py, depth: number): Value => {
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Uint8Array) return value;
    const known = made.get(value) ?? own(value);
    if (known !== undefined) return known;
    if (depth > deepest) throw new CheckpointError(`load ${file}: its values nest deeper than ${deepest}.`, { file });
    const inner = (item: Py): Value => convert(item, depth + 1);
    if (Array.isArray(value))
      return once(value, [] as Value[], (list) => (value as Py[]).forEach((item) => list.push(inner(item))));
    if (value instanceof PyTuple)
      return once(value, [] as Value[], (list) => value.items.forEach((item) => list.push(inner(item))));
    if (value instanceof PySet)
      return once(value, new Set<Value>(), (set) => value.items.forEach((item) => set.add(inner(item))));
    if (value instanceof PyDict) return dict(value, inner);
    if (value instanceof PyGlobal) return value.name.replace(/^torch\./, "");
    throw new CheckpointError(`load ${file}: it holds a bare storage. Save tensors instead.`, { file });
  };
  const dict = (value: PyDict, inner: (item: Py) => Value): Value => {
    if (value.ordered || !fitsObject(value)) {
      return once(value, new Map<Value, Value>(), (map) =>
        value.entries.forEach((item, key) => map.set(inner(key), inner(item))),
      );
    }
    return once(value, {} as { [key: string]: Value }, (object) =>
      value.entries.forEach((item, key) => define(object, String(key as string | number), inner(item))),
    );
  };
  return convert(top, 0);
}

/** Whether an object's keys would come back as what they are: all strings that look like no index, or all indices. */
function fitsObject({ entries }: PyDict): boolean {
  const keys = [...entries.keys()];
  return (
    keys.every((key) => typeof key === "string" && !looksLikeIndex(key)) ||
    keys.every((key) => typeof key === "number" && looksLikeIndex(String(key)))
  );
}

/** As `object[key] = value`, also for `__proto__`. */
function define(object: { [key: string]: Value }, key: string, value: Value): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
