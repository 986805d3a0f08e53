// Values that hold tensors in arrays, maps and plain objects, taken apart and put together again.

import { Tensor } from "./core.ts";
import { forEachTensor } from "./scope.ts";

/** The tensors of a value, in order. */
export function tensorsOf(value: unknown): Tensor[] {
  const tensors: Tensor[] = [];
  forEachTensor(value, (t) => tensors.push(t));
  return tensors;
}

/** The same value with other tensors; what is none stays. */
export function mapTensors<T>(value: T, change: (tensor: Tensor) => Tensor): T {
  const map = (v: unknown): unknown => {
    if (v instanceof Tensor) return change(v);
    if (Array.isArray(v)) return v.map(map);
    if (v instanceof Map) return new Map([...v].map(([key, item]) => [key, map(item)]));
    if (typeof v === "object" && v !== null && Object.getPrototypeOf(v) === Object.prototype)
      return Object.fromEntries(Object.entries(v).map(([key, item]) => [key, map(item)]));
    return v;
  };
  return map(value) as T; // of the same form
}
