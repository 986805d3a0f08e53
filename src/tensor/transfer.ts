// Numbers in and out of device memory, for every dtype.

import type { DType } from "../base/dtype.ts";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "../base/half.ts";
import type { Tensor } from "./core.ts";

/** What numbers come out as. */
export type NumberArray = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;
type Words = NumberArray | Uint16Array;

/** A view of `n` elements of memory at a tensor's first element, in the dtype's own words; int64 has a view of its own. */
function words(t: Tensor, n: number): Words {
  const { buffer } = t.device.u8;
  const at = t.address;
  const views: { readonly [d in Exclude<DType, "int64">]: () => Words } = {
    float32: () => new Float32Array(buffer, at, n),
    float64: () => new Float64Array(buffer, at, n),
    float16: () => new Uint16Array(buffer, at, n),
    bfloat16: () => new Uint16Array(buffer, at, n),
    int32: () => new Int32Array(buffer, at, n),
    int16: () => new Int16Array(buffer, at, n),
    int8: () => new Int8Array(buffer, at, n),
    uint8: () => new Uint8Array(buffer, at, n),
    bool: () => new Uint8Array(buffer, at, n),
  };
  return views[t.dtype as Exclude<DType, "int64">]();
}

/** Fills a contiguous tensor with numbers in row-major order. */
export function writeNumbers(t: Tensor, data: ArrayLike<number | bigint>): void {
  const n = data.length;
  if (t.isMeta) return;
  if (t.dtype === "int64") {
    const view = new BigInt64Array(t.device.u8.buffer, t.address, n);
    for (let i = 0; i < n; i++) {
      const v = data[i]!;
      view[i] = typeof v === "bigint" ? v : BigInt(Math.trunc(v));
    }
    return;
  }
  const view = words(t, n);
  if (t.dtype === "float16" || t.dtype === "bfloat16") {
    const convert = t.dtype === "float16" ? float32ToFloat16 : float32ToBfloat16;
    (view as Uint16Array).set(convert(Float32Array.from(data as ArrayLike<number>, Number)));
  } else if (t.dtype === "bool") {
    for (let i = 0; i < n; i++) view[i] = Number(data[i]) !== 0 ? 1 : 0;
  } else if (ArrayBuffer.isView(data) && !(data instanceof BigInt64Array)) {
    view.set(data as unknown as ArrayLike<number>);
  } else {
    for (let i = 0; i < n; i++) view[i] = Number(data[i]);
  }
}

/** A copy of a contiguous tensor's numbers, as JavaScript has them; int64 beyond 2^53 loses digits. */
export function readNumbers(t: Tensor): NumberArray {
  const n = t.numel;
  if (t.dtype === "int64") return Float64Array.from(new BigInt64Array(t.device.u8.buffer, t.address, n), Number);
  const view = words(t, n);
  if (t.dtype === "float16") return float16ToFloat32((view as Uint16Array).slice());
  if (t.dtype === "bfloat16") return bfloat16ToFloat32((view as Uint16Array).slice());
  return copyOut(view as Float32Array);
}

/** A copy in memory of its own: a slice of shared memory would be shared too, which not every API takes. */
function copyOut<T extends Float32Array>(view: T): T {
  const Kind = view.constructor as new (n: number) => T;
  const out = new Kind(view.length);
  out.set(view);
  return out;
}

/** The bytes of a contiguous tensor, as they lie in memory (little endian); a view, good until the next allocation. */
export function bytesView(t: Tensor): Uint8Array {
  return new Uint8Array(t.device.u8.buffer, t.address, t.nbytes);
}
