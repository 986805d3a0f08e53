// The whole tensor: its core with the methods of every family. Everything outside of this folder imports it from here.

import { convertMethods } from "./convert.ts";
import { Tensor } from "./core.ts";
import { elementwiseMethods } from "./elementwise.ts";
import { inPlaceMethods } from "./in-place.ts";
import { indexingMethods } from "./indexing.ts";
import { linearMethods } from "./linear.ts";
import { randomMethods } from "./random.ts";
import { reduceMethods } from "./reduce.ts";
import { viewMethods } from "./views.ts";

for (const methods of [
  convertMethods,
  elementwiseMethods,
  indexingMethods,
  inPlaceMethods,
  linearMethods,
  randomMethods,
  reduceMethods,
  viewMethods,
]) {
  Object.defineProperties(Tensor.prototype, Object.getOwnPropertyDescriptors(methods));
}

export { Tensor };
export type { TensorHook } from "./core.ts";
