// Layers with adapters beside their weights: `base(x) + scaling · B(A(dropout(x)))`, one pair of A and B for each adapter. The
// names of their tensors are PEFT's.

import { ArgumentError } from "../base/errors.ts";
import { Conv1D } from "../models/conv1d.ts";
import { ModuleDict } from "../nn/container.ts";
import { copyModule } from "../nn/copy.ts";
import { Dropout } from "../nn/dropout.ts";
import type { Embedding } from "../nn/embedding.ts";
import { kaimingUniform_, normal_, zeros_ } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { type AnyModule, Module } from "../nn/module.ts";
import { Parameter } from "../nn/parameter.ts";
import { ParameterDict } from "../nn/parameter-container.ts";
import { empty } from "../tensor/create.ts";
import { embedding } from "../tensor/functional/embedding.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { linear } from "../tensor/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CheckedLoraConfig } from "./lora-config.ts";

/** What of an adapter a layer needs beside its tensors. */
export interface AdapterSettings {
  readonly r: number;
  readonly scaling: number;
  readonly config: CheckedLoraConfig;
}

const spelled: { readonly [property: string]: string | undefined } = {
  loraA: "lora_A",
  loraB: "lora_B",
  loraEmbeddingA: "lora_embedding_A",
  loraEmbeddingB: "lora_embedding_B",
};

/** What all adapted layers have: which adapters act, and which are merged into the weights. */
export abstract class LoraLayer<Base extends AnyModule & { weight: Parameter }> extends Module<[x: Tensor], Tensor> {
  readonly baseLayer: Base;
  readonly adapters: Map<string, AdapterSettings> = new Map();
  /** The adapters that act, in order. */
  active: readonly string[] = [];
  /** The adapters that are part of the weights now, in order. */
  merged: readonly string[] = [];

  constructor(baseLayer: Base) {
    super();
    this.baseLayer = baseLayer;
  }

  /** `[out, in]` or as the base has it. */
  get weight(): Parameter {
    return this.baseLayer.weight;
  }
  /** Draws the tensors of a new adapter. */
  addAdapter(name: string, settings: AdapterSettings): void {
    this.adapters.set(name, settings);
    this.makeAdapter(name, settings);
  }
  deleteAdapter(name: string): void {
    if (this.merged.includes(name)) this.unmerge();
    this.adapters.delete(name);
    this.active = this.active.filter((other) => other !== name);
    this.dropAdapter(name);
  }
  has(name: string): boolean {
    return this.adapters.has(name);
  }
  settings(name: string): AdapterSettings {
    const settings = this.adapters.get(name);
    if (settings === undefined) throw new ArgumentError(`LoRA: this layer has no adapter "${name}".`, { name });
    return settings;
  }

  /** Adds what the adapters change to the weights themselves: calls cost what they cost without adapters. */
  merge(adapters: readonly string[] = this.active): void {
    for (const name of adapters.filter((adapter) => this.has(adapter) && !this.merged.includes(adapter))) {
      noGrad(() => this.baseLayer.weight.add_(this.deltaWeight(name)));
      this.merged = [...this.merged, name];
    }
  }
  unmerge(): void {
    for (const name of this.merged.toReversed()) noGrad(() => this.baseLayer.weight.sub_(this.deltaWeight(name)));
    this.merged = [];
  }
  /** Tensors of one adapter. */
  abstract adapterTensors(name: string): Parameter[];
  /** What the adapter adds to the weight, in the weight's shape. */
  abstract deltaWeight(name: string): Tensor;
  protected abstract makeAdapter(name: string, settings: AdapterSettings): void;
  protected abstract dropAdapter(name: string): void;

  /** The adapters that a call adds. */
  protected acting(): readonly string[] {
    return this.merged.length > 0 ? [] : this.active.filter((name) => this.has(name));
  }
  override spell(property: string): string {
    return spelled[property] ?? super.spell(property);
  }
}

/** An adapter on a Linear or a Conv1D. A is `[r, in]`, B `[out, r]`. */
export class LoraLinear extends LoraLayer<Linear | Conv1D> {
  readonly loraDropout: ModuleDict<Dropout> = new ModuleDict();
  readonly loraA: ModuleDict<Linear> = new ModuleDict();
  readonly loraB: ModuleDict<Linear> = new ModuleDict();

  get bias(): Parameter | undefined {
    return this.baseLayer.bias;
  }

  forward(x: Tensor): Tensor {
    let y: Tensor = this.baseLayer(x);
    for (const name of this.acting()) {
      const [A, B] = [this.loraA.get(name), this.loraB.get(name)];
      const given = this.loraDropout.get(name)(x.to(A.weight.dtype)); //                       […, in]
      const narrow = linear(given, A.weight).mul(this.settings(name).scaling); //              […, r]
      const isSame = y.dtype === B.weight.dtype;
      y = isSame ? linear(narrow, B.weight, undefined, { residual: y }) : y.add(linear(narrow, B.weight).to(y.dtype));
    }
    return y;
  }

  protected makeAdapter(name: string, { r, config }: AdapterSettings): void {
    const [outFeatures, inFeatures] = this.#isTransposed
      ? (this.weight.shape.toReversed() as [number, number]) // a matrix
      : (this.weight.shape as [number, number]); // a matrix
    this.loraDropout.set(name, new Dropout(config.loraDropout));
    this.loraA.set(name, new Linear(inFeatures, r, { bias: false }));
    this.loraB.set(name, new Linear(r, outFeatures, { bias: false }));
    const [A, B] = [this.loraA.get(name).weight, this.loraB.get(name).weight];
    if (config.initLoraWeights === false) return;
    if (config.initLoraWeights === "gaussian") normal_(A, 0, 1 / r);
    else kaimingUniform_(A, { a: Math.sqrt(5) });
    zeros_(B);
  }
  protected dropAdapter(name: string): void {
    for (const part of [this.loraDropout, this.loraA, this.loraB]) part.delete(name);
  }
  adapterTensors(name: string): Parameter[] {
    return [this.loraA.get(name).weight, this.loraB.get(name).weight];
  }
  deltaWeight(name: string): Tensor {
    const { scaling } = this.settings(name);
    const delta = this.loraB.get(name).weight.matmul(this.loraA.get(name).weight).mul(scaling); // [out, in]
    return (this.#isTransposed ? delta.t() : delta).to(this.weight.dtype);
  }
  /** Whether the weight is `[in, out]`. */
  get #isTransposed(): boolean {
    return this.baseLayer instanceof Conv1D;
  }
}

/** An adapter on a table. A is `[r, numEmbeddings]`, B `[embeddingDim, r]`. */
export class LoraEmbedding extends LoraLayer<Embedding> {
  readonly loraEmbeddingA: ParameterDict = new ParameterDict();
  readonly loraEmbeddingB: ParameterDict = new ParameterDict();

  forward(ids: Tensor): Tensor {
    let y: Tensor = this.baseLayer(ids);
    for (const name of this.acting()) {
      const [A, B] = [this.loraEmbeddingA.get(name), this.loraEmbeddingB.get(name)];
      const { paddingIdx } = this.baseLayer;
      const narrow = embedding(ids, A.t(), { paddingIdx }); //                            […, r]
      y = y.add(linear(narrow, B).mul(this.settings(name).scaling).to(y.dtype)); //       […, embeddingDim]
    }
    return y;
  }

  get numEmbeddings(): number {
    return this.baseLayer.numEmbeddings;
  }
  get embeddingDim(): number {
    return this.baseLayer.embeddingDim;
  }
  get paddingIdx(): number | undefined {
    return this.baseLayer.paddingIdx;
  }

  protected makeAdapter(name: string, { r, config }: AdapterSettings): void {
    const { numEmbeddings, embeddingDim } = this.baseLayer;
    const [A, B] = [new Parameter(empty([r, numEmbeddings])), new Parameter(empty([embeddingDim, r]))];
    normal_(A);
    normal_(B);
    if (config.initLoraWeights !== false) zeros_(A);
    this.loraEmbeddingA.set(name, A);
    this.loraEmbeddingB.set(name, B);
  }
  protected dropAdapter(name: string): void {
    for (const part of [this.loraEmbeddingA, this.loraEmbeddingB]) part.delete(name);
  }
  adapterTensors(name: string): Parameter[] {
    return [this.loraEmbeddingA.get(name), this.loraEmbeddingB.get(name)];
  }
  deltaWeight(name: string): Tensor {
    const product = this.loraEmbeddingB.get(name).matmul(this.loraEmbeddingA.get(name)); // [embeddingDim, numEmbeddings]
    return product.t().mul(this.settings(name).scaling).to(this.weight.dtype);
  }
}

/** A module of which each adapter has a trained copy. */
export class ModulesToSave extends Module {
  readonly originalModule: AnyModule;
  readonly modulesToSave: ModuleDict = new ModuleDict();
  /** The adapter whose copy is called; undefined calls the original. */
  active: string | undefined;

  constructor(originalModule: AnyModule) {
    super();
    this.originalModule = originalModule;
  }

  /** What is called now. */
  get acting(): AnyModule {
    return this.active !== undefined && this.modulesToSave.has(this.active)
      ? this.modulesToSave.get(this.active)
      : this.originalModule;
  }
  addAdapter(name: string): void {
    this.modulesToSave.set(name, copyModule(this.originalModule));
  }
  forward(...args: readonly unknown[]): unknown {
    return this.acting(...args);
  }
  /** Of a layer: what it computes with. */
  get weight(): unknown {
    return "weight" in this.acting ? this.acting.weight : undefined;
  }
  get bias(): unknown {
    return "bias" in this.acting ? this.acting.bias : undefined;
  }
}
