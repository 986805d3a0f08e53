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
/** Few bytes come here: a row by its number would else make a buffer for each of its values. */
const few = new ArrayBuffer(64);
const fewBytes = new Uint8Array(few);

/** The same where wide values may begin; valid until the next call. */
function words(batch: Batch, buffer: number, bytes: number, from: number, n: number): ArrayBuffer {
  const found = part(batch, buffer, from * bytes, n * bytes);
  if (found.length > fewBytes.length) return found.slice().buffer;
  fewBytes.set(found);
  return few;
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
  const bytes = words(batch, buffer, wide ? 8 : 4, from, n + 1);
  const stored = wide ? new BigInt64Array(bytes, 0, n + 1) : new Int32Array(bytes, 0, n + 1);
  const offsets = new Array<number>(n + 1);
  for (let i = 0, last = 0; i <= n; i++) {
    const offset = Number(stored[i]);
    if (offset < last) throw new RangeError("offsets run backwards");
    offsets[i] = last = offset;
  }
  return offsets;
}

const exact = BigInt(Number.MAX_SAFE_INTEGER);
const narrow = (value: bigint): number | bigint => (value <= exact && value >= -exact ? Number(value) : value);

function numbers(batch: Batch, buffer: number, type: NumberType, from: number, n: number): unknown[] {
  const bytes = (size: number): ArrayBuffer => words(batch, buffer, size, from, n);
  switch (type) {
    case "i8":
      return Array.from(new Int8Array(bytes(1), 0, n));
    case "u8":
      return Array.from(part(batch, buffer, from, n));
    case "i16":
      return Array.from(new Int16Array(bytes(2), 0, n));
    case "u16":
      return Array.from(new Uint16Array(bytes(2), 0, n));
    case "i32":
      return Array.from(new Int32Array(bytes(4), 0, n));
    case "u32":
      return Array.from(new Uint32Array(bytes(4), 0, n));
    case "i64":
      return wholes(bytes(8), n);
    case "u64":
      return Array.from(new BigUint64Array(bytes(8), 0, n), narrow);
    case "f16":
      return Array.from(float16ToFloat32(new Uint16Array(bytes(2), 0, n)));
    case "f32":
      return Array.from(new Float32Array(bytes(4), 0, n));
    case "f64":
      return Array.from(new Float64Array(bytes(8), 0, n));
    default:
      return type satisfies never;
  }
}

/** Most numbers of 64 bits are small: two halves are joined without a bigint. */
function wholes(bytes: ArrayBuffer, n: number): unknown[] {
  const halves = new Int32Array(bytes, 0, 2 * n);
  const values = new Array<unknown>(n);
  for (let i = 0; i < n; i++) {
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
