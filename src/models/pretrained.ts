// What every model of Hugging Face's kind has: a configuration, and a folder it can be written to and read from.

import { openModelFolder, saveModelFolder } from "#runtime/checkpoint/model-files";
import type { DType } from "../base/dtype.ts";
import { CheckpointError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { type SafetensorsDType, type SafetensorsEntry, safetensorsName } from "../checkpoint/safetensors.ts";
import { Module } from "../nn/module.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { Tensor } from "../tensor/tensor.ts";
import { bytesView } from "../tensor/transfer.ts";
import { formatConfig, type PretrainedConfig, parseConfig } from "./configuration.ts";

export abstract class PreTrainedModel<C extends PretrainedConfig, A extends readonly unknown[], R> extends Module<A, R> {
  readonly config: C;

  constructor(config: C) {
    super();
    this.config = config;
  }

  /** Writes `config.json` and `model.safetensors`; each replaces its old version only when it is whole. */
  async savePretrained(folder: string): Promise<void> {
    await saveModelFolder(folder, formatConfig(this.config), stateEntries(this));
  }
}

/** The state as entries of a file, shared tensors once. Bytes are taken when they are asked for. */
export function stateEntries(module: Module): SafetensorsEntry[] {
  const seen = new Set<Tensor>();
  const entries: SafetensorsEntry[] = [];
  for (const [name, t] of module.stateDict()) {
    if (seen.has(t)) continue;
    seen.add(t);
    entries.push({ name, dtype: safetensorsName[t.dtype], shape: t.shape, bytes: () => bytesView(t) });
  }
  return entries;
}

/** Something that reads tensors by name, one at a time, as an open safetensors file does. */
export interface WeightsSource {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, { readonly dtype: SafetensorsDType; readonly shape: readonly number[] }>;
  read(name: string, into?: Uint8Array): Promise<Uint8Array>;
}

const dtypeOf = new Map(Object.entries(safetensorsName).map(([dtype, name]) => [name, dtype as DType])); // keys of that table

/**
 * Fills a module from a file, converting dtypes. A name may be absent if its tensor is shared with one that is there. All that
 * is missing, unexpected or of another size is in the one error, which comes before anything is changed.
 */
export async function loadWeights(module: Module, source: WeightsSource): Promise<void> {
  const own = module.stateDict();
  const present = new Set([...own].filter(([name]) => source.tensors.has(name)).map(([, t]) => t));
  const missing = [...own].filter(([, t]) => !present.has(t)).map(([name]) => name);
  const unexpected = [...source.tensors.keys()].filter((name) => !own.has(name));
  const mismatched = [...own].flatMap(([name, t]) => {
    const info = source.tensors.get(name);
    if (info === undefined || sameShape(info.shape, t.shape)) return [];
    return [`${name} is ${showShape(info.shape)}, the configuration makes it ${showShape(t.shape)}`];
  });
  const some = (names: readonly string[]): string => `${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`;
  const problems = [
    ...(missing.length > 0 ? [`missing: ${some(missing)}`] : []),
    ...(unexpected.length > 0 ? [`unexpected: ${some(unexpected)}`] : []),
    ...(mismatched.length > 0 ? [`other sizes: ${some(mismatched)}`] : []),
  ];
  if (problems.length > 0) {
    throw new CheckpointError(`${source.file}: the weights do not fit the model: ${problems.join("; ")}.`, {
      file: source.file,
      missing,
      unexpected,
      mismatched,
    });
  }
  for (const [name, t] of own) {
    const info = source.tensors.get(name);
    if (info === undefined) continue;
    const dtype = dtypeOf.get(info.dtype);
    if (dtype === undefined) throw new CheckpointError(`${source.file}: ${name} is ${info.dtype}, which tensors cannot hold.`, { name });
    if (dtype === t.dtype) {
      await source.read(name, bytesView(t));
      t.storage.version++;
    } else {
      const read = Tensor.empty(t.shape, dtype);
      await source.read(name, bytesView(read));
      noGrad(() => t.copy_(read));
      read.dispose();
    }
  }
}

/** A model's folder as a model: `make` builds it, untrained, from the configuration. */
export async function loadPretrained<M extends Module>(folder: string, make: (config: PretrainedConfig, file: string) => M | Promise<M>): Promise<M> {
  const { configFile, config, weights } = await openModelFolder(folder);
  try {
    const model = await make(parseConfig(config, configFile), configFile);
    await loadWeights(model, weights);
    return model.eval();
  } finally {
    await weights.close();
  }
}
