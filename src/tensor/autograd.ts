// Walking the graph from results to leaves. Nodes are visited from the latest to the earliest, which is a topological
// order; a gradient that has been used is freed at once, unless a hook or a user function has seen it.

import { AutogradError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { checkAnomaly } from "./anomaly.ts";
import type { Tensor } from "./core.ts";
import { enableGrad, noGrad } from "./grad-mode.ts";
import { AccumulateGrad, type Edge, type Gradients, type Node } from "./graph.ts";
import { recorder } from "./recorder.ts";
import { persist, scope } from "./scope.ts";

export interface BackwardOptions {
  /** Keep saved tensors so that the graph can be walked again. Default: as `createGraph`. */
  readonly retainGraph?: boolean;
  /** Record the gradients' own computation, for second derivatives. */
  readonly createGraph?: boolean;
}

/**
 * Adds to every leaf's `grad` the gradient of the sum of `outputs`, each weighted by its entry in `gradOutputs` (which may be
 * left out for a single element).
 */
export function backward(
  outputs: Tensor | readonly Tensor[],
  gradOutputs?: Tensor | readonly (Tensor | undefined)[],
  options: BackwardOptions = {},
): void {
  walk(listOf(outputs), rootGradients(listOf(outputs), gradOutputs), options, undefined);
}

/**
 * The gradients of the sum of `outputs` with respect to `inputs`, without touching any `grad`.
 * An input that does not take part gives an error, or undefined with `allowUnused`.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  gradOutputs?: Tensor | readonly (Tensor | undefined)[],
  options?: BackwardOptions & { readonly allowUnused?: false },
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  gradOutputs: Tensor | readonly (Tensor | undefined)[] | undefined,
  options: BackwardOptions & { readonly allowUnused: boolean },
): (Tensor | undefined)[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  gradOutputs?: Tensor | readonly (Tensor | undefined)[],
  options: BackwardOptions & { readonly allowUnused?: boolean } = {},
): (Tensor | undefined)[] {
  const edges = inputs.map((input, i) => {
    if (input.edge === undefined)
      throw new AutogradError(`grad: input ${i} does not require a gradient.`, { input: i });
    return input.edge;
  });
  const results: (Tensor | undefined)[] = inputs.map(() => undefined);
  walk(listOf(outputs), rootGradients(listOf(outputs), gradOutputs), options, { edges, results });
  const missing = results.indexOf(undefined);
  if (missing >= 0 && options.allowUnused !== true) {
    throw new AutogradError(
      `grad: input ${missing} was not used to compute the outputs; allowUnused gives undefined for it.`,
      {
        input: missing,
      },
    );
  }
  return results;
}

function listOf(value: Tensor | readonly Tensor[]): readonly Tensor[] {
  return Array.isArray(value) ? (value as readonly Tensor[]) : [value as Tensor]; // isArray does not narrow readonly arrays
}

function rootGradients(
  outputs: readonly Tensor[],
  given: Tensor | readonly (Tensor | undefined)[] | undefined,
): Tensor[] {
  const list =
    given === undefined ? [] : Array.isArray(given) ? (given as readonly (Tensor | undefined)[]) : [given as Tensor];
  return outputs.map((out, i) => {
    const g = list[i];
    out.checkRecord("backward");
    if (out.edge === undefined) {
      throw new AutogradError(
        "backward: this tensor has no gradient function: nothing it was computed from requires a gradient.",
        {
          shape: out.shape,
        },
      );
    }
    if (g === undefined) {
      if (out.numel !== 1) {
        throw new AutogradError(
          `backward: a tensor of shape ${showShape(out.shape)} has no single gradient. Reduce it, for example with .sum(), or pass its gradient.`,
          { shape: out.shape },
        );
      }
      return noGrad(() => out.onesLike());
    }
    if (!sameShape(g.shape, out.shape)) {
      throw new ShapeError(
        `backward: the gradient's shape ${showShape(g.shape)} is not the output's ${showShape(out.shape)}.`,
        {
          gradient: g.shape,
          output: out.shape,
        },
      );
    }
    return g.alias();
  });
}

interface Wanted {
  readonly edges: readonly Edge[];
  readonly results: (Tensor | undefined)[];
}

function walk(
  outputs: readonly Tensor[],
  roots: readonly Tensor[],
  options: BackwardOptions,
  wanted: Wanted | undefined,
): void {
  if (recorder === undefined) visit(outputs, roots, options, wanted);
  else recorder.range("autograd", "backward", () => visit(outputs, roots, options, wanted));
}

function visit(
  outputs: readonly Tensor[],
  roots: readonly Tensor[],
  options: BackwardOptions,
  wanted: Wanted | undefined,
): void {
  const createGraph = options.createGraph ?? false;
  const retain = options.retainGraph ?? createGraph;
  const pending = new Map<Node, (Tensor | undefined)[]>();
  const add = (edge: Edge, g: Tensor): void => {
    const slots = pending.get(edge.node) ?? [];
    pending.set(edge.node, slots);
    const sum = slots[edge.index];
    slots[edge.index] = sum === undefined ? g : accumulate(sum, g, createGraph);
  };
  outputs.forEach((out, i) => {
    add(out.edge!, roots[i]!);
  });
  const order = reachable(outputs.map((out) => out.edge!.node));
  const needed = wanted === undefined ? undefined : leadingTo(order, wanted);
  (createGraph ? enableGrad : noGrad)(() => {
    for (const node of order) {
      const slots = pending.get(node);
      if (slots === undefined) continue;
      pending.delete(node);
      if (needed !== undefined && !needed.has(node) && !wanted!.edges.some((edge) => edge.node === node)) {
        disposeUnused(node, slots, [], createGraph);
        continue;
      }
      const grads = node.callTensorHooks(slots);
      wanted?.edges.forEach((edge, i) => {
        if (edge.node === node) wanted.results[i] = grads[edge.index]?.alias();
      });
      if (needed !== undefined && !needed.has(node)) {
        disposeUnused(node, slots, [], createGraph);
      } else if (node instanceof AccumulateGrad) {
        if (wanted === undefined) accumulateLeaf(node, grads[0], createGraph);
        else disposeUnused(node, slots, [], createGraph);
      } else {
        const outputs = node.callPreHooks(grads);
        const results = node.callPostHooks(step(node, outputs, createGraph), outputs);
        results.forEach((g, i) => {
          const edge = node.edges[i];
          if (g !== undefined && edge !== undefined) add(edge, g);
        });
        disposeUnused(node, slots, results, createGraph);
        if (!retain) node.release();
      }
    }
  });
}

/** One node's gradients; its temporaries are freed, and no handle comes out twice. */
function step(node: Node, grads: Gradients, createGraph: boolean): (Tensor | undefined)[] {
  const seen = new Set<Tensor>();
  const unique = (results: Gradients): (Tensor | undefined)[] =>
    results.map((g) => {
      if (g === undefined) return undefined;
      if (seen.has(g)) return g.alias();
      seen.add(g);
      return g;
    });
  if (createGraph) return unique(run(node, grads));
  const s = scope(node.name);
  try {
    return s.keep(unique(run(node, grads)));
  } finally {
    s.end();
  }
}

function run(node: Node, grads: Gradients): Gradients {
  const results =
    recorder === undefined ? node.apply(grads) : recorder.range("autograd", node.name, () => node.apply(grads));
  checkAnomaly(node, results);
  return results;
}

/** Frees the gradients that a node has consumed. What hooks have seen, or a graph may need, is left to its owners. */
function disposeUnused(node: Node, used: Gradients, passedOn: Gradients, createGraph: boolean): void {
  if (createGraph || node.hooked) return;
  for (const g of used) if (g !== undefined && !passedOn.includes(g)) g.dispose("backward()");
}

function accumulate(sum: Tensor, g: Tensor, createGraph: boolean): Tensor {
  if (createGraph) return sum.add(g);
  if (sum.storage.holders === 1 && sum.isContiguous() && sum.storage.bytes >= g.nbytes) {
    sum.add_(g);
    g.dispose("backward()");
    return sum;
  }
  const total = noGrad(() => sum.add(g));
  sum.dispose("backward()");
  g.dispose("backward()");
  return total;
}

function accumulateLeaf(node: AccumulateGrad, g: Tensor | undefined, createGraph: boolean): void {
  if (g === undefined) return;
  const { leaf } = node;
  if (leaf.grad === undefined) {
    if (createGraph) leaf.grad = persist(g);
    else {
      const owned = g.storage.holders === 1 && g.isContiguous() && !node.hooked;
      leaf.grad = persist(owned ? g : g.clone());
      if (!owned && !node.hooked) g.dispose("backward()");
    }
  } else if (createGraph) {
    leaf.grad = persist(leaf.grad.add(g));
  } else {
    leaf.grad.add_(g);
    if (!node.hooked) g.dispose("backward()");
  }
  node.done();
}

/** All nodes behind `roots`, latest first; leaves come last. */
function reachable(roots: readonly Node[]): Node[] {
  const seen = new Set(roots);
  for (const node of seen) for (const edge of node.edges) if (edge !== undefined) seen.add(edge.node);
  return [...seen].sort((a, b) => b.number - a.number);
}

/** The nodes that must run for the wanted gradients: those with a wanted edge behind them. */
function leadingTo(order: readonly Node[], wanted: Wanted): Set<Node> {
  const targets = new Set(wanted.edges.map((e) => e.node));
  const needed = new Set<Node>();
  for (const node of [...order].reverse()) {
    if (node.edges.some((e) => e !== undefined && (targets.has(e.node) || needed.has(e.node)))) needed.add(node);
  }
  return needed;
}
