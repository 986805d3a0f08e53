// The dtypes, their sizes, and PyTorch's promotion rules.

import { DTypeError } from "./errors.ts";

export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "bool";

export type Category = "bool" | "integer" | "float";

export const dtypes: {
  readonly [d in DType]: {
    readonly bytes: number;
    readonly category: Category;
    readonly min: number;
    readonly max: number;
  };
} = {
  float32: { bytes: 4, category: "float", min: -3.4028234663852886e38, max: 3.4028234663852886e38 },
  float64: { bytes: 8, category: "float", min: -Number.MAX_VALUE, max: Number.MAX_VALUE },
  float16: { bytes: 2, category: "float", min: -65504, max: 65504 },
  bfloat16: { bytes: 2, category: "float", min: -3.3895313892515355e38, max: 3.3895313892515355e38 },
  int8: { bytes: 1, category: "integer", min: -128, max: 127 },
  int16: { bytes: 2, category: "integer", min: -32768, max: 32767 },
  int32: { bytes: 4, category: "integer", min: -2147483648, max: 2147483647 },
  int64: { bytes: 8, category: "integer", min: -(2 ** 63), max: 2 ** 63 },
  uint8: { bytes: 1, category: "integer", min: 0, max: 255 },
  bool: { bytes: 1, category: "bool", min: 0, max: 1 },
};

export function isDType(name: string): name is DType {
  return Object.hasOwn(dtypes, name);
}
export function isFloating(dtype: DType): boolean {
  return dtypes[dtype].category === "float";
}
export function bytesOf(dtype: DType): number {
  return dtypes[dtype].bytes;
}

/** The dtype that holds both, by PyTorch's rules: the higher category wins, within one the wider. */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  const rank: { readonly [c in Category]: number } = { bool: 0, integer: 1, float: 2 };
  const [x, y] = [rank[dtypes[a].category], rank[dtypes[b].category]];
  if (x !== y) return x > y ? a : b;
  if (dtypes[a].category === "float") {
    if (dtypes[a].bytes === dtypes[b].bytes) return "float32"; // float16 with bfloat16
    return dtypes[a].bytes > dtypes[b].bytes ? a : b;
  }
  // uint8 with a signed type: the signed one if it is wider, else int16.
  if (a === "uint8" || b === "uint8") {
    const signed = a === "uint8" ? b : a;
    return signed === "int8" ? "int16" : signed;
  }
  return dtypes[a].bytes > dtypes[b].bytes ? a : b;
}

/** How the dtype names itself in PyTorch's messages and prints. */
export function torchName(dtype: DType): string {
  return `torch.${dtype}`;
}

/** Throws unless `dtype` is one of `allowed`. */
export function checkDType(op: string, dtype: DType, allowed: readonly DType[]): void {
  if (!allowed.includes(dtype)) {
    throw new DTypeError(`${op}: got ${dtype}, wants ${allowed.join(" or ")}. Convert with .to("${allowed[0]}").`, {
      op,
      dtype,
      allowed,
    });
  }
}
