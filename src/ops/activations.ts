// Activations beside the common ones of elementwise.ts: pieces of lines and exponentials, and smooth gates. Where PyTorch
// takes a side at a kink, the gradient says which.

import {
  abs,
  add,
  and,
  div,
  exp,
  expm1,
  gt,
  le,
  like,
  log1p,
  lt,
  max,
  min,
  mul,
  select,
  sub,
  tanh,
} from "../ir/build.ts";
import type { Expr } from "../ir/ir.ts";
import { type PointwiseOp, pointwise } from "./pointwise.ts";

const zero = (x: Expr): Expr => like(x, 0);
const inside = (x: Expr, low: Expr, high: Expr): Expr => and(gt(x, low), lt(x, high));

/** `min(max(x, low), high)`, whose bounds themselves have gradient 0. */
export const hardtanh: PointwiseOp = pointwise({
  name: "hardtanh",
  value: (x, low, high) => min(max(x!, low!), high!),
  grad: (g, [x, low, high]) => [select(inside(x!, low!, high!), g, zero(g)), undefined, undefined],
});
/** x above the threshold, else the value. */
export const threshold: PointwiseOp = pointwise({
  name: "threshold",
  value: (x, limit, value) => select(le(x!, limit!), value!, x!),
  grad: (g, [x, limit]) => [select(le(x!, limit!), zero(g), g), undefined, undefined],
});
/** `scale x` above 0, else `scale alpha (e^(inputScale x) − 1)`. https://arxiv.org/abs/1511.07289 */
export const elu: PointwiseOp = pointwise({
  name: "elu",
  value: (x, alpha, scale, inputScale) => mul(scale!, select(gt(x!, 0), x!, mul(alpha!, expm1(mul(x!, inputScale!))))),
  grad: (g, [x, alpha, scale, inputScale]) => {
    const slope = mul(mul(alpha!, inputScale!), exp(mul(x!, inputScale!)));
    return [mul(g, mul(scale!, select(gt(x!, 0), like(x!, 1), slope))), undefined, undefined, undefined];
  },
});
/** x above 0, else `weight x`; the weight learns. https://arxiv.org/abs/1502.01852 */
export const prelu: PointwiseOp = pointwise({
  name: "prelu",
  value: (x, weight) => select(gt(x!, 0), x!, mul(x!, weight!)),
  grad: (g, [x, weight]) => [select(gt(x!, 0), g, mul(g, weight!)), select(gt(x!, 0), zero(g), mul(g, x!))],
});
/** 0 within ±lambda, else x moved towards 0 by lambda. */
export const softshrink: PointwiseOp = pointwise({
  name: "softshrink",
  value: (x, lambda) =>
    select(gt(x!, lambda!), sub(x!, lambda!), select(lt(x!, sub(zero(x!), lambda!)), add(x!, lambda!), mul(x!, 0))),
  grad: (g, [x, lambda]) => [select(le(abs(x!), lambda!), zero(g), g), undefined],
});
/** 0 within ±lambda, else x. */
export const hardshrink: PointwiseOp = pointwise({
  name: "hardshrink",
  value: (x, lambda) => select(le(abs(x!), lambda!), zero(x!), x!),
  grad: (g, [x, lambda]) => [select(le(abs(x!), lambda!), zero(g), g), undefined],
});
/** `min(max(x + 3, 0), 6) / 6` */
export const hardsigmoid: PointwiseOp = pointwise({
  name: "hardsigmoid",
  dtype: "float",
  value: (x) => div(min(max(add(x!, 3), 0), 6), 6),
  grad: (g, [x]) => [select(inside(x!, like(x!, -3), like(x!, 3)), div(g, 6), zero(g))],
});
/** `x min(max(x + 3, 0), 6) / 6`. https://arxiv.org/abs/1905.02244 */
export const hardswish: PointwiseOp = pointwise({
  name: "hardswish",
  dtype: "float",
  value: (x) => div(mul(x!, min(max(add(x!, 3), 0), 6)), 6),
  grad: (g, [x]) => {
    const middle = mul(g, add(div(x!, 3), 0.5));
    return [select(le(x!, -3), zero(g), select(lt(x!, 3), middle, g))];
  },
});

/** `log(1 + e^x)`, stable. */
const softplusOf = (x: Expr): Expr => add(max(x, 0), log1p(exp(sub(zero(x), abs(x)))));
const sigmoidOf = (x: Expr): Expr => div(like(x, 1), add(exp(sub(zero(x), x)), 1));

/** `x tanh(log(1 + e^x))`. https://arxiv.org/abs/1908.08681 */
export const mish: PointwiseOp = pointwise({
  name: "mish",
  dtype: "float",
  value: (x) => mul(x!, tanh(softplusOf(x!))),
  grad: (g, [x]) => {
    const t = tanh(softplusOf(x!));
    return [mul(g, add(t, mul(mul(x!, sigmoidOf(x!)), sub(like(t, 1), mul(t, t)))))];
  },
});
/** `x / (1 + |x|)` */
export const softsign: PointwiseOp = pointwise({
  name: "softsign",
  dtype: "float",
  value: (x) => div(x!, add(abs(x!), 1)),
  grad: (g, [x]) => {
    const d = add(abs(x!), 1);
    return [div(g, mul(d, d))];
  },
});
/** `x − tanh x` */
export const tanhshrink: PointwiseOp = pointwise({
  name: "tanhshrink",
  dtype: "float",
  value: (x) => sub(x!, tanh(x!)),
  grad: (g, [x]) => {
    const t = tanh(x!);
    return [mul(g, mul(t, t))];
  },
});
/** `a σ(b)`: the two halves of a gated linear unit. https://arxiv.org/abs/1612.08083 */
export const gate: PointwiseOp = pointwise({
  name: "glu",
  value: (a, b) => mul(a!, sigmoidOf(b!)),
  grad: (g, [a, b]) => {
    const s = sigmoidOf(b!);
    return [mul(g, s), mul(mul(g, a!), mul(s, sub(like(s, 1), s)))];
  },
});
