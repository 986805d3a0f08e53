// Everything most programs need: tensors and autograd, and the names that begin a program. Layers, optimizers and the rest
// also have entries of their own (`kindling/nn`, `kindling/optim`, …).

export type { DType } from "./base/dtype.ts";
export * from "./base/errors.ts";
export { Generator, manualSeed } from "./base/random.ts";
export type { RemovableHandle } from "./base/removable.ts";
export * from "./data.ts";
export { generate } from "./generation/generate.ts";
export type { GenerateOptions } from "./generation/options.ts";
export * from "./metrics.ts";
export * from "./models.ts";
export * as nn from "./nn.ts";
export * as optim from "./optim.ts";
export * from "./peft.ts";
export * from "./pipelines.ts";
export * from "./profiler.ts";
export { detectAnomaly } from "./tensor/anomaly.ts";
export type { Index } from "./tensor/at.ts";
export { type BackwardOptions, backward, grad } from "./tensor/autograd.ts";
export { checkpoint } from "./tensor/checkpoint.ts";
export * from "./tensor/create.ts";
export { where } from "./tensor/elementwise.ts";
export { defineFunction, FunctionContext } from "./tensor/function.ts";
export { enableGrad, isGradEnabled, noGrad } from "./tensor/grad-mode.ts";
export { gradcheck, gradgradcheck } from "./tensor/gradcheck.ts";
export { cat, stack } from "./tensor/indexing.ts";
export { memoryStats } from "./tensor/memory.ts";
export { packedWeightBytes, setPackedWeightBudget } from "./tensor/packed-weights.ts";
export type { ScatterReduction } from "./tensor/placing.ts";
export { rand, randint, randLike, randn, randnLike, randperm } from "./tensor/random.ts";
export type { PadMode } from "./tensor/rearranging.ts";
export { type SavedTensorsHooks, savedTensorsHooks } from "./tensor/saved-tensors.ts";
export { persist, type Scope, scope, tidy } from "./tensor/scope.ts";
export { searchsorted, type UniqueValues } from "./tensor/searching.ts";
export { broadcastTensors, dstack, hstack, meshgrid, vstack } from "./tensor/stacking.ts";
export { Tensor } from "./tensor/tensor.ts";
export * from "./text.ts";
export * from "./training.ts";
