// NumPy's file of one array, versions 1 to 3.  https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
//   "\x93NUMPY" │ major, minor │ length of the header, 2 bytes or from version 2 on 4 │ header │ the elements
//   header: a Python dict as text, {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, with spaces to a multiple of 64

import { bytesOf, type DType } from "../base/dtype.ts";
import { CheckpointError } from "../base/errors.ts";
import { contiguousStrides, numel } from "../base/shape.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { bytesView } from "../tensor/transfer.ts";
import { crc32 } from "./crc32.ts";
import { type Layout, type Place, placeTensors, type RawTensor } from "./place.ts";
import { type ByteSource, readBytes } from "./source.ts";
import { unsummed } from "./zip.ts";
import type { WrittenFile } from "./zip-writer.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const prefixBytes = 10;
const longestHeader = 1_000_000;

export function isNpy(start: Uint8Array): boolean {
  return magic.every((byte, i) => start[i] === byte);
}

/** NumPy's kind and width of each dtype. It has no bfloat16: its programs keep one as two bytes without a meaning. */
const codes: { readonly [d in DType]: string } = {
  float32: "f4",
  float64: "f8",
  float16: "f2",
  bfloat16: "V2",
  int8: "i1",
  int16: "i2",
  int32: "i4",
  int64: "i8",
  uint8: "u1",
  bool: "b1",
};
const dtypeOf = new Map(Object.entries(codes).map(([dtype, code]) => [code, dtype]));

export interface NpyOptions {
  readonly raw?: boolean | undefined;
  /** What the whole file must sum to. */
  readonly crc?: number;
}

/** Reads the array; one in Fortran's order becomes a tensor with such strides. */
export async function loadNpy(source: ByteSource, { raw, crc }: NpyOptions = {}): Promise<Tensor | RawTensor> {
  const { layout, place } = await openNpy(source, crc);
  const [made] = (await placeTensors([layout], () => place, { file: source.name, raw })).values();
  return made!; // one for each
}

async function openNpy(source: ByteSource, crc: number = unsummed): Promise<{ layout: Layout<string>; place: Place }> {
  const fail = failure(source);
  if (source.size < prefixBytes) throw fail(`is ${source.size} bytes long, too short for an array`, again);
  const prefix = await readBytes(source, 0, Math.min(source.size, prefixBytes + 2));
  if (!isNpy(prefix)) throw fail("does not begin as NumPy's files do", "It is no .npy file, or was damaged.");
  const major = prefix[6]!;
  if (major < 1 || major > 3) throw fail(`is of version ${major}`, "Known are 1, 2 and 3.");
  const view = new DataView(prefix.buffer);
  const headerBegin = major === 1 ? prefixBytes : prefixBytes + 2;
  if (prefix.length < headerBegin) throw fail(`is ${source.size} bytes long, too short for an array`, again);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const begin = headerBegin + length;
  if (length > longestHeader) throw fail(`should have a header of ${length} bytes (at most ${longestHeader})`, again);
  if (begin > source.size) throw fail("ends inside its header", again);
  const text = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(await readBytes(source, headerBegin, length));
  const { code, shape, width, fortran, swap } = parseHeader(text, fail);
  const bytes = numel(shape) * width;
  if (!Number.isSafeInteger(bytes) || bytes !== source.size - begin) {
    const [what, todo] = bytes > source.size - begin ? ["holds only", again] : ["holds", damaged];
    throw fail(`${what} ${source.size - begin} bytes for its array of [${shape}], which takes ${bytes}`, todo);
  }
  const strides = fortran ? contiguousStrides([...shape].reverse()).reverse() : contiguousStrides(shape);
  const layout = { storage: source.name, dtype: dtypeOf.get(code) ?? code, width, offset: 0, shape, strides };
  const crcBefore = crc === unsummed ? 0 : crc32(await readBytes(source, 0, begin));
  return { layout, place: { source, begin, bytes, crc, crcBefore, ...(swap && { swap: width }) } };
}

interface Header {
  readonly code: string;
  readonly width: number;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  readonly swap: boolean;
}

function parseHeader(text: string, fail: Fail): Header {
  const field = (name: string, value: RegExp): string => {
    const found = new RegExp(`(['"])${name}\\1\\s*:\\s*(${value.source})\\s*[,}]`).exec(text)?.[2];
    if (found === undefined)
      throw fail(
        `has a header without a ${name} that makes sense: ${JSON.stringify(text.trim().slice(0, 200))}`,
        damaged,
      );
    return found;
  };
  if (!/^\s*\{.*\}\s*$/s.test(text))
    throw fail(`has a header that is no dict: ${JSON.stringify(text.slice(0, 100))}`, damaged);
  if (/['"]descr['"]\s*:\s*\[/.test(text))
    throw fail("holds an array of records", "Save its fields as arrays of their own, in a .npz file.");
  const descr = field("descr", /["'][<>=|]?[A-Za-z]\d*(?:\[\w+\])?["']/).slice(1, -1);
  const [, order = "", kind = "", digits = ""] = /^([<>=|]?)([A-Za-z])(\d*)/.exec(descr)!; // as matched above
  if (kind === "O")
    throw fail(
      "holds an array of Python objects, which only a pickle can say; nothing was run",
      "Save it as numbers: array.astype(float).",
    );
  const width = Number(digits) * (kind === "U" ? 4 : 1);
  if (!(width > 0)) throw fail(`holds elements of ${descr}, which have no size`, damaged);
  const sizes = field("shape", /\((?:\s*\d+L?\s*,)*(?:\s*\d+L?\s*)?\)/).match(/\d+/g) ?? [];
  return {
    code: `${kind}${digits}`,
    width,
    shape: sizes.map(Number),
    fortran: field("fortran_order", /True|False/) === "True",
    swap: order === ">" && "fiucm".includes(kind),
  };
}

/** The file of a tensor, row-major and little-endian. bfloat16 becomes `V2`: `.view(ml_dtypes.bfloat16)` in NumPy. */
export function writeNpy(t: Tensor): WrittenFile {
  t.check("save");
  const code = codes[t.dtype];
  const order = bytesOf(t.dtype) === 1 || code === "V2" ? "|" : "<";
  const shape = t.shape.length === 1 ? `${t.shape[0]},` : t.shape.join(", ");
  const text = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${shape}), }`;
  const wide = prefixBytes + text.length + 1 > 0xffff;
  const begin = prefixBytes + (wide ? 2 : 0);
  const length = Math.ceil((begin + text.length + 1) / 64) * 64 - begin;
  const head = new Uint8Array(begin + length).fill(0x20);
  head.set(magic);
  const view = new DataView(head.buffer);
  view.setUint8(6, wide ? 2 : 1);
  view.setUint8(7, 0);
  if (wide) view.setUint32(8, length, true);
  else view.setUint16(8, length, true);
  head.set(new TextEncoder().encode(text), begin);
  head[head.length - 1] = 0x0a;
  const chunks = function* (): Generator<Uint8Array> {
    yield head;
    if (t.numel > 0) yield rowMajorBytes(t);
  };
  return { byteLength: head.length + t.nbytes, chunks: { [Symbol.iterator]: chunks } };
}

/** The bytes in row-major order: where they lie, or copied out of a strided tensor. */
export function rowMajorBytes(t: Tensor): Uint8Array {
  t.check("save");
  if (t.isContiguous()) return bytesView(t);
  const copy = noGrad(() => t.contiguous());
  const bytes = new Uint8Array(copy.nbytes);
  bytes.set(bytesView(copy));
  copy.dispose("writing a file");
  return bytes;
}

type Fail = (what: string, todo: string) => CheckpointError;

const again = "The download or the save was cut off. Download or save it again.";
const damaged = "The file was damaged or written by a faulty program.";

function failure(source: ByteSource): Fail {
  return (what, todo) => new CheckpointError(`npy: ${source.name} ${what}. ${todo}`, { file: source.name });
}
