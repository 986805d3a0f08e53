// `nn.functional`: layers and losses as plain functions. For users; inside `src/` import the file that holds the thing.

export * from "../tensor/functional/activation.ts";
export * from "../tensor/functional/attention.ts";
export * from "../tensor/functional/batch-norm.ts";
export * from "../tensor/functional/convolution.ts";
export {
  cdist,
  cosineSimilarity,
  normalize,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from "../tensor/functional/distance.ts";
export * from "../tensor/functional/embedding.ts";
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  gaussianNllLoss,
  huberLoss,
  klDiv,
  l1Loss,
  mseLoss,
  nllLoss,
  type PoissonOptions,
  poissonNllLoss,
  smoothL1Loss,
} from "../tensor/functional/losses.ts";
export * from "../tensor/functional/margin-losses.ts";
export * from "../tensor/functional/normalization.ts";
export * from "../tensor/functional/pooling.ts";
export * from "../tensor/functional/softmax.ts";
export type { Sizes } from "../tensor/functional/windows.ts";
export { type LinearOptions, linear } from "../tensor/linear.ts";
export { bilinear } from "../tensor/products.ts";
