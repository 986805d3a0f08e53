// Kernels over a list of tensors of any sizes in one launch. The tensors are cut into chunks, and a table in memory says
// for each chunk where it lies:
//
//   entry   | address of each operand's chunk | elements | numbers of its tensor (f64) |

import type { Block } from "../ir/build.ts";
import { add, kernel, load, mul } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import type { Expr, Kernel, ParamType, Var } from "../ir/ir.ts";
import { elemBytes } from "../ir/ir.ts";
import type { Real } from "./row-loop.ts";

/** A tensor with `n` elements in each operand, and what is its own. */
export interface Listed {
  readonly n: number;
  /** Addresses, in the kernel's order; an operand that is not used may be 0. */
  readonly operands: readonly number[];
  readonly numbers?: readonly number[];
}

export const chunkElements = 16384;

/** How many operands and numbers an entry has. */
interface Form {
  readonly operands: number;
  readonly numbers: number;
}

function numbersAt({ operands }: Form): number {
  return 8 * Math.ceil((operands + 1) / 2);
}
function entryBytes(form: Form): number {
  return numbersAt(form) + 8 * form.numbers;
}

/** Runs a kernel whose first parameter is the table; `args` are the others. */
export function runOverList(
  device: Device,
  key: string,
  build: () => Kernel,
  form: Form,
  real: Real,
  tensors: readonly Listed[],
  args: readonly number[],
): void {
  const chunks = chunkCount(tensors);
  if (chunks === 0) return;
  const bytes = entryBytes(form);
  const table = device.alloc(chunks * bytes);
  try {
    const { i32, f64 } = device;
    let at = table;
    for (const { n, operands, numbers = [] } of tensors) {
      for (let first = 0; first < n; first += chunkElements, at += bytes) {
        const word = at / 4;
        for (let i = 0; i < form.operands; i++) i32[word + i] = operands[i]! + first * elemBytes[real];
        i32[word + form.operands] = Math.min(chunkElements, n - first);
        const own = (at + numbersAt(form)) / 8;
        for (let i = 0; i < form.numbers; i++) f64[own + i] = numbers[i]!;
      }
    }
    device.run(device.compile(key, build), [table, ...args], chunks, 1);
  } finally {
    device.free(table);
  }
}

export function chunkCount(tensors: readonly Listed[]): number {
  return tensors.reduce((sum, { n }) => sum + Math.ceil(n / chunkElements), 0);
}

/** One chunk, in a kernel. */
export interface Chunk {
  readonly index: Var;
  readonly operands: readonly Var[];
  readonly n: Var;
  readonly numbers: readonly Expr[];
}

/** A kernel that does `body` for each chunk. `params` are those behind the table. */
export function listKernel<P extends Readonly<Record<string, ParamType>>>(
  name: string,
  form: Form,
  params: P,
  body: (k: Block, p: { readonly [key in keyof P | "table"]: Var }) => (chunk: Chunk) => void,
): Kernel {
  return kernel(name, { table: "ptr", ...params }, (k, p) => {
    const visit = body(k, p);
    k.for(k.begin, k.end, 1, (index) => {
      const entry = k.let("entry", add(p.table, mul(index, entryBytes(form))));
      const operands = Array.from({ length: form.operands }, (_, i) => k.let("operand", load("i32", entry, 0, i)));
      const numbers = Array.from({ length: form.numbers }, (_, i) => load("f64", entry, 0, numbersAt(form) / 8 + i));
      visit({ index, operands, n: k.let("n", load("i32", entry, 0, form.operands)), numbers });
    });
  });
}
