// How a feature lies in an Arrow record batch: one node (rows, nulls) a feature and its buffers, depth first.
// https://arrow.apache.org/docs/format/Columnar.html
//
//     numbers, times    validity bits, values            lists       validity, offsets; then the elements
//     texts, bytes      validity, offsets, bytes         structures  validity; then each part

import { DataError, UnsupportedError } from "../../base/errors.ts";
import { ClassLabel, type Feature, isStruct, Json, LargeList, List, Value, type ValueDType } from "../features.ts";
import type { Field, FlatTable } from "./flatbuffer.ts";

/** How a column of numbers is stored. */
export type NumberType = "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "f16" | "f32" | "f64";

export type Layout = {
  readonly feature: Feature;
  readonly node: number;
  /** The first of its buffers. */
  readonly buffer: number;
} & (
  | { readonly kind: "null" }
  | { readonly kind: "bool" }
  | { readonly kind: "number"; readonly type: NumberType }
  | { readonly kind: "time"; readonly type: "i32" | "i64"; readonly perMs: number }
  | { readonly kind: "bytes"; readonly wide: boolean; readonly holds: "text" | "bytes" | "json" }
  | { readonly kind: "list"; readonly wide: boolean; readonly element: Layout }
  | { readonly kind: "fixed"; readonly length: number; readonly element: Layout }
  | { readonly kind: "struct"; readonly parts: readonly (readonly [name: string, part: Layout])[] }
);

/** Places in a batch, given out one after the other. */
export class Places {
  nodes = 0;
  buffers = 0;
  take(buffers: number): { readonly node: number; readonly buffer: number } {
    const place = { node: this.nodes, buffer: this.buffers };
    this.nodes++;
    this.buffers += buffers;
    return place;
  }
}

const numberTypes: { readonly [name: string]: NumberType } = {
  int8: "i8",
  int16: "i16",
  int32: "i32",
  int64: "i64",
  uint8: "u8",
  uint16: "u16",
  uint32: "u32",
  uint64: "u64",
  float16: "f16",
  float32: "f32",
  float64: "f64",
};
/** Steps a millisecond of the units of time. */
const unitsPerMs: { readonly [unit: string]: number } = { s: 1e-3, ms: 1, us: 1e3, ns: 1e6 };

export function layoutOf(feature: Feature, places: Places): Layout {
  if (feature instanceof Value) return valueLayout(feature, feature.dtype, places);
  if (feature instanceof ClassLabel) return { kind: "number", type: "i64", feature, ...places.take(2) };
  if (feature instanceof Json) return { kind: "bytes", wide: false, holds: "json", feature, ...places.take(3) };
  if (feature instanceof List && feature.length >= 0) {
    const place = places.take(1);
    return { kind: "fixed", length: feature.length, feature, ...place, element: layoutOf(feature.feature, places) };
  }
  if (feature instanceof List || feature instanceof LargeList) {
    const place = places.take(2);
    const wide = feature instanceof LargeList;
    return { kind: "list", wide, feature, ...place, element: layoutOf(feature.feature, places) };
  }
  const place = places.take(1);
  const parts = Object.entries(feature).map(([name, part]) => [name, layoutOf(part, places)] as const);
  return { kind: "struct", feature, ...place, parts };
}

function valueLayout(feature: Value, dtype: ValueDType, places: Places): Layout {
  const type = numberTypes[dtype];
  if (type !== undefined) return { kind: "number", type, feature, ...places.take(2) };
  switch (dtype) {
    case "null":
      return { kind: "null", feature, ...places.take(0) };
    case "bool":
      return { kind: "bool", feature, ...places.take(2) };
    case "string":
    case "large_string":
      return { kind: "bytes", wide: dtype === "large_string", holds: "text", feature, ...places.take(3) };
    case "binary":
    case "large_binary":
      return { kind: "bytes", wide: dtype === "large_binary", holds: "bytes", feature, ...places.take(3) };
    case "date32":
      return { kind: "time", type: "i32", perMs: 1 / 86_400_000, feature, ...places.take(2) };
    default: {
      const unit = /^timestamp\[(\w+)/.exec(dtype)?.[1] ?? "ms";
      return { kind: "time", type: "i64", perMs: unitsPerMs[unit] ?? 1, feature, ...places.take(2) };
    }
  }
}

// ── features as fields of an Arrow schema, and back ─────────────────────────────────────────────────────────────────

const enum_ = {
  null: 1,
  int: 2,
  float: 3,
  binary: 4,
  utf8: 5,
  bool: 6,
  date: 8,
  timestamp: 10,
  list: 12,
  struct: 13,
  fixedList: 16,
  largeBinary: 19,
  largeUtf8: 20,
  largeList: 21,
} as const;
const timeUnits: readonly string[] = ["s", "ms", "us", "ns"];

/** The table `Field` of Schema.fbs. */
export function fieldOf(name: string, feature: Feature): Field[] {
  const [type, typeFields, children] = typeOf(feature);
  const base: Field[] = [
    [0, "text", name],
    [1, "u8", 1],
    [2, "u8", type],
    [3, "table", typeFields],
    [5, "tables", children],
  ];
  if (feature instanceof Json)
    base.push([6, "tables", [pair("ARROW:extension:name", "arrow.json"), pair("ARROW:extension:metadata", "")]]);
  return base;
}
function pair(key: string, value: string): Field[] {
  return [
    [0, "text", key],
    [1, "text", value],
  ];
}

function typeOf(feature: Feature): [type: number, fields: Field[], children: Field[][]] {
  if (feature instanceof ClassLabel) return typeOf(new Value("int64"));
  if (feature instanceof Json) return [enum_.utf8, [], []];
  if (feature instanceof LargeList) return [enum_.largeList, [], [fieldOf("item", feature.feature)]];
  if (feature instanceof List) {
    const element = [fieldOf("item", feature.feature)];
    return feature.length < 0 ? [enum_.list, [], element] : [enum_.fixedList, [[0, "i32", feature.length]], element];
  }
  if (isStruct(feature)) return [enum_.struct, [], Object.entries(feature).map(([name, part]) => fieldOf(name, part))];
  const { dtype } = feature;
  const int = /^(u?)int(\d+)$/.exec(dtype);
  if (int !== null) {
    return [
      enum_.int,
      [
        [0, "i32", Number(int[2])],
        [1, "u8", int[1] === "" ? 1 : 0],
      ],
      [],
    ]; // prettier-ignore
  }
  const time = /^timestamp\[(\w+)(?:, *tz=([^\]]+))?\]$/.exec(dtype);
  if (time !== null) {
    const unit = timeUnits.indexOf(time[1] ?? "ms");
    return [enum_.timestamp, [[0, "i16", unit], ...(time[2] === undefined ? [] : [[1, "text", time[2]] as const])], []];
  }
  const floats: Readonly<Record<string, number>> = { float16: 0, float32: 1, float64: 2 };
  if (floats[dtype] !== undefined) return [enum_.float, [[0, "i16", floats[dtype]]], []];
  const plain: Readonly<Record<string, number>> = {
    null: enum_.null,
    bool: enum_.bool,
    string: enum_.utf8,
    large_string: enum_.largeUtf8,
    binary: enum_.binary,
    large_binary: enum_.largeBinary,
  };
  return dtype === "date32" ? [enum_.date, [[0, "i16", 0]], []] : [plain[dtype] ?? enum_.null, [], []];
}

/** What the fields of a hostile schema may cost. */
const deepest = 32;

/** The feature of a `Field`, by its Arrow type alone. */
export function featureOfField(field: FlatTable, depth = 0): Feature {
  const name = field.text(0) ?? "";
  if (depth > deepest) throw new DataError(`column "${name}": nested more than ${deepest} deep.`, {});
  if (field.table(4) !== undefined) throw unread(name, "a dictionary");
  const type = field.table(3);
  const children = (): Feature[] => field.tables(5).map((child) => featureOfField(child, depth + 1));
  const only = (): Feature => {
    const [child] = children();
    if (child === undefined) throw new DataError(`column "${name}": a list without a kind of elements.`, {});
    return child;
  };
  switch (field.u8(2)) {
    case enum_.null:
      return new Value("null");
    case enum_.int:
      return new Value(`${type?.u8(1) === 1 ? "" : "u"}int${type?.i32(0) ?? 0}` as ValueDType); // checked by Value
    case enum_.float:
      return new Value((["float16", "float32", "float64"] as const)[type?.i16(0) ?? 0] ?? "float64");
    case enum_.binary:
      return new Value("binary");
    case enum_.utf8:
      return isJson(field) ? new Json() : new Value("string");
    case enum_.bool:
      return new Value("bool");
    case enum_.date:
      if (type?.i16(0, 1) !== 0) throw unread(name, "a date in milliseconds");
      return new Value("date32");
    case enum_.timestamp: {
      const zone = type?.text(1);
      return new Value(`timestamp[${timeUnits[type?.i16(0) ?? 0] ?? "?"}${zone === undefined ? "" : `, tz=${zone}`}]`);
    }
    case enum_.list:
      return new List(only());
    case enum_.fixedList:
      return new List(only(), { length: type?.i32(0) ?? 0 });
    case enum_.struct: {
      const parts = field.tables(5);
      return Object.fromEntries(parts.map((part) => [part.text(0) ?? "", featureOfField(part, depth + 1)]));
    }
    case enum_.largeBinary:
      return new Value("large_binary");
    case enum_.largeUtf8:
      return new Value("large_string");
    case enum_.largeList:
      return new LargeList(only());
    default:
      throw unread(name, `Arrow's type number ${field.u8(2)}`);
  }
}
function isJson(field: FlatTable): boolean {
  return field.tables(6).some((entry) => entry.text(0) === "ARROW:extension:name" && entry.text(1) === "arrow.json");
}
function unread(name: string, what: string): UnsupportedError {
  return new UnsupportedError(`column "${name}": ${what} is not read. Cast the column where the file is made.`, {
    column: name,
  });
}
