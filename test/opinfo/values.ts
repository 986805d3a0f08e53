// The fixture of PyTorch's operator samples: reading it, and making its tensors, strides and all.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type DType, isFloating } from "../../src/base/dtype.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../../src/base/half.ts";
import { fromArray, tensor } from "../../src/tensor/create.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import type { Value } from "./adapter.ts";

interface Stored {
  readonly t: DType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly data: string;
}

/** JSON as the generator writes it. */
type Json = null | boolean | number | string | Stored | readonly Json[] | { readonly [key: string]: Json };

export interface StoredSample {
  readonly dtype: DType;
  readonly args: readonly Json[];
  readonly kwargs: Readonly<Record<string, Json>>;
  readonly out: readonly Json[];
  /** Which of the tensors among the arguments have a gradient in `grads`. */
  readonly wants?: readonly number[];
  readonly weights?: readonly (Stored | null)[];
  readonly grads?: readonly (Stored | null)[];
}
export interface StoredError {
  readonly args: readonly Json[];
  readonly kwargs: Readonly<Record<string, Json>>;
  readonly error: string;
}
export interface StoredOp {
  readonly samples: readonly StoredSample[];
  readonly errors: readonly StoredError[];
}

export function readSamples(path: string): Readonly<Record<string, StoredOp>> {
  return JSON.parse(gunzipSync(readFileSync(path)).toString()) as Record<string, StoredOp>; // scripts/goldens/opinfo.py writes it
}

const arrays: { readonly [d in DType]: (buffer: ArrayBuffer) => ArrayLike<number> | BigInt64Array } = {
  float32: (b) => new Float32Array(b),
  float64: (b) => new Float64Array(b),
  float16: (b) => float16ToFloat32(new Uint16Array(b)),
  bfloat16: (b) => bfloat16ToFloat32(new Uint16Array(b)),
  int8: (b) => new Int8Array(b),
  int16: (b) => new Int16Array(b),
  int32: (b) => new Int32Array(b),
  int64: (b) => new BigInt64Array(b),
  uint8: (b) => new Uint8Array(b),
  bool: (b) => new Uint8Array(b),
};

function piece({ t, data }: Stored): ArrayLike<number> | BigInt64Array {
  const bytes = Buffer.from(data, "base64");
  return arrays[t](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer); // a Buffer's own memory
}

export function isStored(value: Json): value is Stored {
  return typeof value === "object" && value !== null && "t" in value;
}

/** A tensor with the fixture's strides over memory of its own. */
export function made(stored: Stored): Tensor {
  const values = piece(stored);
  if (stored.shape.includes(0)) return fromArray([], stored.shape, { dtype: stored.t });
  const flat =
    values instanceof BigInt64Array
      ? tensor(values.length === 0 ? [0] : values)
      : fromArray(values, [values.length], { dtype: stored.t });
  return new Tensor(flat.storage.hold(), stored.shape, stored.strides, 0, stored.t);
}

/** The values of a stored tensor in row-major order; of outputs, which are contiguous. */
export function expected(stored: Stored): {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: number[];
} {
  return { shape: stored.shape, dtype: stored.t, data: Array.from(piece(stored) as ArrayLike<number>, Number) }; // BigInts too
}

/** The arguments of a call, with its tensors (or what stands for them) in the order in which the generator counted them. */
export function argumentsOf(
  { args, kwargs }: Pick<StoredSample, "args" | "kwargs">,
  wants: readonly number[] = [],
  standIn: (tensor: Tensor, index: number) => Tensor = (tensor) => tensor,
): { readonly args: Value[]; readonly kwargs: Record<string, Value>; readonly tensors: Tensor[] } {
  const tensors: Tensor[] = [];
  const decode = (value: Json): Value => {
    if (isStored(value)) {
      const t = standIn(made(value), tensors.length);
      if (wants.includes(tensors.length) && isFloating(t.dtype)) t.requiresGrad = true;
      tensors.push(t);
      return t;
    }
    if (Array.isArray(value)) return value.map(decode);
    if (typeof value === "object" && value !== null && "number" in value)
      return Number(python[value["number"] as string]); // written so
    return value as Value; // numbers, words, dtypes and slices are themselves
  };
  return {
    args: args.map(decode),
    kwargs: Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [key, decode(value)])),
    tensors,
  };
}

const python: { readonly [word: string]: number } = {
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  nan: Number.NaN,
};
