// The graph that backward walks. A node is one recorded operation: its edges lead to what made its inputs, and it holds
// handles on the tensors its gradient needs, with the version each had, until it has run.

import { AutogradError, LifetimeError, ShapeError } from "../base/errors.ts";
import { type Registered, type RemovableHandle, register } from "../base/removable.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { forwardLines } from "./anomaly.ts";
import type { Tensor, TensorHook } from "./core.ts";
import { nextNode, persist } from "./scope.ts";

/** Output `index` of `node`. */
export interface Edge {
  readonly node: Node;
  readonly index: number;
}

export type Gradients = readonly (Tensor | undefined)[];

/** Sees the gradients of a node's outputs before it runs; what it returns replaces them. */
export type NodePreHook = (gradOutputs: Gradients) => Gradients | undefined | void;
/** Sees the gradients of a node's inputs after it ran, and those of its outputs; what it returns replaces the former. */
export type NodeHook = (gradInputs: Gradients, gradOutputs: Gradients) => Gradients | undefined | void;

interface NodeHooks {
  /** On single outputs. */
  readonly tensor: Map<number, Registered<TensorHook>[]>;
  /** Tensors that keep the gradient of an output, whatever hooks are registered later. */
  readonly retained: Map<number, Set<Tensor>>;
  readonly before: Registered<NodePreHook>[];
  readonly after: Registered<NodeHook>[];
}

export abstract class Node {
  /** As PyTorch shows it: `MulBackward0`. */
  readonly name: string;
  /** Later operations have higher numbers. */
  readonly number: number;
  readonly edges: readonly (Edge | undefined)[];
  /** The calls that made it, if `detectAnomaly` asks. */
  readonly lines: string | undefined = forwardLines();
  #hooks: NodeHooks | undefined;

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

  /** The functions that made this one's inputs, each with which of its outputs was taken; undefined for a constant. */
  get nextFunctions(): readonly (readonly [node: Node, index: number] | undefined)[] {
    return this.edges.map((edge) => edge && [edge.node, edge.index]);
  }

  // ── hooks ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Calls `hook` after this function's gradients were computed. */
  registerHook(hook: NodeHook): RemovableHandle {
    return register(this.#ownHooks().after, { hook });
  }
  /** Calls `hook` before this function's gradients are computed. */
  registerPrehook(hook: NodePreHook): RemovableHandle {
    return register(this.#ownHooks().before, { hook });
  }
  /** Calls `hook` with the gradient of output `index`. */
  hook(index: number, hook: TensorHook): RemovableHandle {
    const { tensor } = this.#ownHooks();
    const list = tensor.get(index) ?? [];
    tensor.set(index, list);
    return register(list, { hook });
  }
  /** Keeps the gradient of output `index` in `tensor.grad`, as it is after all hooks. */
  retain(index: number, tensor: Tensor): void {
    const { retained } = this.#ownHooks();
    retained.set(index, (retained.get(index) ?? new Set()).add(tensor));
  }
  retains(index: number, tensor: Tensor): boolean {
    return this.#hooks?.retained.get(index)?.has(tensor) ?? false;
  }
  #ownHooks(): NodeHooks {
    return (this.#hooks ??= { tensor: new Map(), retained: new Map(), before: [], after: [] });
  }

  /** Whether somebody may have seen the gradients that pass here. */
  get hooked(): boolean {
    return this.#hooks !== undefined;
  }
  /** Passes gradients through the hooks of the outputs, and leaves what comes out to the tensors that keep theirs. */
  callTensorHooks(grads: Gradients): Gradients {
    const hooks = this.#hooks;
    if (hooks === undefined) return grads;
    return grads.map((grad, index) => {
      let g = grad;
      if (g === undefined) return undefined;
      for (const { hook } of [...(hooks.tensor.get(index) ?? [])]) g = replaced(this, g, hook(g));
      for (const tensor of hooks.retained.get(index) ?? []) {
        tensor.grad = persist(tensor.grad === undefined ? g.alias() : tensor.grad.add(g));
      }
      return g;
    });
  }
  callPreHooks(grads: Gradients): Gradients {
    let result = grads;
    for (const { hook } of [...(this.#hooks?.before ?? [])]) result = allReplaced(this, result, hook(result));
    return result;
  }
  /** The hooks see handles of their own: those that are passed on are freed by who takes them. */
  callPostHooks(grads: (Tensor | undefined)[], outputs: Gradients): (Tensor | undefined)[] {
    const after = this.#hooks?.after ?? [];
    if (after.length === 0) return grads;
    let result: Gradients = grads;
    for (const { hook } of [...after]) result = allReplaced(this, result, hook(result, outputs));
    return result.map((g) => g?.alias());
  }
}

/** What a hook gave in place of a gradient, if it fits there. */
function replaced(node: Node, grad: Tensor, given: Tensor | undefined | void): Tensor {
  if (given === undefined) return grad;
  if (sameShape(given.shape, grad.shape) && given.dtype === grad.dtype) return given;
  throw new ShapeError(
    `${node.name}: a hook returned ${given.dtype} ${showShape(given.shape)} for a gradient that is ${grad.dtype} ${showShape(grad.shape)}.`,
    { node: node.name, returned: given.shape, gradient: grad.shape },
  );
}
function allReplaced(node: Node, grads: Gradients, given: Gradients | undefined | void): Gradients {
  if (given === undefined) return grads;
  if (given.length !== grads.length) {
    throw new AutogradError(`${node.name}: a hook returned ${given.length} gradients for ${grads.length}.`, {
      node: node.name,
    });
  }
  return given.map((g, i) => (g === undefined || grads[i] === undefined ? g : replaced(node, grads[i], g)));
}

/** Where a leaf's gradient ends: it is added to `leaf.grad`. */
export class AccumulateGrad extends Node {
  readonly leaf: Tensor;
  readonly #after: Registered<(leaf: Tensor) => void>[] = [];

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
  after(hook: (leaf: Tensor) => void): RemovableHandle {
    return register(this.#after, { hook });
  }
  done(): void {
    for (const { hook } of [...this.#after]) hook(this.leaf);
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
