// Element-by-element operators: one scalar expression is the value, and its derivative the gradient. Gradients are
// pointwise operators themselves, derived from their expressions, so that derivatives of any order exist and each is one
// pass over memory.

import { type DType, dtypes, isFloating, promote } from "../base/dtype.ts";
import { broadcastShapes } from "../base/shape.ts";
import { mul as multiply } from "../ir/build.ts";
import type { Device } from "../ir/device.ts";
import { differentiate } from "../ir/differentiate.ts";
import type { Expr, Var } from "../ir/ir.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backward, Meta, Op, Saved, View } from "./op.ts";
import { type Formula, runPointwise } from "./pointwise-kernel.ts";

/** One entry for each operand: a number, or undefined for the next tensor among the inputs. */
export type Operands = readonly (number | undefined)[];

export interface PointwiseRule {
  readonly name: string;
  readonly value: (...operands: Expr[]) => Expr;
  /**
   * What it computes in: the operands' common dtype ("same"), that of the tensors among them ("tensors"), the first or float32
   * if it is not floating ("float"), the first with a bool result ("compare"), or bool throughout ("logic").
   */
  readonly dtype?: "same" | "tensors" | "float" | "compare" | "logic";
  /** The first so many operands are bools, whatever the rest is. */
  readonly conditions?: number;
  /**
   * The gradient of each operand from that of the result, `g`; uses of `xs` and `y` decide what is saved. Left out, it is
   * derived from `value`; "none" says that there is no gradient.
   */
  readonly grad?: ((g: Expr, xs: readonly Expr[], y: Expr) => readonly (Expr | undefined)[]) | "none";
}

export interface PointwiseOp extends Op<Operands> {
  readonly rule: PointwiseRule;
}

export function pointwise(rule: PointwiseRule): PointwiseOp {
  const gradients = new Map<number, Gradient | undefined>();
  const gradientOf = (operand: number, arity: number): Gradient | undefined => {
    if (!gradients.has(operand)) gradients.set(operand, derive(rule, operand, arity));
    return gradients.get(operand);
  };
  const differentiable = rule.grad !== "none" && rule.dtype !== "compare" && rule.dtype !== "logic";
  const plans = new Map<number, Plan>();
  const planFor = (inputs: readonly Meta[], operands: Operands): Plan => {
    const code = planCode(inputs, operands);
    let plan = plans.get(code);
    if (plan === undefined) {
      plan = makePlan(rule, inputs, operands);
      plans.set(code, plan);
    }
    return plan;
  };
  const op: PointwiseOp = {
    name: rule.name,
    rule,
    infer(inputs: readonly Meta[], operands: Operands): readonly Meta[] {
      let shape: readonly number[] = inputs[0]?.shape ?? [];
      for (let i = 1; i < inputs.length; i++) shape = broadcastShapes(rule.name, shape, inputs[i]!.shape);
      return [{ shape, dtype: planFor(inputs, operands).dtype }];
    },
    run(device: Device, inputs: readonly View[], outputs: readonly View[], operands: Operands): void {
      runPointwise(device, planFor(inputs, operands).formula, inputs, outputs[0]!, operands);
    },
  };
  if (!differentiable) return op;
  return {
    ...op,
    save(operands: Operands, needs: readonly boolean[]): Saved {
      const inputs = new Set<number>();
      let output = false;
      const tensors = tensorIndexes(operands);
      operands.forEach((o, position) => {
        if (o !== undefined || needs[tensors[position]!] !== true) return;
        const gradient = gradientOf(position, operands.length);
        for (const used of gradient?.uses ?? []) if (operands[used] === undefined) inputs.add(tensors[used]!);
        if (gradient?.usesOutput === true) output = true;
      });
      return { inputs: [...inputs], outputs: output ? [0] : [] };
    },
    grad(k: Backward<Operands>): readonly (Tensor | undefined)[] {
      const operands = k.attrs;
      const tensors = tensorIndexes(operands);
      const results: (Tensor | undefined)[] = [];
      operands.forEach((o, position) => {
        if (o !== undefined) return;
        const index = tensors[position]!;
        results[index] = undefined;
        if (k.needs[index] !== true) return;
        const gradient = gradientOf(position, operands.length);
        if (gradient === undefined) return;
        const meta = k.metas[index]!;
        if (gradient.identity) {
          results[index] = k.g.sumTo(meta.shape).to(meta.dtype);
          return;
        }
        const values: (Tensor | number)[] = [k.g];
        for (const used of gradient.uses) values.push(operands[used] ?? k.input(tensors[used]!));
        if (gradient.usesOutput) values.push(k.output(0));
        results[index] = k.g.pointwise(gradient.op, values).sumTo(meta.shape).to(meta.dtype);
      });
      return results;
    },
  };
}

/** What dtypes come to: that of the result, and the kernel's formula. Shapes play no part but for having dimensions at all. */
interface Plan {
  readonly dtype: DType;
  readonly formula: Formula;
}

const dtypeNumbers = Object.fromEntries(Object.keys(dtypes).map((d, i) => [d, i])) as { readonly [d in DType]: number }; // one for each

/** A number for each combination of operands that may differ in its plan. */
function planCode(inputs: readonly Meta[], operands: Operands): number {
  let code = 1;
  let next = 0;
  for (const o of operands) {
    if (o === undefined) {
      const meta = inputs[next++]!;
      code = code * 32 + dtypeNumbers[meta.dtype] + (meta.shape.length === 0 ? 16 : 0);
    } else code = code * 32 + (Number.isInteger(o) ? 14 : 15);
  }
  return code;
}

function makePlan(rule: PointwiseRule, inputs: readonly Meta[], operands: Operands): Plan {
  const compute = computeDType(rule, inputs, operands);
  const conditions = rule.conditions ?? 0;
  const computes = operands.map((_, i) => (i < conditions || rule.dtype === "logic" ? "bool" : compute));
  const formula = { name: rule.name, value: rule.value, computes, scalars: operands.map((o) => o !== undefined) };
  return { dtype: rule.dtype === "compare" || rule.dtype === "logic" ? "bool" : compute, formula };
}

/** For each operand, its place among the tensors. */
function tensorIndexes(operands: Operands): number[] {
  let next = 0;
  return operands.map((o) => (o === undefined ? next++ : -1));
}

interface Gradient {
  readonly op: PointwiseOp;
  /** The gradient is `g` itself. */
  readonly identity: boolean;
  readonly uses: readonly number[];
  readonly usesOutput: boolean;
}

/** The gradient operator of one operand: from `g`, the operands it uses, and the result if it uses that. */
function derive(rule: PointwiseRule, operand: number, arity: number): Gradient | undefined {
  const conditions = rule.conditions ?? 0;
  if (operand < conditions) return undefined;
  const probe: Probe = makeProbe(arity, conditions);
  const expression = gradientExpression(rule, operand, probe);
  if (expression === undefined) return undefined;
  const free = freeVariables(expression);
  const uses = probe.xs.flatMap((x, i) => (free.has(x) ? [i] : []));
  const usesOutput = free.has(probe.y);
  // Bool operands come first among the gradient's operands only if the rule has them there; g is never one.
  const op = pointwise({
    name: `${rule.name}Grad${operand}`,
    value: (g, ...rest) => {
      const bound = new Map<Expr, Expr>([[probe.g, g!]]);
      uses.forEach((use, i) => {
        const value = rest[i]!;
        bound.set(probe.xs[use]!, use < conditions ? asCondition(value) : value);
      });
      if (usesOutput) bound.set(probe.y, rest[uses.length]!);
      return substitute(expression, bound);
    },
  });
  return { op, identity: expression === probe.g, uses, usesOutput };
}

function asCondition(value: Expr): Expr {
  const vector = value.type.endsWith("x4");
  return {
    k: "compare",
    type: vector ? "boolx4" : "bool",
    op: "ne",
    a: value,
    b: { k: "const", type: value.type, value: 0 },
  };
}

interface Probe {
  readonly g: Var;
  readonly xs: readonly Var[];
  readonly y: Var;
}

function makeProbe(arity: number, conditions: number): Probe {
  const variable = (id: number, name: string, bool = false): Var => ({
    k: "var",
    type: bool ? "bool" : "f64",
    id,
    name,
  });
  return {
    g: variable(0, "g"),
    xs: Array.from({ length: arity }, (_, i) => variable(i + 2, `x${i}`, i < conditions)),
    y: variable(1, "y"),
  };
}

function gradientExpression(rule: PointwiseRule, operand: number, { g, xs, y }: Probe): Expr | undefined {
  if (typeof rule.grad === "function") return rule.grad(g, xs, y)[operand];
  const slope = differentiate(rule.value(...xs), xs[operand]!);
  if (slope.k === "const" && slope.value === 0) return undefined;
  return slope.k === "const" && slope.value === 1 ? g : multiply(g, slope);
}

function children(e: Expr): readonly Expr[] {
  switch (e.k) {
    case "const":
    case "var":
      return [];
    case "load":
      return [e.base, e.index];
    case "unary":
    case "cast":
    case "bits":
    case "lane":
      return [e.a];
    case "binary":
    case "compare":
    case "shuffle":
      return [e.a, e.b];
    case "select":
    case "fma":
      return [e.a, e.b, e.c];
    default:
      return e satisfies never;
  }
}

function freeVariables(e: Expr): Set<Expr> {
  const seen = new Set<Expr>([e]);
  for (const node of seen) for (const child of children(node)) seen.add(child);
  return new Set([...seen].filter((node) => node.k === "var"));
}

/** The expression with variables replaced; types follow from the replacements, so one probe serves every dtype and width. */
function substitute(root: Expr, bound: ReadonlyMap<Expr, Expr>): Expr {
  const done = new Map<Expr, Expr>(bound);
  const like = bound.values().next().value!;
  const wide = like.type.endsWith("x4");
  const retype = (type: Expr["type"]): Expr["type"] => {
    if (type === "bool" || type === "boolx4") return wide ? "boolx4" : "bool";
    return like.type;
  };
  const go = (e: Expr): Expr => {
    const known = done.get(e);
    if (known !== undefined) return known;
    const type = retype(e.type);
    let out: Expr;
    switch (e.k) {
      case "const":
        out = { ...e, type };
        break;
      case "unary":
      case "cast":
        out = { ...e, type, a: go(e.a) };
        break;
      case "binary":
      case "compare":
        out = { ...e, type, a: go(e.a), b: go(e.b) };
        break;
      case "select":
      case "fma":
        out = { ...e, type, a: go(e.a), b: go(e.b), c: go(e.c) };
        break;
      default:
        throw new Error(`a pointwise gradient cannot hold a ${e.k} node`);
    }
    done.set(e, out);
    return out;
  };
  return go(root);
}

function category(rule: PointwiseRule, dtype: DType): DType {
  return rule.dtype === "float" && !isFloating(dtype) ? "float32" : dtype;
}

/** The dtype the operands are brought to: tensors promote, then numbers widen the category only. */
function computeDType(rule: PointwiseRule, inputs: readonly Meta[], operands: Operands): DType {
  const conditions = rule.conditions ?? 0;
  const tensors: Meta[] = [];
  let next = 0;
  operands.forEach((o, position) => {
    if (o === undefined) {
      const meta = inputs[next++]!;
      if (position >= conditions) tensors.push(meta);
    }
  });
  let dtype = promoteAll(tensors);
  operands.forEach((o, position) => {
    if (o === undefined || position < conditions || rule.dtype === "tensors") return;
    if (dtype === undefined) dtype = "float32";
    else if (!isFloating(dtype) && !Number.isInteger(o)) dtype = "float32";
    else if (dtype === "bool") dtype = "int64";
  });
  return category(rule, dtype ?? "float32");
}

/** Tensors of dimension 0 widen the category only. */
function promoteAll(tensors: readonly Meta[]): DType | undefined {
  const common = (list: readonly Meta[]): DType | undefined =>
    list.reduce<DType | undefined>((d, m) => (d === undefined ? m.dtype : promote(d, m.dtype)), undefined);
  const dimensioned = common(tensors.filter((m) => m.shape.length > 0));
  const zero = common(tensors.filter((m) => m.shape.length === 0));
  if (dimensioned === undefined || zero === undefined) return dimensioned ?? zero;
  const rank = { bool: 0, integer: 1, float: 2 };
  return rank[dtypes[zero].category] > rank[dtypes[dimensioned].category] ? zero : dimensioned;
}
