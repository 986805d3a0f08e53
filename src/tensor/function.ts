// Operations of the user's own, with a gradient of the user's own.

import { AutogradError } from "../base/errors.ts";
import type { Tensor } from "./core.ts";
import { FunctionNode } from "./dispatch.ts";
import { isGradEnabled, noGrad } from "./grad-mode.ts";
import { SavedTensor } from "./graph.ts";

/** What `forward` leaves for `backward`: tensors through `save`, anything else as fields of `state`. */
export class FunctionContext {
  #saved: SavedTensor[] = [];
  /** Values other than tensors. */
  readonly state: Record<string, unknown> = {};
  /** Whose gradients are wanted, in the order of the inputs. */
  readonly needsInputGrad: readonly boolean[];

  constructor(needsInputGrad: readonly boolean[]) {
    this.needsInputGrad = needsInputGrad;
  }

  /** Keeps tensors for `backward`; changing one in place before then is an error. */
  save(...tensors: Tensor[]): void {
    this.#saved = tensors.map((t) => new SavedTensor(t));
  }
  get saved(): Tensor[] {
    return this.#saved.map((s) => s.unpack("Function"));
  }
  /** The handles themselves, for the graph to let go of. */
  get handles(): readonly SavedTensor[] {
    return this.#saved;
  }
}

/**
 * An operation with a gradient of its own:
 *
 *     const double = defineFunction({
 *       name: "double",
 *       forward: (ctx, x) => x.mul(2),
 *       backward: (ctx, g) => [g.mul(2)],
 *     });
 *
 * `forward` runs without recording. `backward` gets the result's gradient and returns one for each input, undefined for none;
 * written in tensor algebra it can be differentiated again.
 */
export function defineFunction<Inputs extends readonly Tensor[]>(definition: {
  readonly name: string;
  readonly forward: (ctx: FunctionContext, ...inputs: Inputs) => Tensor;
  readonly backward: (ctx: FunctionContext, grad: Tensor) => readonly (Tensor | undefined)[];
}): (...inputs: Inputs) => Tensor {
  return (...inputs) => {
    for (const t of inputs) t.checkRecord(definition.name);
    const needs = inputs.map((t) => t.requiresGrad);
    const ctx = new FunctionContext(needs);
    const made = noGrad(() => definition.forward(ctx, ...inputs));
    const out = inputs.includes(made) ? made.alias() : made;
    if (!isGradEnabled() || !needs.includes(true)) return out;
    const node = new FunctionNode(
      definition.name,
      inputs,
      ([g]) => {
        const grads = definition.backward(ctx, g!);
        if (grads.length !== inputs.length) {
          throw new AutogradError(
            `${definition.name}: backward returned ${grads.length} gradients for ${inputs.length} inputs.`,
            {
              name: definition.name,
            },
          );
        }
        return grads;
      },
      ctx.handles,
    );
    out.edge = { node, index: 0 };
    return out;
  };
}
