// Datasets, the order of their rows, and batches.

export { readJsonl, streamJsonl } from "#runtime/data/jsonl";
export { getWorkerInfo, type WorkerInfo } from "./base/worker-info.ts";
export {
  type ArrayBatch,
  type Collated,
  defaultCollate,
  type PadOptions,
  padArrays,
  padCollate,
  type Seq2SeqOptions,
  type ShapedArray,
  seq2seqArrays,
  seq2seqCollate,
  type TensorBatch,
  type Tensors,
  type TokenRow,
  toTensors,
} from "./data/collate.ts";
export * from "./data/collators.ts";
export {
  ConcatDataset,
  type Dataset as MapStyleDataset,
  type DatasetLike,
  mapDataset,
  randomSplit,
  StackDataset,
  Subset,
  TensorDataset,
} from "./data/dataset.ts";
export {
  ClassLabel,
  type Feature,
  type Features,
  featuresFromJson,
  featuresToJson,
  Json,
  LargeList,
  List,
  Value,
  type ValueDType,
} from "./data/features.ts";
export { ChainDataset, dealRows, type IterableDataset as IterableStyleDataset } from "./data/iterable.ts";
export type { JsonlOptions, JsonlRow, JsonObject } from "./data/jsonl.ts";
export { DataLoader, type LoaderOptions, type LoaderState } from "./data/loader.ts";
export { type BatchOf, type DataModule, ModuleDataset, moduleDataset, type RowOf } from "./data/module-dataset.ts";
export { NumpyGenerator, type NumpyState } from "./data/numpy-random.ts";
export type { StreamPlace } from "./data/row-stream.ts";
export {
  BatchSampler,
  type DistributedOptions,
  DistributedSampler,
  type Drawn,
  LengthGroupedSampler,
  RandomSampler,
  type Sampler,
  type SamplerState,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from "./data/samplers.ts";
export {
  type ConcatenateOptions,
  concatenateDatasets,
  type InterleaveOptions,
  interleaveDatasets,
} from "./data/sets/combine.ts";
export { Dataset } from "./data/sets/dataset.ts";
export { DatasetDict } from "./data/sets/dataset-dict.ts";
export {
  IterableDataset,
  type IterableDatasetDict,
  type StreamMapOptions,
  type StreamShuffleOptions,
  type StreamState,
  toIterableDataset,
} from "./data/sets/iterable-dataset.ts";
export type { DataFilesOption, LoadDataset, LoadOptions, Paths, RowGenerator } from "./data/sets/load.ts";
export type { FilterOptions, MapOptions, ShuffleOptions, SortOptions } from "./data/sets/options.ts";
export type { SplitOptions, StoppingStrategy } from "./data/sets/order.ts";
export { loadFromDisk, saveToDisk } from "./data/sets/saved.ts";
export { loadDataset } from "./training/load-dataset.ts";
