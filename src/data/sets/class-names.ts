// Names for classes from the values of a column, as Python's `class_encode_column` makes them.

import { ArgumentError } from "../../base/errors.ts";
import { ClassLabel, Value } from "../features.ts";
import type { Column } from "../table/table.ts";
import { sortedOrder } from "./order.ts";

/** The class of every value of a column; only those of `rows` are classes. */
export function encodeClasses(
  name: string,
  column: Column,
  rows: Uint32Array | undefined,
  includeNulls: boolean,
): { readonly label: ClassLabel; readonly classes: (number | null)[] } {
  const { feature } = column;
  if (!(feature instanceof Value)) {
    throw new ArgumentError(`classEncodeColumn: column "${name}" does not hold single values.`, { column: name });
  }
  const texts = column.slice(0, column.length).map((value) => pythonText(value, feature, includeNulls));
  const used = new Set(rows === undefined ? texts : Array.from(rows, (i) => texts[i]!));
  const names = [...used].filter((text) => text !== null);
  const order = sortedOrder([{ values: names, reverse: false }], names.length, "atEnd");
  const label = new ClassLabel({ names: Array.from(order, (i) => names[i]!) });
  const numbers = new Map(label.names.map((text, i) => [text, i]));
  return { label, classes: texts.map((text) => (text === null ? null : (numbers.get(text) ?? null))) };
}

/** As Python's `str` says it, since class names come from there. */
function pythonText(value: unknown, { dtype }: Value, includeNulls: boolean): string | null {
  if (value === null) return includeNulls ? "None" : null;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (dtype.startsWith("float") && Number.isInteger(value)) return `${String(value)}.0`;
  return String(value);
}
