// Functions of functions, as `torch.func` has them: gradients, Jacobians, batches, and modules as functions of their tensors.

export { type FunctionalCallOptions, functionalCall } from "./nn/functional-call.ts";
export { perSampleGrads } from "./nn/per-sample-grads.ts";
export {
  type Argnums,
  grad,
  gradAndValue,
  hessian,
  jacfwd,
  jacrev,
  jvp,
  type VmapOptions,
  vjp,
  vmap,
} from "./tensor/transforms.ts";
