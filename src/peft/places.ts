// Where modules lie in a model, and putting layers of adapters in their places.

import { Conv1D } from "../models/conv1d.ts";
import { PreTrainedModel } from "../models/pretrained.ts";
import { Embedding } from "../nn/embedding.ts";
import { Linear } from "../nn/linear.ts";
import { type AnyModule, Module } from "../nn/module.ts";
import type { CheckedLoraConfig } from "./lora-config.ts";
import { LoraEmbedding, LoraLayer, LoraLinear, ModulesToSave } from "./lora-layer.ts";

// biome-ignore lint/suspicious/noExplicitAny: a layer of any base
export type AnyLora = LoraLayer<any>;

/** A module where another one holds it. One module in several places is one place for each. */
export interface Place {
  readonly path: string;
  readonly module: AnyModule;
  readonly owner: AnyModule;
  readonly property: string;
}

export function placesOf(model: AnyModule, prefix = ""): Place[] {
  return Object.entries(model).flatMap(([property, value]: [string, unknown]) => {
    if (!(value instanceof Module)) return [];
    const path = prefix === "" ? model.spell(property) : `${prefix}.${model.spell(property)}`;
    return [{ path, module: value, owner: model, property }, ...placesOf(value, path)];
  });
}

export function put({ owner, property }: Place, module: AnyModule): void {
  Object.assign(owner, { [property]: module });
}

/** The layer of adapters at a place, made if there is none. */
export function adapt(place: Place): AnyLora {
  const { module } = place;
  if (module instanceof LoraLayer) return module;
  const layer = module instanceof Embedding ? new LoraEmbedding(module) : new LoraLinear(module as Linear | Conv1D); // checked
  layer.training = module.training;
  put(place, layer);
  return layer;
}

export function keep(place: Place): ModulesToSave {
  if (place.module instanceof ModulesToSave) return place.module;
  const kept = new ModulesToSave(place.module);
  kept.training = place.module.training;
  put(place, kept);
  return kept;
}

export function isLinear(module: AnyModule): boolean {
  return module instanceof Linear || module instanceof Conv1D || module instanceof LoraLinear;
}

/** What "all-linear" leaves alone in a pretrained model: the output layer, or the head of a classifier of texts. */
export function isHead(model: AnyModule, module: AnyModule, path: string, { taskType }: CheckedLoraConfig): boolean {
  if (!(model instanceof PreTrainedModel)) return false;
  const output = "getOutputEmbeddings" in model ? (model.getOutputEmbeddings as () => unknown)() : undefined; // transformers' name
  return output === undefined ? taskType === "SEQ_CLS" && /^(score|classifier)$/.test(path) : module === output;
}

/** Whether the path lies within a layer of adapters or a trained copy. */
export function insideAdapter(model: AnyModule, path: string): boolean {
  const parts = path.split(".");
  return parts.some((_, n) => {
    if (n === 0) return false;
    const above = model.getSubmodule(parts.slice(0, n).join("."));
    return above instanceof LoraLayer || above instanceof ModulesToSave;
  });
}
