// Several data sets as one: one below the other, side by side, or in turn.

import { ArgumentError, DataError } from "../../base/errors.ts";
import { describeFeature, type Feature, type Features, mergeFeatures, sameFeature, Value } from "../features.ts";
import { NumpyGenerator } from "../numpy-random.ts";
import { concatTables, joinColumns } from "../table/table.ts";
import { Dataset } from "./dataset.ts";
import { IterableDataset } from "./iterable-dataset.ts";
import { ConcatStage, MixStage, type Turns } from "./mixed-stages.ts";
import type { AnyDataset } from "./options.ts";
import { checkProbabilities, interleavedOrder, type StoppingStrategy } from "./order.ts";

export interface ConcatenateOptions {
  /** 0, the default: one below the other. 1: side by side. */
  readonly axis?: 0 | 1;
}

/** One data set of the rows of all, in their order. A column that some lack is null there; kinds must be alike. */
export function concatenateDatasets<R extends object>(
  datasets: readonly Dataset<R>[],
  options?: ConcatenateOptions,
): Dataset<R>;
export function concatenateDatasets<R extends object>(datasets: readonly IterableDataset<R>[]): IterableDataset<R>;
export function concatenateDatasets(datasets: readonly AnyDataset[], options?: ConcatenateOptions): Dataset;
export function concatenateDatasets(
  datasets: readonly AnyDataset[] | readonly IterableDataset[],
  options: ConcatenateOptions = {},
): Dataset | IterableDataset {
  if (!areStreams(datasets)) return below(datasets, options);
  return new IterableDataset(new ConcatStage(datasets.map(({ stage }) => stage)), datasets[0]?.features);
}

function areStreams(
  datasets: readonly AnyDataset[] | readonly IterableDataset[],
): datasets is readonly IterableDataset[] {
  const streams = datasets.filter((one) => one instanceof IterableDataset).length;
  if (streams === 0 || streams === datasets.length) return streams > 0;
  throw new ArgumentError("data sets and streams do not mix. toIterableDataset(dataset) makes a stream.", {});
}

function below(given: readonly AnyDataset[], options: ConcatenateOptions): Dataset {
  const datasets = given.map(({ table, parts }) => new Dataset(table, parts));
  const [first] = datasets;
  if (first === undefined) throw new ArgumentError("concatenateDatasets: no data sets.", {});
  if (options.axis === 1) return new Dataset(joinColumns(datasets.map((dataset) => dataset.flattenIndices().table)));
  const features = alignedFeatures(datasets.map((dataset) => dataset.features));
  const table = concatTables(
    datasets.map((dataset) => dataset.cast(onlyNames(features, dataset.features)).table),
    features,
  );
  return new Dataset(table, { ...first.parts, indices: joinedIndices(datasets), fingerprint: undefined });
}

function onlyNames(features: Features, names: Features): Features {
  return Object.fromEntries(Object.keys(names).map((name) => [name, features[name]!]));
}

/** Columns of null take the kind of the others; anything else must agree. */
function alignedFeatures(all: readonly Features[]): Features {
  const aligned: Record<string, Feature> = {};
  for (const features of all) {
    for (const [name, feature] of Object.entries(features)) {
      const other = Object.hasOwn(aligned, name) ? aligned[name]! : feature;
      const isFree = [other, feature].some((one) => one instanceof Value && one.dtype === "null");
      if (!isFree && !sameFeature(other, feature)) {
        throw new DataError(
          `concatenateDatasets: column "${name}" is ${describeFeature(other)} in one and ${describeFeature(feature)} in another. castColumn() one.`,
          { column: name },
        );
      }
      aligned[name] = mergeFeatures(other, feature);
    }
  }
  return aligned;
}

function joinedIndices(datasets: readonly AnyDataset[]): Uint32Array | undefined {
  if (datasets.every(({ parts }) => parts.indices === undefined)) return undefined;
  const order = new Uint32Array(datasets.reduce((sum, { length }) => sum + length, 0));
  let [at, start] = [0, 0];
  for (const { length, parts, table } of datasets) {
    for (let i = 0; i < length; i++) order[at++] = start + (parts.indices?.[i] ?? i);
    start += table.numRows;
  }
  return order;
}

export interface InterleaveOptions {
  /** How often each is drawn from; they add up to 1. Without them the data sets take turns. */
  readonly probabilities?: readonly number[];
  readonly seed?: number | bigint;
  /** When to stop; default "first_exhausted". */
  readonly stoppingStrategy?: StoppingStrategy;
}

/** Rows of several data sets in turn, as Python's `interleave_datasets` orders them. */
export function interleaveDatasets<R extends object>(
  datasets: readonly Dataset<R>[],
  options?: InterleaveOptions,
): Dataset<R>;
export function interleaveDatasets<R extends object>(
  datasets: readonly IterableDataset<R>[],
  options?: InterleaveOptions,
): IterableDataset<R>;
export function interleaveDatasets(datasets: readonly AnyDataset[], options?: InterleaveOptions): Dataset;
export function interleaveDatasets(
  datasets: readonly AnyDataset[] | readonly IterableDataset[],
  options: InterleaveOptions = {},
): Dataset | IterableDataset {
  const { probabilities, seed, stoppingStrategy = "first_exhausted" } = options;
  if (datasets.length === 0) throw new ArgumentError("interleaveDatasets: no data sets.", {});
  if (probabilities !== undefined) checkProbabilities(datasets.length, probabilities);
  if (areStreams(datasets)) {
    const turns: Turns =
      probabilities === undefined
        ? { kind: "cycle" }
        : { kind: "drawn", generator: new NumpyGenerator(seed), probabilities };
    const stages = datasets.map(({ stage }) => stage);
    return new IterableDataset(new MixStage(stages, turns, stoppingStrategy), datasets[0]?.features);
  }
  const lengths = datasets.map(({ length }) => length);
  return below(datasets, {}).select(interleavedOrder(lengths, stoppingStrategy, probabilities, seed));
}
