// What an operator is. One declaration holds its name, the rule for shape and dtype, the lowering to kernels and the
// gradient; the tensor layer allocates, dispatches and records from it.

import type { DType } from "../base/dtype.ts";
import type { Device } from "../ir/device.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface Meta {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Where a tensor lies: strides count elements, the address is that of its first element in bytes. */
export interface View extends Meta {
  readonly strides: readonly number[];
  readonly address: number;
}

/** What a gradient may use: saved tensors by their place in the call, and whose gradients are wanted. */
export interface Backward<A> {
  /** Gradients of the outputs; undefined where nothing depends on one. */
  readonly grads: readonly (Tensor | undefined)[];
  /** The gradient of the first output. */
  readonly g: Tensor;
  /** Saved inputs and outputs; throws for one that `save` did not name. */
  input(index: number): Tensor;
  output(index: number): Tensor;
  readonly attrs: A;
  /** Whether the gradient's own computation is being recorded: fused operators without a gradient will not do then. */
  readonly createGraph: boolean;
  readonly needs: readonly boolean[];
  /** Shapes and dtypes of the inputs. */
  readonly metas: readonly Meta[];
}

export interface Saved {
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
}

export interface Op<A = undefined> {
  /** PyTorch's word; the graph shows it as `MulBackward0`. */
  readonly name: string;
  /** Inputs reach `run` with row-major strides. */
  readonly contiguous?: boolean;
  /** Shapes and dtypes of the outputs. Throws before anything is allocated. */
  infer(inputs: readonly Meta[], attrs: A): readonly Meta[];
  run(device: Device, inputs: readonly View[], outputs: readonly View[], attrs: A): void;
  /** What the gradient will ask for. */
  save?(attrs: A, needs: readonly boolean[]): Saved;
  /** Gradients of the inputs, in tensor algebra; undefined where there is none. */
  grad?(k: Backward<A>): readonly (Tensor | undefined)[];
}
