// Reading safetensors from wherever their bytes are, one tensor or a slice of one at a time.

import type { DType } from "../base/dtype.ts";
import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { numel, showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Layout, type Place, placeTensors, type RawTensor, rowMajor } from "./place.ts";
import {
  headerEnd,
  lengthBytes,
  parseHeader,
  type SafetensorsHeader,
  safetensorsBits,
  safetensorsName,
  type TensorInfo,
} from "./safetensors.ts";
import { type ByteSource, bytesSource, readBytes } from "./source.ts";

/** An open file. Close it when done. */
export interface SafetensorsReader extends SafetensorsHeader {
  readonly file: string;
  /** In the order of their bytes in the file. */
  readonly names: readonly string[];
  /** The bytes of a tensor, into `into` if given, which must be exactly as long. */
  read(name: string, into?: Uint8Array): Promise<Uint8Array>;
  /** As many bytes of a tensor as `into` has, from its byte `from` on. */
  readPart(name: string, into: Uint8Array, from: number): Promise<void>;
  /** One tensor; nothing else is read. */
  tensor(name: string): Promise<Tensor>;
  /** `[begin, end]` of each dimension in turn (undefined, or left out, takes all of it); nothing else is read. */
  slice(name: string, ...ranges: readonly (readonly [begin: number, end: number] | undefined)[]): Promise<Tensor>;
  close(): Promise<void>;
}

/** Our name for a dtype, or its own if there is none. */
const dtypeOf = new Map<string, DType>(
  Object.entries(safetensorsName).map(([dtype, name]) => [name, dtype as DType]), // keys of that table
);

export async function readSafetensorsFrom(source: ByteSource): Promise<SafetensorsReader> {
  const start = await readBytes(source, 0, Math.min(source.size, lengthBytes));
  const bytes = await readBytes(source, 0, headerEnd(start, source.size, source.name));
  const { tensors, metadata } = parseHeader(bytes, source.size, source.name);
  const one = async (name: string, info: TensorInfo, from: ByteSource, begin: number): Promise<Tensor> => {
    const layout = layoutOf(name, info);
    const place = { source: from, begin, bytes: numel(info.shape) * layout.width };
    const [made] = (await placeTensors([layout], () => place, { file: source.name })).values();
    return made as Tensor; // not raw
  };
  return {
    file: source.name,
    names: [...tensors.keys()],
    tensors,
    metadata,
    read: async (name, into) => {
      const { begin, end } = find(tensors, name, source.name);
      const target = into ?? new Uint8Array(end - begin);
      if (target.length !== end - begin) {
        throw new ArgumentError(
          `read "${name}" of ${source.name}: got an array of ${target.length} bytes, the tensor has ${end - begin}.`,
          { name, got: target.length, want: end - begin },
        );
      }
      await source.read(target, begin);
      return target;
    },
    readPart: async (name, into, from) => {
      const { begin, end } = find(tensors, name, source.name);
      if (from < 0 || from + into.length > end - begin) {
        throw new ArgumentError(
          `readPart "${name}" of ${source.name}: wants ${into.length} bytes from byte ${from}, the tensor has ${end - begin}.`,
          { name, from, length: into.length, bytes: end - begin },
        );
      }
      await source.read(into, begin + from);
    },
    tensor: (name) => {
      const info = find(tensors, name, source.name);
      return one(name, info, source, info.begin);
    },
    slice: async (name, ...ranges) => {
      const info = find(tensors, name, source.name);
      const { shape, runs, runBytes } = sliceOf(name, info, ranges);
      const part = new Uint8Array(runs.length * runBytes);
      for (const [i, from] of runs.entries()) {
        await source.read(part.subarray(i * runBytes, (i + 1) * runBytes), info.begin + from);
      }
      return one(name, { ...info, shape }, bytesSource(part), 0);
    },
    close: () => source.close(),
  };
}

/** All tensors of a file. A name that only the metadata has, as that of another, is the same tensor, as `save` writes tied ones. */
export async function loadSafetensors(
  source: ByteSource,
  options: { readonly raw?: boolean | undefined } = {},
): Promise<Map<string, Tensor | RawTensor>> {
  const { tensors, metadata } = await readSafetensorsFrom(source);
  const layouts = [...tensors].map(([name, info]) => layoutOf(name, info));
  const find = (name: string): Place => {
    const { begin, end } = tensors.get(name)!; // a layout for each
    return { source, begin, bytes: end - begin };
  };
  const placed = await placeTensors(layouts, find, { file: source.name, ...options });
  const named = new Map([...placed].map(([layout, made]) => [layout.storage, made]));
  for (const [name, kept] of Object.entries(metadata)) {
    const tied = named.get(kept);
    if (tied !== undefined && !named.has(name) && name !== "format") named.set(name, tied);
  }
  return named;
}

function layoutOf(name: string, { dtype, shape }: TensorInfo): Layout<string> {
  return rowMajor(name, dtypeOf.get(dtype) ?? dtype, safetensorsBits[dtype] / 8, shape);
}

interface Slice {
  readonly shape: readonly number[];
  /** Where each contiguous run begins, in bytes from the tensor's first. */
  readonly runs: readonly number[];
  readonly runBytes: number;
}

function sliceOf(
  name: string,
  { shape, dtype }: TensorInfo,
  ranges: readonly (readonly [number, number] | undefined)[],
): Slice {
  const width = safetensorsBits[dtype] / 8;
  const bounds = shape.map((size, d) => ranges[d] ?? ([0, size] as const));
  const isWrong = ([begin, end]: readonly [number, number], d: number): boolean =>
    ![begin, end].every(Number.isInteger) || begin < 0 || end < begin || end > shape[d]!;
  if (ranges.length > shape.length || bounds.some(isWrong)) {
    const shown = ranges.map((range) => (range === undefined ? ":" : range.join(":"))).join(", ");
    throw new ArgumentError(`slice "${name}": [${shown}] does not lie within ${showShape(shape)}.`, {
      name,
      shape,
      ranges,
    });
  }
  const sizes = bounds.map(([begin, end]) => end - begin);
  let inner = shape.length; // the dimensions from here on are taken whole
  while (inner > 0 && sizes[inner - 1] === shape[inner - 1]) inner--;
  const runDim = Math.max(inner - 1, 0);
  let [step, runs] = [width * numel(shape.slice(runDim + 1)), [0]];
  const runBytes = shape.length === 0 ? width : sizes[runDim]! * step;
  for (let d = runDim; d >= 0 && shape.length > 0; d--) {
    const [begin, end] = d === runDim ? [bounds[d]![0], bounds[d]![0] + 1] : bounds[d]!;
    const starts = Array.from({ length: end - begin }, (_, i) => (begin + i) * step);
    runs = starts.flatMap((start) => runs.map((run) => start + run));
    step *= shape[d]!;
  }
  return { shape: sizes, runs: runBytes === 0 ? [] : runs, runBytes };
}

function find(tensors: ReadonlyMap<string, TensorInfo>, name: string, path: string): TensorInfo {
  const info = tensors.get(name);
  if (info !== undefined) return info;
  const last = name.split(".").at(-1) ?? name;
  const similar = [...tensors.keys()].filter((key) => key.split(".").at(-1) === last).slice(0, 5);
  const hint = similar.length > 0 ? ` It has ${similar.map((key) => `"${key}"`).join(", ")}.` : "";
  throw new CheckpointError(`read ${path}: no tensor is named "${name}".${hint}`, { file: path, name });
}
