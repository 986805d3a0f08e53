// A model with adapters: the model's own weights are frozen, what is trained is small and saved by itself.
//
//   const model = getPeftModel(base, { r: 8, targetModules: ["query", "value"], taskType: "SEQ_CLS" });
//   …train it…
//   await model.savePretrained("runs/adapter");          // PEFT reads it, and writes what fromPretrained reads
//   const merged = model.mergeAndUnload();               // the plain model again, with the adapter in its weights

import { save } from "#runtime/checkpoint/save-file";
import { readAdapterFolder, writeAdapterConfig } from "#runtime/peft/adapter-folder";
import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { loadTensors } from "../checkpoint/load.ts";
import { PreTrainedModel } from "../models/pretrained.ts";
import { longestText } from "../models/pretrained-transformer.ts";
import { hasNaN } from "../models/weights-source.ts";
import { Embedding } from "../nn/embedding.ts";
import { type AnyModule, Module } from "../nn/module.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  type CheckedLoraConfig,
  checkLoraConfig,
  formatLoraConfig,
  isTarget,
  type LoraConfig,
  parseLoraConfig,
  ranksOf,
  targetsOf,
} from "./lora-config.ts";
import { LoraLayer, ModulesToSave } from "./lora-layer.ts";
import { type AnyLora, adapt, insideAdapter, isHead, isLinear, keep, type Place, placesOf, put } from "./places.ts";

export const adapterWeightsName = "adapter_model.safetensors";
export const adapterConfigName = "adapter_config.json";

/** Where the wrapped model lies, so that names are PEFT's: `base_model.model.…`. */
class LoraModel extends Module {
  readonly model: AnyModule;
  constructor(model: AnyModule) {
    super();
    this.model = model;
  }
  forward(...args: readonly unknown[]): unknown {
    return this.model(...args);
  }
}

/** Puts adapters on a model, which is changed by it, and freezes everything else. */
export function getPeftModel<A extends readonly unknown[], R>(
  model: Module<A, R>,
  config: LoraConfig,
  adapterName = "default",
): PeftModel<A, R> {
  return new PeftModel(model, config, adapterName);
}

// biome-ignore lint/suspicious/noExplicitAny: the default stands for models of any signature
export class PeftModel<A extends readonly unknown[] = any, R = any> extends Module<A, R> {
  readonly baseModel: LoraModel;
  /** Each adapter's configuration. */
  readonly peftConfig: Map<string, CheckedLoraConfig> = new Map();
  /** The adapters that act. */
  activeAdapters: readonly string[] = [];

  constructor(model: Module<A, R>, config: LoraConfig, adapterName = "default") {
    super();
    this.baseModel = new LoraModel(model);
    this.#targets(checkLoraConfig(config)); // throws before the model is changed
    model.requiresGrad_(false);
    this.addAdapter(adapterName, config);
    this.setAdapter(adapterName);
  }

  /** An adapter's folder on the model it was made for. `isTrainable`: to train it further; otherwise it is frozen too. */
  static async fromPretrained<A extends readonly unknown[], R>(
    model: Module<A, R>,
    folder: string,
    options: { readonly adapterName?: string; readonly isTrainable?: boolean } = {},
  ): Promise<PeftModel<A, R>> {
    const { adapterName = "default", isTrainable = false } = options;
    const { config, tensors } = await readAdapter(folder);
    const made = new PeftModel(model, { ...config, initLoraWeights: true }, adapterName);
    made.peftConfig.set(adapterName, config);
    try {
      made.loadAdapterState(adapterName, tensors);
    } catch (error) {
      made.unload();
      throw error;
    }
    if (!isTrainable) made.requiresGrad_(false);
    return made.eval() as PeftModel<A, R>;
  }

  forward(...args: A): R {
    return this.model(...args);
  }
  /** The model that has the adapters in it: what `generate` and pipelines take. */
  get model(): Module<A, R> {
    return this.baseModel.model as Module<A, R>; // given by the constructor
  }
  /** The model's configuration, if it has one. */
  get config(): unknown {
    return this.model instanceof PreTrainedModel ? this.model.config : undefined;
  }

  /** Tokens of the longest text that the model reads. */
  get longestText(): number {
    return longestText(this.model);
  }

  // ── adapters ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Another adapter beside those there are; `setAdapter` makes it act. Throws before anything is changed if no module is its target. */
  addAdapter(name: string, given: LoraConfig): void {
    if (this.peftConfig.has(name))
      throw new ArgumentError(`PeftModel: there is an adapter "${name}" already.`, { name });
    const config = checkLoraConfig(given);
    const biased = [...this.peftConfig].find(([, other]) => other.bias !== "none" || config.bias !== "none");
    if (biased !== undefined)
      throw new ArgumentError(
        `PeftModel: adapter "${name}" beside "${biased[0]}": there is one set of biases, so only a single adapter can train them. Set bias to "none".`,
        { name },
      );
    const { model } = this;
    const targets = this.#targets(config);
    const places = placesOf(model);
    const saved = places.filter(({ path }) =>
      config.modulesToSave.some((end) => path === end || path.endsWith(`.${end}`)),
    );
    for (const place of targets) adapt(place).addAdapter(name, { ...ranksOf(place.path, config), config });
    for (const place of saved) keep(place).addAdapter(name);
    if (config.bias === "all") for (const p of biases(model.namedParameters())) p.requiresGrad = true;
    if (config.bias === "lora_only")
      for (const layer of this.loraLayers())
        for (const p of biases((layer.baseLayer as AnyModule).namedParameters())) p.requiresGrad = true;
    this.peftConfig.set(name, config);
    this.#actWith(this.activeAdapters);
  }

  #targets(config: CheckedLoraConfig): Place[] {
    const { model } = this;
    const modelType = model instanceof PreTrainedModel ? (model.config.modelType as string) : undefined;
    const places = placesOf(model).filter(({ path }) => !insideAdapter(model, path));
    const wanted = targetsOf(config, modelType);
    const found =
      typeof wanted === "string" && wanted.toLowerCase() === "all-linear"
        ? places.filter(
            ({ path, module }) =>
              isLinear(module) && !isHead(model, module, path, config) && isTarget(path, [path], config),
          )
        : places.filter(({ path }) => isTarget(path, wanted, config));
    if (found.length === 0) {
      const linears = places.flatMap(({ path, module }) => (isLinear(module) ? [path] : []));
      throw new ArgumentError(
        `PeftModel: no module is meant by targetModules ${JSON.stringify(wanted)}. ` +
          `The model's linear layers are ${linears.slice(0, 8).join(", ")}${linears.length > 8 ? ", …" : ""}.`,
        { targetModules: wanted },
      );
    }
    for (const { path, module } of found) {
      if (isLinear(module) || module instanceof Embedding || module instanceof LoraLayer) continue;
      throw new ArgumentError(
        `PeftModel: "${path}" is a ${module.constructor.name}; LoRA goes on Linear, Conv1D and Embedding.`,
        { path },
      );
    }
    return found;
  }

  /** Makes these adapters act, and only these be trained. */
  setAdapter(names: string | readonly string[]): void {
    const list = typeof names === "string" ? [names] : names;
    for (const name of list) this.#config(name);
    this.activeAdapters = list;
    this.#actWith(list);
  }

  #actWith(names: readonly string[]): void {
    for (const layer of this.loraLayers()) {
      layer.active = names;
      for (const [name] of layer.adapters)
        for (const p of layer.adapterTensors(name)) p.requiresGrad = names.includes(name);
    }
    for (const kept of this.keptModules()) {
      kept.active = names.find((name) => kept.modulesToSave.has(name));
      for (const [name, copy] of kept.modulesToSave) copy.requiresGrad_(names.includes(name));
    }
  }

  /** Runs `body` with the model as it was without adapters; until its promise is settled, if it gives one. */
  disableAdapter<T>(body: () => T): T {
    const [layers, kept] = [this.loraLayers(), this.keptModules()];
    const merged = layers.map((layer) => layer.merged);
    const before = [layers.map(({ active }) => active), kept.map(({ active }) => active)] as const;
    for (const layer of layers) {
      layer.unmerge();
      layer.active = [];
    }
    for (const module of kept) module.active = undefined;
    const restore = (): void => {
      layers.forEach((layer, i) => {
        layer.active = before[0][i]!;
        layer.merge(merged[i]!);
      });
      kept.forEach((module, i) => {
        module.active = before[1][i];
      });
    };
    let result: T;
    try {
      result = body();
    } catch (error) {
      restore();
      throw error;
    }
    if (!(result instanceof Promise)) {
      restore();
      return result;
    }
    return result.finally(restore) as T; // a promise, as it was
  }

  deleteAdapter(name: string): void {
    this.#config(name);
    for (const layer of this.loraLayers()) if (layer.has(name)) layer.deleteAdapter(name);
    for (const kept of this.keptModules()) kept.modulesToSave.delete(name);
    this.peftConfig.delete(name);
    this.setAdapter(this.activeAdapters.filter((other) => other !== name));
  }

  /** Adds the acting adapters (or these) to the weights, until `unmergeAdapter`. */
  mergeAdapter(names: readonly string[] = this.activeAdapters): void {
    for (const layer of this.loraLayers()) layer.merge(names);
  }
  unmergeAdapter(): void {
    for (const layer of this.loraLayers()) layer.unmerge();
  }
  /** The plain model, with the acting adapters in its weights. Throws NaN out before anything is changed. */
  mergeAndUnload(): Module<A, R> {
    for (const layer of this.loraLayers())
      for (const name of this.activeAdapters.filter((adapter) => layer.has(adapter)))
        for (const p of layer.adapterTensors(name))
          if (!p.isfinite().all().item())
            throw new ArgumentError(
              `PeftModel: adapter "${name}" has weights that are not finite; nothing was merged.`,
              {
                name,
              },
            );
    this.mergeAdapter();
    return this.#unwrapped((kept) => kept.acting);
  }
  /** The plain model as it was. */
  unload(): Module<A, R> {
    this.unmergeAdapter();
    return this.#unwrapped((kept) => kept.originalModule);
  }
  #unwrapped(chosen: (kept: ModulesToSave) => AnyModule): Module<A, R> {
    for (const place of placesOf(this.model)) {
      if (place.module instanceof LoraLayer) put(place, place.module.baseLayer as AnyModule);
      else if (place.module instanceof ModulesToSave) put(place, chosen(place.module));
    }
    return this.model;
  }

  loraLayers(): AnyLora[] {
    return this.modules().filter((module): module is AnyLora => module instanceof LoraLayer);
  }
  keptModules(): ModulesToSave[] {
    return this.modules().filter((module): module is ModulesToSave => module instanceof ModulesToSave);
  }
  #config(name: string): CheckedLoraConfig {
    const config = this.peftConfig.get(name);
    if (config !== undefined) return config;
    throw new ArgumentError(
      `PeftModel: there is no adapter "${name}"; there are ${[...this.peftConfig.keys()].join(", ")}.`,
      {
        name,
      },
    );
  }

  /** `trainable params: 24,578 || all params: 109,506,820 || trainable%: 0.0224` */
  trainableParameters(): { readonly trainable: number; readonly all: number; readonly text: string } {
    const sum = (parameters: readonly { readonly numel: number }[]): number =>
      parameters.reduce((n, p) => n + p.numel, 0);
    const all = sum(this.parameters());
    const trainable = sum(this.parameters().filter((p) => p.requiresGrad));
    const shown = (n: number): string => n.toLocaleString("en-US");
    const text = `trainable params: ${shown(trainable)} || all params: ${shown(all)} || trainable%: ${((100 * trainable) / all).toFixed(4)}`;
    return { trainable, all, text };
  }

  // ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tensors of one adapter under the names that PEFT's files have: without the adapter's name. */
  adapterState(name: string = this.activeAdapters[0] ?? "default"): Map<string, Tensor> {
    const { bias } = this.#config(name);
    const state = new Map<string, Tensor>();
    const all = this.stateDict();
    const paths = new Map(this.namedModules().map(([path, module]) => [module, path]));
    const wanted = new Set<Tensor>(
      this.loraLayers().flatMap((layer) => (layer.has(name) ? layer.adapterTensors(name) : [])),
    );
    for (const [key, t] of all) if (wanted.has(t)) state.set(withoutName(key, name), t);
    const ofBias = (key: string): boolean =>
      bias === "all" ? key.endsWith(".bias") : bias === "lora_only" && key.endsWith(".base_layer.bias");
    for (const [key, t] of all) if (ofBias(key) && !key.includes(".modules_to_save.")) state.set(key, t);
    for (const kept of this.keptModules()) {
      if (!kept.modulesToSave.has(name)) continue;
      for (const [key, t] of kept.modulesToSave.get(name).stateDict()) state.set(`${paths.get(kept)}.${key}`, t);
    }
    return state;
  }

  /** The text of an adapter's `adapter_config.json`. */
  formatConfig(name: string = this.activeAdapters[0] ?? "default"): string {
    return formatLoraConfig(this.#config(name));
  }

  /** Fills an adapter from tensors of PEFT's names. All that is missing, unexpected or of another size is in the one error. */
  loadAdapterState(name: string, tensors: ReadonlyMap<string, Tensor>): void {
    const own = this.adapterState(name);
    const missing = [...own.keys()].filter((key) => !tensors.has(key));
    const unexpected = [...tensors.keys()].filter((key) => !own.has(key));
    const mismatched = [...own].flatMap(([key, t]) => {
      const from = tensors.get(key);
      if (from === undefined || sameShape(from.shape, t.shape)) return [];
      return [`${key} is ${showShape(from.shape)}, the model makes it ${showShape(t.shape)}`];
    });
    const problems = [
      ...(missing.length > 0 ? [`missing: ${missing.join(", ")}`] : []),
      ...(unexpected.length > 0 ? [`unexpected: ${unexpected.join(", ")}`] : []),
      ...mismatched,
    ];
    if (problems.length > 0)
      throw new CheckpointError(
        `adapter "${name}" does not fit the model: ${problems.join("; ")}. Was it made for another model?`,
        { missing, unexpected, mismatched },
      );
    const damaged = [...own.keys()].filter((key) => hasNaN(tensors.get(key)!));
    if (damaged.length > 0)
      throw new CheckpointError(
        `adapter "${name}": ${damaged.join(", ")} hold${damaged.length === 1 ? "s" : ""} NaN. The file was damaged, or training left the numbers before it was saved.`,
        { damaged },
      );
    noGrad(() => {
      for (const [key, t] of own) t.copy_(tensors.get(key)!);
    });
  }

  /** Another adapter from its folder. */
  async loadAdapter(folder: string, adapterName: string): Promise<void> {
    const { config, tensors } = await readAdapter(folder);
    this.addAdapter(adapterName, { ...config, initLoraWeights: true });
    this.peftConfig.set(adapterName, config);
    try {
      this.loadAdapterState(adapterName, tensors);
    } catch (error) {
      this.deleteAdapter(adapterName);
      throw error;
    }
  }

  /** Writes `adapter_config.json` and `adapter_model.safetensors`; an adapter not called "default" goes into a folder of its name. */
  async savePretrained(folder: string): Promise<void> {
    for (const name of this.peftConfig.keys()) {
      const to = name === "default" ? folder : `${folder}/${name}`;
      await save(this.adapterState(name), `${to}/${adapterWeightsName}`);
      await writeAdapterConfig(to, this.formatConfig(name));
    }
  }
}

async function readAdapter(folder: string): Promise<{ config: CheckedLoraConfig; tensors: Map<string, Tensor> }> {
  const { config, configFile, weightsFile } = await readAdapterFolder(folder);
  return { config: parseLoraConfig(config, configFile), tensors: await loadTensors(weightsFile) };
}

function biases<T>(parameters: readonly (readonly [string, T])[]): T[] {
  return parameters.flatMap(([name, p]) => (name === "bias" || name.endsWith(".bias") ? [p] : []));
}

/** `…lora_A.default.weight` and `…lora_embedding_A.default` without the adapter's name. */
function withoutName(key: string, name: string): string {
  if (key.endsWith(`.${name}`)) return key.slice(0, -name.length - 1);
  const at = key.lastIndexOf(".");
  const [head, tail] = [key.slice(0, at), key.slice(at)];
  return head.endsWith(`.${name}`) ? head.slice(0, -name.length - 1) + tail : key;
}
