// What every model of Hugging Face's kind has: a configuration, and a folder it can be written to and read from.

import { saveModelFolder } from "#runtime/checkpoint/model-files";
import { CheckpointError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { type SafetensorsEntry, safetensorsName } from "../checkpoint/safetensors.ts";
import type { PretrainedOptions } from "../hub/pretrained-folder.ts";
import { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { bytesView } from "../tensor/transfer.ts";
import { formatConfig, type PretrainedConfig, parseConfig } from "./configuration.ts";
import { openPretrained } from "./pretrained-files.ts";
import { dtypeOf, readInto, someOf, type WeightsSource } from "./weights-source.ts";

export interface SaveOptions {
  /** Divides larger weights into shards of at most this size, a number of bytes or "5GB". */
  readonly maxShardSize?: number | string;
}

export abstract class PreTrainedModel<C extends PretrainedConfig, A extends readonly unknown[], R> extends Module<
  A,
  R
> {
  config: C;

  constructor(config: C) {
    super();
    this.config = config;
  }

  /**
   * Writes `config.json` and `model.safetensors`, the weights in shards with an index if they are larger than `maxShardSize`
   * ("5GB", or a number of bytes). Each file replaces its old version only when all weights are whole.
   */
  async savePretrained(folder: string, options: SaveOptions = {}): Promise<void> {
    await saveModelFolder(folder, formatConfig(this.config), stateEntries(this), options.maxShardSize);
  }
}

/** A module, or a part of one. */
type Stateful = Pick<Module, "stateDict">;

/** The state as entries of a file, shared tensors once. Bytes are taken when they are asked for. */
export function stateEntries(module: Stateful): SafetensorsEntry[] {
  const seen = new Set<Tensor>();
  const entries: SafetensorsEntry[] = [];
  for (const [name, t] of module.stateDict()) {
    if (seen.has(t)) continue;
    seen.add(t);
    entries.push({ name, dtype: safetensorsName[t.dtype], shape: t.shape, bytes: () => bytesView(t) });
  }
  return entries;
}

/**
 * Fills a module from a file, converting dtypes. A name may be absent if its tensor is shared with one that is there. All that
 * is missing, unexpected or does not fit is in the one error, which comes before anything is changed.
 */
export async function loadWeights(module: Stateful, source: WeightsSource): Promise<void> {
  const own = module.stateDict();
  const { file, tensors } = source;
  const present = [...own].filter(([name]) => tensors.has(name));
  const filled = new Set(present.map(([, t]) => t));
  const missing = [...own].filter(([, t]) => !filled.has(t)).map(([name]) => name);
  const unexpected = [...tensors.keys()].filter((name) => !own.has(name));
  const mismatched = present.flatMap(([name, t]) => {
    const { shape } = tensors.get(name)!;
    if (sameShape(shape, t.shape)) return [];
    return [`${name} is ${showShape(shape)}, the configuration makes it ${showShape(t.shape)}`];
  });
  const unreadable = present.flatMap(([name]) => {
    const { dtype } = tensors.get(name)!;
    return dtypeOf.has(dtype) ? [] : [`${name} is ${dtype}`];
  });
  const untied =
    missing.length + unexpected.length + mismatched.length > 0 ? [] : await differingTwins(present, source);
  const findings = {
    missing,
    unexpected,
    "other sizes": mismatched,
    "dtypes that tensors cannot hold": unreadable,
    untied,
  };
  const problems = Object.entries(findings).filter(([, names]) => names.length > 0);
  if (problems.length > 0) {
    const what = problems.map(([finding, names]) => `${finding}: ${someOf(names, 5)}`).join("; ");
    throw new CheckpointError(
      `${file}: the weights do not fit the model: ${what}. Were they saved with another configuration?`,
      { file, missing, unexpected, mismatched, unreadable, untied },
    );
  }
  for (const [name, t] of present) await readInto(t, name, source);
}

/** Names of one tensor of the model, under which the file has different ones. */
async function differingTwins(
  present: readonly (readonly [string, Tensor])[],
  source: WeightsSource,
): Promise<string[]> {
  const first = new Map<Tensor, string>();
  const out: string[] = [];
  for (const [name, t] of present) {
    const twin = first.get(t);
    if (twin === undefined) first.set(t, name);
    else {
      const [a, b] = [await source.read(twin), await source.read(name)];
      if (a.length !== b.length || a.some((byte, i) => byte !== b[i]))
        out.push(`${twin} and ${name} differ, the configuration makes them one`);
    }
  }
  return out;
}

/** A folder, or a repository of the hub, as a model: `make` builds it, untrained, from the configuration. */
export async function loadPretrained<M extends Module>(
  name: string,
  make: (config: PretrainedConfig, file: string) => M | Promise<M>,
  options: PretrainedOptions = {},
): Promise<M> {
  const { configFile, config, weights } = await openPretrained(name, options);
  try {
    const model = await make(parseConfig(config, configFile), configFile);
    await loadWeights(model, weights);
    return model.eval();
  } finally {
    await weights.close();
  }
}
