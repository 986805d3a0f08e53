// float16 and bfloat16 to float32 and back, whole arrays at a time. Halves are kept as their bits (Uint16Array). To
// float32 is exact; to a half rounds to nearest, ties to even, as the hardware does: too large becomes infinity, too
// small becomes a subnormal or a signed zero, and a NaN stays one (quiet, with the upper bits of its payload).
//
//   float32  s eeeeeeee mmmmmmmmmmmmmmmmmmmmmmm
//   bfloat16 s eeeeeeee mmmmmmm                    the upper half of a float32
//   float16  s    eeeee mmmmmmmmmm                 exponent bias 15 instead of 127

import { ArgumentError } from "./errors.ts";

export function bfloat16ToFloat32(from: Uint16Array, into: Float32Array = new Float32Array(from.length)): Float32Array {
  const bits = bitsOf(into, from.length, "bfloat16ToFloat32");
  for (let i = 0; i < from.length; i++) bits[i] = (from[i] as number) << 16;
  return into;
}

export function float32ToBfloat16(from: Float32Array, into: Uint16Array = new Uint16Array(from.length)): Uint16Array {
  const bits = bitsOf(from, into.length, "float32ToBfloat16");
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i] as number;
    if ((x & 0x7fffffff) > 0x7f800000) into[i] = (x >>> 16) | 0x40;
    else into[i] = (x + 0x7fff + ((x >>> 16) & 1)) >>> 16; // a carry runs into the exponent, up to infinity
  }
  return into;
}

export function float16ToFloat32(from: Uint16Array, into: Float32Array = new Float32Array(from.length)): Float32Array {
  const bits = bitsOf(into, from.length, "float16ToFloat32");
  for (let i = 0; i < from.length; i++) {
    const h = from[i] as number;
    const sign = (h & 0x8000) << 16;
    const exponent = h & 0x7c00;
    if (exponent === 0)
      into[i] = (sign === 0 ? 1 : -1) * (h & 0x3ff) * 2 ** -24; // zero or subnormal
    else if (exponent === 0x7c00) bits[i] = sign | 0x7f800000 | ((h & 0x3ff) << 13);
    else bits[i] = sign | (((h & 0x7fff) << 13) + ((127 - 15) << 23));
  }
  return into;
}

export function float32ToFloat16(from: Float32Array, into: Uint16Array = new Uint16Array(from.length)): Uint16Array {
  const bits = bitsOf(from, into.length, "float32ToFloat16");
  for (let i = 0; i < bits.length; i++) into[i] = float16Bits(bits[i] as number);
  return into;
}

const smallestNormal = (127 - 14) << 23; // 2^-14
const beyondLargest = (127 + 16) << 23; // 2^16

function float16Bits(x: number): number {
  const sign = (x >>> 16) & 0x8000;
  const magnitude = x & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= beyondLargest) return sign | 0x7c00;
  if (magnitude >= smallestNormal) return sign | roundShift(magnitude - ((127 - 15) << 23), 13);
  // Subnormal: a whole number of 2^-24. With its hidden bit the mantissa counts 2^(exponent - 127 - 23).
  const shift = 127 - 1 - (magnitude >>> 23);
  return shift > 25 ? sign : sign | roundShift((magnitude & 0x7fffff) | 0x800000, shift);
}

/** `x / 2^shift`, rounded to nearest, ties to even. */
function roundShift(x: number, shift: number): number {
  return (x + (1 << (shift - 1)) - 1 + ((x >>> shift) & 1)) >>> shift;
}

function bitsOf(floats: Float32Array, halves: number, op: string): Uint32Array {
  if (floats.length !== halves) {
    throw new ArgumentError(
      `${op}: got ${floats.length} floats for ${halves} halves; both arrays must be equally long.`,
      {
        op,
        floats: floats.length,
        halves,
      },
    );
  }
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}
