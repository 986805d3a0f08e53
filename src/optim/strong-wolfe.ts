// How far to go along a direction: the first step found that satisfies the strong Wolfe conditions, as PyTorch's L-BFGS
// searches it. Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6, with cubic interpolation.
//
//   f(t) <= f(0) + c₁ t f'(0)        it goes down enough
//   |f'(t)| <= c₂ |f'(0)|            and the slope is nearly gone

import type { Tensor } from "../tensor/tensor.ts";

const c1 = 1e-4;
const c2 = 0.9;

/** The loss at a step `t` along the direction. */
export interface Point {
  readonly t: number;
  readonly loss: number;
  /** `[N]` of all parameters. */
  readonly grad: Tensor;
  /** The gradient's share along the direction. */
  readonly slope: number;
}

export interface WolfeSettings {
  /** The direction's largest entry. */
  readonly size: number;
  readonly maxEvaluations: number;
  /** A bracket that moves no parameter by more is not divided further. */
  readonly toleranceChange: number;
}

type Pair = [first: Point, second: Point];

/** The point to go to, and how many were looked at. `evaluate` gives the loss at a step, `start` is that of step 0. */
export function strongWolfe(
  evaluate: (t: number) => Point,
  start: Point,
  firstStep: number,
  { size, maxEvaluations, toleranceChange }: WolfeSettings,
): { readonly found: Point; readonly evaluations: number } {
  let tries = 0;
  const tooHigh = ({ t, loss }: Point): boolean => loss > start.loss + c1 * t * start.slope;
  const isFlat = ({ slope }: Point): boolean => Math.abs(slope) <= -c2 * start.slope;

  // 1. Longer and longer steps, until a good one lies between the last two, or is one of them.
  let before = start;
  let now = evaluate(firstStep);
  let bracket: Pair | undefined;
  while (tries < maxEvaluations && bracket === undefined) {
    if (tooHigh(now) || (tries > 1 && now.loss >= before.loss)) bracket = [before, now];
    else if (isFlat(now)) return { found: now, evaluations: tries + 1 };
    else if (now.slope >= 0) bracket = [before, now];
    else {
      const t = lowest(before, now, [now.t + 0.01 * (now.t - before.t), now.t * 10]);
      before = now;
      now = evaluate(t);
      tries++;
    }
  }
  bracket ??= [start, now];

  // 2. The interval shrinks around it.
  let [low, high] = order(bracket);
  let isStuck = false;
  let done = false;
  while (!done && tries < maxEvaluations && Math.abs(bracket[1].t - bracket[0].t) * size >= toleranceChange) {
    const inner = inside(bracket, lowest(...bracket), isStuck);
    isStuck = inner.isStuck;
    now = evaluate(inner.t);
    tries++;
    if (tooHigh(now) || now.loss >= bracket[low].loss) {
      bracket[high] = now;
      [low, high] = order(bracket);
      continue;
    }
    if (isFlat(now)) done = true;
    else if (now.slope * (bracket[high].t - bracket[low].t) >= 0) bracket[high] = bracket[low];
    bracket[low] = now;
  }
  return { found: bracket[low], evaluations: tries + 1 };
}

/** Which of two is lower. */
function order([first, second]: Pair): [low: 0 | 1, high: 0 | 1] {
  return first.loss <= second.loss ? [0, 1] : [1, 0];
}

/** Where the cubic through two points with their slopes is lowest, within bounds; their middle if it is nowhere. */
function lowest(a: Point, b: Point, bounds?: readonly [number, number]): number {
  const [left, right] = a.t <= b.t ? [a, b] : [b, a];
  const [min, max] = bounds ?? [left.t, right.t];
  const d1 = left.slope + right.slope - (3 * (left.loss - right.loss)) / (left.t - right.t);
  const square = d1 * d1 - left.slope * right.slope;
  if (!(square >= 0)) return (min + max) / 2;
  const d2 = Math.sqrt(square);
  const t = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2));
  return Math.min(Math.max(t, min), max);
}

/** `t`, moved away from an end of the interval if it comes too close to one twice, or lies on it. */
function inside([a, b]: Pair, t: number, wasStuck: boolean): { readonly t: number; readonly isStuck: boolean } {
  const [min, max] = [Math.min(a.t, b.t), Math.max(a.t, b.t)];
  const margin = 0.1 * (max - min);
  if (Math.min(max - t, t - min) >= margin) return { t, isStuck: false };
  if (!wasStuck && t < max && t > min) return { t, isStuck: true };
  return { t: Math.abs(t - max) < Math.abs(t - min) ? max - margin : min + margin, isStuck: false };
}
