// Values as another feature holds them: numbers from texts, texts from numbers, class numbers from names.

import { DataError } from "../../base/errors.ts";
import { ClassLabel, describeFeature, type Feature, isStruct, Json, LargeList, List, type Value } from "../features.ts";

/** All values of a column; the error names the column and the row. */
export function castValues(values: ArrayLike<unknown>, feature: Feature, column: string, firstRow = 0): unknown[] {
  const cast = casterOf(feature);
  const out = new Array<unknown>(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null || value === undefined) {
      out[i] = null;
      continue;
    }
    try {
      out[i] = cast(value);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      throw new DataError(`column "${column}", row ${firstRow + i}: ${error.message}`, { column, row: firstRow + i });
    }
  }
  return out;
}

type Cast = (value: unknown) => unknown;

function casterOf(feature: Feature): Cast {
  if (feature instanceof Json) return (value) => value;
  if (feature instanceof ClassLabel) return (value) => classOf(feature, value);
  if (feature instanceof List || feature instanceof LargeList) {
    const cast = orNull(casterOf(feature.feature));
    return (value) => {
      if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, cast); // a typed array
      if (!Array.isArray(value)) throw cannot(value, feature);
      return value.map(cast);
    };
  }
  if (isStruct(feature)) {
    const parts = Object.entries(feature).map(([name, part]) => [name, orNull(casterOf(part))] as const);
    return (value) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw cannot(value, feature);
      const fields = value as Readonly<Record<string, unknown>>; // an object, as just seen
      return Object.fromEntries(
        parts.map(([name, cast]) => [name, cast(Object.hasOwn(fields, name) ? fields[name] : null)]),
      );
    };
  }
  return valueCaster(feature);
}
const orNull =
  (cast: Cast): Cast =>
  (value) =>
    value === null || value === undefined ? null : cast(value);

function classOf(label: ClassLabel, value: unknown): unknown {
  if (typeof value === "string") return label.str2int(value);
  const number = typeof value === "boolean" || typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= -1 && number < label.numClasses)
    return number;
  throw new DataError(`${String(value)} is not a class; there are ${label.numClasses} of them.`, { value });
}

function valueCaster(feature: Value): Cast {
  const { dtype } = feature;
  if (dtype === "bool") return (value) => boolOf(value, feature);
  if (dtype.endsWith("string")) return (value) => textOf(value, feature);
  if (dtype.startsWith("float")) return (value) => floatOf(value, feature);
  if (/^u?int/.test(dtype)) return (value) => wholeOf(value, feature);
  if (dtype.startsWith("timestamp") || dtype === "date32") return (value) => dateOf(value, feature);
  return (value) => value;
}

function cannot(value: unknown, feature: Feature): DataError {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : String(value).slice(0, 40);
  return new DataError(`${shown} cannot become ${describeFeature(feature)}.`, { value });
}
function boolOf(value: unknown, feature: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value === 0 || value === 1) return value === 1;
  const text = typeof value === "string" ? value.toLowerCase() : "";
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw cannot(value, feature);
}
function textOf(value: unknown, feature: Value): string {
  if (typeof value === "object" && !(value instanceof Date)) throw cannot(value, feature);
  return value instanceof Date ? value.toISOString() : String(value);
}
function floatOf(value: unknown, feature: Value): number {
  if (typeof value === "string") {
    const number = value.trim() === "" ? Number.NaN : Number(value);
    if (Number.isNaN(number) && value.trim().toLowerCase() !== "nan") throw cannot(value, feature);
    return number;
  }
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return Number(value);
  throw cannot(value, feature);
}
function wholeOf(value: unknown, feature: Value): number | bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value)) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : BigInt(value.trim());
  }
  const number = typeof value === "boolean" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) throw cannot(value, feature);
  return number;
}
function dateOf(value: unknown, feature: Value): Date {
  const date = value instanceof Date ? value : typeof value === "string" ? new Date(value) : undefined;
  if (date === undefined || Number.isNaN(date.getTime())) throw cannot(value, feature);
  return date;
}
