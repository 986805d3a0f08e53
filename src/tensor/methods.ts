// The families of methods that make up a tensor; `tensor.ts` puts them on the prototype.

import type { AtMethods } from "./at.ts";
import type { ConvertMethods } from "./convert.ts";
import type { ElementwiseMethods } from "./elementwise.ts";
import type { InPlaceMethods } from "./in-place.ts";
import type { InPlaceFunctionMethods } from "./in-place-functions.ts";
import type { InPlacePlacingMethods } from "./in-place-placing.ts";
import type { IndexingMethods } from "./indexing.ts";
import type { LinalgMethods } from "./linalg/methods.ts";
import type { LinearMethods } from "./linear.ts";
import type { PlacingMethods } from "./placing.ts";
import type { ProductMethods } from "./products.ts";
import type { RandomMethods } from "./random.ts";
import type { RearrangingMethods } from "./rearranging.ts";
import type { ReduceMethods } from "./reduce.ts";
import type { RunningMethods } from "./running.ts";
import type { SearchingMethods } from "./searching.ts";
import type { SoftmaxMethods } from "./softmax.ts";
import type { SortingMethods } from "./sorting.ts";
import type { SpecialMethods } from "./special.ts";
import type { StatisticsMethods } from "./statistics.ts";
import type { ViewMethods } from "./views.ts";

export interface TensorMethods
  extends AtMethods,
    ConvertMethods,
    ElementwiseMethods,
    IndexingMethods,
    InPlaceFunctionMethods,
    InPlaceMethods,
    InPlacePlacingMethods,
    LinalgMethods,
    LinearMethods,
    PlacingMethods,
    ProductMethods,
    RandomMethods,
    RearrangingMethods,
    ReduceMethods,
    RunningMethods,
    SearchingMethods,
    SoftmaxMethods,
    SortingMethods,
    SpecialMethods,
    StatisticsMethods,
    ViewMethods {}
