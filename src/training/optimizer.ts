// The optimizer that the arguments describe.

import type { AnyModule } from "../nn/module.ts";
import { LayerNorm, RMSNorm } from "../nn/normalization.ts";
import type { Parameter } from "../nn/parameter.ts";
import { Adagrad } from "../optim/adagrad.ts";
import { Adam, AdamW } from "../optim/adam.ts";
import { HfAdafactor } from "../optim/hf-adafactor.ts";
import { RMSprop } from "../optim/rmsprop.ts";
import { SGD } from "../optim/sgd.ts";
import type { CheckedArguments } from "./arguments.ts";
import type { TrainedBy } from "./checkpoint.ts";

/** In two groups: the weights, which decay, and the biases and norms, which do not. */
export function defaultOptimizer(model: AnyModule, args: CheckedArguments): TrainedBy {
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
  ].filter((group) => group.params.length > 0);
  const ofAdam = { lr, betas: [adamBeta1, adamBeta2], eps } as const;
  switch (args.optim) {
    case "adamw":
      return new AdamW(groups, ofAdam);
    case "adam":
      return new Adam(groups, ofAdam);
    case "adafactor":
      return new HfAdafactor(groups, { lr, scaleParameter: false, relativeStep: false }); // as transformers calls its own
    case "sgd":
      return new SGD(groups, { lr });
    case "adagrad":
      return new Adagrad(groups, { lr });
    case "rmsprop":
      return new RMSprop(groups, { lr });
  }
}
