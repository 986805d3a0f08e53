// Optimizers, gradient clipping, learning-rate schedules and averaged weights.

export {
  AveragedModel,
  type AveragingOptions,
  type AvgFn,
  getEmaAvgFn,
  getEmaMultiAvgFn,
  getSwaAvgFn,
  getSwaMultiAvgFn,
  type MultiAvgFn,
} from "./nn/averaged-model.ts";
export { updateBn } from "./nn/update-bn.ts";
export { Adadelta, type AdadeltaOptions } from "./optim/adadelta.ts";
export { Adafactor, type AdafactorOptions } from "./optim/adafactor.ts";
export { Adagrad, type AdagradOptions } from "./optim/adagrad.ts";
export { Adam, type AdamOptions, AdamW } from "./optim/adam.ts";
export { Adamax, type AdamaxOptions } from "./optim/adamax.ts";
export { ASGD, type AsgdOptions } from "./optim/asgd.ts";
export { clipGradNorm_, clipGradsWithNorm_, clipGradValue_, getTotalNorm } from "./optim/clip.ts";
export * from "./optim/composite-lr.ts";
export * from "./optim/cyclic-lr.ts";
export { HfAdafactor, type HfAdafactorOptions } from "./optim/hf-adafactor.ts";
export { LBFGS, type LbfgsOptions } from "./optim/lbfgs.ts";
export * from "./optim/lr-scheduler.ts";
export { NAdam, type NadamOptions } from "./optim/nadam.ts";
export {
  type BaseOptions,
  type GroupOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
  type SavedParamState,
} from "./optim/optimizer.ts";
export { RAdam, type RadamOptions } from "./optim/radam.ts";
export { RMSprop, type RmspropOptions } from "./optim/rmsprop.ts";
export { Rprop, type RpropOptions } from "./optim/rprop.ts";
export {
  type Curve,
  getConstantSchedule,
  getConstantScheduleWithWarmup,
  getCosineScheduleWithWarmup,
  getCosineWithHardRestartsScheduleWithWarmup,
  getCosineWithMinLrScheduleWithWarmup,
  getInverseSqrtSchedule,
  getLinearScheduleWithWarmup,
  getPolynomialDecayScheduleWithWarmup,
  getReduceOnPlateauSchedule,
  getScheduler,
  getWsdSchedule,
  type ScheduleOptions,
  type SchedulerName,
} from "./optim/schedules.ts";
export { SGD, type SgdOptions } from "./optim/sgd.ts";
export { SWALR, type SwaOptions } from "./optim/swa-lr.ts";
