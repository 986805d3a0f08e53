// The optimizer that the arguments describe.

import type { AnyModule } from "../nn/module.ts";
import { LayerNorm, RMSNorm } from "../nn/normalization.ts";
import type { Parameter } from "../nn/parameter.ts";
import { AdamW } from "../optim/adam.ts";
import type { CheckedArguments } from "./arguments.ts";

/** AdamW in two groups: the weights, which decay, and the biases and norms, which do not. */
export function defaultOptimizer(model: AnyModule, args: CheckedArguments): AdamW {
  const { learningRate: lr, adamBeta1, adamBeta2, adamEpsilon: eps, weightDecay } = args;
  const ofNorms = new Set(
    model.modules().flatMap((m) => (m instanceof LayerNorm || m instanceof RMSNorm ? m.parameters() : [])),
  );
  const decaying: Parameter[] = [];
  const others: Parameter[] = [];
  for (const [name, p] of model.namedParameters()) {
    if (!p.requiresGrad) continue;
    (ofNorms.has(p) || name.includes("bias") ? others : decaying).push(p);
  }
  const groups = [
    { params: decaying, weightDecay },
    { params: others, weightDecay: 0 },
  ];
  return new AdamW(
    groups.filter((group) => group.params.length > 0),
    { lr, betas: [adamBeta1, adamBeta2], eps },
  );
}
