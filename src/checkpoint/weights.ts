// A model's weights as they lie in its folder, in one file or many, in either format: names, sizes, and the bytes of one
// tensor, or a part of one, at a time, so that loading a model takes little more than its own memory.

import { CheckpointError } from "../base/errors.ts";
import { isContiguous, numel } from "../base/shape.ts";
import { PyDict } from "./pickle.ts";
import { gather, swapBytes } from "./place.ts";
import { type SafetensorsDType, safetensorsName } from "./safetensors.ts";
import { readSafetensorsFrom } from "./safetensors-reader.ts";
import { checkShard } from "./shards.ts";
import { type ByteSource, bytesSource, readBytes } from "./source.ts";
import { layoutOf, openTorch, type TorchFile } from "./torch-file.ts";
import { StoredTensor } from "./torch-pickle.ts";
import { type Folder, weightFiles } from "./weight-files.ts";

/** Close it when done. */
export interface Weights {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, { readonly dtype: SafetensorsDType; readonly shape: readonly number[] }>;
  /** The bytes of a tensor, into `into` if given, which must be exactly as long. */
  read(name: string, into?: Uint8Array): Promise<Uint8Array>;
  /** As many bytes of a tensor as `into` has, from its byte `from` on. */
  readPart(name: string, into: Uint8Array, from: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens all files of weights in a folder, and reads what stands before the tensors. */
export async function openWeights(folder: Folder): Promise<Weights> {
  const files = await weightFiles(folder);
  const opened: Weights[] = [];
  try {
    for (const [file, names] of files) {
      const source = await folder.open(file);
      const weights = await openFile(source).catch(async (error: unknown) => {
        await source.close();
        throw error;
      });
      opened.push(weights);
      checkShard(source.name, names, (name) => weights.tensors.has(name));
    }
  } catch (error) {
    for (const weights of opened) await weights.close();
    throw error;
  }
  return opened.length === 1 ? opened[0]! : together(folder.path, opened);
}

function openFile(source: ByteSource): Promise<Weights> {
  return source.name.endsWith(".safetensors") ? readSafetensorsFrom(source) : openTorchWeights(source);
}

function together(path: string, parts: readonly Weights[]): Weights {
  const holder = new Map(parts.flatMap((part) => [...part.tensors.keys()].map((name) => [name, part])));
  const holding = (name: string): Weights => {
    const part = holder.get(name);
    if (part !== undefined) return part;
    throw new CheckpointError(`read ${path}: no tensor is named "${name}".`, { file: path, name });
  };
  return {
    file: path,
    tensors: new Map(parts.flatMap((part) => [...part.tensors])),
    read: async (name, into) => holding(name).read(name, into),
    readPart: async (name, into, from) => holding(name).readPart(name, into, from),
    close: async () => {
      for (const part of parts) await part.close();
    },
  };
}

const others: Readonly<Record<string, SafetensorsDType>> = {
  uint16: "U16",
  uint32: "U32",
  uint64: "U64",
  complex64: "C64",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
};
const dtypeNames: Readonly<Record<string, SafetensorsDType>> = { ...safetensorsName, ...others };

/** A state dict in PyTorch's format: only the pickle is read now. */
async function openTorchWeights(source: ByteSource): Promise<Weights> {
  const file = source.name;
  const torch = await openTorch(source);
  const stored = new Map(namedTensors(torch, file));
  const tensors = new Map(
    [...stored].map(([name, { dtype, shape }]) => {
      const known = dtypeNames[dtype];
      if (known === undefined)
        throw new CheckpointError(`read ${file}: "${name}" is of ${dtype}, which is not read.`, { file, name });
      return [name, { dtype: known, shape }];
    }),
  );
  let opened: Opened | undefined; // the last one, for its next part
  const open = async (name: string): Promise<Opened> => {
    if (opened?.name === name) return opened;
    const tensor = stored.get(name);
    if (tensor === undefined) throw new CheckpointError(`read ${file}: no tensor is named "${name}".`, { file, name });
    opened = undefined; // goes before the next one comes
    opened = { name, bytes: numel(tensor.shape) * layoutOf(tensor).width, ...(await rowMajorPlace(tensor, torch)) };
    return opened;
  };
  const readPart = async (name: string, into: Uint8Array, from: number): Promise<void> => {
    const { source: bytes, begin, swap } = await open(name);
    await bytes.read(into, begin + from);
    swapBytes(into, swap);
  };
  return {
    file,
    tensors,
    read: async (name, into) => {
      const target = into ?? new Uint8Array((await open(name)).bytes);
      await readPart(name, target, 0);
      return target;
    },
    readPart,
    close: () => source.close(),
  };
}

/** A tensor whose bytes lie in a source in row-major order from `begin` on; `swap` as in Place. */
interface Opened {
  readonly name: string;
  readonly bytes: number;
  readonly source: ByteSource;
  readonly begin: number;
  readonly swap: number;
}

async function rowMajorPlace(
  tensor: StoredTensor,
  torch: TorchFile,
): Promise<Pick<Opened, "source" | "begin" | "swap">> {
  const { source, begin, bytes, swap = 1 } = await torch.find(tensor.storage);
  const layout = layoutOf(tensor);
  const { width, offset, shape, strides } = layout;
  if (isContiguous(shape, strides)) return { source, begin: begin + offset * width, swap };
  return { source: bytesSource(gather(await readBytes(source, begin, bytes), layout)), begin: 0, swap };
}

function namedTensors({ value }: TorchFile, file: string): [string, StoredTensor][] {
  const fail = (what: string): CheckpointError =>
    new CheckpointError(`read ${file}: ${what}, so it is no state dict. Save model.state_dict() in Python.`, { file });
  if (!(value instanceof PyDict)) throw fail("it holds no dict");
  return [...value.entries].map(([name, tensor]): [string, StoredTensor] => {
    if (typeof name === "string" && tensor instanceof StoredTensor) return [name, tensor];
    throw fail(`"${String(name)}" in it is no tensor`);
  });
}
