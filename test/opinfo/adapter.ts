// How a call of PyTorch's becomes one of ours: its arguments by the names of its signature, given by place or by name, and what
// we do with them. What we have not, by design or not yet, is said with its reason instead of passed over.

import type { DType } from "../../src/base/dtype.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import type { Tolerance } from "../tolerances.ts";

/** A sample that asks for something that is not here; the report counts these with their reasons. */
export class NotApplicable extends Error {}

/** An argument as the fixture holds it, tensors made. */
export type Value =
  | Tensor
  | number
  | string
  | boolean
  | null
  | undefined
  | { readonly dtype: DType }
  | { readonly slice: readonly (number | null)[] }
  | { readonly ellipsis: true }
  | { readonly torch: string }
  | readonly Value[];

export type Result =
  | Tensor
  | number
  | boolean
  | readonly Result[]
  | { readonly values: Tensor; readonly indices: Tensor };

export interface Adapter {
  readonly params: readonly string[];
  readonly call: (...values: Value[]) => Result;
  /** Wider than the table's, with its reason. */
  readonly tolerance?: Tolerance & { readonly why: string };
  /** Only this many of the outputs are compared, with the reason. */
  readonly outputs?: { readonly count: number; readonly why: string };
}

/** `params` are PyTorch's names in order; one that ends in `*` takes all further places, those behind it go by name. */
export function of(
  params: string,
  call: (...values: Value[]) => Result,
  extra: Partial<Pick<Adapter, "tolerance" | "outputs">> = {},
): Adapter {
  return { params: params.split(" "), call, ...extra };
}

/** The arguments in the order of the adapter's parameters. */
export function bind({ params }: Adapter, args: readonly Value[], kwargs: Readonly<Record<string, Value>>): Value[] {
  const rest = params.findIndex((name) => name.endsWith("*"));
  if (rest < 0 && args.length > params.length) throw new NotApplicable(`${args.length} positional arguments`);
  const values: Value[] = params.map((_, i) =>
    i === rest ? args.slice(i) : rest >= 0 && i > rest ? undefined : args[i],
  );
  for (const [name, value] of Object.entries(kwargs)) {
    const at = params.indexOf(name);
    if (at >= 0) values[at] = value;
    else if (!isMeaningless(name, value)) throw new NotApplicable(`argument ${name}`);
  }
  return values;
}

/** What is left out, and where a tensor lies: there is one device and one layout. */
function isMeaningless(name: string, value: Value): boolean {
  if (value === null || value === undefined || (name === "requires_grad" && value === false)) return true;
  return name === "device" || name === "layout" || (typeof value === "object" && "torch" in value);
}

function isTensor(value: Value): value is Tensor {
  return typeof value === "object" && value !== null && "storage" in value;
}

function shown(value: Value): string {
  return isTensor(value) ? "a tensor" : Array.isArray(value) ? "a list" : JSON.stringify(value);
}

/** The value as what a call wants, or the reason why the sample does not fit. */
export function T(value: Value): Tensor {
  if (isTensor(value)) return value;
  throw new NotApplicable(`${shown(value)} where a tensor is wanted`);
}
export function optionalT(value: Value): Tensor | undefined {
  return value === null || value === undefined ? undefined : T(value);
}
export function N(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  throw new NotApplicable(`${shown(value)} where a number is wanted`);
}
export function optionalN(value: Value): number | undefined {
  return value === null || value === undefined ? undefined : N(value);
}
export function B(value: Value): boolean {
  return value === true || value === 1;
}
export function S(value: Value): string {
  if (typeof value === "string") return value;
  throw new NotApplicable(`${shown(value)} where a word is wanted`);
}
export function numbers(value: Value): number[] {
  if (Array.isArray(value)) return value.map(N);
  return [N(value)];
}
export function tensors(value: Value): Tensor[] {
  if (Array.isArray(value)) return value.map(T);
  return [T(value)];
}
/** A tensor or a number. */
export function operand(value: Value): Tensor | number {
  return isTensor(value) ? value : N(value);
}
export function dtypeOf(value: Value): DType {
  if (typeof value === "object" && value !== null && "dtype" in value && !isTensor(value)) return value.dtype;
  throw new NotApplicable(`${shown(value)} where a dtype is wanted`);
}

/** An options object without what was left out. */
export function options<O extends Readonly<Record<string, unknown>>>(
  given: O,
): { [k in keyof O]?: Exclude<O[k], null | undefined> } {
  const kept = Object.entries(given).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(kept) as { [k in keyof O]?: Exclude<O[k], null | undefined> }; // what is left is not nullish
}

/** A dim argument: absent, a number or a list. */
export function dims(value: Value): number | number[] | undefined {
  if (value === null || value === undefined) return undefined;
  return Array.isArray(value) ? value.map(N) : N(value);
}

/** `dim` and `keepdim` as the reductions take them. */
export function reduced(dim: Value, keepdim: Value) {
  return options({ dim: dims(dim), keepdim: keepdim === undefined ? undefined : B(keepdim) });
}
