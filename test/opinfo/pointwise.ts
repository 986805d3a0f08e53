// Element-by-element operators, activations and comparisons.

import { nn } from "../../src/index.ts";
import { pow, remainder, where } from "../../src/tensor/elementwise.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type Adapter, B, dtypeOf, N, numbers, of, operand, optionalN, options, S, T, type Value } from "./adapter.ts";

const F = nn.functional;

const optionalOperand = (value: Value): Tensor | number | undefined =>
  value === null || value === undefined ? undefined : operand(value);

/** Without further arguments. */
const unary = (f: (x: Tensor) => Tensor): Adapter => of("input", (x) => f(T(x)));
const binary = (f: (x: Tensor, y: Tensor | number) => Tensor): Adapter =>
  of("input other", (x, y) => f(T(x), operand(y)));
/** The tensor is the second. */
const reflected = (f: (x: Tensor, y: Tensor | number) => Tensor): Adapter =>
  of("input other", (x, y) => f(T(x), operand(y)));
const scaled = (f: (x: Tensor, a: Tensor, b: Tensor, o: { value?: number }) => Tensor): Adapter =>
  of("input a b value", (x, a, b, value) => f(T(x), T(a), T(b), options({ value: optionalN(value) })));
const alphaOf = (alpha: Value) => options({ alpha: optionalN(alpha) });
const rounded = (roundingMode: "floor" | "trunc"): Adapter =>
  of("input other rounding_mode", (x, y) => T(x).div(operand(y), { roundingMode }));
const ofDecimals: Adapter = of("input decimals", (x, decimals) => T(x).round({ decimals: N(decimals) }));
/** PyTorch's `inplace` flag changes where the result lies, not what it is. */
const activation = (f: (x: Tensor) => Tensor): Adapter => of("input inplace", (x) => f(T(x).clone()));

export const pointwise: Readonly<Record<string, Adapter>> = {
  add: of("input other alpha", (x, y, alpha) => T(x).add(operand(y), alphaOf(alpha))),
  sub: of("input other alpha", (x, y, alpha) => T(x).sub(operand(y), alphaOf(alpha))),
  mul: binary((x, y) => x.mul(y)),
  "div.no_rounding_mode": of("input other", (x, y) => T(x).div(operand(y))),
  "div.trunc_rounding": rounded("trunc"),
  "div.floor_rounding": rounded("floor"),
  true_divide: binary((x, y) => x.div(y)),
  floor_divide: binary((x, y) => x.floorDivide(y)),
  remainder: of("input other", (x, y) => T(x).remainder(operand(y))),
  pow: of("input other", (x, y) => T(x).pow(operand(y))),
  maximum: of("input other", (x, y) => T(x).maximum(T(y))), // of numbers too, where PyTorch has an error
  minimum: of("input other", (x, y) => T(x).minimum(T(y))),
  "max.binary": of("input other", (x, y) => T(x).maximum(T(y))),
  "min.binary": of("input other", (x, y) => T(x).minimum(T(y))),
  addcmul: scaled((x, a, b, o) => x.addcmul(a, b, o)),
  addcdiv: {
    ...scaled((x, a, b, o) => x.addcdiv(a, b, o)),
    tolerance: { rtol: 5e-6, atol: 1e-5, why: "a gradient of it is a sum of quotients by b squared" },
  },
  lerp: of("input end weight", (x, end, weight) => T(x).lerp(T(end), operand(weight))),
  where: of("input condition other", (x, c, y) => where(T(c), operand(x), operand(y))),
  masked_fill: of("input mask value", (x, mask, value) => T(x).maskedFill(T(mask), operand(value))),
  clamp: of("input min max", (x, min, max) => T(x).clamp({ min: optionalOperand(min), max: optionalOperand(max) })),
  clamp_min: of("input min", (x, min) => T(x).maximum(T(min))), // of numbers too, where PyTorch has an error
  clamp_max: of("input max", (x, max) => T(x).minimum(T(max))),

  __radd__: reflected((x, y) => x.add(y)),
  __rsub__: reflected((x, y) => x.rsub(y)),
  __rmul__: reflected((x, y) => x.mul(y)),
  __rand__: reflected((x, y) => x.bitwiseAnd(y)),
  __ror__: reflected((x, y) => x.bitwiseOr(y)),
  __rxor__: reflected((x, y) => x.bitwiseXor(y)),
  rsub: of("input other alpha", (x, y, alpha) => T(x).rsub(operand(y), alphaOf(alpha))),
  __rpow__: reflected((x, y) => pow(y, x)),
  __rmod__: reflected((x, y) => remainder(y, x)),

  neg: unary((x) => x.neg()),
  abs: unary((x) => x.abs()),
  sign: unary((x) => x.sign()),
  sqrt: unary((x) => x.sqrt()),
  rsqrt: unary((x) => x.rsqrt()),
  reciprocal: unary((x) => x.reciprocal()),
  square: unary((x) => x.square()),
  exp: unary((x) => x.exp()),
  expm1: unary((x) => x.expm1()),
  log: unary((x) => x.log()),
  log1p: unary((x) => x.log1p()),
  log2: unary((x) => x.log2()),
  sin: unary((x) => x.sin()),
  cos: unary((x) => x.cos()),
  tanh: unary((x) => x.tanh()),
  erf: unary((x) => x.erf()),
  sigmoid: unary((x) => x.sigmoid()),
  floor: unary((x) => x.floor()),
  ceil: unary((x) => x.ceil()),
  trunc: unary((x) => x.trunc()),
  round: unary((x) => x.round()),
  "round.decimals_0": ofDecimals,
  "round.decimals_3": ofDecimals,
  "round.decimals_neg_3": ofDecimals,
  isnan: unary((x) => x.isnan()),
  isinf: unary((x) => x.isinf()),
  isfinite: unary((x) => x.isfinite()),
  isposinf: unary((x) => x.isposinf()),
  isneginf: unary((x) => x.isneginf()),
  signbit: unary((x) => x.signbit()),

  eq: binary((x, y) => x.eq(y)),
  ne: binary((x, y) => x.ne(y)),
  lt: binary((x, y) => x.lt(y)),
  le: binary((x, y) => x.le(y)),
  gt: binary((x, y) => x.gt(y)),
  ge: binary((x, y) => x.ge(y)),
  bitwise_and: binary((x, y) => x.bitwiseAnd(y)),
  bitwise_or: binary((x, y) => x.bitwiseOr(y)),
  bitwise_xor: binary((x, y) => x.bitwiseXor(y)),
  bitwise_left_shift: binary((x, y) => x.bitwiseLeftShift(y)),
  bitwise_right_shift: binary((x, y) => x.bitwiseRightShift(y)),
  bitwise_not: unary((x) => x.bitwiseNot()),
  logical_and: of("input other", (x, y) => T(x).logicalAnd(T(y))),
  logical_or: of("input other", (x, y) => T(x).logicalOr(T(y))),
  logical_xor: of("input other", (x, y) => T(x).logicalXor(T(y))),
  logical_not: unary((x) => x.logicalNot()),

  "nn.functional.relu": activation((x) => F.relu(x)),
  "nn.functional.gelu": of("input approximate", (x, approximate) => {
    return F.gelu(T(x), approximate === undefined ? {} : { approximate: S(approximate) as "tanh" });
  }),
  "nn.functional.silu": activation((x) => F.silu(x)),
  "nn.functional.logsigmoid": unary((x) => F.logSigmoid(x)),
  "nn.functional.leaky_relu": of("input negative_slope inplace", (x, slope) =>
    F.leakyRelu(T(x).clone(), optionalN(slope)),
  ),
  "nn.functional.softplus": of("input beta threshold", (x, beta, threshold) => {
    return F.softplus(T(x), options({ beta: optionalN(beta), threshold: optionalN(threshold) }));
  }),
  "nn.functional.relu6": activation((x) => F.relu6(x)),
  "nn.functional.elu": of("input alpha inplace", (x, alpha) => F.elu(T(x).clone(), optionalN(alpha))),
  "nn.functional.selu": activation((x) => F.selu(x)),
  "nn.functional.celu": of("input alpha inplace", (x, alpha) => F.celu(T(x).clone(), optionalN(alpha))),
  "nn.functional.glu": of("input dim", (x, dim) => F.glu(T(x), optionalN(dim))),
  "nn.functional.mish": activation((x) => F.mish(x)),
  "nn.functional.prelu": of("input weight", (x, weight) => F.prelu(T(x), T(weight))),
  "nn.functional.hardswish": activation((x) => F.hardswish(x)),
  "nn.functional.hardsigmoid": activation((x) => F.hardsigmoid(x)),
  "nn.functional.hardtanh": of("input min_val max_val inplace", (x, low, high) => {
    return F.hardtanh(T(x).clone(), optionalN(low), optionalN(high));
  }),
  "nn.functional.softsign": unary((x) => F.softsign(x)),
  "nn.functional.softshrink": of("input lambd", (x, lambda) => F.softshrink(T(x), optionalN(lambda))),
  "nn.functional.hardshrink": of("input lambd", (x, lambda) => F.hardshrink(T(x), optionalN(lambda))),
  "nn.functional.tanhshrink": unary((x) => F.tanhshrink(x)),
  "nn.functional.threshold": of("input threshold value inplace", (x, limit, value) =>
    F.threshold(T(x).clone(), N(limit), N(value)),
  ),

  exp2: unary((x) => x.exp2()),
  log10: unary((x) => x.log10()),
  tan: {
    ...unary((x) => x.tan()),
    tolerance: { rtol: 1e-5, atol: 1e-5, why: "near the poles it is the argument's rounding, enlarged" },
  },
  asin: unary((x) => x.asin()),
  acos: unary((x) => x.acos()),
  atan: unary((x) => x.atan()),
  atan2: of("input other", (y, x) => T(y).atan2(T(x))),
  sinh: unary((x) => x.sinh()),
  cosh: unary((x) => x.cosh()),
  asinh: unary((x) => x.asinh()),
  acosh: unary((x) => x.acosh()),
  atanh: unary((x) => x.atanh()),
  erfc: unary((x) => x.erfc()),
  logit: of("input eps", (x, eps) => T(x).logit(optionalN(eps))),
  frac: unary((x) => x.frac()),
  sgn: unary((x) => x.sign()),
  positive: unary((x) => x.clone()),
  xlogy: binary((x, y) => x.xlogy(y)),
  logaddexp: of("input other", (x, y) => T(x).logaddexp(T(y))),
  hypot: of("input other", (x, y) => T(x).hypot(T(y))),
  fmod: binary((x, y) => x.fmod(y)),
  fmax: of("input other", (x, y) => T(x).fmax(T(y))),
  fmin: of("input other", (x, y) => T(x).fmin(T(y))),
  copysign: binary((x, y) => x.copysign(y)),
  heaviside: of("input values", (x, values) => T(x).heaviside(T(values))),
  float_power: binary((x, y) => x.floatPower(y)),
  isclose: of("input other rtol atol equal_nan", (x, y, rtol, atol, equalNan) => {
    return T(x).isclose(T(y), { ...options({ rtol: optionalN(rtol), atol: optionalN(atol) }), equalNan: B(equalNan) });
  }),
  nan_to_num: of("input nan posinf neginf", (x, nan, posinf, neginf) => {
    return T(x).nanToNum({ nan: optionalN(nan), posinf: optionalN(posinf), neginf: optionalN(neginf) });
  }),
  deg2rad: unary((x) => x.deg2rad()),
  rad2deg: unary((x) => x.rad2deg()),
  __rdiv__: of("input other", (x, y) => (typeof y === "number" ? T(x).reciprocal().mul(y) : T(y).div(T(x)))),

  full_like: of("input fill_value", (x, value) => T(x).zerosLike().fill_(numbers(value)[0]!)),
  zeros_like: unary((x) => x.zerosLike()),
  ones_like: unary((x) => x.onesLike()),
  to: of("input device dtype non_blocking copy", (x, _, dtype) => T(x).to(dtypeOf(dtype))),
  clone: unary((x) => x.clone()),
  contiguous: unary((x) => x.contiguous()),
  float: unary((x) => x.float()),
  double: unary((x) => x.double()),
  long: unary((x) => x.long()),
  int: unary((x) => x.int()),
  bool: unary((x) => x.bool()),
  half: unary((x) => x.to("float16")),
  bfloat16: unary((x) => x.to("bfloat16")),
  short: unary((x) => x.to("int16")),
  char: unary((x) => x.to("int8")),
  byte: unary((x) => x.to("uint8")),
};
