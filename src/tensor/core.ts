// The tensor: a typed, strided view of counted memory, with its place in the graph of gradients. The operators live in
// files by family, whose methods `tensor.ts` puts on the prototype; here is only what every one of them rests on.

import { bytesOf, type DType, isFloating } from "../base/dtype.ts";
import { AutogradError, DeviceError, LifetimeError, ShapeError } from "../base/errors.ts";
import type { RemovableHandle } from "../base/removable.ts";
import { contiguousStrides, isContiguous, numel, showShape } from "../base/shape.ts";
import { defaultDevice } from "../devices/default.ts";
import { metaDevice } from "../devices/meta.ts";
import type { Device } from "../ir/device.ts";
import { isGradEnabled } from "./grad-mode.ts";
import type { Edge, Node } from "./graph.ts";
import { AccumulateGrad } from "./graph.ts";
import type { TensorMethods } from "./methods.ts";
import { adopt, brand, type Scope, type Token, type Watched } from "./scope.ts";
import { Storage } from "./storage.ts";

/** Sees a gradient on its way; what it returns replaces it. */
export type TensorHook = (grad: Tensor) => Tensor | undefined | void;

export class Tensor {
  readonly storage: Storage;
  readonly shape: readonly number[];
  /** Elements from one index to the next, for each dimension. */
  readonly strides: readonly number[];
  /** Elements from the start of the storage to the first one. */
  readonly offset: number;
  readonly dtype: DType;
  /** Where this tensor's gradient goes; undefined if it needs none. */
  edge: Edge | undefined = undefined;
  /** The accumulated gradient of a leaf (or of any tensor after `retainGrad()`). */
  grad: Tensor | undefined = undefined;
  /** The tensor whose memory this is a view of, for views made by an operation. */
  base: Tensor | undefined = undefined;
  /** The storage's recorded writes that `edge` knows of; undefined for a detached handle, which has no part in them. */
  seen: number | undefined;
  scope: Scope | undefined = undefined;
  watched: Watched | undefined = undefined;
  /** What the collector is asked about in place of this handle. */
  token: Token | undefined = undefined;
  #freedBy: string | undefined = undefined;
  /** Where a leaf's gradient ends, with its hooks, also while none is required. */
  #accumulator: AccumulateGrad | undefined = undefined;

  /** Wraps memory; made by the functions of `create.ts` and by operators, not by users. Takes over one hold of `storage`. */
  constructor(storage: Storage, shape: readonly number[], strides: readonly number[], offset: number, dtype: DType) {
    this.storage = storage;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.dtype = dtype;
    this.seen = storage.rewrites;
    this.scope = adopt(this);
  }

  /** A new tensor with undefined content. */
  static empty(shape: readonly number[], dtype: DType, device: Device = defaultDevice()): Tensor {
    const storage = new Storage(device, Math.max(numel(shape), 1) * bytesOf(dtype));
    return new Tensor(storage, shape, contiguousStrides(shape), 0, dtype);
  }

  get device(): Device {
    return this.storage.device;
  }
  /** Whether it has a shape alone, without memory or values. */
  get isMeta(): boolean {
    return this.storage.device === metaDevice;
  }
  /** The byte address of the first element. */
  get address(): number {
    if (this.#freedBy !== undefined) this.#dead();
    return this.storage.address + this.offset * bytesOf(this.dtype);
  }
  get ndim(): number {
    return this.shape.length;
  }
  /** How many elements there are. */
  get numel(): number {
    return numel(this.shape);
  }
  get nbytes(): number {
    return this.numel * bytesOf(this.dtype);
  }

  /** The size of one dimension, counted from either end; without an argument the whole shape. */
  size(dim: number): number {
    const d = dim < 0 ? dim + this.shape.length : dim;
    const size = this.shape[d];
    if (size === undefined) {
      throw new ShapeError(`size: dim ${dim} is out of range for ${showShape(this.shape)}.`, {
        dim,
        shape: this.shape,
      });
    }
    return size;
  }

  /** The sizes, checked to be `rank` many, to be named by destructuring: `const [B, T] = x.dims(2, "Decoder")`. */
  dims(rank: number, who = "dims"): number[] {
    if (this.shape.length !== rank) {
      throw new ShapeError(`${who}: got ${showShape(this.shape)}, wants ${rank} dimensions.`, {
        shape: this.shape,
        rank,
      });
    }
    return [...this.shape];
  }

  isContiguous(): boolean {
    return isContiguous(this.shape, this.strides);
  }

  // ── lifetime ────────────────────────────────────────────────────────────────────────────────────────────────────

  get disposed(): boolean {
    return this.#freedBy !== undefined;
  }

  /** Lets go of the memory now. Using the tensor afterwards throws; views of it stay valid. */
  dispose(by = "dispose()"): void {
    if (this.#freedBy !== undefined) return;
    this.#freedBy = by;
    if (this.watched !== undefined) this.watched.released = true;
    this.storage.release();
  }
  [Symbol.dispose](): void {
    this.dispose("the end of its `using` block");
  }

  /** Throws when the memory is gone. */
  check(op: string): void {
    if (this.#freedBy !== undefined) this.#dead(op);
  }
  #dead(op?: string): never {
    throw new LifetimeError(
      `${op === undefined ? "" : `${op}: `}this tensor of shape ${showShape(this.shape)} was freed by ${this.#freedBy}. ` +
        "Return it from the scope, keep it with scope.keep(t), or take it out of every scope with persist(t).",
      { op, shape: this.shape, freedBy: this.#freedBy },
    );
  }

  /** Throws when the memory is gone, or when a recorded operation would use a view with the gradient of values it had. */
  checkRecord(op: string): void {
    this.check(op);
    if (this.seen === this.storage.rewrites || this.seen === undefined || !isGradEnabled()) return;
    throw new AutogradError(
      `${op}: this tensor of shape ${showShape(this.shape)} shares memory with one that was changed in place since, so its gradient is ` +
        "not that of its values. Make the view after the change.",
      { op, shape: this.shape },
    );
  }

  /** Throws when `other` is on another device. */
  checkDevice(op: string, other: Tensor): void {
    if (this.storage.device === other.storage.device) return;
    const [a, b] = [this.device.name, other.device.name];
    throw new DeviceError(
      `${op}: one tensor is on the ${a} device, another on ${b}. Make both on one: withDevice, or Module.toEmpty() for those on meta.`,
      { op, devices: [a, b] },
    );
  }

  /** Another handle on the same memory and the same place in the graph. */
  alias(): Tensor {
    this.check("alias");
    const t = new Tensor(this.storage.hold(), this.shape, this.strides, this.offset, this.dtype);
    t.edge = this.edge;
    t.seen = this.seen;
    return t;
  }

  /** The same memory without its history: no gradient flows through it. */
  detach(): Tensor {
    this.check("detach");
    const t = new Tensor(this.storage.hold(), this.shape, this.strides, this.offset, this.dtype);
    t.seen = undefined;
    return t;
  }

  // ── autograd ────────────────────────────────────────────────────────────────────────────────────────────────────

  get node(): Node | undefined {
    return this.edge?.node;
  }
  /** The function that made this tensor; undefined for a leaf. */
  get gradFn(): Node | undefined {
    const node = this.edge?.node;
    return node instanceof AccumulateGrad ? undefined : node;
  }
  get isLeaf(): boolean {
    return this.gradFn === undefined;
  }
  get requiresGrad(): boolean {
    return this.edge !== undefined;
  }
  set requiresGrad(value: boolean) {
    if (value === this.requiresGrad) return;
    if (!this.isLeaf) {
      throw new AutogradError(
        "requiresGrad can only be changed on leaf tensors; detach() gives one without history.",
        {},
      );
    }
    if (value && !isFloating(this.dtype)) {
      throw new AutogradError(`only floating-point tensors can require gradients, this one is ${this.dtype}.`, {
        dtype: this.dtype,
      });
    }
    this.edge = value ? { node: (this.#accumulator ??= new AccumulateGrad(this)), index: 0 } : undefined;
  }
  /** Sets `requiresGrad` and returns the tensor. */
  requiresGrad_(value = true): this {
    this.requiresGrad = value;
    return this;
  }
  /** Keeps the gradient of this inner tensor in `grad` when backward passes it; further ones are added, as on a leaf. */
  retainGrad(): this {
    const edge = this.#hookable("retainGrad");
    if (!this.isLeaf) edge.node.retain(edge.index, this);
    return this;
  }
  /** Whether an inner tensor's gradient is kept. */
  get retainsGrad(): boolean {
    return this.gradFn?.retains(this.edge!.index, this) ?? false;
  }
  /**
   * Calls `hook` with this tensor's gradient each time it is computed, hooks in the order in which they came; what it returns replaces
   * the gradient. A leaf's hooks run before the gradient is added to `grad`.
   */
  registerHook(hook: TensorHook): RemovableHandle {
    const { node, index } = this.#hookable("registerHook");
    return node.hook(index, hook);
  }
  /** Calls `hook` with this leaf each time a gradient has been added to its `grad`. */
  registerPostAccumulateGradHook(hook: (leaf: Tensor) => void): RemovableHandle {
    const { node } = this.#hookable("registerPostAccumulateGradHook");
    if (node instanceof AccumulateGrad) return node.after(hook);
    throw new AutogradError(
      "registerPostAccumulateGradHook: only a leaf accumulates a gradient, and this tensor was computed. registerHook sees its gradient.",
      {},
    );
  }
  #hookable(op: string): Edge {
    if (this.edge !== undefined) return this.edge;
    throw new AutogradError(`${op}: this tensor does not require a gradient.`, { op });
  }
}

export interface Tensor extends TensorMethods {}

// What tells tensors, and what Node's `console.log` shows: symbols, which a class's declarations cannot hold.
Object.defineProperties(Tensor.prototype, {
  [brand]: { value: true },
  [Symbol.for("nodejs.util.inspect.custom")]: {
    value(this: Tensor): string {
      return this.toString();
    },
  },
});
