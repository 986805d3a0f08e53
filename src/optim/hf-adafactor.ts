// Adafactor as transformers has it, which T5 and its kin were trained with: its rate may follow from the step alone.
// https://arxiv.org/abs/1804.04235
//
//   r = lerp(r, mean(g² + ε₁, -1), tᵝ),  c = lerp(c, mean(g² + ε₁, -2), tᵝ),  u = g / √(r c / mean(r))   (of a vector: g / √v)
//   p = p − lr max(ε₂, rms(p)) · u / max(1, rms(u) / d),  lr = min(10⁻², 1 / √t) if `relativeStep`

import { ArgumentError } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import {
  type BaseOptions,
  type GroupOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
} from "./optimizer.ts";
import { checkSettings } from "./settings.ts";

export interface HfAdafactorOptions extends BaseOptions {
  /** Not used with `relativeStep`, and then 0. */
  readonly lr: number;
  /** What is added to squares, and what rms(p) is at least. */
  readonly eps: readonly [number, number];
  /** Updates with a larger root mean square are shortened to it. */
  readonly clipThreshold: number;
  /** β, the power of t; at most 0. */
  readonly decayRate: number;
  /** Of a running mean of updates; null for none. */
  readonly beta1: number | null;
  readonly weightDecay: number;
  /** Times the parameter's root mean square. */
  readonly scaleParameter: boolean;
  /** A rate from the step, in place of `lr`. */
  readonly relativeStep: boolean;
  /** That rate rises from 10⁻⁶. */
  readonly warmupInit: boolean;
}

/** `[…, n]` and `[…, m]` of a parameter `[…, n, m]`; of one with fewer dimensions `expAvgSq` of its own shape. */
type State = ParamState & {
  step: number;
  expAvg?: Tensor;
  expAvgSq?: Tensor;
  expAvgSqRow?: Tensor;
  expAvgSqCol?: Tensor;
};

const defaults: HfAdafactorOptions = {
  lr: 0,
  eps: [1e-30, 1e-3],
  clipThreshold: 1,
  decayRate: -0.8,
  beta1: null,
  weightDecay: 0,
  scaleParameter: true,
  relativeStep: true,
  warmupInit: false,
};

/** `transformers.Adafactor`. PyTorch's is `Adafactor`. */
export class HfAdafactor extends Optimizer<HfAdafactorOptions> {
  constructor(
    params: readonly Tensor[] | readonly GroupOptions<HfAdafactorOptions>[],
    options: Partial<HfAdafactorOptions> = {},
  ) {
    super(params, { ...defaults, ...options });
  }

  protected override check(group: ParamGroup<HfAdafactorOptions>): void {
    const { lr, relativeStep, warmupInit, eps, decayRate, weightDecay } = group;
    checkSettings("HfAdafactor", {
      eps: [eps, "at least 0"],
      decayRate: [decayRate, "at most 0"],
      weightDecay: [weightDecay, "at least 0"],
    });
    if (relativeStep === lr > 0) {
      const advice = relativeStep ? "set relativeStep to false to give an lr" : "give an lr, or set relativeStep";
      throw new ArgumentError(`HfAdafactor: lr ${lr} with relativeStep ${relativeStep}; ${advice}.`, {
        lr,
        relativeStep,
      });
    }
    if (warmupInit && !relativeStep) throw new ArgumentError("HfAdafactor: warmupInit wants relativeStep.", {});
  }

  protected override stateShape(key: string, p: Tensor): readonly number[] {
    if (key === "expAvgSqRow") return p.shape.slice(0, -1);
    if (key === "expAvgSqCol") return p.shape.toSpliced(-2, 1);
    return p.shape;
  }

  protected update(group: ParamGroup<HfAdafactorOptions>, params: readonly Tensor[]): void {
    for (const p of params) {
      const [wide, grad] = [widened(p), widened(p.grad!)];
      const state = this.#stateOf(group, p, grad);
      state.step++;
      const rate = rateOf(group, wide, state.step);
      let update = scaled(state, grad, 1 - state.step ** group.decayRate, group.eps[0]);
      update = update.mul_(rate / Math.max(1, rms(update) / group.clipThreshold));
      if (group.beta1 !== null) update = state.expAvg!.mul_(group.beta1).add_(update, { alpha: 1 - group.beta1 });
      if (group.weightDecay !== 0) wide.mul_(1 - group.weightDecay * rate);
      wide.sub_(update);
      if (wide !== p) p.copy_(wide);
    }
  }

  #stateOf({ beta1 }: ParamGroup<HfAdafactorOptions>, p: Tensor, grad: Tensor): State {
    const zeros = (key: string): Tensor => Tensor.empty(this.stateShape(key, p), grad.dtype, p.device).zero_();
    return this.stateOf<State>(p, () => ({
      step: 0,
      ...(beta1 === null ? {} : { expAvg: zeros("expAvg") }),
      ...(p.ndim > 1
        ? { expAvgSqRow: zeros("expAvgSqRow"), expAvgSqCol: zeros("expAvgSqCol") }
        : { expAvgSq: zeros("expAvgSq") }),
    }));
  }

  /** transformers also saves the parameter's root mean square, which each step makes anew. */
  override loadStateDict(dict: OptimizerState): void {
    const state = Object.entries(dict.state).map(([index, { RMS: _, ...rest }]) => [index, rest]);
    super.loadStateDict({ ...dict, state: Object.fromEntries(state) });
  }
}

function rateOf(
  { lr, eps, scaleParameter, relativeStep, warmupInit }: ParamGroup<HfAdafactorOptions>,
  p: Tensor,
  t: number,
): number {
  const rate = relativeStep ? Math.min(warmupInit ? 1e-6 * t : 1e-2, 1 / Math.sqrt(t)) : lr;
  return scaleParameter ? rate * Math.max(eps[1], rms(p)) : rate;
}

/** Takes the squares into the state, and gives the gradient over their root, in its own shape. */
function scaled({ expAvgSq, expAvgSqRow, expAvgSqCol }: State, grad: Tensor, beta2: number, eps: number): Tensor {
  const squares = grad.square().add_(eps);
  const into = (mean: Tensor, now: Tensor): Tensor => mean.mul_(beta2).add_(now, { alpha: 1 - beta2 });
  if (expAvgSq !== undefined) return into(expAvgSq, squares).rsqrt().mul_(grad);
  const rows = into(expAvgSqRow!, squares.mean({ dim: -1 })); //    [..., n]
  const columns = into(expAvgSqCol!, squares.mean({ dim: -2 })); // [..., m]
  const rowFactor = rows
    .div(rows.mean({ dim: -1, keepdim: true }))
    .rsqrt()
    .unsqueeze(-1); // [..., n, 1]
  return rowFactor.mul(columns.unsqueeze(-2).rsqrt()).mul_(grad); // [..., n, m]
}

const rms = (t: Tensor): number => Number(t.norm().item()) / Math.sqrt(t.numel);
const widened = (t: Tensor): Tensor => (t.dtype === "float16" || t.dtype === "bfloat16" ? t.to("float32") : t);
