// The types of rows and of batches of them, and how one becomes the other.

export type Row = Record<string, unknown>;
/** Rows of files, where their kind is not stated: a column `text` holds texts, as such a name says; of others nothing is known. */
export interface FileRow extends Row {
  text: string;
}
/** Rows by column: `{ text: ["a", "b"], label: [0, 1] }`. */
export type BatchOf<R> = { [K in keyof R]: R[K][] };
/** The rows of a batch that a function gave, whatever lists it is made of. */
export type RowOfBatch<B> = { [K in keyof B]: B[K] extends ArrayLike<infer E> ? E : never };
/** `A` with the columns of `B` added or replaced. */
export type Merged<A, B> = { [K in keyof A | keyof B]: K extends keyof B ? B[K] : K extends keyof A ? A[K] : never };

export function rowsOfBatch(columns: Readonly<Record<string, ArrayLike<unknown>>>, rows: number): Row[] {
  const entries = Object.entries(columns);
  const out = new Array<Row>(rows);
  for (let i = 0; i < rows; i++) {
    const row: Row = {};
    for (const [name, values] of entries) row[name] = values[i];
    out[i] = row;
  }
  return out;
}

/** Rows as columns; a key that a row lacks is null there. */
export function batchOfRows(rows: readonly object[]): Record<string, unknown[]> {
  const columns: Record<string, unknown[]> = {};
  rows.forEach((row, i) => {
    for (const [name, value] of Object.entries(row)) {
      if (!Object.hasOwn(columns, name)) columns[name] = new Array<null>(rows.length).fill(null);
      columns[name]![i] = value;
    }
  });
  return columns;
}
