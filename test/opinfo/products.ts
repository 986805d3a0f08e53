// Products of matrices, and losses.

import { nn } from "../../src/index.ts";
import { einsum } from "../../src/tensor/einsum.ts";
import { linear } from "../../src/tensor/linear.ts";
import { bilinear, type Summed, tensordot } from "../../src/tensor/products.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  type Adapter,
  B,
  NotApplicable,
  numbers,
  of,
  optionalN,
  optionalT,
  options,
  S,
  T,
  tensors,
  type Value,
} from "./adapter.ts";

const F = nn.functional;

const product = (f: (a: Tensor, b: Tensor) => Tensor): Adapter => of("input other", (a, b) => f(T(a), T(b)));

/** Integers are scaled by integers. */
function whole(...values: Value[]): void {
  if (values.some((v) => typeof v === "number" && !Number.isInteger(v)))
    throw new NotApplicable("integers times fractions");
}
const withSummand = (f: (x: Tensor, a: Tensor, b: Tensor, o: Summed) => Tensor): Adapter =>
  of("input a b beta alpha", (x, a, b, beta, alpha) => {
    if (T(x).dtype === "bool" && (beta !== undefined || alpha !== undefined))
      throw new NotApplicable("bools times numbers");
    if (T(x).dtype === "int64") whole(beta, alpha);
    return f(T(x), T(a), T(b), { beta: optionalN(beta), alpha: optionalN(alpha) });
  });

/** PyTorch's older flags `size_average` and `reduce` are gone here. */
function reductionOf(value: Value): { reduction?: "mean" | "sum" | "none" } {
  return options({ reduction: value === undefined ? undefined : (S(value) as "mean" | "sum" | "none") }); // PyTorch's three words
}
type Loss = (x: Tensor, y: Tensor, o: { reduction?: "mean" | "sum" | "none" }) => Tensor;
const loss = (f: Loss): Adapter => of("input target reduction", (x, y, r) => f(T(x), T(y), reductionOf(r)));
/** Class ids are int32 here. */
const classes = (t: Value): Tensor => (T(t).dtype === "int64" ? T(t).int() : T(t));

export const products: Readonly<Record<string, Adapter>> = {
  mm: product((a, b) => a.mm(b)),
  bmm: product((a, b) => a.bmm(b)),
  dot: product((a, b) => a.dot(b)),
  mv: product((a, b) => a.mv(b)),
  vdot: product((a, b) => a.dot(b)),
  inner: product((a, b) => a.inner(b)),
  kron: product((a, b) => a.kron(b)),
  trace: of("input", (x) => T(x).trace()),
  baddbmm: withSummand((x, a, b, o) => x.baddbmm(a, b, o)),
  addbmm: {
    ...withSummand((x, a, b, o) => x.addbmm(a, b, o)),
    tolerance: { rtol: 1.3e-6, atol: 1e-4, why: "sums of 25 and more products up to 80 that nearly cancel" },
  },
  addmv: withSummand((x, a, b, o) => x.addmv(a, b, o)),
  addr: withSummand((x, a, b, o) => x.addr(a, b, o)),
  einsum: of("operands equation", (operands, equation) => einsum(S(equation), ...tensors(operands))),
  tensordot: of("a b dims", (a, b, d) => {
    if (typeof d === "number" || d === undefined) return tensordot(T(a), T(b), d);
    const [left, right] = d as readonly Value[]; // PyTorch's other form
    return tensordot(T(a), T(b), [numbers(left), numbers(right)]);
  }),
  "nn.functional.bilinear": of("x1 x2 weight bias", (a, b, w, bias) => bilinear(T(a), T(b), T(w), optionalT(bias))),
  outer: product((a, b) => a.outer(b)),
  matmul: product((a, b) => a.matmul(b)),
  __rmatmul__: product((a, b) => b.matmul(a)),
  addmm: of("input a b beta alpha", (x, a, b, beta, alpha) => {
    return T(x).addmm(T(a), T(b), options({ beta: optionalN(beta), alpha: optionalN(alpha) }));
  }),
  "nn.functional.linear": of("input weight bias", (x, w, b) => linear(T(x), T(w), optionalT(b))),

  "nn.functional.mse_loss": loss((x, y, o) => F.mseLoss(x, y, o)),
  "nn.functional.l1_loss": loss((x, y, o) => F.l1Loss(x, y, o)),
  "nn.functional.smooth_l1_loss": of("input target reduction beta", (x, y, r, beta) => {
    return F.smoothL1Loss(T(x), T(y), { ...reductionOf(r), ...options({ beta: optionalN(beta) }) });
  }),
  "nn.functional.huber_loss": of("input target reduction delta", (x, y, r, delta) => {
    return F.huberLoss(T(x), T(y), { ...reductionOf(r), ...options({ delta: optionalN(delta) }) });
  }),
  "nn.functional.cross_entropy": of(
    "input target weight ignore_index reduction label_smoothing",
    (x, y, weight, ignore, r, smoothing) => {
      return F.crossEntropy(T(x), classes(y), {
        ...reductionOf(r),
        ...options({ weight: optionalT(weight), ignoreIndex: optionalN(ignore), labelSmoothing: optionalN(smoothing) }),
      });
    },
  ),
  "nn.functional.nll_loss": of("input target weight ignore_index reduction", (x, y, weight, ignore, r) => {
    return F.nllLoss(T(x), classes(y), {
      ...reductionOf(r),
      ...options({ weight: optionalT(weight), ignoreIndex: optionalN(ignore) }),
    });
  }),
  "nn.functional.binary_cross_entropy": of("input target weight reduction", (x, y, weight, r) => {
    return F.binaryCrossEntropy(T(x), T(y), { ...reductionOf(r), ...options({ weight: optionalT(weight) }) });
  }),
  "nn.functional.binary_cross_entropy_with_logits": of(
    "input target weight reduction pos_weight",
    (x, y, weight, r, posWeight) => {
      return F.binaryCrossEntropyWithLogits(T(x), T(y), {
        ...reductionOf(r),
        ...options({ weight: optionalT(weight), posWeight: optionalT(posWeight) }),
      });
    },
  ),
  "nn.functional.kl_div": of("input target reduction log_target", (x, y, r, logTarget) => {
    const reduction = r === undefined ? {} : { reduction: S(r) as "mean" }; // or another of PyTorch's four words
    return F.klDiv(T(x), T(y), {
      ...reduction,
      ...options({ logTarget: logTarget === undefined ? undefined : B(logTarget) }),
    });
  }),
  "nn.functional.margin_ranking_loss": of("x1 x2 target margin reduction", (a, b, y, margin, r) => {
    return F.marginRankingLoss(T(a), T(b), T(y), { ...reductionOf(r), ...options({ margin: optionalN(margin) }) });
  }),
  "nn.functional.cosine_embedding_loss": of("x1 x2 target margin reduction", (a, b, y, margin, r) => {
    return F.cosineEmbeddingLoss(T(a), T(b), T(y), { ...reductionOf(r), ...options({ margin: optionalN(margin) }) });
  }),
  "nn.functional.hinge_embedding_loss": of("input target margin reduction", (x, y, margin, r) => {
    return F.hingeEmbeddingLoss(T(x), T(y), { ...reductionOf(r), ...options({ margin: optionalN(margin) }) });
  }),
  "nn.functional.triplet_margin_loss": of(
    "anchor positive negative margin p eps swap reduction",
    (a, p, n, margin, norm, eps, swap, r) => {
      return F.tripletMarginLoss(T(a), T(p), T(n), {
        ...reductionOf(r),
        ...options({
          margin: optionalN(margin),
          p: optionalN(norm),
          eps: optionalN(eps),
          swap: swap === undefined ? undefined : B(swap),
        }),
      });
    },
  ),
  "nn.functional.multilabel_soft_margin_loss": of("input target weight reduction", (x, y, weight, r) => {
    return F.multilabelSoftMarginLoss(T(x), T(y), { ...reductionOf(r), ...options({ weight: optionalT(weight) }) });
  }),
  "nn.functional.soft_margin_loss": loss((x, y, o) => F.softMarginLoss(x, y, o)),
  "nn.functional.multilabel_margin_loss": of("input target reduction", (x, y, r) => {
    return F.multilabelMarginLoss(T(x), classes(y), reductionOf(r));
  }),
  "nn.functional.multi_margin_loss": of("input target p margin weight reduction", (x, y, p, margin, weight, r) => {
    return F.multiMarginLoss(T(x), classes(y), {
      ...reductionOf(r),
      ...options({ p: optionalN(p), margin: optionalN(margin), weight: optionalT(weight) }),
    });
  }),
  "nn.functional.poisson_nll_loss": of("input target log_input full eps reduction", (x, y, log, full, eps, r) => {
    const flags = options({
      logInput: log === undefined ? undefined : B(log),
      full: full === undefined ? undefined : B(full),
    });
    return F.poissonNllLoss(T(x), T(y), { ...reductionOf(r), ...flags, ...options({ eps: optionalN(eps) }) });
  }),
  "nn.functional.gaussian_nll_loss": of("input target var full eps reduction", (x, y, v, full, eps, r) => {
    return F.gaussianNllLoss(T(x), T(y), T(v), {
      ...reductionOf(r),
      ...options({ full: full === undefined ? undefined : B(full), eps: optionalN(eps) }),
    });
  }),
};
