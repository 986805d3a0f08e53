// What autograd saves, kept in another form: on disk, in fewer bits, or not at all.

import { ArgumentError, AutogradError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { Tensor } from "./core.ts";
import { noGrad } from "./grad-mode.ts";
import { goneError, type Packed, withPack } from "./graph.ts";
import { forEachTensor } from "./scope.ts";

export interface SavedTensorsHooks<P> {
  /** What is kept in place of a tensor that an operation saves. */
  pack(tensor: Tensor): P;
  /** The tensor again, of the same shape; called each time a gradient needs it. */
  unpack(packed: P): Tensor;
}

/**
 * Runs `body`; what its operations save for backward goes through `pack`, and comes back through `unpack` when backward needs it.
 * Both run without recording. Inside of another call the inner hooks take all.
 *
 *     const loss = savedTensorsHooks({ pack: (t) => t.to("bfloat16"), unpack: (t) => t.float() }, () => model(x).sum());
 */
export function savedTensorsHooks<P, T>(hooks: SavedTensorsHooks<P>, body: () => T): T {
  return withPack((tensor) => new Hooked(hooks, tensor), body);
}

class Hooked<P> implements Packed {
  readonly #hooks: SavedTensorsHooks<P>;
  readonly #shape: readonly number[];
  /** A handle of our own on what was saved, which `pack` may return. */
  readonly #given: Tensor;
  #packed: { readonly value: P } | undefined;

  constructor(hooks: SavedTensorsHooks<P>, tensor: Tensor) {
    this.#hooks = hooks;
    this.#shape = tensor.shape;
    this.#given = tensor.detach();
    const value = noGrad(() => hooks.pack(this.#given));
    this.#packed = { value };
    if (!this.held().includes(this.#given)) this.#given.dispose("savedTensorsHooks()");
  }

  unpack(who: string): Tensor {
    if (this.#packed === undefined) throw goneError(who);
    const { value } = this.#packed;
    const tensor = noGrad(() => this.#hooks.unpack(value));
    if (!(tensor instanceof Tensor)) {
      throw new ArgumentError(`savedTensorsHooks: unpack returned ${typeof tensor}; wants a tensor.`, {});
    }
    if (!sameShape(tensor.shape, this.#shape)) {
      throw new AutogradError(
        `savedTensorsHooks: unpack returned ${showShape(tensor.shape)} for what was ${showShape(this.#shape)} when ${who} saved it.`,
        { shape: tensor.shape, saved: this.#shape },
      );
    }
    return tensor.detach(); // a handle that may be given a place in the graph
  }
  held(): readonly Tensor[] {
    const tensors: Tensor[] = [];
    forEachTensor(this.#packed?.value, (t) => tensors.push(t));
    return tensors;
  }
  release(): void {
    this.#packed = undefined;
    this.#given.dispose("backward()");
  }
}
