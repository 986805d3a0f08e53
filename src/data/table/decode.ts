// From the buffers of a record batch to values: any range of rows of one column, without the rest.

import { float16ToFloat32 } from "../../base/half.ts";
import type { ByteSource } from "./bytes.ts";
import type { Layout, NumberType } from "./layout.ts";

/** A record batch in its source. */
export interface Batch {
  readonly rows: number;
  readonly source: ByteSource;
  /** Where its body begins. */
  readonly body: number;
  /** Rows and nulls of each node. */
  readonly nodes: Float64Array;
  /** Place in the body and size of each buffer. */
  readonly buffers: Float64Array;
}

/** The values of rows `from … to` (`to` left out). Broken offsets throw a RangeError. */
export function decode(batch: Batch, layout: Layout, from: number, to: number): unknown[] {
  const n = to - from;
  if (layout.kind === "null") return new Array<null>(n).fill(null);
  const values = valuesOf(batch, layout, from, to);
  if (batch.nodes[2 * layout.node + 1] !== 0) {
    const valid = bitsOf(batch, layout.buffer, from, n);
    for (let i = 0; i < n; i++) if (!valid(i)) values[i] = null;
  }
  return values;
}

function valuesOf(batch: Batch, layout: Exclude<Layout, { kind: "null" }>, from: number, to: number): unknown[] {
  const n = to - from;
  const data = layout.buffer + 1;
  switch (layout.kind) {
    case "bool": {
      const bit = bitsOf(batch, data, from, n);
      return Array.from({ length: n }, (_, i) => bit(i));
    }
    case "number":
      return numbers(batch, data, layout.type, from, n);
    case "time": {
      const { perMs } = layout;
      return numbers(batch, data, layout.type, from, n).map((value) => new Date(Math.floor(Number(value) / perMs)));
    }
    case "bytes": {
      const offsets = offsetsOf(batch, data, layout.wide, from, n);
      const first = offsets[0]!;
      const bytes = part(batch, data + 1, first, offsets[n]! - first);
      const each = { text: textAt, bytes: bytesAt, json: jsonAt }[layout.holds];
      return Array.from({ length: n }, (_, i) => each(bytes, offsets[i]! - first, offsets[i + 1]! - first));
    }
    case "list": {
      const offsets = offsetsOf(batch, data, layout.wide, from, n);
      const first = offsets[0]!;
      checkRows(batch, layout.element, offsets[n]!);
      const flat = decode(batch, layout.element, first, offsets[n]!);
      return Array.from({ length: n }, (_, i) => flat.slice(offsets[i]! - first, offsets[i + 1]! - first));
    }
    case "fixed": {
      const { length } = layout;
      checkRows(batch, layout.element, to * length);
      const flat = decode(batch, layout.element, from * length, to * length);
      return Array.from({ length: n }, (_, i) => flat.slice(i * length, (i + 1) * length));
    }
    case "struct": {
      const parts = layout.parts.map(([name, child]) => {
        checkRows(batch, child, to);
        return [name, decode(batch, child, from, to)] as const;
      });
      return Array.from({ length: n }, (_, i) => Object.fromEntries(parts.map(([name, list]) => [name, list[i]])));
    }
    default:
      return layout satisfies never;
  }
}

function checkRows({ nodes }: Batch, { node }: Layout, rows: number): void {
  if (rows > (nodes[2 * node] ?? 0)) throw new RangeError(`a list wants ${rows} elements of ${nodes[2 * node]}`);
}

/** Some bytes of a buffer; never outside of it. */
function part({ source, body, buffers }: Batch, buffer: number, from: number, length: number): Uint8Array {
  const size = buffers[2 * buffer + 1] ?? 0;
  if (from < 0 || length < 0 || from + length > size) {
    throw new RangeError(`${length} bytes at ${from} of a buffer of ${size}`);
  }
  return source.read(body + buffers[2 * buffer]! + from, length);
}
/** The same as an array of its own, as wide values need their places aligned. */
function words(batch: Batch, buffer: number, bytes: number, from: number, n: number): ArrayBuffer {
  return part(batch, buffer, from * bytes, n * bytes).slice().buffer;
}

function bitsOf(batch: Batch, buffer: number, from: number, n: number): (i: number) => boolean {
  const byte = from >> 3;
  const bytes = part(batch, buffer, byte, n === 0 ? 0 : ((from + n - 1) >> 3) - byte + 1).slice();
  const start = from & 7;
  return (i) => ((bytes[(start + i) >> 3]! >> ((start + i) & 7)) & 1) === 1;
}

function offsetsOf(batch: Batch, buffer: number, wide: boolean, from: number, n: number): ArrayLike<number> {
  const size = batch.buffers[2 * buffer + 1] ?? 0;
  if (n === 0 && size === 0) return [0]; // an empty list of offsets may be left out
  const offsets = wide
    ? Float64Array.from(new BigInt64Array(words(batch, buffer, 8, from, n + 1)), Number)
    : new Int32Array(words(batch, buffer, 4, from, n + 1));
  for (let i = 0, last = 0; i <= n; i++) {
    if (offsets[i]! < last) throw new RangeError("offsets run backwards");
    last = offsets[i]!;
  }
  return offsets;
}

const exact = BigInt(Number.MAX_SAFE_INTEGER);
const narrow = (value: bigint): number | bigint => (value <= exact && value >= -exact ? Number(value) : value);

function numbers(batch: Batch, buffer: number, type: NumberType, from: number, n: number): unknown[] {
  switch (type) {
    case "i8":
      return Array.from(new Int8Array(words(batch, buffer, 1, from, n)));
    case "u8":
      return Array.from(part(batch, buffer, from, n));
    case "i16":
      return Array.from(new Int16Array(words(batch, buffer, 2, from, n)));
    case "u16":
      return Array.from(new Uint16Array(words(batch, buffer, 2, from, n)));
    case "i32":
      return Array.from(new Int32Array(words(batch, buffer, 4, from, n)));
    case "u32":
      return Array.from(new Uint32Array(words(batch, buffer, 4, from, n)));
    case "i64":
      return wholes(words(batch, buffer, 8, from, n));
    case "u64":
      return Array.from(new BigUint64Array(words(batch, buffer, 8, from, n)), narrow);
    case "f16":
      return Array.from(float16ToFloat32(new Uint16Array(words(batch, buffer, 2, from, n))));
    case "f32":
      return Array.from(new Float32Array(words(batch, buffer, 4, from, n)));
    case "f64":
      return Array.from(new Float64Array(words(batch, buffer, 8, from, n)));
    default:
      return type satisfies never;
  }
}

/** Most numbers of 64 bits are small: two halves are joined without a bigint. */
function wholes(bytes: ArrayBuffer): unknown[] {
  const halves = new Int32Array(bytes);
  const values = new Array<unknown>(halves.length / 2);
  for (let i = 0; i < values.length; i++) {
    const high = halves[2 * i + 1]!;
    if (high > -(2 ** 21) && high < 2 ** 21) values[i] = high * 2 ** 32 + (halves[2 * i]! >>> 0);
    else values[i] = narrow(new BigInt64Array(bytes, 8 * i, 1)[0]!);
  }
  return values;
}

const decoder = new TextDecoder();
const textAt = (bytes: Uint8Array, from: number, to: number): string => decoder.decode(bytes.subarray(from, to));
const bytesAt = (bytes: Uint8Array, from: number, to: number): Uint8Array => bytes.slice(from, to);
const jsonAt = (bytes: Uint8Array, from: number, to: number): unknown =>
  from === to ? null : JSON.parse(textAt(bytes, from, to));
