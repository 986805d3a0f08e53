// L-BFGS: Newton's method for whole batches, with the curvature that the last steps have shown in place of the Hessian's inverse.
// Nocedal and Wright, Numerical Optimization, algorithm 7.4.
//
//   yₖ = gₖ₊₁ − gₖ,  sₖ = xₖ₊₁ − xₖ,  d = −H g,  H from the pairs (s, y) in two loops over them

import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { enableGrad, noGrad } from "../tensor/grad-mode.ts";
import { cat } from "../tensor/indexing.ts";
import { persist, tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, Optimizer, type OptimizerState, type ParamGroup } from "./optimizer.ts";
import { type Point, strongWolfe } from "./strong-wolfe.ts";

export interface LbfgsOptions extends BaseOptions {
  /** Steps along a direction in one `step()`. */
  readonly maxIter: number;
  /** Evaluations of the closure in one `step()`; null: maxIter · 5 / 4. */
  readonly maxEval: number | null;
  /** Ends when no entry of the gradient is larger. */
  readonly toleranceGrad: number;
  /** Ends when neither the loss nor a parameter changes by more. */
  readonly toleranceChange: number;
  /** How many pairs are kept. */
  readonly historySize: number;
  /** null: each step has the length `lr`. */
  readonly lineSearchFn: "strong_wolfe" | null;
}

const defaults: LbfgsOptions = {
  lr: 1,
  maxIter: 20,
  maxEval: null,
  toleranceGrad: 1e-7,
  toleranceChange: 1e-9,
  historySize: 100,
  lineSearchFn: null,
};

/** What it remembers, of all parameters as one vector `[N]`. */
interface Memory {
  funcEvals: number;
  nIter: number;
  t: number;
  hDiag: number;
  prevLoss: number;
  d: Tensor;
  prevFlatGrad: Tensor;
  /** The y, s and 1 / y·s of the last steps. */
  oldDirs: Tensor[];
  oldStps: Tensor[];
  ro: number[];
}
type Counts = Pick<Memory, "funcEvals" | "nIter">;

export class LBFGS extends Optimizer<LbfgsOptions> {
  #counts: Counts = { funcEvals: 0, nIter: 0 };
  #memory: Omit<Memory, keyof Counts> | undefined;

  /** All parameters form one group. */
  constructor(params: readonly Tensor[], options: Partial<LbfgsOptions> = {}) {
    const { maxIter = defaults.maxIter } = options;
    super(params, { ...defaults, maxEval: Math.floor((maxIter * 5) / 4), ...options });
  }

  protected override check({ maxIter, historySize, lineSearchFn }: ParamGroup<LbfgsOptions>): void {
    if (this.paramGroups.length > 0) {
      throw new ArgumentError("LBFGS: a second parameter group; it moves all parameters as one, with one setting.", {});
    }
    if (!(maxIter >= 1) || !(historySize >= 1)) {
      throw new ArgumentError(`LBFGS: maxIter ${maxIter}, historySize ${historySize}; both are at least 1.`, {
        maxIter,
        historySize,
      });
    }
    if (lineSearchFn !== null && lineSearchFn !== "strong_wolfe") {
      throw new ArgumentError(`LBFGS: lineSearchFn ${String(lineSearchFn)}; there is "strong_wolfe", and null.`, {
        lineSearchFn,
      });
    }
  }

  /** Up to `maxIter` moves. `closure` zeroes the gradients, makes the loss, calls `backward()` and returns the loss; it is called often. */
  override step(closure?: () => Tensor): Tensor {
    if (closure === undefined) {
      throw new ArgumentError(
        "LBFGS: step() without a closure. It evaluates the loss several times a step: step(() => { optimizer.zeroGrad(); …; loss.backward(); return loss; }).",
        {},
      );
    }
    const first = enableGrad(closure);
    noGrad(() => tidy(() => this.#minimize(Number(first.item()), () => this.#evaluate(closure))));
    return first;
  }
  protected update(): void {} // `step` does without

  #evaluate(closure: () => Tensor): number {
    this.#counts.funcEvals++;
    return tidy(() => Number(enableGrad(closure).item()));
  }

  #minimize(firstLoss: number, evaluate: () => number): void {
    const group = this.paramGroups[0]!; // the only one
    const { lr, maxIter, toleranceGrad, toleranceChange, lineSearchFn } = group;
    const maxEval = group.maxEval ?? Math.floor((maxIter * 5) / 4);
    const evalsBefore = this.#counts.funcEvals;
    this.#counts.funcEvals++;
    const evals = (): number => this.#counts.funcEvals - evalsBefore;
    let loss = firstLoss;
    let grad = this.#flatGrad(); // [N]
    if (largest(grad) <= toleranceGrad) return;
    for (let i = 1; i <= maxIter; i++) {
      const memory = this.#nextDirection(grad, loss, group);
      const { d, prevLoss } = memory;
      memory.t = this.#counts.nIter === 1 ? Math.min(1, 1 / sum(grad.abs())) * lr : lr;
      const slope = dot(grad, d);
      if (slope > -toleranceChange) break;
      if (lineSearchFn === "strong_wolfe") {
        const start: Point = { t: 0, loss, grad, slope };
        const settings = { size: largest(d), maxEvaluations: maxEval - evals(), toleranceChange };
        const { found } = strongWolfe((t) => this.#look(d, t, evaluate), start, memory.t, settings);
        ({ loss, grad, t: memory.t } = found);
        this.#move(d, memory.t);
      } else {
        this.#move(d, memory.t);
        if (i !== maxIter) {
          loss = evaluate();
          grad = this.#flatGrad();
        }
      }
      if (evals() >= maxEval || largest(grad) <= toleranceGrad) break;
      if (largest(d) * memory.t <= toleranceChange || Math.abs(loss - prevLoss) < toleranceChange) break;
    }
  }

  /** Takes what the last step showed into the memory, and the direction from here. */
  #nextDirection(grad: Tensor, loss: number, { historySize }: ParamGroup<LbfgsOptions>): Omit<Memory, keyof Counts> {
    this.#counts.nIter++;
    const last = this.#memory;
    if (last === undefined) {
      const start = { t: 0, hDiag: 1, d: persist(grad.neg()), oldDirs: [], oldStps: [], ro: [] };
      this.#memory = { ...start, prevFlatGrad: persist(grad.clone()), prevLoss: loss };
      return this.#memory;
    }
    const y = grad.sub(last.prevFlatGrad);
    const s = last.d.mul(last.t);
    const ys = dot(y, s);
    if (ys > 1e-10) {
      if (last.oldDirs.length === historySize) {
        last.oldDirs.shift()!.dispose("LBFGS");
        last.oldStps.shift()!.dispose("LBFGS");
        last.ro.shift();
      }
      last.oldDirs.push(persist(y));
      last.oldStps.push(persist(s));
      last.ro.push(1 / ys);
      last.hDiag = ys / dot(y, y);
    }
    last.d.copy_(this.#direction(last, grad));
    last.prevFlatGrad.copy_(grad);
    last.prevLoss = loss;
    return last;
  }

  #direction({ oldDirs, oldStps, ro, hDiag }: Omit<Memory, keyof Counts>, grad: Tensor): Tensor {
    const q = grad.neg();
    const shares: number[] = [];
    for (let i = oldDirs.length - 1; i >= 0; i--) {
      shares[i] = dot(oldStps[i]!, q) * ro[i]!;
      q.add_(oldDirs[i]!, { alpha: -shares[i]! });
    }
    q.mul_(hDiag);
    for (let i = 0; i < oldDirs.length; i++) {
      q.add_(oldStps[i]!, { alpha: shares[i]! - dot(oldDirs[i]!, q) * ro[i]! });
    }
    return q;
  }

  /** The loss a step away, from where the parameters come back. */
  #look(d: Tensor, t: number, evaluate: () => number): Point {
    const { params } = this.paramGroups[0]!;
    const from = params.map((p) => p.clone());
    this.#move(d, t);
    const loss = evaluate();
    const grad = this.#flatGrad();
    params.forEach((p, i) => p.copy_(from[i]!));
    return { t, loss, grad, slope: dot(grad, d) };
  }

  #move(d: Tensor, t: number): void {
    let at = 0;
    for (const p of this.paramGroups[0]!.params) {
      p.add_(d.narrow(0, at, p.numel).view(...p.shape), { alpha: t });
      at += p.numel;
    }
  }
  /** `[N]`, zeros for a parameter without gradient. A copy, also of a single one. */
  #flatGrad(): Tensor {
    const { params } = this.paramGroups[0]!;
    return cat(params.map((p) => (p.grad ?? p.zerosLike()).detach().reshape(-1))).clone();
  }

  /** PyTorch keeps the state of all with the first parameter. */
  override stateDict(): OptimizerState {
    const { param_groups } = super.stateDict();
    if (this.#counts.funcEvals === 0) return { state: {}, param_groups };
    const { funcEvals: func_evals, nIter: n_iter } = this.#counts;
    const m = this.#memory;
    const vectors = m && { d: m.d, prev_flat_grad: m.prevFlatGrad, old_dirs: [...m.oldDirs], old_stps: [...m.oldStps] };
    const numbers = m && { t: m.t, ro: [...m.ro], H_diag: m.hDiag, prev_loss: m.prevLoss };
    return { state: { 0: { func_evals, n_iter, ...numbers, ...vectors } }, param_groups };
  }

  override loadStateDict(dict: OptimizerState): void {
    const saved = dict.state[0];
    const memory = saved?.["d"] === undefined ? undefined : this.#read(saved);
    super.loadStateDict({ ...dict, state: {} });
    const old = this.#memory;
    if (old !== undefined)
      for (const t of [old.d, old.prevFlatGrad, ...old.oldDirs, ...old.oldStps]) t.dispose("loadStateDict()");
    this.#counts = { funcEvals: numberOf(saved?.["func_evals"] ?? 0), nIter: numberOf(saved?.["n_iter"] ?? 0) };
    this.#memory = memory;
  }

  #read(saved: Readonly<Record<string, unknown>>): Omit<Memory, keyof Counts> {
    const size = this.paramGroups[0]!.params.reduce((n, p) => n + p.numel, 0);
    const vector = (value: unknown, key: string): Tensor => {
      if (value instanceof Tensor && value.ndim === 1 && value.numel === size) return value;
      throw new CheckpointError(
        `loading the state of LBFGS: ${key} is ${value instanceof Tensor ? `[${value.shape.join(", ")}]` : typeof value}, wants [${size}], all parameters in one.`,
        { key },
      );
    };
    const vectors = (key: string): Tensor[] => (saved[key] as unknown[]).map((value) => vector(value, key)); // PyTorch's form
    const [d, grad] = [vector(saved["d"], "d"), vector(saved["prev_flat_grad"], "prev_flat_grad")];
    const [dirs, stps] = [vectors("old_dirs"), vectors("old_stps")];
    const copy = (t: Tensor): Tensor => persist(noGrad(() => t.clone()));
    return {
      t: numberOf(saved["t"]),
      hDiag: numberOf(saved["H_diag"]),
      prevLoss: numberOf(saved["prev_loss"]),
      ro: (saved["ro"] as unknown[]).map(numberOf),
      d: copy(d),
      prevFlatGrad: copy(grad),
      oldDirs: dirs.map(copy),
      oldStps: stps.map(copy),
    };
  }
}

const numberOf = (value: unknown): number => Number(value instanceof Tensor ? value.item() : value);
const dot = (a: Tensor, b: Tensor): number => Number(a.dot(b).item());
const sum = (t: Tensor): number => Number(t.sum().item());
const largest = (t: Tensor): number => Number(t.abs().max().item());
