// Optimizers, gradient clipping and learning-rate schedules.

export { Adagrad, type AdagradOptions } from "./optim/adagrad.ts";
export { Adam, type AdamOptions, AdamW } from "./optim/adam.ts";
export { clipGradNorm_, clipGradValue_ } from "./optim/clip.ts";
export {
  type BaseOptions,
  type GroupOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
} from "./optim/optimizer.ts";
export { RMSprop, type RmspropOptions } from "./optim/rmsprop.ts";
export { SGD, type SgdOptions } from "./optim/sgd.ts";
