// What the columns of a data set hold, in the words and the JSON of Hugging Face's `datasets`:
//
//     { text: new Value("string"), label: new ClassLabel({ names: ["bad", "good"] }), ids: new List(new Value("int32")) }

import { ArgumentError, DataError, UnsupportedError } from "../base/errors.ts";

const valueTypes = [
  "null",
  "bool",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "float16",
  "float32",
  "float64",
  "string",
  "large_string",
  "binary",
  "large_binary",
  "date32",
] as const;
export type ValueDType = (typeof valueTypes)[number] | `timestamp[${string}]`;

/** One value a row. Whole numbers of 64 bits come as numbers where these are exact, and as bigints beyond. Dates are `Date`s. */
export class Value {
  readonly dtype: ValueDType;
  constructor(dtype: ValueDType) {
    const known = valueTypes.some((name) => name === dtype) || /^timestamp\[(s|ms|us|ns)(, *tz=[^\]]+)?\]$/.test(dtype);
    if (!known) {
      throw new UnsupportedError(
        `Value: "${dtype}" is not one of ${valueTypes.join(", ")}, timestamp[s | ms | us | ns].`,
        { dtype },
      );
    }
    this.dtype = dtype;
  }
}

/** Classes by number, each with a name. Rows hold the numbers; names are understood where rows are made. */
export class ClassLabel {
  readonly names: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;
  constructor(options: { readonly names: readonly string[] } | { readonly numClasses: number }) {
    this.names =
      "names" in options ? [...options.names] : Array.from({ length: options.numClasses }, (_, i) => String(i));
    this.#numbers = new Map(this.names.map((name, i) => [name, i]));
    if (this.#numbers.size !== this.names.length) {
      throw new ArgumentError(`ClassLabel: names ${this.names.join(", ")} repeat.`, { names: this.names });
    }
  }
  get numClasses(): number {
    return this.names.length;
  }
  /** The name of a class. */
  int2str(label: number): string {
    const name = this.names[label];
    if (name === undefined) {
      throw new ArgumentError(`ClassLabel: there is no class ${label}; there are ${this.numClasses}.`, { label });
    }
    return name;
  }
  /** The number of a class; a text that is itself such a number is understood. */
  str2int(name: string): number {
    const label = this.#numbers.get(name) ?? this.#numbers.get(name.trim()) ?? Number.NaN;
    if (!Number.isNaN(label)) return label;
    const number = name.trim() === "" ? Number.NaN : Number(name);
    if (Number.isInteger(number) && number >= -1 && number < this.numClasses) return number;
    const some = this.names.slice(0, 10).join(", ");
    throw new DataError(`ClassLabel: "${name}" is not a class. They are ${some}${this.numClasses > 10 ? ", …" : ""}.`, {
      name,
    });
  }
}

/** A list a row, of any length, or of a fixed `length`. */
export class List {
  readonly feature: Feature;
  readonly length: number;
  constructor(feature: Feature, options: { readonly length?: number } = {}) {
    this.feature = feature;
    this.length = options.length ?? -1;
  }
}
/** A list whose column may hold more than 2 ** 31 elements in one block of rows. */
export class LargeList {
  readonly feature: Feature;
  constructor(feature: Feature) {
    this.feature = feature;
  }
}
/** Anything JSON can hold, differently from row to row; stored as its text. */
export class Json {
  readonly kind = "Json";
}

/** A plain object of features is a structure: an object a row. */
export interface StructFeature {
  readonly [name: string]: Feature;
}
export type Feature = Value | ClassLabel | List | LargeList | Json | StructFeature;
export type Features = Readonly<Record<string, Feature>>;

export function isStruct(feature: Feature): feature is StructFeature {
  return !(
    feature instanceof Value ||
    feature instanceof ClassLabel ||
    feature instanceof List ||
    feature instanceof LargeList ||
    feature instanceof Json
  );
}

// ── as text and as Hugging Face's JSON ──────────────────────────────────────────────────────────────────────────────

/** As Python prints it. */
export function describeFeature(feature: Feature): string {
  if (feature instanceof Value) return `Value('${feature.dtype}')`;
  if (feature instanceof ClassLabel) return `ClassLabel(names=[${feature.names.map((n) => `'${n}'`).join(", ")}])`;
  if (feature instanceof List) {
    return `List(${describeFeature(feature.feature)}${feature.length < 0 ? "" : `, length=${feature.length}`})`;
  }
  if (feature instanceof LargeList) return `LargeList(${describeFeature(feature.feature)})`;
  if (feature instanceof Json) return "Json()";
  const parts = Object.entries(feature).map(([name, part]) => `'${name}': ${describeFeature(part)}`);
  return `{${parts.join(", ")}}`;
}

export type FeatureJson = unknown;

/** As `dataset_info.json` and the metadata of Arrow files have it. */
export function featureToJson(feature: Feature): Record<string, unknown> {
  if (feature instanceof Value) return { dtype: feature.dtype, _type: "Value" };
  if (feature instanceof ClassLabel) return { names: feature.names, _type: "ClassLabel" };
  if (feature instanceof List) {
    const length = feature.length < 0 ? {} : { length: feature.length };
    return { feature: featureToJson(feature.feature), ...length, _type: "List" };
  }
  if (feature instanceof LargeList) return { feature: featureToJson(feature.feature), _type: "LargeList" };
  if (feature instanceof Json) return { _type: "Json" };
  return Object.fromEntries(Object.entries(feature).map(([name, part]) => [name, featureToJson(part)]));
}

/** Reads what `featureToJson` writes, and the older spellings: `Sequence`, lists in brackets, `Translation`. */
export function featureFromJson(json: unknown, where = "features"): Feature {
  const bad = (what: string): DataError => new DataError(`${where}: ${what}.`, { where });
  if (Array.isArray(json)) return new List(featureFromJson(json[0], `${where}[0]`));
  if (typeof json !== "object" || json === null) throw bad(`wants an object, got ${JSON.stringify(json)}`);
  const fields = json as Readonly<Record<string, unknown>>; // an object, as just seen
  const type = fields["_type"];
  if (typeof type !== "string") {
    return Object.fromEntries(
      Object.entries(fields).map(([name, part]) => [name, featureFromJson(part, `${where}.${name}`)]),
    );
  }
  switch (type) {
    case "Value":
      if (typeof fields["dtype"] !== "string") throw bad("a Value has no dtype");
      return new Value(fields["dtype"] as ValueDType); // checked by Value
    case "ClassLabel": {
      const { names, num_classes: numClasses } = fields;
      if (Array.isArray(names) && names.every((name) => typeof name === "string")) return new ClassLabel({ names });
      if (typeof numClasses === "number") return new ClassLabel({ numClasses });
      throw bad("a ClassLabel has no names");
    }
    case "List":
    case "Sequence": {
      const length = typeof fields["length"] === "number" ? fields["length"] : -1;
      const feature = featureFromJson(fields["feature"], `${where}.feature`);
      if (type === "List" || !isStruct(feature)) return new List(feature, { length });
      // A Sequence of structures has always meant a structure of lists.
      return Object.fromEntries(Object.entries(feature).map(([name, part]) => [name, new List(part, { length })]));
    }
    case "LargeList":
      return new LargeList(featureFromJson(fields["feature"], `${where}.feature`));
    case "Json":
      return new Json();
    case "Translation": {
      const languages = Array.isArray(fields["languages"]) ? fields["languages"] : [];
      return Object.fromEntries(languages.map((language) => [String(language), new Value("string")]));
    }
    default:
      throw new UnsupportedError(`${where}: columns of kind ${type} are not read. Leave the column out.`, { type });
  }
}

export function featuresToJson(features: Features): Record<string, unknown> {
  return Object.fromEntries(Object.entries(features).map(([name, feature]) => [name, featureToJson(feature)]));
}
export function featuresFromJson(json: unknown): Features {
  const features = featureFromJson(json);
  if (!isStruct(features)) throw new DataError("features: wants an object of columns.", {});
  return features;
}
export function sameFeature(a: Feature, b: Feature): boolean {
  return a === b || JSON.stringify(featureToJson(a)) === JSON.stringify(featureToJson(b));
}

// ── found from values ───────────────────────────────────────────────────────────────────────────────────────────────

const nothing = new Value("null");
const listTypes: readonly (readonly [abstract new (...args: never[]) => object, ValueDType])[] = [
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [Int32Array, "int32"],
  [Uint8Array, "uint8"],
  [Int16Array, "int16"],
  [Int8Array, "int8"],
  [Uint16Array, "uint16"],
  [Uint32Array, "uint32"],
  [BigInt64Array, "int64"],
];

/** What one value is. Whole numbers are int64: JavaScript does not tell 1.0 from 1. */
function featureOf(value: unknown): Feature {
  if (value === null || value === undefined) return nothing;
  switch (typeof value) {
    case "string":
      return new Value("string");
    case "boolean":
      return new Value("bool");
    case "number":
      return new Value(Number.isSafeInteger(value) ? "int64" : "float64");
    case "bigint":
      return new Value("int64");
    case "object": {
      if (Array.isArray(value)) return new List(inferFeature(value));
      if (value instanceof Date) return new Value("timestamp[ms]");
      const typed = listTypes.find(([kind]) => value instanceof kind);
      if (typed !== undefined) return new List(new Value(typed[1]));
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, featureOf(part)]));
    }
    default:
      throw new DataError(`a column cannot hold a ${typeof value}.`, {});
  }
}

/** The feature that holds all of these values. */
export function inferFeature(values: readonly unknown[]): Feature {
  let found: Feature = nothing;
  for (const value of values) {
    if (value === null || value === undefined) continue;
    if (found instanceof Value && holdsSimply(found, value)) continue;
    found = mergeFeatures(found, featureOf(value));
  }
  return found;
}
function holdsSimply({ dtype }: Value, value: unknown): boolean {
  if (dtype === "string") return typeof value === "string";
  if (dtype === "float64") return typeof value === "number";
  return dtype === "int64" && Number.isSafeInteger(value);
}

/** The feature that holds what either holds: null gives way, whole numbers become broken ones, unlike kinds become JSON. */
export function mergeFeatures(a: Feature, b: Feature): Feature {
  if (a instanceof Value && a.dtype === "null") return b;
  if (b instanceof Value && b.dtype === "null") return a;
  if (a instanceof List && b instanceof List) {
    const length = a.length === b.length ? a.length : -1;
    return new List(mergeFeatures(a.feature, b.feature), { length });
  }
  if (isStruct(a) && isStruct(b)) {
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return Object.fromEntries(
      names.map((name) => [
        name,
        mergeFeatures(
          Object.hasOwn(a, name) ? a[name]! : nothing, //
          Object.hasOwn(b, name) ? b[name]! : nothing,
        ),
      ]),
    );
  }
  if (a instanceof Value && b instanceof Value) {
    if (a.dtype === b.dtype) return a;
    const [x, y] = [numberRank(a.dtype), numberRank(b.dtype)];
    if (x >= 0 && y >= 0) {
      const isFloat = a.dtype.startsWith("float") || b.dtype.startsWith("float");
      return isFloat ? new Value("float64") : new Value("int64");
    }
  }
  return sameFeature(a, b) ? a : new Json();
}
function numberRank(dtype: ValueDType): number {
  return /^(u?int|float)\d+$/.test(dtype) ? 1 : -1;
}

/** The columns of rows given as lists by name. */
export function inferFeatures(columns: Readonly<Record<string, readonly unknown[]>>): Features {
  return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, inferFeature(values)]));
}
