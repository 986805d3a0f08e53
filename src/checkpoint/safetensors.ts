// safetensors, the file format of Hugging Face checkpoints, as bytes in and bytes out. It writes the bytes that the Rust
// crate writes and refuses what the crate refuses; also a key that comes twice, where the crate takes the last.
// https://github.com/huggingface/safetensors#format
//
//   8 bytes   length N of the header, little-endian
//   N bytes   {"__metadata__": {"k": "v"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
//   the rest  the tensors, little-endian, row-major, one after another without holes; offsets count from here

import type { DType } from "../base/dtype.ts";
import { CheckpointError, type Facts } from "../base/errors.ts";

/** Bits of one element. The order is the crate's: a file holds its tensors from the last of these dtypes to the first. */
export const safetensorsBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type SafetensorsDType = keyof typeof safetensorsBits;

/** How a safetensors file names Kindling's dtypes. */
export const safetensorsName: { readonly [d in DType]: SafetensorsDType } = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  bfloat16: "BF16",
  int8: "I8",
  int16: "I16",
  int32: "I32",
  int64: "I64",
  uint8: "U8",
  bool: "BOOL",
};

export interface TensorInfo {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** The tensor's bytes in the file are `begin` to `end`, counted from the file's own first byte. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface SafetensorsTensor {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The length comes first in a file, and nothing is believed of a header that claims to be longer than this. */
export const lengthBytes = 8;
const maxHeaderBytes = 100_000_000;

/** How many bytes `parseHeader` needs, from the first eight of a file of `fileSize` bytes. */
export function headerEnd(start: Uint8Array, fileSize: number, file?: string): number {
  const fail = failure(file, { fileSize });
  if (fileSize < lengthBytes || start.length < lengthBytes) {
    throw fail(`is ${fileSize} bytes long, too short for a safetensors file`, again);
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > maxHeaderBytes) {
    const what = `should begin with the length of its header, but that would be ${length} bytes (at most ${maxHeaderBytes})`;
    throw fail(what, lookalike(start) ?? "It is no safetensors file, or was damaged. Download or save it again.");
  }
  const end = lengthBytes + Number(length);
  if (end > fileSize) throw fail(`ends after ${fileSize} bytes, inside its header of ${length} bytes`, again);
  return end;
}

/** Reads and checks the header from the first bytes of a file of `fileSize` bytes; throws before any tensor is touched. */
export function parseHeader(bytes: Uint8Array, fileSize: number, file?: string): SafetensorsHeader {
  const dataBegin = headerEnd(bytes, fileSize, file);
  const json = parseJson(bytes.slice(lengthBytes, dataBegin), file);
  const { __metadata__: metadata, ...entries } = json;
  const tensors = Object.entries(entries)
    .map(([name, value]) => ({ name, ...tensorInfo(name, value, file) }))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const tensor of tensors) {
    if (tensor.begin !== end) {
      const what = tensor.begin > end ? "leaves a hole before" : "overlaps the bytes before";
      throw failure(file, tensor)(
        `${what} tensor "${tensor.name}": it begins at ${tensor.begin}, wanted ${end}`,
        damaged,
      );
    }
    end = tensor.end;
  }
  const dataBytes = fileSize - dataBegin;
  if (end !== dataBytes) {
    const fail = failure(file, { wanted: end, found: dataBytes });
    if (end > dataBytes) throw fail(`holds ${dataBytes} of the ${end} bytes of its tensors`, again);
    throw fail(`holds ${dataBytes - end} bytes that belong to no tensor`, damaged);
  }
  return {
    tensors: new Map(
      tensors.map(({ name, dtype, shape, begin, end }) => [
        name,
        { dtype, shape, begin: begin + dataBegin, end: end + dataBegin },
      ]),
    ),
    metadata: stringRecord(metadata, file),
  };
}

/**
 * All tensors of a file in memory. Their bytes are views into `bytes`, which need not be aligned for a wider array.
 */
export function readSafetensors(
  bytes: Uint8Array,
  file?: string,
): { tensors: Map<string, SafetensorsTensor>; metadata: Readonly<Record<string, string>> } {
  const { tensors, metadata } = parseHeader(bytes, bytes.length, file);
  const view = ({ dtype, shape, begin, end }: TensorInfo): SafetensorsTensor => ({
    dtype,
    shape,
    bytes: bytes.subarray(begin, end),
  });
  return { tensors: new Map([...tensors].map(([name, info]) => [name, view(info)])), metadata };
}

/** A tensor to write. A function is called when its turn comes, so that a converted copy need not live longer. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array | (() => Uint8Array);
}

export interface SafetensorsFile {
  readonly byteLength: number;
  /** The file in order: the header, then each tensor's bytes as they were given. */
  readonly chunks: Iterable<Uint8Array>;
}

/** Everything that can be checked is checked here; taking the chunks can only fail on a function's wrong length. */
export function writeSafetensors(
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsFile {
  const sorted = [...entries]
    .map((entry) => ({ ...entry, sortKey: encodeUtf8(entry.name), size: sizeOf(entry.name, entry.dtype, entry.shape) }))
    .sort((a, b) => dtypeOrder(b.dtype) - dtypeOrder(a.dtype) || compareBytes(a.sortKey, b.sortKey));
  const header = new Map<string, unknown>(); // an object would move a name like "10" to the front
  if (Object.keys(metadata).length > 0) header.set("__metadata__", checkMetadata(metadata));
  let end = 0;
  for (const { name, dtype, shape, bytes, size } of sorted) {
    checkName(name);
    if (header.has(name)) throw refuse(name, "comes twice", "Give every tensor its own name.");
    if (typeof bytes !== "function") checkLength(name, bytes.length, size);
    header.set(name, { dtype, shape, data_offsets: [end, end + size] });
    end += size;
  }
  const members = [...header].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const json = encodeUtf8(`{${members.join(",")}}`);
  const padded = Math.ceil(json.length / lengthBytes) * lengthBytes;
  if (padded > maxHeaderBytes) {
    throw new CheckpointError(
      `safetensors: the header would take ${padded} bytes (at most ${maxHeaderBytes}). Split the tensors over several files.`,
      { headerBytes: padded },
    );
  }
  const start = new Uint8Array(lengthBytes + padded).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(padded), true);
  start.set(json, lengthBytes);
  const chunks = function* (): Generator<Uint8Array> {
    yield start;
    for (const { name, bytes, size } of sorted) {
      const chunk = typeof bytes === "function" ? bytes() : bytes;
      checkLength(name, chunk.length, size);
      if (size > 0) yield chunk;
    }
  };
  return { byteLength: start.length + end, chunks: { [Symbol.iterator]: chunks } };
}

/** The whole file as one array. */
export function joinChunks({ byteLength, chunks }: SafetensorsFile): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(byteLength);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

// Reading the header.

type Fail = (what: string, todo: string) => CheckpointError;

const again = "The download or the save was cut off. Download or save it again.";
const damaged = "The file was damaged or written by a faulty program. Download or save it again.";

function failure(file: string | undefined, facts: object): Fail {
  return (what, todo) =>
    new CheckpointError(`safetensors: ${file ?? "the file"} ${what}. ${todo}`, { ...(facts as Facts), file });
}

/** What people most often have in place of the file they meant. */
function lookalike(start: Uint8Array): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, lengthBytes));
  if (text.startsWith("version ")) {
    return "It looks like a Git LFS pointer: only the file's name came, not the file. Run `git lfs pull`, or download it.";
  }
  if (text.startsWith("PK")) return "It looks like a PyTorch file (or another zip): load it as one, or convert it.";
  if (text.startsWith("GGUF")) return "It looks like a GGUF file: load it as one.";
  if (text.trimStart().startsWith("<"))
    return "It looks like a web page, perhaps an error page. Download the file itself.";
  if (text.trimStart().startsWith("{"))
    return "It looks like JSON: a config or an index, perhaps. Name the file with the weights.";
  return undefined;
}

function parseJson(bytes: Uint8Array, file: string | undefined): Record<string, unknown> {
  const fail = failure(file, { headerBytes: bytes.length });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fail("has a header that is not valid UTF-8", damaged);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(`has a header that is not valid JSON (${(error as Error).message})`, damaged);
  }
  if (!isRecord(json)) throw fail("has a header that is not a JSON object", damaged);
  const twice = duplicateKey(text);
  if (twice !== undefined) throw fail(`names "${twice}" twice in its header`, damaged);
  return json;
}

/** JSON.parse keeps the last of equal keys in silence. In valid JSON these tokens are enough to find them. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, string, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\]]/g)) {
    if (string === undefined) {
      if (token === "{" || token === "[") open.push(new Set());
      else open.pop();
    } else if (colon !== undefined) {
      const key = JSON.parse(string) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

function tensorInfo(name: string, value: unknown, file: string | undefined): TensorInfo {
  const fail = failure(file, { name, value });
  if (!isWellFormed(name)) throw fail(`has a tensor with a torn name, ${JSON.stringify(name)}`, damaged);
  if (!isRecord(value)) throw fail(`describes tensor "${name}" by something else than an object`, damaged);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDType(dtype)) {
    throw fail(`gives tensor "${name}" the unknown dtype ${JSON.stringify(dtype)}`, knownDTypes());
  }
  if (!isSizes(shape))
    throw fail(`gives tensor "${name}" a shape that is no list of sizes: ${JSON.stringify(shape)}`, damaged);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw fail(`gives tensor "${name}" data_offsets that are not [begin, end]: ${JSON.stringify(offsets)}`, damaged);
  }
  const [begin, end] = offsets as [number, number];
  const size = elementsOf(shape) * (safetensorsBits[dtype] / 8);
  if (end - begin !== size) {
    const what = `gives tensor "${name}" bytes ${begin} to ${end}, but ${dtype} [${shape}] takes ${size} bytes`;
    throw fail(what, damaged);
  }
  return { dtype, shape, begin, end };
}

function stringRecord(metadata: unknown, file: string | undefined): Readonly<Record<string, string>> {
  if (metadata === undefined || metadata === null) return {};
  const strings = isRecord(metadata) && Object.values(metadata).every((value) => typeof value === "string");
  if (!strings) throw failure(file, { metadata })("has metadata that is not an object of strings", damaged);
  return metadata as Record<string, string>; // checked on the line above
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDType(value: unknown): value is SafetensorsDType {
  return typeof value === "string" && Object.hasOwn(safetensorsBits, value);
}

function knownDTypes(): string {
  return `Known are ${Object.keys(safetensorsBits).join(" ")}.`;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0 && !Object.is(n, -0));
}

function isWellFormed(name: string): boolean {
  return !/\p{Surrogate}/u.test(name);
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

// Writing.

function encodeUtf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function dtypeOrder(dtype: SafetensorsDType): number {
  return Object.keys(safetensorsBits).indexOf(dtype);
}

function refuse(name: string, what: string, todo: string, facts: Facts = {}): CheckpointError {
  return new CheckpointError(`safetensors: cannot write tensor "${name}": it ${what}. ${todo}`, { name, ...facts });
}

function checkName(name: string): void {
  if (name === "__metadata__") throw refuse(name, "has the name of the metadata", "Rename it.");
  if (!isWellFormed(name)) throw refuse(name, "has half of a surrogate pair in its name", "Rename it.");
}

function checkMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === "string" && isWellFormed(key) && isWellFormed(value)) continue;
    throw new CheckpointError(
      `safetensors: cannot write metadata ${JSON.stringify(key)}: ${JSON.stringify(value)}. Its values must be whole strings.`,
      { key, value },
    );
  }
  return metadata;
}

function checkLength(name: string, got: number, want: number): void {
  if (got !== want)
    throw refuse(name, `has ${got} bytes, but its dtype and shape take ${want}`, "Give all of them.", { got, want });
}

/** Bytes of a tensor; throws for what could not be written. */
export function sizeOf(name: string, dtype: SafetensorsDType, shape: readonly number[]): number {
  if (!isDType(dtype)) throw refuse(name, `has the unknown dtype ${dtype}`, knownDTypes());
  if (!isSizes(shape)) throw refuse(name, `has the shape [${shape}]`, "Sizes are whole numbers from 0.");
  const size = elementsOf(shape) * (safetensorsBits[dtype] / 8);
  if (!Number.isSafeInteger(size)) throw refuse(name, `takes ${size} bytes`, "Its elements must fill whole bytes.");
  return size;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
