// Writing zip files whose entries are stored, each beginning at a multiple of 64 bytes so that it can be mapped, or deflated.
// Sizes and checksums stand before the data, so any reader can stream them. What needs more than 32 bits is written as zip64.

import { crc32 } from "./crc32.ts";
import { directoryBytes, elsewhere, endBytes, localBytes, locatorBytes, signatures, zip64EndBytes } from "./zip.ts";

export interface ZipContent {
  readonly name: string;
  readonly size: number;
  /** What lies in the file, in order; called for the checksum, and again when its turn comes. */
  readonly bytes: () => readonly Uint8Array[];
  /** Of content that `bytes` gives deflated: its length there, and the checksum of what it unpacks to. */
  readonly packed?: { readonly size: number; readonly crc: number };
}

export interface WrittenFile {
  readonly byteLength: number;
  /** The file in order; a chunk is good until the next one is taken. */
  readonly chunks: Iterable<Uint8Array>;
}

const alignment = 64;
const [plainVersion, zip64Version] = [20, 45];
const utf8Names = 0x0800;
/** 1980-01-01, the first day a zip file can name: the same content gives the same bytes. */
const noDate = 0x0021;

interface Placed extends ZipContent {
  readonly encodedName: Uint8Array;
  readonly offset: number;
  readonly extra: Uint8Array;
  readonly packedSize: number;
}

/** A zip file. Numbers from `zip64From` on are written in 64 bits. */
export function writeZip(contents: readonly ZipContent[], zip64From: number = elsewhere): WrittenFile {
  let at = 0;
  const placed = contents.map((content): Placed => {
    const encodedName = new TextEncoder().encode(content.name);
    const packedSize = content.packed?.size ?? content.size;
    const wide =
      Math.max(content.size, packedSize) >= zip64From ? longs([1, 16], [content.size, packedSize]) : new Uint8Array(0);
    const extra = padded(wide, at + localBytes + encodedName.length);
    const entry = { ...content, encodedName, offset: at, extra, packedSize };
    at += localBytes + encodedName.length + extra.length + packedSize;
    return entry;
  });
  const directorySize = placed.reduce(
    (sum, entry) => sum + directoryBytes + entry.encodedName.length + directoryExtra(entry, zip64From).length,
    0,
  );
  const zip64 = [at, directorySize, placed.length * 0x10001].some((n) => n >= zip64From); // the count has 16 bits
  const byteLength = at + directorySize + (zip64 ? zip64EndBytes + locatorBytes : 0) + endBytes;
  const chunks = function* (): Generator<Uint8Array> {
    const sums: number[] = [];
    for (const entry of placed) {
      sums.push(entry.packed?.crc ?? entry.bytes().reduce((sum, part) => crc32(part, sum), 0));
      yield header(entry, sums.at(-1)!, undefined, zip64From);
      for (const part of entry.bytes()) if (part.length > 0) yield part;
    }
    for (const [i, entry] of placed.entries()) yield header(entry, sums[i]!, entry.offset, zip64From);
    if (zip64) yield zip64Ending(placed.length, directorySize, at);
    yield ending(placed.length, directorySize, at, zip64);
  };
  return { byteLength, chunks: { [Symbol.iterator]: chunks } };
}

/** The header before the data, or with an `offset` the directory's record. */
function header(entry: Placed, crc: number, offset: number | undefined, zip64From: number): Uint8Array {
  const inDirectory = offset !== undefined;
  const extra = inDirectory ? directoryExtra(entry, zip64From) : entry.extra;
  const fixed = inDirectory ? directoryBytes : localBytes;
  const bytes = new Uint8Array(fixed + entry.encodedName.length + extra.length);
  const to = new DataView(bytes.buffer);
  const short = (n: number): number => (n >= zip64From ? elsewhere : n);
  const isWide = Math.max(entry.size, entry.packedSize) >= zip64From;
  const version = isWide || (offset ?? 0) >= zip64From ? zip64Version : plainVersion;
  to.setUint32(0, inDirectory ? signatures.directory : signatures.local, true);
  let at = 4;
  const word = (value: number): void => to.setUint16((at += 2) - 2, value, true);
  const double = (value: number): void => to.setUint32((at += 4) - 4, value, true);
  if (inDirectory) word(version);
  word(version);
  word(utf8Names);
  word(entry.packed === undefined ? 0 : 8);
  word(0); // time
  word(noDate);
  double(crc);
  double(isWide ? elsewhere : entry.packedSize);
  double(isWide ? elsewhere : entry.size);
  word(entry.encodedName.length);
  word(extra.length);
  if (inDirectory) {
    at += 10; // comment, disk, attributes
    double(short(offset));
  }
  bytes.set(entry.encodedName, fixed);
  bytes.set(extra, fixed + entry.encodedName.length);
  return bytes;
}

function directoryExtra({ size, packedSize, offset }: Placed, zip64From: number): Uint8Array {
  const wide = [
    ...(Math.max(size, packedSize) >= zip64From ? [size, packedSize] : []),
    ...(offset >= zip64From ? [offset] : []),
  ];
  return wide.length === 0 ? new Uint8Array(0) : longs([1, wide.length * 8], wide);
}

/** Two words of 16 bits, then numbers of 64. */
function longs(words: readonly [number, number], values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 8 * values.length);
  const to = new DataView(bytes.buffer);
  words.forEach((word, i) => to.setUint16(2 * i, word, true));
  values.forEach((value, i) => to.setBigUint64(4 + 8 * i, BigInt(value), true));
  return bytes;
}

/** The extra field and one more, "FB" as PyTorch's, that fills up so that data behind `at` is aligned. */
function padded(extra: Uint8Array, at: number): Uint8Array {
  const filler = 4 + ((alignment - ((at + extra.length + 4) % alignment)) % alignment);
  const bytes = new Uint8Array(extra.length + filler).fill(0x5a);
  bytes.set(extra);
  const to = new DataView(bytes.buffer);
  to.setUint16(extra.length, 0x4246, true);
  to.setUint16(extra.length + 2, filler - 4, true);
  return bytes;
}

function zip64Ending(count: number, size: number, offset: number): Uint8Array {
  const bytes = new Uint8Array(zip64EndBytes + locatorBytes);
  const to = new DataView(bytes.buffer);
  const long = (at: number, value: number): void => to.setBigUint64(at, BigInt(value), true);
  to.setUint32(0, signatures.zip64End, true);
  long(4, zip64EndBytes - 12);
  to.setUint16(12, zip64Version, true);
  to.setUint16(14, zip64Version, true);
  [count, count, size, offset].forEach((value, i) => long(24 + 8 * i, value));
  to.setUint32(zip64EndBytes, signatures.zip64Locator, true);
  long(zip64EndBytes + 8, offset + size);
  to.setUint32(zip64EndBytes + 16, 1, true);
  return bytes;
}

function ending(count: number, size: number, offset: number, zip64: boolean): Uint8Array {
  const bytes = new Uint8Array(endBytes);
  const to = new DataView(bytes.buffer);
  to.setUint32(0, signatures.end, true);
  to.setUint16(8, zip64 ? 0xffff : count, true);
  to.setUint16(10, zip64 ? 0xffff : count, true);
  to.setUint32(12, zip64 ? elsewhere : size, true);
  to.setUint32(16, zip64 ? elsewhere : offset, true);
  return bytes;
}
