// `map` and `filter`, for rows in any storage: blocks are read, given to the user's function, and written. The functions may be
// asynchronous; only then is the result.

import { ArgumentError, DataError } from "../../base/errors.ts";
import type { Columns } from "../table/table.ts";
import type { TableWriter } from "../table/writer.ts";
import type { FilterOptions } from "./options.ts";
import { batchOfRows, type Row, rowsOfBatch } from "./rows.ts";

/** What a user's function gets: (row or batch, index or indices, fnKwargs), or the input columns in place of the first. */
export type Apply = (...args: unknown[]) => unknown;

export interface Applied {
  readonly apply: Apply;
  readonly batched: boolean;
  /** Rows a batch; 0 for all of them. */
  readonly batchSize: number;
  readonly inputColumns: readonly string[] | undefined;
  readonly fnKwargs: unknown;
}

/** A table seen through the order of a data set. */
export interface RowSource {
  readonly length: number;
  readonly blockRows: number;
  /** Rows `from … to` by column. */
  block(from: number, to: number): Columns;
  /** Columns as the data set's format shows them; `rows`: each row for itself. */
  format(columns: Columns, rows: boolean): Readonly<Record<string, unknown>>;
}

/** Runs steps that may wait: at once where nothing is a promise, else asynchronously. */
export function runSteps<T>(steps: Generator<unknown[], T, unknown[]>): T | Promise<T> {
  let step = steps.next();
  while (step.done !== true) {
    const results = step.value;
    if (results.some(isPromise)) return runLater(steps, results);
    step = steps.next(results);
  }
  return step.value;
}
async function runLater<T>(steps: Generator<unknown[], T, unknown[]>, first: unknown[]): Promise<T> {
  let waiting = first;
  for (;;) {
    let step: IteratorResult<unknown[], T>;
    try {
      step = steps.next(await Promise.all(waiting));
    } catch (error) {
      steps.return(undefined as never); // lets it clean up; the value is not used
      throw error;
    }
    if (step.done === true) return step.value;
    waiting = step.value;
  }
}
function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Calls of the user's function over the rows of a source, block by block, each with the rows that it was for. */
export function* blocksOf(
  source: RowSource,
  how: Applied,
): Generator<{ readonly columns: Columns; readonly from: number; readonly rows: number; readonly calls: unknown[] }> {
  const { batched } = how;
  const size = batched ? (how.batchSize > 0 ? how.batchSize : Math.max(1, source.length)) : source.blockRows;
  for (let from = 0; from < source.length; from += size) {
    const to = Math.min(source.length, from + size);
    const columns = source.block(from, to);
    const shown = source.format(columns, !batched);
    const calls = batched
      ? [call(how, shown, range(from, to))]
      : rowsOfBatch(shown as Columns, to - from).map((row, i) => call(how, row, from + i)); // lists, as asked for
    yield { columns, from, rows: to - from, calls };
  }
}
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
function call(
  { apply, inputColumns, fnKwargs }: Applied,
  input: Readonly<Record<string, unknown>>,
  index: unknown,
): unknown {
  const inputs = inputColumns === undefined ? [input] : inputColumns.map((name) => input[name]);
  return fnKwargs === undefined ? apply(...inputs, index) : apply(...inputs, index, fnKwargs);
}

/** Writes what the function makes of the rows. Says whether it made anything. */
export function* mapSteps(
  source: RowSource,
  how: Applied,
  removeColumns: readonly string[],
  writer: TableWriter,
): Generator<unknown[], boolean, unknown[]> {
  let done = false;
  let updates: boolean | undefined;
  try {
    for (const { columns, from, rows, calls } of blocksOf(source, how)) {
      const results = yield calls;
      updates ??= results[0] !== undefined && results[0] !== null;
      if (!updates) continue;
      writeResults({ columns, from, rows, results }, how.batched, removeColumns, writer);
    }
    done = true;
    return updates ?? false;
  } finally {
    if (!done) writer.abandon();
  }
}

export interface BlockResults {
  readonly columns: Columns;
  readonly from: number;
  readonly rows: number;
  readonly results: readonly unknown[];
}

/** Joins the rows of a block with what the function gave for them. */
export function writeResults(
  { columns, from, rows, results }: BlockResults,
  batched: boolean,
  removeColumns: readonly string[],
  writer: TableWriter,
): void {
  const kept: Record<string, ArrayLike<unknown>> = { ...columns };
  for (const name of removeColumns) delete kept[name];
  if (!batched) {
    const outputs = results.map((result, i) => checkedRow(result, from + i));
    writer.writeColumns({ ...kept, ...batchOfRows(outputs) }, rows);
    return;
  }
  const output = checkedBatch(results[0], from);
  const [first] = Object.values(output);
  const made = first?.length ?? rows;
  for (const [name, values] of Object.entries({ ...kept, ...output })) {
    if (values.length === made) continue;
    throw new DataError(
      `map: the batch from row ${from} on has ${values.length} values of "${name}" and ${made} of the others. ` +
        "A function that changes the number of rows gives all columns, or removes the others by removeColumns.",
      { column: name, row: from },
    );
  }
  writer.writeColumns({ ...kept, ...output }, made);
}

function checkedRow(result: unknown, row: number): Row {
  if (typeof result === "object" && result !== null && !Array.isArray(result)) return result as Row;
  throw new DataError(`map: row ${row} became ${String(result)}; a function of rows gives an object of columns.`, {
    row,
  });
}
function checkedBatch(result: unknown, row: number): Record<string, ArrayLike<unknown>> {
  const wanted = "a function of batches gives an object of lists";
  if (typeof result !== "object" || result === null || Array.isArray(result)) {
    throw new DataError(`map: the batch from row ${row} on became ${String(result)}; ${wanted}.`, { row });
  }
  for (const [name, values] of Object.entries(result)) {
    if (typeof values === "object" && values !== null && "length" in values) continue;
    throw new DataError(`map: "${name}" of the batch from row ${row} on is ${String(values)}; ${wanted}.`, { row });
  }
  return result as Record<string, ArrayLike<unknown>>; // as just seen
}

/** The numbers of the rows for which the function says yes. */
export function* filterSteps(source: RowSource, how: Applied): Generator<unknown[], Uint32Array, unknown[]> {
  const kept: number[] = [];
  for (const { from, rows, calls } of blocksOf(source, how)) {
    const results = yield calls;
    const answers = how.batched ? (results[0] as ArrayLike<unknown>) : results; // checked on the next line
    if (typeof answers !== "object" || answers === null || answers.length !== rows) {
      throw new DataError(`filter: the batch from row ${from} on has ${rows} rows; wants as many answers.`, {
        row: from,
      });
    }
    for (let i = 0; i < rows; i++) if (answers[i]) kept.push(from + i);
  }
  return Uint32Array.from(kept);
}

/** A function and how it is to be called, checked. */
export function appliedOf(who: string, apply: Apply, options: FilterOptions): Applied {
  const { batched = false, batchSize = 1000, inputColumns, fnKwargs } = options;
  if (batchSize !== 0) checkCount(who, "batchSize", batchSize);
  return { apply, batched, batchSize, inputColumns, fnKwargs };
}

export function checkCount(who: string, name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new ArgumentError(`${who}: ${name} ${value}; it is a whole number of at least 1.`, { [name]: value });
}
