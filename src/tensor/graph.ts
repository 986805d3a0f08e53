// The graph that backward walks. A node is one recorded operation: its edges lead to what made its inputs, and it holds
// handles on the tensors its gradient needs, with the version each had, until it has run.

import { AutogradError, LifetimeError } from "../base/errors.ts";
import { forwardLines } from "./anomaly.ts";
import type { Tensor, TensorHook } from "./core.ts";
import { nextNode, persist } from "./scope.ts";

/** Output `index` of `node`. */
export interface Edge {
  readonly node: Node;
  readonly index: number;
}

export type Gradients = readonly (Tensor | undefined)[];

export abstract class Node {
  /** As PyTorch shows it: `MulBackward0`. */
  readonly name: string;
  /** Later operations have higher numbers. */
  readonly number: number;
  readonly edges: readonly (Edge | undefined)[];
  /** The calls that made it, if `detectAnomaly` asks. */
  readonly lines: string | undefined = forwardLines();
  #hooks: Map<number, TensorHook[]> | undefined;

  constructor(name: string, edges: readonly (Edge | undefined)[], number: number = nextNode()) {
    this.name = name;
    this.edges = edges;
    this.number = number;
  }

  /** Gradients of the inputs from those of the outputs. */
  abstract apply(grads: Gradients): Gradients;
  /** Lets the saved tensors go. */
  abstract release(): void;
  abstract savedTensors(): readonly Tensor[];

  hook(index: number, hook: TensorHook): () => void {
    this.#hooks ??= new Map();
    const list = this.#hooks.get(index) ?? [];
    this.#hooks.set(index, list);
    list.push(hook);
    return () => {
      const at = list.indexOf(hook);
      if (at >= 0) list.splice(at, 1);
    };
  }

  retain(index: number, tensor: Tensor): void {
    this.hook(index, (g) => {
      tensor.grad = persist(g.alias());
    });
  }

  get hooked(): boolean {
    return this.#hooks !== undefined;
  }

  /** Passes gradients through the hooks. */
  callHooks(grads: Gradients): Gradients {
    if (this.#hooks === undefined) return grads;
    return grads.map((grad, index) => {
      let g = grad;
      if (g !== undefined) for (const hook of [...(this.#hooks?.get(index) ?? [])]) g = hook(g) ?? g;
      return g;
    });
  }
}

/** Where a leaf's gradient ends: it is added to `leaf.grad`. */
export class AccumulateGrad extends Node {
  readonly leaf: Tensor;
  #after: ((leaf: Tensor) => void)[] = [];

  constructor(leaf: Tensor) {
    super("AccumulateGrad", [], -1);
    this.leaf = leaf;
  }

  apply(): Gradients {
    return [];
  }
  release(): void {}
  savedTensors(): readonly Tensor[] {
    return [];
  }

  /** Called after the gradient has been added. */
  after(hook: (leaf: Tensor) => void): () => void {
    this.#after.push(hook);
    return () => {
      this.#after = this.#after.filter((h) => h !== hook);
    };
  }
  done(): void {
    for (const hook of this.#after) hook(this.leaf);
  }
}

/** What stands for a tensor that is saved for backward. */
export interface Packed {
  /** The tensor, with the values it had. */
  unpack(who: string): Tensor;
  /** What is held until then: a scope that keeps the graph keeps these. */
  held(): readonly Tensor[];
  release(): void;
}

/** Takes a tensor that an operation saves. */
export type Pack = (tensor: Tensor) => Packed;
let pack: Pack = (tensor) => new Held(tensor);

/** Runs `body`, in which `next` takes what is saved. */
export function withPack<T>(next: Pack, body: () => T): T {
  const before = pack;
  pack = next;
  try {
    return body();
  } finally {
    pack = before;
  }
}

/** A tensor saved for backward, with its place in the graph. By default its memory is held. */
export class SavedTensor {
  readonly #packed: Packed;
  /** Where the tensor's own gradient goes, for gradients of gradients. */
  edge: Edge | undefined;

  constructor(tensor: Tensor) {
    this.#packed = pack(tensor);
    this.edge = tensor.edge;
  }

  unpack(who: string): Tensor {
    const tensor = this.#packed.unpack(who);
    tensor.edge = this.edge;
    return tensor;
  }
  held(): readonly Tensor[] {
    return this.#packed.held();
  }
  release(): void {
    this.#packed.release();
  }
}

/** A tensor held in memory, with the version that had. */
export class Held implements Packed {
  readonly tensor: Tensor;
  readonly #version: number;

  constructor(tensor: Tensor) {
    this.tensor = tensor.alias();
    this.#version = tensor.storage.version;
  }

  /** The tensor, if it is as it was. */
  unpack(who: string): Tensor {
    if (this.tensor.disposed) throw goneError(who);
    if (this.tensor.storage.version !== this.#version) {
      throw new LifetimeError(
        `${who}: a tensor of shape [${this.tensor.shape.join(", ")}] that it needs for the gradient was changed in place after it was used ` +
          `(version ${this.tensor.storage.version}, expected ${this.#version}). Use the out-of-place operation, or clone() before changing it.`,
        { node: who, shape: this.tensor.shape },
      );
    }
    return this.tensor;
  }
  held(): readonly Tensor[] {
    return [this.tensor];
  }
  release(): void {
    this.tensor.dispose("backward()");
  }
}

export function goneError(who: string): AutogradError {
  return new AutogradError(
    `${who}: its saved tensors are gone: backward() already went through this graph, or the scope it was built in ended. ` +
      "Use backward({ retainGraph: true }) to go through it twice.",
    { node: who },
  );
}
