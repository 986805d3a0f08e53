// Functions made from functions: their gradients, Jacobians, and what they do to every sample of a batch. They may stand inside of
// each other: `jacrev(grad(f))` is a Hessian, `vmap(grad(f))` has the gradients of each sample.
//
// The arguments of a transformed function get a place of their own in the graph, behind which gradients of transforms around it go on:
//
//     x → input → f → y        grad(f) stops at `input`; one around it, or backward(), comes through to x

import { isFloating } from "../base/dtype.ts";
import { ArgumentError, AutogradError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { grad as gradientsOf } from "./autograd.ts";
import type { Tensor } from "./core.ts";
import { fromArray, zerosLike } from "./create.ts";
import { FunctionNode } from "./dispatch.ts";
import { enableGrad, isGradEnabled } from "./grad-mode.ts";
import { AccumulateGrad, type Node } from "./graph.ts";
import { stack } from "./indexing.ts";
import { tidy } from "./scope.ts";
import { mapTensors, tensorsOf } from "./tree.ts";

export interface Argnums<N> {
  /** Which argument is differentiated, or which ones: then there is a list of results. Default: 0. */
  readonly argnums?: N;
}

/** What has the form of argument N, or a list of such. */
type Of<A extends readonly unknown[], N> = N extends number
  ? A[N]
  : N extends readonly number[]
    ? { -readonly [K in keyof N]: N[K] extends number ? A[N[K]] : never }
    : never;

// ── gradients ───────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The function that gives the gradient of `f`, which returns a single number, by one of its arguments (or several): tensors, or
 * arrays, maps and objects of them, whose form the gradient has.
 *
 *     grad((x: Tensor) => x.sin().sum())(x); // cos x
 */
export function grad<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options: Argnums<N> = {},
): (...args: A) => Of<A, N> {
  const both = gradAndValue(f, options);
  return (...args) => both(...args)[0];
}

/** As `grad`, with the value beside: `[gradient, value]`. */
export function gradAndValue<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options: Argnums<N> = {},
): (...args: A) => [grads: Of<A, N>, value: Tensor] {
  return (...args) =>
    tidy(() => {
      const entered = enter("grad", args, options.argnums ?? 0);
      const value = enableGrad(() => f(...entered.args));
      if (value.numel !== 1) {
        throw new ShapeError(
          `grad: the function returned ${showShape(value.shape)}; wants a single number. jacrev takes more.`,
          {
            shape: value.shape,
          },
        );
      }
      const grads = pull([value], entered.inputs, [undefined], { createGraph: goesOn([value], entered.inputs) });
      const own = entered.inputs;
      return [entered.shaped(grads.map((g) => leaving(g, own))) as Of<A, N>, leaving(value, own)]; // in the form of these arguments
    });
}

/** `f(...primals)` and the function that pulls the gradient of that (in its form) back to one for each of `primals`. */
export function vjp<A extends readonly unknown[], R extends Tensor | readonly Tensor[]>(
  f: (...args: A) => R,
  ...primals: A
): [output: R, pullback: (cotangents: R) => A] {
  const entered = enter(
    "vjp",
    primals,
    primals.map((_, i) => i),
  );
  const output = enableGrad(() => f(...entered.args));
  const outputs = tensorsOf(output);
  const createGraph = goesOn(outputs, entered.inputs);
  const pullback = (cotangents: R): A =>
    tidy(() => {
      const grads = pull(outputs, entered.inputs, tensorsOf(cotangents), { createGraph, retainGraph: true });
      return entered.shaped(grads.map((g) => leaving(g, entered.inputs))) as unknown as A; // one for each argument
    });
  return [mapTensors(output, (t) => leaving(t, entered.inputs)), pullback];
}

/**
 * `f(...primals)` and its derivative in the direction of `tangents`, which have the form of `primals`: two passes backward, the
 * second through the first, which is linear in what it pulls back.
 */
export function jvp<A extends readonly unknown[], R extends Tensor | readonly Tensor[]>(
  f: (...args: A) => R,
  primals: A,
  tangents: A,
): [output: R, tangent: R] {
  return tidy(() => {
    const entered = enter(
      "jvp",
      primals,
      primals.map((_, i) => i),
    );
    const directions = tensorsOf(tangents);
    if (directions.length !== entered.inputs.length) {
      throw new ArgumentError(
        `jvp: ${directions.length} tangents for ${entered.inputs.length} tensors; wants the same form.`,
        {},
      );
    }
    const output = enableGrad(() => f(...entered.args));
    const outputs = tensorsOf(output);
    const createGraph = goesOn(outputs, entered.inputs);
    const seeds = outputs.map((y) => place(zerosLike(y)));
    const own = [...entered.inputs, ...seeds];
    const pulled = pull(outputs, entered.inputs, seeds, { createGraph: true });
    const moves = pulled.flatMap((g, i) => (g.edge === undefined ? [] : [i]));
    const pushed = pull(
      moves.map((i) => pulled[i]!),
      seeds,
      moves.map((i) => directions[i]!),
      { createGraph },
    );
    const next = pushed[Symbol.iterator]();
    return [mapTensors(output, (t) => leaving(t, own)), mapTensors(output, () => leaving(next.next().value!, own))];
  });
}

/**
 * The function that gives the Jacobian of `f` by reverse passes, one for each element of its result: `[...result, ...argument]`, in
 * the form of the argument (or a list of such).
 */
export function jacrev<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options: Argnums<N> = {},
): (...args: A) => Of<A, N> {
  return (...args) =>
    tidy(() => {
      const entered = enter("jacrev", args, options.argnums ?? 0);
      const output = enableGrad(() => f(...entered.args));
      const createGraph = goesOn([output], entered.inputs);
      const rows = Array.from({ length: output.numel }, (_, o) =>
        pull([output], entered.inputs, [unit(output, o)], { createGraph, retainGraph: true }),
      );
      const jacobians = entered.inputs.map((input, i) =>
        rows.length === 0
          ? input.zerosOf([...output.shape, ...input.shape])
          : stack(rows.map((row) => row[i]!)).reshape(...output.shape, ...input.shape),
      );
      return entered.shaped(jacobians.map((j) => leaving(j, entered.inputs))) as Of<A, N>; // in the form of these arguments
    });
}

/** As `jacrev`, by forward derivatives, one for each element of the argument: for few arguments and many results. */
export function jacfwd<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options: Argnums<N> = {},
): (...args: A) => Of<A, N> {
  const argnums = options.argnums ?? 0;
  const list: readonly number[] = typeof argnums === "number" ? [argnums] : argnums;
  return (...args) =>
    tidy(() => {
      const chosen = list.map((n) => args[n]);
      const tensors = tensorsOf(chosen);
      const among = (values: readonly unknown[]): Tensor => {
        const next = [...args] as unknown as { -readonly [K in keyof A]: A[K] }; // a copy to write in
        list.forEach((n, i) => {
          next[n] = values[i] as A[number]; // what was chosen from there
        });
        return f(...(next as unknown as A)); // of the same form
      };
      const jacobians = tensors.map((input, at) => {
        const columns = Array.from({ length: input.numel }, (_, e) => {
          let k = 0;
          const tangents = mapTensors(chosen, (t) => (k++ === at ? unit(t, e) : zerosLike(t)));
          return jvp((...values: unknown[]) => among(values), chosen, tangents)[1];
        });
        const shape = columns[0]?.shape ?? enableGrad(() => f(...args)).shape;
        return columns.length === 0
          ? input.zerosOf([...shape, ...input.shape])
          : stack(columns, -1).reshape(...shape, ...input.shape);
      });
      const next = jacobians[Symbol.iterator]();
      const shaped = mapTensors(chosen, () => next.next().value!);
      return (typeof argnums === "number" ? shaped[0] : shaped) as Of<A, N>; // in the form of these arguments
    });
}

/** The function that gives all second derivatives of `f`, which returns a single number, by one tensor: `[...argument, ...argument]`. */
export function hessian<A extends readonly unknown[], const N extends number = 0>(
  f: (...args: A) => Tensor,
  options: Argnums<N> = {},
): (...args: A) => Of<A, N> {
  const first = jacrev(f, options) as (...args: A) => Tensor; // of one tensor
  return jacrev(first, options);
}

// ── batches ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface VmapOptions {
  /** Along which dimension of its tensors each argument holds samples; null for an argument that all samples get whole. Default: 0. */
  readonly inDims?: number | readonly (number | null)[];
  /** Where the results have the new dimension. Default: 0. */
  readonly outDims?: number;
}

/**
 * The function that calls `f` for each sample and stacks what it returns: tensors, or arrays, maps and objects of them. The samples are
 * taken one after another, so `f` may do what it likes with them (branch on values, draw random numbers), and takes their time.
 */
export function vmap<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: VmapOptions = {},
): (...args: A) => R {
  const { inDims = 0, outDims = 0 } = options;
  return (...args) =>
    tidy(() => {
      const dims = args.map((_, i) => (typeof inDims === "number" ? inDims : (inDims[i] ?? null)));
      const size = batchSize(args, dims);
      const results = Array.from({ length: size }, (_, b) => {
        const sample = args.map((arg, i) => {
          const dim = dims[i]!;
          return dim === null ? arg : mapTensors(arg, (t) => t.select(dim, b));
        });
        return f(...(sample as unknown as A)); // of the same form
      });
      const parts = results.map(tensorsOf);
      let k = 0;
      return mapTensors(results[0]!, () => {
        const place = k++;
        return stack(
          parts.map((list) => list[place]!),
          outDims,
        );
      });
    });
}

function batchSize(args: readonly unknown[], dims: readonly (number | null)[]): number {
  const sizes = args.flatMap((arg, i) => {
    const dim = dims[i]!;
    return dim === null ? [] : tensorsOf(arg).map((t) => t.size(dim));
  });
  const size = sizes[0];
  if (size === undefined) throw new ArgumentError("vmap: no argument has samples: a tensor, with inDims not null.", {});
  const other = sizes.find((s) => s !== size);
  if (other !== undefined) throw new ShapeError(`vmap: ${size} samples in one tensor, ${other} in another.`, { sizes });
  if (size === 0) throw new ShapeError("vmap: no samples, so nothing tells what the results look like.", { sizes });
  return size;
}

// ── what they rest on ───────────────────────────────────────────────────────────────────────────────────────────────

interface Entered<A> {
  readonly args: A;
  /** The tensors of the chosen arguments that are differentiated. */
  readonly inputs: readonly Tensor[];
  /** Values, one for each of `inputs`, in the form of the chosen argument or arguments. */
  shaped(values: readonly Tensor[]): unknown;
}

/** Gives the floats of the chosen arguments a place in the graph; other tensors are passed as they are. */
function enter<A extends readonly unknown[]>(who: string, args: A, argnums: number | readonly number[]): Entered<A> {
  const list: readonly number[] = typeof argnums === "number" ? [argnums] : argnums;
  const wrong = list.find((n) => !(n >= 0 && n < args.length));
  if (wrong !== undefined)
    throw new ArgumentError(`${who}: argnums ${wrong}; the function was given ${args.length} arguments.`, { wrong });
  const inputs: Tensor[] = [];
  const next: unknown[] = [...args];
  for (const n of list) {
    next[n] = mapTensors(args[n], (t) => {
      if (!isFloating(t.dtype)) {
        throw new AutogradError(`${who}: argument ${n} has a tensor of ${t.dtype}; only floats have gradients.`, {
          argument: n,
        });
      }
      const inner = place(t);
      inputs.push(inner);
      return inner;
    });
  }
  if (inputs.length === 0) throw new ArgumentError(`${who}: the chosen arguments hold no tensor.`, { argnums: list });
  return {
    args: next as unknown as A, // the same kinds of values in the same places
    inputs,
    shaped(values) {
      const iterator = values[Symbol.iterator]();
      const forms = list.map((n) => mapTensors(args[n], () => iterator.next().value!));
      return typeof argnums === "number" ? forms[0] : forms;
    },
  };
}

/** The tensor behind a function that changes nothing. */
function place(t: Tensor): Tensor {
  const inner = t.detach();
  const from = isGradEnabled() ? t : inner;
  inner.edge = { node: new InputNode("input", [from], ([g]) => [g]), index: 0 };
  return inner;
}

/** Gradients of the inputs, zeros where the outputs do not depend on one. */
function pull(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  options: { readonly createGraph: boolean; readonly retainGraph?: boolean },
): Tensor[] {
  const moves = outputs.flatMap((y, i) => (y.edge === undefined ? [] : [i]));
  if (moves.length === 0) return inputs.map((x) => zerosLike(x));
  const grads = gradientsOf(
    moves.map((i) => outputs[i]!),
    inputs,
    moves.map((i) => cotangents[i]),
    { ...options, allowUnused: true },
  );
  return grads.map((g, i) => g ?? zerosLike(inputs[i]!));
}

/** The place of a transform's argument. */
class InputNode extends FunctionNode {}

/** Whether something around asks for gradients through these: a leaf, or a transform whose inputs are not `own`. */
function goesOn(outputs: readonly Tensor[], own: readonly Tensor[]): boolean {
  if (!isGradEnabled()) return false;
  const inside = new Set(own.map((t) => t.node));
  const seen = new Set<Node>(outputs.flatMap((y) => y.node ?? []));
  for (const node of seen) {
    if (node instanceof AccumulateGrad || (node instanceof InputNode && !inside.has(node))) return true;
    for (const edge of node.edges) if (edge !== undefined) seen.add(edge.node);
  }
  return false;
}

/** A result as it is outside: without history if that leads nowhere but to `own`. */
function leaving(t: Tensor, own: readonly Tensor[]): Tensor {
  return t.edge === undefined || goesOn([t], own) ? t : t.detach();
}

/** Ones for one element, zeros for the others. */
function unit(like: Tensor, at: number): Tensor {
  const numbers = new Float64Array(like.numel);
  numbers[at] = 1;
  return fromArray(numbers, like.shape, { dtype: like.dtype });
}
