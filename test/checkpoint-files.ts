// What test/fixtures/checkpoint describes, and the same words for our values. `scripts/goldens/checkpoint_files.py` writes it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gather } from "../src/checkpoint/place.ts";
import type { Value } from "../src/checkpoint/torch-values.ts";
import { Tensor } from "../src/tensor/tensor.ts";

export const folder = fileURLToPath(new URL("./fixtures/checkpoint/", import.meta.url));

export function fixtureBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${folder}${name}`));
}

export function fixtureJson<T>(name: string): T {
  return JSON.parse(readFileSync(`${folder}${name}`, "utf8")) as T;
}

interface Described {
  readonly [key: string]: unknown;
}

/** A value in the fixtures' words. Tensors of one storage have the same number. */
export function described(value: Value): unknown {
  const storages = new Map<unknown, number>();
  const numberOf = (storage: unknown): number => {
    if (!storages.has(storage)) storages.set(storage, storages.size);
    return storages.get(storage)!;
  };
  const go = (v: Value): unknown => {
    if (v instanceof Tensor) {
      const width = v.nbytes / Math.max(v.numel, 1);
      const memory = new Uint8Array(v.device.u8.buffer, v.storage.address, v.storage.bytes);
      const bytes = gather(memory, { ...v, storage: undefined, dtype: v.dtype, width });
      const hex = Buffer.from(bytes).toString("hex");
      const storage = numberOf(v.numel > 0 ? v.storage : v);
      return { tensor: v.dtype, shape: v.shape, strides: v.strides, hex, storage, requiresGrad: v.requiresGrad };
    }
    if (v instanceof Uint8Array) return { bytes: Buffer.from(v).toString("hex") };
    if (Array.isArray(v)) return { list: v.map(go) };
    if (v instanceof Map) return { map: [...v].map(([key, item]) => [go(key), go(item)]) };
    if (v instanceof Set) return { set: [...v] };
    if (typeof v === "bigint") return { int: String(v) };
    if (typeof v === "number" && !Number.isFinite(v)) return { float: pythonFloat(v) };
    if (typeof v === "object" && v !== null) return { dict: Object.entries(v).map(([key, item]) => [key, go(item)]) };
    return v;
  };
  return go(value);
}

function pythonFloat(v: number): string {
  return Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf";
}

/**
 * What a fixture becomes here: the differences that `torch-values.ts` names. An object's number keys are strings in JavaScript,
 * a dict that an object cannot say is a map, and strides of dimensions without a second element mean nothing.
 */
export function asOurs(expected: unknown): unknown {
  if (typeof expected !== "object" || expected === null) return expected;
  if (Array.isArray(expected)) return expected.map(asOurs);
  const e = expected as Described; // an object, by the lines before
  if ("x" in e) return "x".repeat(Number(e["x"]));
  if ("dict" in e) {
    const entries = (e["dict"] as [unknown, unknown][]).map(([key, value]) => [key, asOurs(value)]);
    const strings = entries.every(([key]) => typeof key === "string" && !/^\d+$/.test(key));
    const numbers = entries.every(([key]) => typeof key === "number");
    if (!strings && !numbers) return { map: entries };
    return { dict: entries.map(([key, value]) => [String(key), value]) };
  }
  return Object.fromEntries(Object.entries(e).map(([key, value]) => [key, asOurs(value)]));
}

/** Without what only some formats keep. */
export function valuesOnly(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(valuesOnly);
  const skip = ["storage", "strides", "requiresGrad"];
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !("tensor" in value && skip.includes(key)))
      .map(([key, item]) => [key, valuesOnly(item)]),
  );
}
