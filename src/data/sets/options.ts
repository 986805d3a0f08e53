// The options of a data set's methods, and the types of what they give.

import type { Features } from "../features.ts";
import type { NumpyGenerator } from "../numpy-random.ts";
import type { Table } from "../table/table.ts";
import type { Format } from "./format.ts";
import type { Merged } from "./rows.ts";

interface FunctionOptions {
  /** Given to the function after the index. Naming all that it depends on lets the result be kept for the next run. */
  readonly fnKwargs?: unknown;
  /** These columns become the function's first arguments, in place of the row. */
  readonly inputColumns?: readonly string[];
  /** Rows of a batch, default 1000; 0 for all rows in one. */
  readonly batchSize?: number;
  /** A name for what the function does, which lets the result be kept. Change it when the function's effect changes. */
  readonly cacheKey?: string;
  /** False makes it anew. */
  readonly loadFromCacheFile?: boolean;
}
export interface MapOptions<C extends string> extends FunctionOptions {
  readonly batched?: boolean;
  /** Columns that the result does not have, unless the function gives them. */
  readonly removeColumns?: readonly C[];
  /** What the result's columns hold; values are cast. */
  readonly features?: Features;
  /** True keeps a result in memory whose source is on disk. */
  readonly keepInMemory?: boolean;
  /** Threads, for functions given by the address of their module. */
  readonly numProc?: number;
  /** Rows written at once. */
  readonly writerBatchSize?: number;
}
export interface FilterOptions extends FunctionOptions {
  readonly batched?: boolean;
}
export interface ShuffleOptions {
  readonly seed?: number | bigint;
  readonly generator?: NumpyGenerator;
}
export interface SortOptions {
  /** Downwards; one answer for all columns, or one each. */
  readonly reverse?: boolean | readonly boolean[];
  /** Default "atEnd". */
  readonly nullPlacement?: "atStart" | "atEnd";
}
/** What a data set is made of; for those who make one. */
export interface DatasetParts {
  /** The rows of the table, in order; all of them where absent. */
  readonly indices?: Uint32Array | undefined;
  readonly format?: Format | undefined;
  /** What the rows were made from and how. Without it nothing is cached. */
  readonly fingerprint?: string | undefined;
  /** The folder for what is made from it. */
  readonly cacheDir?: string | undefined;
  readonly split?: string | undefined;
}

/** A data set of any rows. */
export interface AnyDataset {
  readonly length: number;
  readonly features: Features;
  readonly table: Table;
  readonly parts: DatasetParts;
}

export type Without<R, C> = { [K in keyof R as K extends C ? never : K]: R[K] };
export type Later<Out, D> = Out extends Promise<unknown> ? Promise<D> : D;
export type MappedRow<R, C, Out> = Awaited<Out> extends object ? Merged<Without<R, C>, Awaited<Out>> : R;
