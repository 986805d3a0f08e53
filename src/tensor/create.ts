// Making tensors from numbers.

import { type DType, isFloating } from "../base/dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { checkSizes, numel, showShape } from "../base/shape.ts";
import { Tensor } from "./core.ts";
import { type NumberArray, writeNumbers } from "./transfer.ts";

export interface TensorOptions {
  readonly dtype?: DType;
  readonly requiresGrad?: boolean;
}

/** Numbers or booleans, nested to any depth. */
export type Nested = number | boolean | bigint | readonly Nested[];
function finish(t: Tensor, options: TensorOptions): Tensor {
  return options.requiresGrad === true ? t.requiresGrad_() : t;
}

/**
 * A tensor of the nested numbers, which must be even: `tensor([[1, 2], [3, 4]])`. Typed arrays give one dimension.
 * Without a dtype: float32 for numbers, bool for booleans, the array's own for typed arrays. (PyTorch gives int64 for whole
 * numbers; JavaScript cannot tell 1 from 1.0, so ids are asked for: `{ dtype: "int32" }`.)
 */
export function tensor(data: Nested | NumberArray | BigInt64Array, options: TensorOptions = {}): Tensor {
  if (ArrayBuffer.isView(data)) {
    const dtype = options.dtype ?? typedDType(data);
    const t = Tensor.empty([data.length], dtype);
    writeNumbers(t, data);
    return finish(t, options);
  }
  const shape: number[] = [];
  for (let level: Nested = data as Nested; Array.isArray(level); level = level[0] as Nested) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | bigint)[] = [];
  let booleans = true;
  const collect = (value: Nested, depth: number, path: string): void => {
    if (Array.isArray(value)) {
      if (depth >= shape.length || value.length !== shape[depth]) {
        throw new ShapeError(
          `tensor: the rows are uneven: expected ${depth < shape.length ? `${shape[depth]} entries` : "a number"} at data${path}, got ${value.length} entries.`,
          { path, shape },
        );
      }
      for (let i = 0; i < value.length; i++) collect(value[i] as Nested, depth + 1, `${path}[${i}]`);
      return;
    }
    if (depth < shape.length) {
      throw new ShapeError(
        `tensor: the rows are uneven: expected ${shape[depth]} entries at data${path}, got a number.`,
        { path, shape },
      );
    }
    if (typeof value !== "number" && typeof value !== "boolean" && typeof value !== "bigint") {
      throw new DTypeError(
        `tensor: data${path} is ${value === null ? "null" : typeof value}, not a number or boolean.`,
        { path },
      );
    }
    if (typeof value !== "boolean") booleans = false;
    flat.push(typeof value === "boolean" ? Number(value) : value);
  };
  collect(data as Nested, 0, "");
  const dtype = options.dtype ?? (booleans && flat.length > 0 ? "bool" : "float32");
  const t = Tensor.empty(shape, dtype);
  writeNumbers(t, flat);
  return finish(t, options);
}

function typedDType(data: ArrayBufferView): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Uint8Array) return "uint8";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Int16Array) return "int16";
  throw new DTypeError(`tensor: no dtype for a ${data.constructor.name}.`, {});
}

/** `numel(shape)` numbers in row-major order under a shape. */
export function fromArray(data: ArrayLike<number>, shape: readonly number[], options: TensorOptions = {}): Tensor {
  checkSizes("fromArray", shape);
  if (data.length !== numel(shape)) {
    throw new ShapeError(
      `fromArray: ${data.length} numbers do not fill ${showShape(shape)} (${numel(shape)} elements).`,
      {
        length: data.length,
        shape,
      },
    );
  }
  const t = Tensor.empty(shape, options.dtype ?? "float32");
  writeNumbers(t, data);
  return finish(t, options);
}

/** A tensor whose content is whatever the memory held. */
export function empty(shape: readonly number[], options: TensorOptions = {}): Tensor {
  checkSizes("empty", shape);
  return finish(Tensor.empty([...shape], options.dtype ?? "float32"), options);
}
export function full(shape: readonly number[], value: number, options: TensorOptions = {}): Tensor {
  checkSizes("full", shape);
  return finish(Tensor.empty([...shape], options.dtype ?? "float32").fill_(value), options);
}
export function zeros(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return full(shape, 0, options);
}
export function ones(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return full(shape, 1, options);
}
export function emptyLike(like: Tensor, options: TensorOptions = {}): Tensor {
  return empty(like.shape, { dtype: like.dtype, ...options });
}
export function zerosLike(like: Tensor, options: TensorOptions = {}): Tensor {
  return full(like.shape, 0, { dtype: like.dtype, ...options });
}
export function onesLike(like: Tensor, options: TensorOptions = {}): Tensor {
  return full(like.shape, 1, { dtype: like.dtype, ...options });
}
export function fullLike(like: Tensor, value: number, options: TensorOptions = {}): Tensor {
  return full(like.shape, value, { dtype: like.dtype, ...options });
}

/** `start, start + step, …` up to but without `end`. Whole numbers give int32, others float32. `arange(n)` starts at 0. */
export function arange(start: number, end?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  if (step === 0 || !Number.isFinite(step))
    throw new ArgumentError(`arange: step ${step}; it must be a number other than 0.`, { step });
  if (!Number.isFinite(from) || !Number.isFinite(to) || (to - from) / step < 0)
    throw new ArgumentError(`arange: no steps of ${step} lead from ${from} to ${to}.`, { from, to, step });
  if (options.dtype !== undefined && !isFloating(options.dtype) && ![from, to, step].every(Number.isInteger))
    return arange(Math.trunc(from), Math.trunc(to), Math.trunc(step), options); // as PyTorch takes them
  const n = Math.max(0, Math.ceil((to - from) / step));
  const whole = [from, to, step].every(Number.isInteger);
  const numbers = new Float64Array(n);
  for (let i = 0; i < n; i++) numbers[i] = from + i * step;
  return fromArray(numbers, [n], { dtype: whole ? "int32" : "float32", ...options });
}

/** `steps` numbers evenly from `start` to `end`, both included. */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  if (!Number.isInteger(steps) || steps < 0)
    throw new ArgumentError(`linspace: ${steps} steps; wants a whole number from 0 on.`, { steps });
  if (options.dtype !== undefined && !isFloating(options.dtype) && !(Number.isInteger(start) && Number.isInteger(end)))
    return linspace(Math.trunc(start), Math.trunc(end), steps, options); // as PyTorch takes them
  const step = steps > 1 ? (end - start) / (steps - 1) : 0;
  const half = steps / 2;
  const at = (i: number): number => (i < half ? start + step * i : end - step * (steps - 1 - i));
  return fromArray(
    Float64Array.from({ length: steps }, (_, i) => at(i)),
    [steps],
    options,
  );
}

/** Rows and columns `[2, n]` of what `tril` of a `rows × columns` matrix keeps, row by row; int32. */
export function trilIndices(rows: number, columns: number, offset = 0, options: TensorOptions = {}): Tensor {
  return placesWhere([rows, columns], (i, j) => j - i <= offset, options);
}
/** Rows and columns `[2, n]` of what `triu` of a `rows × columns` matrix keeps, row by row; int32. */
export function triuIndices(rows: number, columns: number, offset = 0, options: TensorOptions = {}): Tensor {
  return placesWhere([rows, columns], (i, j) => j - i >= offset, options);
}
function placesWhere(
  [rows, columns]: readonly [number, number],
  holds: (i: number, j: number) => boolean,
  options: TensorOptions,
): Tensor {
  checkSizes("triangle", [rows, columns]);
  const [is, js]: [number[], number[]] = [[], []];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      if (!holds(i, j)) continue;
      is.push(i);
      js.push(j);
    }
  }
  return fromArray([...is, ...js], [2, is.length], { dtype: "int32", ...options });
}

/** Ones on the diagonal of an `n × m` matrix. */
export function eye(n: number, m: number = n, options: TensorOptions = {}): Tensor {
  checkSizes("eye", [n, m]);
  const data = new Float64Array(n * m);
  for (let i = 0; i < Math.min(n, m); i++) data[i * m + i] = 1;
  return fromArray(data, [n, m], options);
}
