// Optimizers, gradient clipping and learning-rate schedules.

export { Adagrad, type AdagradOptions } from "./optim/adagrad.ts";
export { Adam, type AdamOptions, AdamW } from "./optim/adam.ts";
export { clipGradNorm_, clipGradValue_ } from "./optim/clip.ts";
export * from "./optim/composite-lr.ts";
export * from "./optim/cyclic-lr.ts";
export * from "./optim/lr-scheduler.ts";
export {
  type BaseOptions,
  type GroupOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
} from "./optim/optimizer.ts";
export { RMSprop, type RmspropOptions } from "./optim/rmsprop.ts";
export {
  type Curve,
  getConstantSchedule,
  getConstantScheduleWithWarmup,
  getCosineScheduleWithWarmup,
  getInverseSqrtSchedule,
  getLinearScheduleWithWarmup,
  getPolynomialDecayScheduleWithWarmup,
  getScheduler,
  type ScheduleOptions,
  type SchedulerName,
} from "./optim/schedules.ts";
export { SGD, type SgdOptions } from "./optim/sgd.ts";
