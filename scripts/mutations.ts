// The places that `mutate.ts` breaks: for each a piece of text that its file holds once, what stands there instead, and the tests
// that must notice. A place that a change has moved is found anew, not deleted, unless what it computes is gone.

import { layers } from "./mutations/layers.ts";
import { operators } from "./mutations/operators.ts";
import type { Mutation } from "./mutations/place.ts";
import { training } from "./mutations/training.ts";

export const mutations: readonly Mutation[] = [...operators, ...layers, ...training];
