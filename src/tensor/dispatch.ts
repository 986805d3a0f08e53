// From a call to its result: check, allocate, run, record. Every operator passes through `apply`.

import { AutogradError } from "../base/errors.ts";
import type { Backward, Op, View } from "../ops/op.ts";
import { Tensor } from "./core.ts";
import { isGradEnabled } from "./grad-mode.ts";
import { type Edge, type Gradients, Node, SavedTensor } from "./graph.ts";
import { recorder } from "./recorder.ts";

/** Runs an operator and records it if a gradient may be asked for. */
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
  let records = false;
  for (const t of inputs) {
    t.checkRecord(op.name);
    t.checkDevice(op.name, inputs[0]!);
    if (t.edge !== undefined) records = true;
  }
  const metas = op.infer(inputs, attrs);
  const outputs = metas.map((m) => Tensor.empty(m.shape, m.dtype, inputs[0]?.device));
  execute(op, inputs, outputs, attrs);
  if (records && op.grad !== undefined && isGradEnabled()) record(op, inputs, outputs, attrs);
  return outputs;
}

/** `apply` for operators with a single output. */
export function apply1<A>(op: Op<A>, inputs: readonly Tensor[], attrs: A): Tensor {
  return apply(op, inputs, attrs)[0]!;
}

/** Only the computation, into tensors that exist. */
export function execute<A>(op: Op<A>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: A): void {
  if (outputs[0]?.isMeta === true) return;
  if (recorder === undefined) return compute(op, inputs, outputs, attrs);
  recorder.operation(op.name, inputs, outputs, () => compute(op, inputs, outputs, attrs), { op, attrs });
}

function compute<A>(op: Op<A>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: A): void {
  const device = (inputs[0] ?? outputs[0])!.device;
  if (op.contiguous !== true) return op.run(device, inputs, outputs, attrs);
  const copies: Tensor[] = [];
  const views: View[] = inputs.map((t) => {
    if (t.isContiguous()) return t;
    const values = t.detach();
    const copy = values.contiguous();
    copies.push(values, copy);
    return copy;
  });
  op.run(device, views, outputs, attrs);
  for (const copy of copies) copy.dispose();
}

/** Gives the outputs a node that leads back to the inputs. */
export function record<A>(op: Op<A>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: A): void {
  const node = new OpNode(op, inputs, attrs);
  node.saveOutputs(outputs);
  outputs.forEach((t, index) => {
    if (t.dtype.includes("float")) t.edge = { node, index };
  });
}

/** The node of a declared operator. */
export class OpNode<A> extends Node implements Backward<A> {
  readonly attrs: A;
  readonly needs: readonly boolean[];
  readonly metas: Backward<A>["metas"];
  grads: Gradients = [];
  readonly #op: Op<A>;
  readonly #inputs = new Map<number, SavedTensor>();
  readonly #savedOutputs: readonly number[];
  readonly #outputs = new Map<number, SavedTensor>();

  constructor(op: Op<A>, inputs: readonly Tensor[], attrs: A) {
    super(
      nodeName(op.name),
      inputs.map((t) => t.edge),
    );
    this.#op = op;
    this.attrs = attrs;
    this.needs = inputs.map((t) => t.edge !== undefined);
    this.metas = inputs.map((t) => ({ shape: t.shape, dtype: t.dtype }));
    const saved = op.save?.(attrs, this.needs);
    for (const i of saved?.inputs ?? []) this.#inputs.set(i, new SavedTensor(inputs[i]!));
    this.#savedOutputs = saved?.outputs ?? [];
  }

  /** Holds the outputs that the gradient needs; an operation in place calls it after it has written. */
  saveOutputs(outputs: readonly Tensor[]): void {
    for (const i of this.#savedOutputs) {
      const output = new SavedTensor(outputs[i]!);
      output.edge = { node: this, index: i };
      this.#outputs.set(i, output);
    }
  }

  get createGraph(): boolean {
    return isGradEnabled();
  }
  get g(): Tensor {
    return this.grads[0]!;
  }
  input(index: number): Tensor {
    return this.#unpack(this.#inputs.get(index), `input ${index}`);
  }
  output(index: number): Tensor {
    return this.#unpack(this.#outputs.get(index), `output ${index}`);
  }
  #unpack(saved: SavedTensor | undefined, what: string): Tensor {
    if (saved === undefined) throw new AutogradError(`${this.name}: ${what} was not saved.`, { node: this.name });
    return saved.unpack(this.name);
  }

  apply(grads: Gradients): Gradients {
    this.grads = grads;
    try {
      return this.#op.grad!(this);
    } finally {
      this.grads = [];
    }
  }

  release(): void {
    for (const saved of this.#saved()) saved.release();
  }
  savedTensors(): readonly Tensor[] {
    return this.#saved().flatMap((saved) => saved.held());
  }
  #saved(): SavedTensor[] {
    return [...this.#inputs.values(), ...this.#outputs.values()];
  }
}

function nodeName(op: string): string {
  return `${op.charAt(0).toUpperCase()}${op.slice(1)}Backward0`;
}

/** A node written as a function: for views, and for user-defined functions. */
export class FunctionNode extends Node {
  readonly #backward: (grads: Gradients) => Gradients;
  readonly #saved: readonly SavedTensor[];

  constructor(
    name: string,
    inputs: readonly Tensor[],
    backward: (grads: Gradients) => Gradients,
    saved: readonly SavedTensor[] = [],
  ) {
    const edges: (Edge | undefined)[] = inputs.map((t) => t.edge);
    super(nodeName(name), edges);
    this.#backward = backward;
    this.#saved = saved;
  }
  apply(grads: Gradients): Gradients {
    return this.#backward(grads);
  }
  release(): void {
    for (const saved of this.#saved) saved.release();
  }
  savedTensors(): readonly Tensor[] {
    return this.#saved.flatMap((saved) => saved.held());
  }
}
