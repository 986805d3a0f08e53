// From values to the buffers of a record batch.

import { DataError } from "../../base/errors.ts";
import { float32ToFloat16 } from "../../base/half.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { ClassLabel, describeFeature, type Feature } from "../features.ts";
import { joinBytes } from "./bytes.ts";
import type { Layout, NumberType } from "./layout.ts";

/** A value that its column cannot hold. Whoever writes may choose a wider feature and try again. */
export class Misfit extends DataError {}

/** The nodes `[rows, nulls, …]` and buffers of a batch, in order. */
export interface Parts {
  readonly nodes: number[];
  readonly buffers: Uint8Array[];
}

type Values = ArrayLike<unknown>;

const arrays = {
  i8: Int8Array,
  i16: Int16Array,
  i32: Int32Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u64: BigUint64Array,
  f16: Float32Array, // made halves at the end
  f32: Float32Array,
  f64: Float64Array,
} as const;
const ranges: { readonly [type in Exclude<NumberType, "f16" | "f32" | "f64">]: readonly [number, number] } = {
  i8: [-128, 127],
  i16: [-32768, 32767],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  i64: [-(2 ** 63), 2 ** 63],
  u8: [0, 255],
  u16: [0, 65535],
  u32: [0, 2 ** 32 - 1],
  u64: [0, 2 ** 64],
};

const empty = new Uint8Array();

/** Appends the nodes and buffers of a column. */
export function encode(layout: Layout, values: Values, parts: Parts): void {
  const n = values.length;
  const { valid, nulls } = validity(values);
  parts.nodes.push(n, nulls);
  if (layout.kind === "null") {
    if (nulls < n)
      throw misfit(
        layout.feature,
        Array.from(values).find((value) => !absent(value)),
      );
    return;
  }
  parts.buffers.push(nulls === 0 ? empty : valid);
  switch (layout.kind) {
    case "bool":
      parts.buffers.push(bits(layout.feature, values));
      return;
    case "number":
      parts.buffers.push(numbers(layout.feature, layout.type, values));
      return;
    case "time":
      parts.buffers.push(times(layout, values));
      return;
    case "bytes":
      parts.buffers.push(...(layout.holds === "bytes" ? blobs(layout, values) : texts(layout, values)));
      return;
    case "list": {
      const { offsets, flat } = flattened(layout.feature, values);
      parts.buffers.push(offsetBytes(offsets, layout.wide));
      encode(layout.element, flat, parts);
      return;
    }
    case "fixed":
      encode(layout.element, fixedFlat(layout.feature, layout.length, values), parts);
      return;
    case "struct":
      checkFields(layout, values);
      for (const [name, part] of layout.parts) encode(part, partOf(values, name), parts);
      return;
    default:
      layout satisfies never;
  }
}

const absent = (value: unknown): boolean => value === null || value === undefined;

function misfit(feature: Feature, value: unknown): Misfit {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : shortly(value);
  return new Misfit(`${shown} does not fit ${describeFeature(feature)}`, { value });
}
function shortly(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 60);
  } catch {
    return String(value); // a bigint, or something in a circle
  }
}

function validity(values: Values): { valid: Uint8Array; nulls: number } {
  let valid: Uint8Array | undefined;
  let nulls = 0;
  if (ArrayBuffer.isView(values)) return { valid: empty, nulls };
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== null && values[i] !== undefined) continue;
    valid ??= new Uint8Array((values.length + 7) >> 3).fill(255);
    valid[i >> 3]! &= ~(1 << (i & 7));
    nulls++;
  }
  return { valid: valid ?? empty, nulls };
}

function bits(feature: Feature, values: Values): Uint8Array {
  const out = new Uint8Array((values.length + 7) >> 3);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === true) out[i >> 3]! |= 1 << (i & 7);
    else if (value !== false && !absent(value)) throw misfit(feature, value);
  }
  return out;
}

function numbers(feature: Feature, type: NumberType, values: Values): Uint8Array {
  const out = new arrays[type](values.length);
  if (out.constructor === values.constructor && type !== "f16") {
    const same = values as unknown as Uint8Array; // of the kind of `out`
    return new Uint8Array(same.buffer, same.byteOffset, same.byteLength).slice();
  }
  const label = feature instanceof ClassLabel ? feature : undefined;
  for (let i = 0; i < values.length; i++) {
    let value = values[i];
    if (label !== undefined && typeof value === "string") value = label.str2int(value);
    if (value === null || value === undefined) continue;
    if (out instanceof BigInt64Array || out instanceof BigUint64Array) {
      out[i] = wide(feature, type === "u64", value);
      continue;
    }
    if (typeof value !== "number") throw misfit(feature, value);
    if (type === "f16" || type === "f32" || type === "f64") out[i] = value;
    else {
      const [low, high] = ranges[type];
      if (!Number.isInteger(value) || value < low || value > high) throw misfit(feature, value);
      out[i] = value;
    }
  }
  if (label !== undefined && out instanceof BigInt64Array) checkClasses(label, out);
  if (type === "f16" && out instanceof Float32Array) return new Uint8Array(float32ToFloat16(out).buffer);
  return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
}
function wide(feature: Feature, unsigned: boolean, value: unknown): bigint {
  if (typeof value === "number" && Number.isInteger(value)) {
    const [low, high] = unsigned ? ranges.u64 : ranges.i64;
    if (value >= low && value < high) return BigInt(value);
  }
  if (typeof value === "bigint") {
    const held = unsigned ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value);
    if (held === value) return value;
  }
  throw misfit(feature, value);
}
function checkClasses(label: ClassLabel, values: BigInt64Array): void {
  const wrong = values.find((value) => value < -1n || value >= BigInt(label.numClasses));
  if (wrong !== undefined) throw misfit(label, Number(wrong));
}

function times({ feature, type, perMs }: Extract<Layout, { kind: "time" }>, values: Values): Uint8Array {
  const out = type === "i32" ? new Int32Array(values.length) : new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (absent(value)) continue;
    const ms = value instanceof Date ? value.getTime() : Number.NaN;
    if (Number.isNaN(ms)) throw misfit(feature, value);
    if (out instanceof Int32Array) out[i] = Math.floor(ms * perMs);
    else out[i] = perMs >= 1 ? BigInt(ms) * BigInt(perMs) : BigInt(Math.floor(ms * perMs));
  }
  return new Uint8Array(out.buffer);
}

type BytesLayout = Extract<Layout, { kind: "bytes" }>;
const encoder = new TextEncoder();

/** Texts of a block are gathered here; fresh memory for each block would cost more than writing them. */
let scratch = new Uint8Array(2 ** 16);
/** A larger one is not kept. */
const mostScratch = 2 ** 25;

function texts({ feature, holds, wide: isWide }: BytesLayout, values: Values): Uint8Array[] {
  const offsets = new Float64Array(values.length + 1);
  let bytes = scratch;
  let at = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!absent(value)) {
      if (holds === "text" && typeof value !== "string") throw misfit(feature, value);
      const text = holds === "json" ? jsonOf(feature, value) : String(value);
      if (bytes.length - at < 3 * text.length) {
        const grown = new Uint8Array(Math.max(at + 3 * text.length, 2 * bytes.length));
        grown.set(bytes.subarray(0, at));
        bytes = grown;
      }
      at += encoder.encodeInto(text, at === 0 ? bytes : bytes.subarray(at)).written;
    }
    offsets[i + 1] = at;
  }
  if (bytes.length <= mostScratch) scratch = bytes;
  return [offsetBytes(offsets, isWide), bytes.slice(0, at)];
}
function jsonOf(feature: Feature, value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw misfit(feature, value);
  return text;
}

function blobs({ feature, wide: isWide }: BytesLayout, values: Values): Uint8Array[] {
  const offsets = new Float64Array(values.length + 1);
  const blobs: Uint8Array[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    let size = 0;
    if (!absent(value)) {
      const blob = typeof value === "string" ? encoder.encode(value) : value;
      if (!(blob instanceof Uint8Array)) throw misfit(feature, value);
      blobs.push(blob);
      size = blob.length;
    }
    offsets[i + 1] = offsets[i]! + size;
  }
  return [offsetBytes(offsets, isWide), joinBytes(blobs, offsets[values.length]!)];
}
function offsetBytes(offsets: Float64Array, isWide: boolean): Uint8Array {
  const last = offsets.at(-1) ?? 0;
  if (!isWide && last >= 2 ** 31) {
    throw new DataError(
      `a block of rows has ${last} bytes or elements in one column. Use smaller writerBatchSize.`,
      {},
    );
  }
  if (!isWide) return new Uint8Array(Int32Array.from(offsets).buffer);
  return new Uint8Array(BigInt64Array.from(offsets, BigInt).buffer);
}

function listOf(feature: Feature, value: unknown): Values {
  const plain = value instanceof Tensor ? value.tolist() : value;
  if (Array.isArray(plain)) return plain;
  if (ArrayBuffer.isView(plain) && "length" in plain) return plain as unknown as Values; // a typed array
  throw misfit(feature, value);
}

function flattened(feature: Feature, values: Values): { offsets: Float64Array; flat: Values } {
  const offsets = new Float64Array(values.length + 1);
  const lists: Values[] = [];
  for (let i = 0; i < values.length; i++) {
    const list = absent(values[i]) ? [] : listOf(feature, values[i]);
    lists.push(list);
    offsets[i + 1] = offsets[i]! + list.length;
  }
  const flat = new Array<unknown>(offsets[values.length]!);
  let at = 0;
  for (const list of lists) for (let i = 0; i < list.length; i++) flat[at++] = list[i];
  return { offsets, flat };
}

function fixedFlat(feature: Feature, length: number, values: Values): Values {
  const flat = new Array<unknown>(values.length * length).fill(null);
  for (let row = 0; row < values.length; row++) {
    if (absent(values[row])) continue;
    const list = listOf(feature, values[row]);
    if (list.length !== length) throw misfit(feature, values[row]);
    for (let i = 0; i < length; i++) flat[row * length + i] = list[i];
  }
  return flat;
}

type StructLayout = Extract<Layout, { kind: "struct" }>;

function checkFields({ feature, parts }: StructLayout, values: Values): void {
  const known = new Set(parts.map(([name]) => name));
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    const fits =
      typeof value === "object" && !Array.isArray(value) && Object.keys(value).every((key) => known.has(key));
    if (!fits) throw misfit(feature, value);
  }
}
function partOf(values: Values, name: string): Values {
  return Array.from(values, (value) => {
    if (value === null || value === undefined) return null;
    const fields = value as Readonly<Record<string, unknown>>; // an object, as checkFields saw
    return Object.hasOwn(fields, name) ? fields[name] : null;
  });
}
