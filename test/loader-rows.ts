// The rows of loader.test.ts as a worker's module: the index plus a number.

import type { RowModule, ShapedArray } from "../src/data.ts";

let add = 0;
let failAt = -1;
let worker = -1;

export const open: RowModule["open"] = (about) => {
  const args = about.args as { readonly add: number; readonly failAt?: number }; // as the test gives them
  add = args.add;
  failAt = args.failAt ?? -1;
  worker = about.worker;
};

export async function get(index: number): Promise<number> {
  if (index === failAt) throw new Error(`row ${index}`);
  return index + add;
}

export function collate(rows: readonly number[]): { readonly ids: ShapedArray; readonly worker: number } {
  return { ids: { data: Int32Array.from(rows), shape: [rows.length], dtype: "int32" }, worker };
}
