// Tables with other columns and the same rows.

import { ArgumentError } from "../../base/errors.ts";
import { ClassLabel, type Feature, type Features, sameFeature, Value } from "../features.ts";
import type { Column, Table } from "../table/table.ts";
import { TableWriter } from "../table/writer.ts";
import { encodeClasses } from "./class-names.ts";
import { sinkBeside } from "./in-memory.ts";

export function checkColumns(who: string, wanted: readonly string[], columns: ReadonlyMap<string, Column>): void {
  const missing = wanted.find((name) => !columns.has(name));
  if (missing === undefined) return;
  const known = [...columns.keys()].join(", ");
  throw new ArgumentError(`${who}: there is no column "${missing}". The columns are ${known}.`, { column: missing });
}

export function withoutColumns(table: Table, names: readonly string[]): Table {
  checkColumns("removeColumns", names, table.columns);
  return table.with([...table.columns].filter(([name]) => !names.includes(name)));
}
export function onlyColumns(table: Table, names: readonly string[]): Table {
  checkColumns("selectColumns", names, table.columns);
  return table.with(names.map((name) => [name, table.columns.get(name)!] as const));
}
export function renamedColumns(table: Table, names: Readonly<Record<string, string>>): Table {
  checkColumns("renameColumns", Object.keys(names), table.columns);
  const renamed = Array.from(table.columns, ([name, column]) => [names[name] ?? name, column] as const);
  const twice = renamed.find(([name], i) => renamed.findIndex(([other]) => other === name) < i);
  if (twice === undefined) return table.with(renamed);
  throw new ArgumentError(`renameColumns: there would be two columns "${twice[0]}".`, { column: twice[0] });
}

/** Columns of these features. What is stored differently is written anew; the same table if nothing changes. */
export function castTable(table: Table, features: Features): Table {
  const names = Object.keys(features);
  const own = [...table.columns.keys()];
  if (names.length !== own.length || !names.every((name) => table.columns.has(name))) {
    throw new ArgumentError(`cast: features for ${names.join(", ")}; the columns are ${own.join(", ")}.`, {});
  }
  const before = table.features;
  const changed = names.filter((name) => !sameFeature(before[name]!, features[name]!));
  if (changed.length === 0) return table;
  const columns = new Map(table.columns);
  const rewritten = changed.filter((name) => !sameStorage(columns.get(name)!, features[name]!));
  for (const name of changed) columns.set(name, columns.get(name)!.withFeature(features[name]!));
  if (rewritten.length === 0) return table.with(columns);
  const writer = new TableWriter(sinkBeside(table), {
    features: Object.fromEntries(rewritten.map((name) => [name, features[name]!])),
  });
  const { blockRows: size, numRows } = table;
  for (let from = 0; from < numRows; from += size) {
    const to = Math.min(numRows, from + size);
    const part = rewritten.map((name) => [name, table.columns.get(name)!.slice(from, to)]);
    writer.writeColumns(Object.fromEntries(part), to - from);
  }
  for (const [name, column] of writer.finish().columns) columns.set(name, column);
  return table.with(columns);
}
/** The same bytes can be read as either: class numbers and whole numbers. */
function sameStorage(column: Column, feature: Feature): boolean {
  const from = column.feature;
  return from instanceof ClassLabel && feature instanceof Value && feature.dtype === "int64";
}

/** A column whose values become classes; only those of the rows `indices` have a name. */
export function encodedColumn(
  table: Table,
  name: string,
  indices: Uint32Array | undefined,
  includeNulls: boolean,
): Table {
  checkColumns("classEncodeColumn", [name], table.columns);
  const { label, classes } = encodeClasses(name, table.columns.get(name)!, indices, includeNulls);
  const writer = new TableWriter(sinkBeside(table), { features: { [name]: label } });
  writer.writeColumns({ [name]: classes }, classes.length);
  return table.with(new Map(table.columns).set(name, writer.finish().columns.get(name)!));
}
