// From a file's bytes to tensors: straight into the engine's memory, in pieces, so that loading takes the tensors' own size
// and little more. What tensors cannot hold is named in one error, or kept as bytes if that is asked for.

import { bytesOf, type DType, isDType } from "../base/dtype.ts";
import { CheckpointError } from "../base/errors.ts";
import { contiguousStrides, isContiguous, numel } from "../base/shape.ts";
import { defaultDevice } from "../devices/default.ts";
import type { Device } from "../ir/device.ts";
import { persist } from "../tensor/scope.ts";
import { Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { crc32 } from "./crc32.ts";
import { type ByteSource, readBytes } from "./source.ts";
import { unsummed } from "./zip.ts";

/** A tensor of a dtype that Kindling has no word for, as it lies in the file: row-major, little-endian. */
export interface RawTensor {
  /** The file's own name for it. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Where a storage's bytes are. */
export interface Place {
  readonly source: ByteSource;
  readonly begin: number;
  readonly bytes: number;
  /** What the bytes must sum to, where the file says, going on from the checksum of what stands before them. */
  readonly crc?: number;
  readonly crcBefore?: number;
  /** The width of elements that are written with the highest byte first. */
  readonly swap?: number;
}

/** A strided tensor over a storage; `offset` and `strides` count elements. */
export interface Layout<S> {
  readonly storage: S;
  readonly dtype: string;
  /** Bytes of an element, for dtypes that only the file knows. */
  readonly width: number;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly requiresGrad?: boolean;
}

export interface PlaceOptions {
  /** For messages. */
  readonly file: string;
  /** Keep what has an unknown dtype as a RawTensor instead of refusing it. */
  readonly raw?: boolean | undefined;
}

/** Makes the tensors, sharing memory as their storages do. If anything fails, what was made is freed. */
export async function placeTensors<S, L extends Layout<S>>(
  layouts: readonly L[],
  find: (storage: S) => Promise<Place> | Place,
  { file, raw = false }: PlaceOptions,
): Promise<Map<L, Tensor | RawTensor>> {
  if (!raw) refuseUnknown(layouts, file);
  const byStorage = new Map<S, L[]>();
  for (const layout of layouts) {
    const views = byStorage.get(layout.storage) ?? [];
    if (views.push(layout) === 1) byStorage.set(layout.storage, views);
  }
  const placed = new Map<L, Tensor | RawTensor>();
  try {
    for (const [key, views] of byStorage) {
      const place = await find(key);
      const known = views.filter(({ dtype }) => isDType(dtype));
      if (known.length > 0) await placeStorage(place, known, placed, file);
      const unknown = views.filter(({ dtype }) => !isDType(dtype));
      if (unknown.length > 0) {
        const bytes = await readPlace(place);
        for (const view of unknown) placed.set(view, rawTensor(bytes, view));
      }
    }
    return placed;
  } catch (error) {
    for (const t of placed.values()) if (t instanceof Tensor) t.dispose("an error while loading");
    throw error;
  }
}

async function placeStorage<S, L extends Layout<S>>(
  place: Place,
  views: readonly L[],
  placed: Map<L, Tensor | RawTensor>,
  file: string,
): Promise<void> {
  const storage = new Storage(defaultDevice(), Math.max(place.bytes, 1));
  try {
    await fillStorage(storage, place);
    for (const view of views) {
      const dtype = view.dtype as DType; // the caller's filter
      const t = persist(new Tensor(storage.hold(), view.shape, view.strides, view.offset, dtype));
      placed.set(view, t);
      if (view.requiresGrad !== true) continue;
      if (dtype.includes("float")) t.requiresGrad = true;
      else
        throw new CheckpointError(`load ${file}: a tensor of ${dtype} claims to require a gradient.`, { file, dtype });
    }
  } finally {
    storage.release();
  }
}

/** What is read at a time: enough for a disk to be quick, little beside a model. */
export const pieceBytes: number = 2 ** 23;

/** Reads a place into the engine's memory. */
export async function fillStorage(storage: Storage, place: Place): Promise<void> {
  const { source, begin, bytes, crc = unsummed, crcBefore = 0, swap = 1 } = place;
  let sum = crcBefore;
  for (let at = 0; at < bytes; at += pieceBytes) {
    const length = Math.min(pieceBytes, bytes - at);
    const target = { device: storage.device, address: storage.address + at, length };
    const filled = await fillMemory(target, (into) => source.read(into, begin + at));
    if (crc !== unsummed) sum = crc32(filled, sum);
    swapBytes(filled, swap);
  }
  if (crc !== unsummed && sum !== crc) throw wrongSum(source);
}

/** Has `read` fill a piece of a device's memory: shared memory directly, other memory by way of a copy, as it may move meanwhile. */
export async function fillMemory(
  { device, address, length }: { readonly device: Device; readonly address: number; readonly length: number },
  read: (into: Uint8Array) => Promise<unknown>,
): Promise<Uint8Array> {
  const target = (): Uint8Array => new Uint8Array(device.u8.buffer, address, length);
  const into = isShared(device.u8.buffer) ? target() : new Uint8Array(length);
  await read(into);
  const filled = target();
  if (into.buffer !== filled.buffer) filled.set(into);
  return filled;
}

async function readPlace({
  source,
  begin,
  bytes,
  crc = unsummed,
  crcBefore = 0,
  swap = 1,
}: Place): Promise<Uint8Array> {
  const whole = await readBytes(source, begin, bytes);
  if (crc !== unsummed && crc32(whole, crcBefore) !== crc) throw wrongSum(source);
  return swapBytes(whole, swap);
}

function wrongSum(source: ByteSource): CheckpointError {
  return new CheckpointError(
    `load ${source.name}: its bytes do not have the checksum that they should. The file was damaged; download or save it again.`,
    { file: source.name },
  );
}

function isShared(buffer: ArrayBufferLike): boolean {
  return typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
}

/** Turns elements of `width` bytes around, in place. */
export function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  if (width > 1) for (let at = 0; at + width <= bytes.length; at += width) bytes.subarray(at, at + width).reverse();
  return bytes;
}

function rawTensor(storage: Uint8Array, view: Layout<unknown>): RawTensor {
  return { dtype: view.dtype, shape: view.shape, bytes: gather(storage, view) };
}

/** The bytes of a strided view in row-major order. */
export function gather(storage: Uint8Array, { width, offset, shape, strides }: Layout<unknown>): Uint8Array {
  const bytes = new Uint8Array(numel(shape) * width);
  if (isContiguous(shape, strides)) {
    bytes.set(storage.subarray(offset * width, offset * width + bytes.length));
    return bytes;
  }
  const { buffer, byteOffset, byteLength } = storage;
  const unit = [4, 2].find((size) => width % size === 0 && byteOffset % size === 0) ?? 1;
  const Units: UnitsOf = unit === 4 ? Uint32Array : unit === 2 ? Uint16Array : Uint8Array;
  const from = new Units(buffer, byteOffset, Math.floor(byteLength / unit));
  const each = width / unit; // units of an element, as a dimension of their own
  const whole = { shape: [...shape, each], strides: [...strides.map((stride) => stride * each), 1] };
  copyStrided(new Units(bytes.buffer), from, offset * each, each === 1 ? { shape, strides } : whole);
  return bytes;
}

type Units = Uint8Array | Uint16Array | Uint32Array;
type UnitsOf = new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => Units;

function copyStrided(
  to: Units,
  from: Units,
  offset: number,
  { shape, strides }: Pick<Layout<unknown>, "shape" | "strides">,
): void {
  const last = shape.length - 1;
  let at = 0;
  const walk = (d: number, begin: number): void => {
    const [n, stride] = [shape[d]!, strides[d]!];
    if (d < last) for (let i = 0; i < n; i++) walk(d + 1, begin + i * stride);
    else for (let i = 0; i < n; i++) to[at++] = from[begin + i * stride]!;
  };
  walk(0, offset);
}

function refuseUnknown(layouts: readonly Layout<unknown>[], file: string): void {
  const unknown = [...new Set(layouts.map(({ dtype }) => dtype).filter((dtype) => !isDType(dtype)))];
  if (unknown.length === 0) return;
  throw new CheckpointError(
    `load ${file}: it has tensors of ${unknown.join(", ")}, which tensors here cannot hold. Convert them in Python, or load with { raw: true } to get their bytes.`,
    { file, dtypes: unknown },
  );
}

/** A contiguous tensor of a dtype with a storage of its own, as formats without sharing have them. */
export function rowMajor<S>(storage: S, dtype: string, width: number, shape: readonly number[]): Layout<S> {
  return {
    storage,
    dtype,
    width: isDType(dtype) ? bytesOf(dtype) : width,
    offset: 0,
    shape,
    strides: contiguousStrides(shape),
  };
}
