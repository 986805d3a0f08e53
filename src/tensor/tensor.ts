// The whole tensor: its core with the methods of every family. Everything outside of this folder imports it from here.

import { atMethods } from "./at.ts";
import { convertMethods } from "./convert.ts";
import { Tensor } from "./core.ts";
import { elementwiseMethods } from "./elementwise.ts";
import { inPlaceMethods } from "./in-place.ts";
import { inPlaceFunctionMethods } from "./in-place-functions.ts";
import { inPlacePlacingMethods } from "./in-place-placing.ts";
import { indexingMethods } from "./indexing.ts";
import { linalgMethods } from "./linalg/methods.ts";
import { linearMethods } from "./linear.ts";
import { placingMethods } from "./placing.ts";
import { productMethods } from "./products.ts";
import { randomMethods } from "./random.ts";
import { rearrangingMethods } from "./rearranging.ts";
import { reduceMethods } from "./reduce.ts";
import { runningMethods } from "./running.ts";
import { searchingMethods } from "./searching.ts";
import { softmaxMethods } from "./softmax.ts";
import { sortingMethods } from "./sorting.ts";
import { specialMethods } from "./special.ts";
import { statisticsMethods } from "./statistics.ts";
import { viewMethods } from "./views.ts";

for (const methods of [
  atMethods,
  convertMethods,
  elementwiseMethods,
  indexingMethods,
  inPlaceFunctionMethods,
  inPlaceMethods,
  inPlacePlacingMethods,
  linalgMethods,
  linearMethods,
  placingMethods,
  productMethods,
  randomMethods,
  rearrangingMethods,
  reduceMethods,
  runningMethods,
  searchingMethods,
  softmaxMethods,
  sortingMethods,
  specialMethods,
  statisticsMethods,
  viewMethods,
]) {
  Object.defineProperties(Tensor.prototype, Object.getOwnPropertyDescriptors(methods));
}

export type { TensorHook } from "./core.ts";
export { Tensor };
