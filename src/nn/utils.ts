// Under PyTorch's name: what is done to modules and their parameters from outside.

export { parametersToVector, vectorToParameters } from "./parameter-vector.ts";
export * as parametrizations from "./parametrizations.ts";
export * as parametrize from "./parametrize.ts";
