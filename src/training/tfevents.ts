// The bytes of TensorBoard's event files: records framed as TFRecord, each an Event message in protocol buffers. Only what
// scalars need. https://www.tensorflow.org/tutorials/load_data/tfrecord, tensorflow/core/util/event.proto

import { byteTable } from "../checkpoint/crc32.ts";

/** What a file begins with. */
export function fileVersionRecord(seconds: number): Uint8Array {
  return record([...double(1, seconds), ...bytes(3, new TextEncoder().encode("brain.Event:2"))]);
}

/** Values under their tags at one step; `seconds` since 1970. */
export function scalarsRecord(scalars: Readonly<Record<string, number>>, step: number, seconds: number): Uint8Array {
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    bytes(1, Uint8Array.from([...bytes(1, new TextEncoder().encode(tag)), ...float(2, value)])),
  );
  return record([
    ...double(1, seconds),
    ...varint((2 << 3) | 0),
    ...varint(step),
    ...bytes(5, Uint8Array.from(values)),
  ]);
}

// ── TFRecord: length, its checksum, the data, its checksum ────────────────────────────────────────────────────────

function record(data: readonly number[]): Uint8Array {
  const out = new Uint8Array(16 + data.length);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(out.subarray(0, 8))), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(out.subarray(12, 12 + data.length))), true);
  return out;
}

/** Checksums of checksums are weak, so TFRecord turns and shifts them. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

let table: Uint32Array | undefined;

/** CRC-32 with Castagnoli's polynomial. */
function crc32c(data: Uint8Array): number {
  table ??= byteTable(0x82f63b78);
  let crc = 0xffffffff;
  for (const byte of data) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

// ── protocol buffers ──────────────────────────────────────────────────────────────────────────────────────────────

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...out, rest];
}

function bytes(field: number, content: Uint8Array): number[] {
  return [...varint((field << 3) | 2), ...varint(content.length), ...content];
}
function double(field: number, value: number): number[] {
  return [...varint((field << 3) | 1), ...new Uint8Array(new Float64Array([value]).buffer)];
}
function float(field: number, value: number): number[] {
  return [...varint((field << 3) | 5), ...new Uint8Array(new Float32Array([value]).buffer)];
}
