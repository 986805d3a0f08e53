// PyTorch's files from before 1.6, for reading: pickles one after another with the storages behind them, and, older still, a
// tar file of three such parts. Nothing says where a pickle ends but the pickle, so it is read from a growing piece of the file.
//
//   pickle: magic number │ protocol │ system │ the object │ list of storage keys │ each storage: int64 elements, its bytes
//   tar:    "storages"  pickle: count │ each: pickle (key, place, type), int64 elements, bytes │ pickle: list of views
//           "tensors"   pickle: count │ each: pickle (key, storage, type), int32 dims, int32 0, int64 sizes, strides, offset
//           "pickle"    the object, its tensors by their keys

import { CheckpointError } from "../base/errors.ts";
import { type Globals, PickleEnd, type Py, PyGlobal, PyTuple, readPickle } from "./pickle.ts";
import type { Place } from "./place.ts";
import { type ByteSource, partOf, readBytes } from "./source.ts";
import type { TorchFile } from "./torch-file.ts";
import { StoredBytes, type StoredTensor, storageNames, TorchGlobals, torchBytes } from "./torch-pickle.ts";

const magic = 0x1950a86a20f9469cfc6cn;
/** More than the pickle of the magic number takes. */
const magicBytes = 64;
const tarBlock = 512;
/** Enough to tell every format by; the name of tar's stands last. */
export const startBytes = 262;

export function isTar(start: Uint8Array): boolean {
  return latin1(start.subarray(257, 262)) === "ustar";
}

export function openLegacy(source: ByteSource, start: Uint8Array): Promise<TorchFile> {
  return isTar(start) ? openTar(source) : openPickles(source);
}

async function openPickles(source: ByteSource): Promise<TorchFile> {
  const globals = new TorchGlobals(source.name);
  const reader = new PickleStream(source);
  const found = await reader.next(globals, magicBytes).catch((error: unknown) => {
    if (error instanceof PickleEnd && source.size > magicBytes) return undefined; // a longer one is something else
    throw error;
  });
  if (found !== magic)
    throw fail(source, "it does not begin as PyTorch's files do", "It is no checkpoint of PyTorch's.");
  const protocol = await reader.next(globals);
  if (protocol !== 1001) throw fail(source, `it is of the unknown protocol ${String(protocol)}`, again);
  await reader.next(globals); // the writer's system; storages are little-endian whatever it was
  const value = await reader.next(globals);
  const keys = await reader.next(globals);
  if (!Array.isArray(keys)) throw fail(source, "it does not list its storages", again);
  const places = new Map<string, Place>();
  for (const key of keys as Py[]) {
    const storage = globals.storages.get(String(key));
    if (storage === undefined) throw fail(source, `it lists a storage that nothing uses, "${String(key)}"`, again);
    places.set(storage.key, await reader.storage(storage));
  }
  for (const key of globals.storages.keys())
    if (!places.has(key)) throw fail(source, `it has no storage "${key}"`, again);
  return { value, find: async ({ key }) => places.get(key)! }; // all are there
}

async function openTar(source: ByteSource): Promise<TorchFile> {
  const members = await tarMembers(source);
  const part = (name: string): PickleStream => {
    const found = members.get(name);
    if (found === undefined) throw fail(source, `the tar file has no "${name}"`, "It is no checkpoint of PyTorch's.");
    return new PickleStream(found);
  };
  const globals = new TorchGlobals(source.name);
  const typed: Globals = {
    find: (name) => (/^torch\.(cuda\.)?\w+Tensor$/.test(name) ? new PyGlobal(name) : globals.find(name)),
    persistent: (id) => globals.persistent(id),
    advice: (name) => globals.advice(name),
  };
  const places = new Map<string, Place>();
  const storages = new Map<string, StoredBytes>();
  const inStorages = part("storages");
  for (let left = await inStorages.count(typed); left > 0; left--) {
    const [key, , type] = itemsOf(await inStorages.next(typed), source);
    const dtype = type instanceof PyGlobal ? storageNames[type.name.replace("torch.", "")] : undefined;
    if (dtype === undefined) throw fail(source, "it has a storage of an unknown type", again);
    const place = await inStorages.storage({ key: String(key), dtype });
    places.set(String(key), place);
    storages.set(String(key), new StoredBytes(String(key), dtype, place.bytes));
  }
  const views = await inStorages.next(typed);
  if (!Array.isArray(views) || views.length > 0)
    throw fail(source, "it has views of storages", "Save it again with a newer PyTorch.");
  const tensors = new Map<string, StoredTensor>();
  const inTensors = part("tensors");
  for (let left = await inTensors.count(typed); left > 0; left--) {
    const [key, storageKey] = itemsOf(await inTensors.next(typed), source);
    const storage = storages.get(String(storageKey));
    if (storage === undefined) throw fail(source, `it has no storage "${String(storageKey)}"`, again);
    tensors.set(String(key), await inTensors.tensor(storage, globals));
  }
  const value = await part("pickle").next({
    ...typed,
    persistent: (id) => {
      if (id instanceof PyTuple) return globals.persistent(id);
      const tensor = tensors.get(String(id));
      if (tensor === undefined) throw fail(source, `it has no tensor "${String(id)}"`, again);
      return tensor;
    },
  });
  return { value, find: async ({ key }) => places.get(key)! }; // all are there
}

/** The files in a tar file; a header and its content each fill whole blocks. */
async function tarMembers(source: ByteSource): Promise<Map<string, ByteSource>> {
  const members = new Map<string, ByteSource>();
  for (let at = 0; at + tarBlock <= source.size; ) {
    const header = await readBytes(source, at, tarBlock);
    if (header.every((byte) => byte === 0)) break;
    const name = latin1(header.subarray(0, 100)).replace(/\0.*$/s, "");
    const size = Number.parseInt(latin1(header.subarray(124, 136)), 8);
    if (!(size >= 0) || at + tarBlock + size > source.size) throw fail(source, `"${name}" in it is cut off`, again);
    members.set(name.replace(/^\.\//, ""), partOf(source, at + tarBlock, size));
    at += tarBlock + Math.ceil(size / tarBlock) * tarBlock;
  }
  return members;
}

const firstPiece = 2 ** 16;

/** Pickles and numbers one after another. */
class PickleStream {
  readonly #source: ByteSource;
  #at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next pickle, of at most `most` bytes. */
  async next(globals: Globals, most = Number.POSITIVE_INFINITY): Promise<Py> {
    for (let length = Math.min(firstPiece, most); ; length *= 4) {
      const left = this.#source.size - this.#at;
      const bytes = await readBytes(this.#source, this.#at, Math.min(length, left));
      try {
        const { value, end } = readPickle(bytes, globals, this.#source.name);
        this.#at += end;
        return value;
      } catch (error) {
        if (!(error instanceof PickleEnd) || length >= Math.min(left, most)) throw error;
        if (globals instanceof TorchGlobals) globals.forget();
      }
    }
  }

  async count(globals: Globals): Promise<number> {
    const n = await this.next(globals);
    if (typeof n !== "number" || !(n >= 0)) throw fail(this.#source, "it does not say how many parts it has", again);
    return n;
  }

  /** A storage's length and place; goes on behind it. */
  async storage({ key, dtype, bytes }: { key: string; dtype: string; bytes?: number }): Promise<Place> {
    const [elements] = await this.#longs(1);
    const found = elements! * torchBytes[dtype]!;
    const wanted = bytes ?? found;
    if (found !== wanted) throw fail(this.#source, `storage "${key}" has ${found} of ${wanted} bytes`, again);
    const place = { source: this.#source, begin: this.#at, bytes: found };
    if (!(found >= 0) || this.#at + found > this.#source.size) {
      throw fail(
        this.#source,
        `storage "${key}" is cut off: it has ${this.#source.size - this.#at} of ${found} bytes`,
        again,
      );
    }
    this.#at += found;
    return place;
  }

  async tensor(storage: StoredBytes, globals: TorchGlobals): Promise<StoredTensor> {
    const header = await readBytes(this.#source, this.#at, 8);
    const rank = new DataView(header.buffer).getInt32(0, true);
    this.#at += 8;
    if (!(rank >= 0 && rank <= 64)) throw fail(this.#source, `a tensor of ${rank} dimensions`, again);
    const sizes = await this.#longs(rank);
    const strides = await this.#longs(rank);
    const [offset] = await this.#longs(1);
    try {
      return globals.tensor([storage, offset, new PyTuple(sizes), new PyTuple(strides)]);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw fail(this.#source, `a tensor has ${error.message}`, again);
    }
  }

  async #longs(n: number): Promise<number[]> {
    const bytes = new DataView((await readBytes(this.#source, this.#at, 8 * n)).buffer);
    this.#at += 8 * n;
    return Array.from({ length: n }, (_, i) => Number(bytes.getBigInt64(8 * i, true)));
  }
}

function itemsOf(value: Py, source: ByteSource): readonly Py[] {
  if (value instanceof PyTuple) return value.items;
  throw fail(source, "a part of it is not described by a tuple", again);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

const again = "The download or the save was cut off, or the file was damaged. Download or save it again.";

function fail(source: ByteSource, what: string, todo: string): CheckpointError {
  return new CheckpointError(`load ${source.name}: ${what}. ${todo}`, { file: source.name });
}
