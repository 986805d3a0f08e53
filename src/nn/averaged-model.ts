// A model whose weights are the mean of another's on its way: of all its steps alike (SWA, https://arxiv.org/abs/1803.05407) or
// of the late ones more (EMA).
//
//     const ema = new AveragedModel(model, () => new Net(), { multiAvgFn: getEmaMultiAvgFn(0.999) });
//     … optimizer.step(); ema.updateParameters(model);
//     ema.eval()(x);

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { Buffer } from "./parameter.ts";

/** The new mean of one tensor, which is that of `n` models, with the one of another model. */
export type AvgFn = (averaged: Tensor, current: Tensor, n: number) => Tensor;
/** Takes another model's tensors into the means of those of `n`, in place. With `useBuffers` some may be integers. */
export type MultiAvgFn = (averaged: readonly Tensor[], current: readonly Tensor[], n: number) => void;

export interface AveragingOptions {
  /** How a tensor is averaged; all models alike if both are left out. */
  readonly avgFn?: AvgFn;
  /** The same for many tensors. */
  readonly multiAvgFn?: MultiAvgFn;
  /** Averages buffers (the statistics of batch norms) too; they are copied otherwise. */
  readonly useBuffers?: boolean;
}

/** The mean of the models that `updateParameters` was given; called like one of them. Its state is PyTorch's. */
export class AveragedModel<A extends readonly unknown[], R> extends Module<A, R> {
  /** `[]` int64: how many models the mean is of. */
  readonly nAveraged: Buffer;
  readonly module: Module<A, R>;
  readonly #average: MultiAvgFn;
  readonly #useBuffers: boolean;

  /** Starts from the values of `model`, in what `make` builds: another model of its kind, for a JavaScript object cannot be copied. */
  constructor(model: Module<A, R>, make: () => Module<A, R>, options: AveragingOptions = {}) {
    super();
    const { avgFn, multiAvgFn, useBuffers = false } = options;
    if (avgFn !== undefined && multiAvgFn !== undefined) {
      throw new ArgumentError("AveragedModel: avgFn and multiAvgFn are two ways of one thing; wants one at most.", {});
    }
    this.#average = multiAvgFn ?? each(avgFn ?? getSwaAvgFn());
    this.#useBuffers = useBuffers;
    this.nAveraged = new Buffer(zeros([], { dtype: "int64" }));
    this.module = make();
    if (this.module === model) {
      throw new ArgumentError("AveragedModel: make() gave the model itself; wants another one, for the means.", {});
    }
    const parameters = pairs(this.module.parameters(), model.parameters());
    copyAll([...parameters, ...pairs(this.module.buffers(), model.buffers())]);
    for (const [own, theirs] of parameters) own.requiresGrad = theirs.requiresGrad;
    const modules = model.modules();
    this.module.modules().forEach((own, i) => {
      own.training = modules[i]?.training ?? own.training;
    });
  }

  forward(...args: A): R {
    return this.module(...args);
  }

  /** Takes the weights of `model` into the means; the first ones are copied. */
  updateParameters(model: Module<A, R>): void {
    const parameters = pairs(this.module.parameters(), model.parameters());
    const buffers = pairs(this.module.buffers(), model.buffers());
    const averaged = this.#useBuffers ? [...parameters, ...buffers] : parameters;
    const n = Number(this.nAveraged.item());
    if (n === 0) copyAll(averaged);
    else {
      const [own, theirs] = [averaged.map(([t]) => t), averaged.map(([, t]) => t)];
      noGrad(() => tidy(() => this.#average(own, theirs, n)));
    }
    if (!this.#useBuffers) copyAll(buffers);
    noGrad(() => this.nAveraged.add_(1));
  }
}

type Pair = readonly [own: Tensor, theirs: Tensor];

function pairs(own: readonly Tensor[], theirs: readonly Tensor[]): Pair[] {
  if (own.length !== theirs.length || own.some((t, i) => !sameShape(t.shape, theirs[i]!.shape))) {
    const show = (list: readonly Tensor[]): string => list.map((t) => showShape(t.shape)).join(", ");
    throw new ShapeError(`AveragedModel: the models differ: tensors ${show(own)} here, ${show(theirs)} there.`, {});
  }
  return own.map((t, i) => [t, theirs[i]!]);
}

function copyAll(list: readonly Pair[]): void {
  noGrad(() => {
    for (const [own, theirs] of list) own.copy_(theirs);
  });
}

const each =
  (average: AvgFn): MultiAvgFn =>
  (averaged, current, n) => {
    averaged.forEach((own, i) => {
      own.copy_(average(own, current[i]!, n));
    });
  };

/** All models alike: `a + (p − a) / (n + 1)`. */
export function getSwaAvgFn(): AvgFn {
  return (averaged, current, n) => averaged.add(current.sub(averaged).div(n + 1));
}
/** All models alike, in place. */
export function getSwaMultiAvgFn(): MultiAvgFn {
  const one = getSwaAvgFn();
  return (averaged, current, n) => {
    averaged.forEach((own, i) => {
      if (isFloating(own.dtype)) own.lerp_(current[i]!, 1 / (n + 1));
      else own.copy_(one(own, current[i]!, n));
    });
  };
}

/** An exponential moving average: `decay · a + (1 − decay) · p`, with `decay` from 0 to 1. */
export function getEmaAvgFn(decay = 0.999): AvgFn {
  checkDecay(decay);
  return (averaged, current) => averaged.mul(decay).add(current.mul(1 - decay));
}
/** An exponential moving average, in place. */
export function getEmaMultiAvgFn(decay = 0.999): MultiAvgFn {
  const one = getEmaAvgFn(decay);
  return (averaged, current, n) => {
    averaged.forEach((own, i) => {
      if (isFloating(own.dtype)) own.lerp_(current[i]!, 1 - decay);
      else own.copy_(one(own, current[i]!, n));
    });
  };
}
function checkDecay(decay: number): void {
  if (!(decay >= 0 && decay <= 1)) throw new ArgumentError(`EMA: decay ${decay}; wants from 0 to 1.`, { decay });
}
