// Reading zip files, the container of PyTorch's and NumPy's: the directory at the end, then single entries where they
// lie. Stored entries are read in place; deflated ones are unpacked in memory. Every number of the directory is checked against the
// file before it is believed.  https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
//
//   local header, data, perhaps a descriptor │ … │ directory: one record an entry │ [zip64 end, its locator] │ end

import { CheckpointError } from "../base/errors.ts";
import { crc32 } from "./crc32.ts";
import { type ByteSource, bytesSource, partOf, readBytes } from "./source.ts";

export interface ZipEntry {
  readonly name: string;
  /** 0 is stored, 8 is deflated. */
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly headerOffset: number;
  /** Where the next entry, or the directory, begins. */
  readonly limit: number;
}

export interface ZipReader {
  readonly source: ByteSource;
  readonly entries: ReadonlyMap<string, ZipEntry>;
}

export const signatures = {
  local: 0x04034b50,
  directory: 0x02014b50,
  end: 0x06054b50,
  zip64End: 0x06064b50,
  zip64Locator: 0x07064b50,
} as const;
export const localBytes = 30;
export const directoryBytes = 46;
export const endBytes = 22;
export const zip64EndBytes = 56;
export const locatorBytes = 20;
/** What a field of 32 bits holds when the true number stands in the zip64 extra field. */
export const elsewhere = 0xffffffff;
/** What PyTorch writes for a checksum that it was told not to compute. */
export const unsummed = 0;
const longestComment = 0xffff;
/** Deflate cannot pack tighter than this. */
const tightest = 1032;

export function isZip(start: Uint8Array): boolean {
  return start[0] === 0x50 && start[1] === 0x4b && (start[2] === 3 || start[2] === 5);
}

export async function openZip(source: ByteSource): Promise<ZipReader> {
  const { count, offset, size } = await findDirectory(source);
  const bytes = await readBytes(source, offset, size);
  const records = parseDirectory(bytes, count, source);
  const inOrder = [...records].sort((a, b) => a.headerOffset - b.headerOffset);
  const entries = new Map<string, ZipEntry>();
  inOrder.forEach((record, i) => {
    const limit = inOrder[i + 1]?.headerOffset ?? offset;
    const { name, headerOffset, packedSize } = record;
    if (headerOffset + localBytes + packedSize > limit) {
      throw fail(source, `"${name}" takes bytes that belong to what follows it`, damaged);
    }
    if (entries.has(name)) throw fail(source, `holds "${name}" twice`, damaged);
    entries.set(name, { ...record, limit });
  });
  return { source, entries };
}

/** An entry's content as a source. A stored one's checksum is `entry.crc`, for who reads it as a whole. */
export async function openEntry({ source }: ZipReader, entry: ZipEntry): Promise<ByteSource> {
  const { name, method, packedSize, size, headerOffset, limit } = entry;
  const header = view(await readBytes(source, headerOffset, localBytes));
  if (header.getUint32(0, true) !== signatures.local)
    throw fail(source, `"${name}" is not where it should be`, damaged);
  const begin = headerOffset + localBytes + header.getUint16(26, true) + header.getUint16(28, true);
  if (begin + packedSize > limit) throw fail(source, `"${name}" takes bytes that belong to what follows it`, damaged);
  const named = `${source.name} ("${name}")`;
  if (method === 0) {
    if (packedSize !== size)
      throw fail(source, `"${name}" is stored, but in ${packedSize} bytes instead of ${size}`, damaged);
    return partOf(source, begin, size, named);
  }
  if (method !== 8)
    throw fail(source, `"${name}" is packed by method ${method}`, "Only stored and deflated entries are read.");
  if (size > packedSize * tightest)
    throw fail(source, `"${name}" claims to unpack ${packedSize} bytes to ${size}`, damaged);
  const unpacked = await inflate(await readBytes(source, begin, packedSize), size).catch((error: unknown) => {
    throw fail(source, `"${name}" cannot be unpacked (${(error as Error).message})`, damaged);
  });
  if (entry.crc !== unsummed && crc32(unpacked) !== entry.crc) throw wrongSum(source, name);
  return bytesSource(unpacked, named);
}

/** The whole content of an entry, compared with its checksum. */
export async function readEntry(zip: ZipReader, entry: ZipEntry): Promise<Uint8Array> {
  const source = await openEntry(zip, entry);
  const bytes = await readBytes(source, 0, source.size);
  if (entry.method === 0 && entry.crc !== unsummed && crc32(bytes) !== entry.crc)
    throw wrongSum(zip.source, entry.name);
  return bytes;
}

export function wrongSum(source: ByteSource, name: string): CheckpointError {
  return fail(source, `"${name}" does not have the checksum that it should`, damaged);
}

/** Unpacks raw deflate data that must come to exactly `size` bytes. */
export async function inflate(packed: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for await (const piece of through(new DecompressionStream("deflate-raw"), packed)) {
    at += piece.length;
    if (at > size) throw new RangeError(`it holds more than ${size} bytes`);
    pieces.push(piece);
  }
  if (at !== size) throw new RangeError(`it holds ${at} of ${size} bytes`);
  return join(pieces, size);
}

export async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  for await (const piece of through(new CompressionStream("deflate-raw"), bytes)) pieces.push(piece);
  return join(
    pieces,
    pieces.reduce((sum, piece) => sum + piece.length, 0),
  );
}

function join(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Pieces as they come out, so that too much is noticed before it is there. */
async function* through(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array> {
  const writer = stream.writable.getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  written.catch(() => {}); // the reader meets the same error
  const reader = stream.readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    await written;
  } finally {
    await reader.cancel().catch(() => {}); // what is left, after an error
  }
}

// The directory.

interface Directory {
  readonly count: number;
  readonly offset: number;
  readonly size: number;
}

async function findDirectory(source: ByteSource): Promise<Directory> {
  const tailBegin = Math.max(0, source.size - endBytes - longestComment);
  const tail = view(await readBytes(source, tailBegin, source.size - tailBegin));
  let at = tail.byteLength - endBytes;
  while (at >= 0 && !(tail.getUint32(at, true) === signatures.end && endsWithFile(tail, at))) at--;
  if (at < 0) throw fail(source, "has no directory at its end", cutOff);
  let found: Directory = {
    count: tail.getUint16(at + 10, true),
    size: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
  let end = tailBegin + at;
  if (at >= locatorBytes && tail.getUint32(at - locatorBytes, true) === signatures.zip64Locator) {
    end = long(tail, at - locatorBytes + 8);
    if (end + zip64EndBytes > source.size) throw fail(source, "has a directory beyond its end", damaged);
    const record = view(await readBytes(source, end, zip64EndBytes));
    if (record.getUint32(0, true) !== signatures.zip64End) throw fail(source, "has a damaged directory", damaged);
    found = { count: long(record, 32), size: long(record, 40), offset: long(record, 48) };
  }
  if (found.offset + found.size > end || found.count * directoryBytes > found.size) {
    throw fail(source, `has a directory of ${found.count} entries that does not fit into it`, damaged);
  }
  return found;
}

function endsWithFile(tail: DataView, at: number): boolean {
  return at + endBytes + tail.getUint16(at + 20, true) === tail.byteLength;
}

function parseDirectory(bytes: Uint8Array, count: number, source: ByteSource): Omit<ZipEntry, "limit">[] {
  const directory = view(bytes);
  const records: Omit<ZipEntry, "limit">[] = [];
  for (let at = 0, i = 0; i < count; i++) {
    if (at + directoryBytes > bytes.length || directory.getUint32(at, true) !== signatures.directory) {
      throw fail(source, `has a damaged directory, at entry ${i + 1} of ${count}`, damaged);
    }
    const nameEnd = at + directoryBytes + directory.getUint16(at + 28, true);
    const extraEnd = nameEnd + directory.getUint16(at + 30, true);
    const next = extraEnd + directory.getUint16(at + 32, true);
    if (next > bytes.length) throw fail(source, `has a directory cut off in entry ${i + 1} of ${count}`, damaged);
    const name = decodeName(bytes.subarray(at + directoryBytes, nameEnd));
    if ((directory.getUint16(at + 8, true) & 1) === 1)
      throw fail(source, `"${name}" is encrypted`, "Decrypt it first.");
    const [size, packedSize, headerOffset] = sizesOf(directory, at, nameEnd, extraEnd, () =>
      fail(source, `has a directory without the sizes of "${name}"`, damaged),
    );
    records.push({
      name,
      method: directory.getUint16(at + 10, true),
      crc: directory.getUint32(at + 16, true),
      packedSize,
      size,
      headerOffset,
    });
    at = next;
  }
  return records;
}

/** Size, packed size and offset; those that need more than 32 bits stand in the extra field 1, in this order. */
function sizesOf(
  directory: DataView,
  at: number,
  extraBegin: number,
  extraEnd: number,
  missing: () => CheckpointError,
): [number, number, number] {
  const short = [24, 20, 42].map((field) => directory.getUint32(at + field, true)) as [number, number, number]; // three in, three out
  if (!short.includes(elsewhere)) return short;
  for (let extra = extraBegin; extra + 4 <= extraEnd; ) {
    const end = extra + 4 + directory.getUint16(extra + 2, true);
    if (directory.getUint16(extra, true) === 1 && end <= extraEnd) {
      let field = extra + 4;
      return short.map((value) => {
        if (value !== elsewhere) return value;
        if (field + 8 > end) throw missing();
        field += 8;
        return long(directory, field - 8);
      }) as [number, number, number]; // three in, three out
    }
    extra = end;
  }
  throw missing();
}

function decodeName(bytes: Uint8Array): string {
  return new TextDecoder("utf-8").decode(bytes);
}

/** 64 bits as a number; far more than any file has, if they do not fit one. */
function long(from: DataView, at: number): number {
  return Number(from.getBigUint64(at, true));
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const cutOff = "The download or the save was cut off. Download or save it again.";
const damaged = "The file was damaged or written by a faulty program. Download or save it again.";

function fail(source: ByteSource, what: string, todo: string): CheckpointError {
  return new CheckpointError(`zip: ${source.name} ${what}. ${todo}`, { file: source.name });
}
