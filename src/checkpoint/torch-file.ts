// PyTorch's files, as `torch.save` writes them: a zip file since PyTorch 1.6; before, pickles with the storages behind them
// (`torch-legacy.ts`). The pickle is read first and then each storage where it lies.
//
//   NAME/data.pkl      the object, its tensors as (storage, offset, sizes, strides)
//   NAME/byteorder     "little" or "big"; absent in older files, which are little-endian
//   NAME/data/KEY      a storage
//   NAME/version       3

import { CheckpointError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Py, readPickle } from "./pickle.ts";
import { type Layout, type Place, placeTensors, type RawTensor } from "./place.ts";
import { type ByteSource, readBytes } from "./source.ts";
import { openLegacy, startBytes } from "./torch-legacy.ts";
import { type StoredBytes, StoredTensor, TorchGlobals, torchBytes } from "./torch-pickle.ts";
import { toValue, type Value } from "./torch-values.ts";
import { isZip, openEntry, openZip, readEntry, type ZipEntry, type ZipReader } from "./zip.ts";

/** A file whose pickle has been read, and its storages not yet. */
export interface TorchFile {
  readonly value: Py;
  find(storage: StoredBytes): Promise<Place>;
}

export interface TorchOptions {
  readonly raw?: boolean | undefined;
}

/** Either format, told by the file's first bytes. */
export async function openTorch(source: ByteSource): Promise<TorchFile> {
  const start = await readBytes(source, 0, Math.min(source.size, startBytes));
  return isZip(start) ? openTorchZip(await openZip(source)) : openLegacy(source, start);
}

export async function loadTorchZip(zip: ZipReader, options: TorchOptions = {}): Promise<Value> {
  return place(await openTorchZip(zip), zip.source.name, options);
}

/** A file from before the zip files, `start` being its first bytes. */
export async function loadLegacyTorch(
  source: ByteSource,
  start: Uint8Array,
  options: TorchOptions = {},
): Promise<Value> {
  return place(await openLegacy(source, start), source.name, options);
}

async function place({ value, find }: TorchFile, file: string, { raw }: TorchOptions): Promise<Value> {
  const layouts = new Map<StoredTensor, Layout<StoredBytes>>();
  const note = (object: object): null | undefined => {
    if (!(object instanceof StoredTensor)) return undefined;
    layouts.set(object, layoutOf(object));
    return null;
  };
  toValue(value, note, file); // only what is reached is read, and what is wrong is said before
  const placed = await placeTensors<StoredBytes, Layout<StoredBytes>>([...layouts.values()], find, { file, raw });
  const made = (tensor: StoredTensor): Tensor | RawTensor => placed.get(layouts.get(tensor)!)!; // one for each
  return toValue(value, (object) => (object instanceof StoredTensor ? made(object) : undefined), file);
}

export function layoutOf(tensor: StoredTensor): Layout<StoredBytes> {
  return { ...tensor, width: torchBytes[tensor.dtype]! }; // it was found there
}

/** The folder in a zip file that holds a `data.pkl`, with its slash; undefined in other zip files. */
export function torchFolder(zip: ZipReader): string | undefined {
  for (const name of zip.entries.keys()) if (/^[^/]*\/?data\.pkl$/.test(name)) return name.slice(0, -"data.pkl".length);
  return undefined;
}

export async function openTorchZip(zip: ZipReader): Promise<TorchFile> {
  const file = zip.source.name;
  const folder = torchFolder(zip);
  const fail = (what: string, todo: string): CheckpointError =>
    new CheckpointError(`load ${file}: ${what}. ${todo}`, { file });
  if (folder === undefined) throw fail("the zip file has no data.pkl", "It is no checkpoint of PyTorch's.");
  if (zip.entries.has(`${folder}constants.pkl`))
    throw fail("it is a TorchScript archive, which holds a program", "Save model.state_dict() in Python instead.");
  const pickle = await readEntry(zip, zip.entries.get(`${folder}data.pkl`)!); // torchFolder found it
  const order = zip.entries.get(`${folder}byteorder`);
  const byteOrder = order === undefined ? "little" : new TextDecoder().decode(await readEntry(zip, order));
  if (byteOrder !== "little" && byteOrder !== "big")
    throw fail(`its byte order is "${byteOrder}"`, "Known are little and big.");
  const globals = new TorchGlobals(file);
  const { value } = readPickle(pickle, globals, file);
  const entryOf = ({ key, bytes }: StoredBytes): ZipEntry => {
    const entry = zip.entries.get(`${folder}data/${key}`);
    const todo = "The file was damaged. Download or save it again.";
    if (entry === undefined) throw fail(`it has no storage "${key}"`, todo);
    if (entry.size !== bytes) throw fail(`storage "${key}" has ${entry.size} of ${bytes} bytes`, todo);
    return entry;
  };
  const find = async (storage: StoredBytes): Promise<Place> => {
    const entry = entryOf(storage);
    const source = await openEntry(zip, entry);
    return {
      source,
      begin: 0,
      bytes: storage.bytes,
      crc: entry.crc, // 0 if the file was written without checksums
      ...(byteOrder === "big" && { swap: torchBytes[storage.dtype]! }),
    };
  };
  for (const storage of globals.storages.values()) entryOf(storage); // what is missing is said before any memory is taken
  return { value, find };
}
