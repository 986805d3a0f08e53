// Datasets, the order of their rows, and batches.

export { readJsonl, streamJsonl } from "#runtime/data/jsonl";
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
export { type Dataset, type DatasetLike, mapDataset, randomSplit, Subset, TensorDataset } from "./data/dataset.ts";
export type { JsonlOptions, JsonlRow, JsonObject } from "./data/jsonl.ts";
export { DataLoader, type LoaderOptions, type LoaderState } from "./data/loader.ts";
export type { RowModule, WorkerSource } from "./data/row-workers.ts";
export {
  BatchSampler,
  type Drawn,
  LengthGroupedSampler,
  RandomSampler,
  type Sampler,
  type SamplerState,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from "./data/samplers.ts";
