// From rows to batches. A collator makes plain arrays with shapes, so that it runs in a worker as well; `toTensors` turns
// them into tensors where the batch is used.

import type { DType } from "../base/dtype.ts";
import { ArgumentError, DataError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { fromArray } from "../tensor/create.ts";
import { stack } from "../tensor/indexing.ts";
import { Tensor } from "../tensor/tensor.ts";

type Numbers = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

/** A tensor to be: plain data, which can be sent between threads. */
export interface ShapedArray {
  readonly data: Numbers;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

function isShaped(value: object): value is ShapedArray {
  return "data" in value && ArrayBuffer.isView(value.data) && "shape" in value && "dtype" in value;
}

/** What a batch of plain arrays becomes: tensors in their places. */
export type Tensors<B> = B extends ShapedArray
  ? Tensor
  : B extends Tensor | string | number | boolean | null | undefined
    ? B
    : B extends object
      ? { [K in keyof B]: Tensors<B[K]> }
      : B;

/** Turns every shaped array in lists and plain objects into a tensor. */
export function toTensors<B>(batch: B): Tensors<B> {
  const convert = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || value instanceof Tensor) return value;
    if (isShaped(value)) return fromArray(value.data, value.shape, { dtype: value.dtype });
    if (Array.isArray(value)) return value.map(convert);
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, convert(item)]));
  };
  return convert(batch) as Tensors<B>; // as the type describes
}

// ── any rows ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What `defaultCollate` makes of rows of a kind. */
export type Collated<T> = T extends Tensor
  ? Tensor
  : T extends number | boolean | Numbers | readonly number[] | readonly (readonly number[])[]
    ? Tensor
    : T extends string
      ? string[]
      : T extends readonly unknown[]
        ? { -readonly [K in keyof T]: Collated<T[K]> }
        : T extends object
          ? { -readonly [K in keyof T]: Collated<T[K]> }
          : T[];

/**
 * Stacks rows: tensors, typed arrays and (nested) lists of numbers along a new first dimension, single numbers and booleans to
 * `[B]`, objects by key and tuples by place, texts to a list. Lists of numbers give float32; single numbers int32 where all are
 * whole, as classes are; for lists of ids use typed arrays, or `padCollate`.
 */
export function defaultCollate<T>(rows: readonly T[]): Collated<T> {
  return collate(rows, "the rows") as Collated<T>; // as the type describes
}

function collate(rows: readonly unknown[], what: string): unknown {
  const [first] = rows;
  if (first === undefined) throw new DataError(`a batch: ${what} are empty or undefined.`, { what });
  const kind = kindOf(first);
  rows.forEach((row, i) => {
    if (kindOf(row) !== kind) throw differs(what, i, kindOf(row), kind);
  });
  switch (kind) {
    case "a tensor": {
      const tensors = rows as readonly Tensor[]; // of this kind, as checked
      checkAlike(tensors, what, ({ shape }) => showShape(shape));
      checkAlike(tensors, what, ({ dtype }) => dtype);
      return stack(tensors);
    }
    case "a text":
      return rows;
    case "a number":
    case "a boolean": {
      const dtype = kind === "a boolean" ? "bool" : rows.every(Number.isInteger) ? "int32" : "float32";
      return shapedTensor({ data: Float64Array.from(rows as number[], Number), shape: [rows.length], dtype });
    }
    case "a typed array": {
      const lists = rows as readonly Numbers[];
      checkAlike(lists, what, ({ length }) => `of length ${length}`);
      checkAlike(lists, what, dtypeOfArray);
      return shapedTensor({
        data: join(lists),
        shape: [rows.length, lists[0]!.length],
        dtype: dtypeOfArray(lists[0]!),
      });
    }
    case "a list":
      return collateLists(rows as readonly (readonly unknown[])[], what);
    case "an object":
      return collateRecords(rows as readonly Readonly<Record<string, unknown>>[], what);
    case "something else":
      throw new DataError(
        `a batch: ${what} hold ${String(first)}, which makes no tensor. Give the loader a collateFn.`,
        { what },
      );
    default:
      return kind satisfies never;
  }
}

/** Even grids of numbers to one tensor; other lists by place. */
function collateLists(rows: readonly (readonly unknown[])[], what: string): unknown {
  const shapes = rows.map(gridOf);
  const [shape] = shapes;
  if (shape !== undefined && shapes.every((other) => other !== undefined)) {
    checkAlike(shapes, what, (own) => (own.length === 1 ? `of length ${own[0]}` : showShape(own)));
    const data = Float64Array.from(rows.flat(Infinity) as number[]); // grids of numbers
    return shapedTensor({ data, shape: [rows.length, ...shape], dtype: "float32" });
  }
  checkAlike(rows, what, ({ length }) => `of length ${length}`);
  return rows[0]!.map((_, i) => {
    return collate(
      rows.map((row) => row[i]),
      `${what}[${i}]`,
    );
  });
}

function collateRecords(rows: readonly Readonly<Record<string, unknown>>[], what: string): unknown {
  const columns = Object.keys(rows[0]!).map((key) => {
    const lacking = rows.findIndex((row) => row[key] === undefined);
    if (lacking >= 0) {
      throw new DataError(`a batch: row ${lacking} of ${what} has no "${key}", which row 0 has.`, {
        what,
        key,
        row: lacking,
      });
    }
    const column = rows.map((row) => row[key]);
    return [key, collate(column, `column "${key}"`)] as const;
  });
  return Object.fromEntries(columns);
}

type Kind =
  | "a tensor"
  | "a text"
  | "a number"
  | "a boolean"
  | "a typed array"
  | "a list"
  | "an object"
  | "something else";

function kindOf(value: unknown): Kind {
  if (value instanceof Tensor) return "a tensor";
  if (typeof value === "string") return "a text";
  if (typeof value === "number") return "a number";
  if (typeof value === "boolean") return "a boolean";
  if (isNumbers(value)) return "a typed array";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : "something else";
}

/** Throws for the first row that differs from row 0 in `trait`. */
function checkAlike<T>(rows: readonly T[], what: string, trait: (row: T) => string): void {
  const wanted = trait(rows[0]!);
  rows.forEach((row, i) => {
    if (trait(row) !== wanted) throw differs(what, i, trait(row), wanted);
  });
}
function differs(what: string, row: number, got: string, wanted: string): DataError {
  const advice = /length|\[/.test(got) ? " padCollate() pads lists; other rows want a collateFn." : "";
  return new DataError(`a batch: ${what} differ: row ${row} is ${got}, row 0 is ${wanted}.${advice}`, { what, row });
}

const shapedTensor = ({ data, shape, dtype }: ShapedArray): Tensor => fromArray(data, shape, { dtype });

function isNumbers(value: unknown): value is Numbers {
  return ArrayBuffer.isView(value) && "length" in value;
}
function join(lists: readonly Numbers[]): Float64Array {
  const size = lists[0]!.length;
  const out = new Float64Array(lists.length * size);
  lists.forEach((list, i) => out.set(list, i * size));
  return out;
}
/** The sizes of evenly nested lists of numbers; undefined for other lists. */
function gridOf(list: readonly unknown[]): number[] | undefined {
  if (list.every((x) => typeof x === "number")) return [list.length];
  const inner = list.map((x) => (Array.isArray(x) ? gridOf(x) : undefined));
  const [first] = inner;
  if (first === undefined || inner.some((shape) => shape === undefined || !sameShape(shape, first))) return undefined;
  return [list.length, ...first];
}
function dtypeOfArray(value: Numbers): DType {
  if (value instanceof Float64Array) return "float64";
  if (value instanceof Int32Array) return "int32";
  if (value instanceof Int16Array) return "int16";
  if (value instanceof Int8Array) return "int8";
  return value instanceof Uint8Array ? "uint8" : "float32";
}

// ── tokenized rows ──────────────────────────────────────────────────────────────────────────────────────────────────

export interface PadOptions {
  readonly padTokenId?: number;
  readonly padTokenTypeId?: number;
  /** Stands where nothing is to be learnt. */
  readonly labelPadTokenId?: number;
  /** Pads on to a multiple of this. */
  readonly padToMultipleOf?: number;
  /** Pads to this length instead of the longest row's. */
  readonly maxLength?: number | undefined;
  readonly paddingSide?: "right" | "left";
}

/** Tokenized rows: columns of numbers or of lists of numbers. Texts and other columns are left out of batches. */
export type TokenRow = object;
/** Columns as arrays `[B]` or `[B, longest]`. */
export type ArrayBatch = Record<string, ShapedArray>;
export type TensorBatch = Record<string, Tensor>;

/**
 * A collator that pads every column of lists: `inputIds` with the padding token, `labels` with −100, `specialTokensMask` with 1,
 * others with 0. Columns as long as the ids, such as the labels of tokens, are padded as far as these. An `attentionMask` is made
 * where rows have none; a column `label` becomes `labels`.
 */
export function padArrays(options: PadOptions = {}): (rows: readonly TokenRow[]) => ArrayBatch {
  const fills: Readonly<Record<string, number>> = {
    inputIds: options.padTokenId ?? 0,
    tokenTypeIds: options.padTokenTypeId ?? 0,
    labels: options.labelPadTokenId ?? -100,
    specialTokensMask: 1,
  };
  const { padToMultipleOf = 1 } = options;
  if (!Number.isInteger(padToMultipleOf) || padToMultipleOf < 1) {
    throw new ArgumentError(`padCollate: padToMultipleOf ${padToMultipleOf}; it is a whole number of at least 1.`, {
      padToMultipleOf,
    });
  }
  return (rows) => {
    const table = rows.map(named);
    if (table.length === 0) throw new DataError("a batch: it has no rows.", {});
    const ids = table.map((row) => row["inputIds"]);
    const ruled = ids.every(isList) ? ids.map(({ length }) => length) : undefined;
    const batch: ArrayBatch = {};
    for (const column of Object.keys(table[0]!)) {
      const values = table.map((row) => row[column]);
      if (values.every((value) => typeof value === "number")) {
        batch[column] = { data: Float64Array.from(values), shape: [values.length], dtype: dtypeOf(values) };
      } else if (values.every(isList)) {
        const alongIds = ruled !== undefined && values.every(({ length }, i) => length === ruled[i]);
        const limit = alongIds || ruled === undefined ? options.maxLength : undefined;
        const length = targetLength(column, values, limit, padToMultipleOf);
        batch[column] = pad(values, length, fills[column] ?? 0, options.paddingSide ?? "right");
      } else if (values.some((value) => typeof value === "number" || isList(value))) {
        throw new DataError(`a batch: "${column}" is a list of numbers in some rows and something else in others.`, {
          column,
        });
      }
    }
    if (Object.keys(batch).length === 0) {
      const columns = Object.keys(table[0]!).join(", ");
      throw new DataError(
        `a batch: no column of ${columns === "" ? "the rows" : columns} holds numbers. Tokenize the texts first.`,
        {},
      );
    }
    return batch;
  };
}

/** `padArrays`, and tensors of the result. */
export function padCollate(options: PadOptions = {}): (rows: readonly TokenRow[]) => TensorBatch {
  const arrays = padArrays(options);
  return (rows) => toTensors(arrays(rows));
}

export interface Seq2SeqOptions extends PadOptions {
  /** Adds `decoderInputIds`: the labels after this token, without their last, padded by the padding token. */
  readonly decoderStartTokenId?: number | undefined;
}

/** As `padArrays`, for rows whose `labels` are another text: they have a length of their own, even where it is that of the ids. */
export function seq2seqArrays(options: Seq2SeqOptions = {}): (rows: readonly TokenRow[]) => ArrayBatch {
  const { decoderStartTokenId, maxLength: _, ...free } = options;
  const { labelPadTokenId = -100, padTokenId = 0 } = options;
  const [inputs, targets] = [padArrays(options), padArrays(free)];
  return (rows) => {
    const table = rows.map(named);
    if (!table.every(({ labels }) => isList(labels))) return inputs(rows);
    const { labels } = targets(table.map((row) => ({ labels: row["labels"] })));
    const batch = { ...inputs(table.map(({ labels: __, ...row }) => row)), labels: labels! };
    if (decoderStartTokenId === undefined) return batch;
    const [B, T] = labels!.shape as [number, number]; // padded lists
    const shifted = Float64Array.from({ length: B * T }, (_, i) => {
      const id = i % T === 0 ? decoderStartTokenId : labels!.data[i - 1]!;
      return id === labelPadTokenId ? padTokenId : id;
    });
    return { ...batch, decoderInputIds: { data: shifted, shape: [B, T], dtype: "int32" } };
  };
}

/** `seq2seqArrays`, and tensors of the result. */
export function seq2seqCollate(options: Seq2SeqOptions = {}): (rows: readonly TokenRow[]) => TensorBatch {
  const arrays = seq2seqArrays(options);
  return (rows) => toTensors(arrays(rows));
}

type List = ArrayLike<number>;
function isList(value: unknown): value is List {
  if (isNumbers(value)) return true;
  return Array.isArray(value) && value.every((x) => typeof x === "number");
}
/** A row by column, with `label` as `labels` and an attention mask. */
function named(row: TokenRow): Readonly<Record<string, unknown>> {
  const { label, labelIds, ...rest } = row as Readonly<Record<string, unknown>>; // read by name
  const labels = label ?? labelIds;
  const ids = rest["inputIds"];
  return {
    ...rest,
    ...(isList(ids) && rest["attentionMask"] === undefined
      ? { attentionMask: new Int32Array(ids.length).fill(1) }
      : {}),
    ...(labels === undefined ? {} : { labels }),
  };
}
function targetLength(column: string, lists: readonly List[], maxLength: number | undefined, multiple: number): number {
  const longest = lists.reduce((length, list) => Math.max(length, list.length), 0);
  if (maxLength !== undefined && longest > maxLength) {
    throw new DataError(
      `a batch: "${column}" has ${longest} tokens, more than maxLength ${maxLength}. Truncate when tokenizing.`,
      {
        column,
        longest,
        maxLength,
      },
    );
  }
  return Math.ceil((maxLength ?? longest) / multiple) * multiple;
}
function pad(lists: readonly List[], length: number, fill: number, side: "right" | "left"): ShapedArray {
  const data = new Float64Array(lists.length * length).fill(fill);
  lists.forEach((list, row) => data.set(list, row * length + (side === "right" ? 0 : length - list.length)));
  return { data, shape: [lists.length, length], dtype: dtypeOf(data) };
}
function dtypeOf(values: ArrayLike<number>): "int32" | "float32" {
  return Array.prototype.every.call(values, Number.isInteger) ? "int32" : "float32";
}
