// Products beside the plain one: with a summand, of vectors, over chosen dimensions, of chains.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { Tensor } from "./core.ts";
import { tidy } from "./scope.ts";

export interface Summed {
  /** Factor of the summand; 0 leaves it out, NaNs and all. */
  readonly beta?: number | undefined;
  /** Factor of the product. */
  readonly alpha?: number | undefined;
}

/** `beta summand + alpha product` */
function plus(summand: Tensor, product: Tensor, { beta = 1, alpha = 1 }: Summed): Tensor {
  const scaled = alpha === 1 ? product : product.mul(alpha);
  if (beta === 0) {
    if (!summand.requiresGrad) return scaled.expand(...scaled.shape);
    const everywhere = Tensor.empty(summand.shape, "bool", summand.device).fill_(1);
    return scaled.add(summand.maskedFill(everywhere, 0)); // NaNs and all, with a gradient of zeros
  }
  return scaled.add(beta === 1 ? summand : summand.mul(beta));
}

function vector(op: string, x: Tensor): Tensor {
  if (x.ndim !== 1) throw new ShapeError(`${op}: wants a vector, got ${showShape(x.shape)}.`, { shape: x.shape });
  return x;
}
function rankOf(op: string, x: Tensor, rank: number): Tensor {
  if (x.ndim !== rank)
    throw new ShapeError(`${op}: wants ${rank} dimensions, got ${showShape(x.shape)}.`, { shape: x.shape, rank });
  return x;
}

export const productMethods = {
  /** `beta this + alpha (a @ b)` for batches: a `[B, M, K]`, b `[B, K, N]`. */
  baddbmm(this: Tensor, a: Tensor, b: Tensor, options: Summed = {}): Tensor {
    return tidy(() => plus(this, a.bmm(b), options));
  },
  /** `beta this + alpha Σ_batch (a @ b)`: a `[B, M, K]`, b `[B, K, N]`, this `[M, N]`. */
  addbmm(this: Tensor, a: Tensor, b: Tensor, options: Summed = {}): Tensor {
    return tidy(() => plus(this, a.bmm(b).sum({ dim: 0 }).to(a.dtype), options));
  },
  /** The product of a matrix `[M, K]` and a vector `[K]`. */
  mv(this: Tensor, v: Tensor): Tensor {
    return rankOf("mv", this, 2).matmul(vector("mv", v));
  },
  /** `beta this + alpha (a @ v)` */
  addmv(this: Tensor, a: Tensor, v: Tensor, options: Summed = {}): Tensor {
    return tidy(() => plus(this, a.mv(v), options));
  },
  /** `beta this + alpha (u vᵀ)` */
  addr(this: Tensor, u: Tensor, v: Tensor, options: Summed = {}): Tensor {
    return tidy(() => plus(this, vector("addr", u).outer(vector("addr", v)), options));
  },
  /** Sums of products along the last dimension of both, `[…this, …other]` without those. */
  inner(this: Tensor, other: Tensor): Tensor {
    if (this.ndim === 0 || other.ndim === 0) return this.mul(other);
    return tensordot(this, other, [[this.ndim - 1], [other.ndim - 1]]);
  },
  /** Each element of this times all of `other`, side by side. */
  kron(this: Tensor, other: Tensor): Tensor {
    return tidy(() => {
      const rank = Math.max(this.ndim, other.ndim);
      const sizes = (x: Tensor): number[] => [...new Array<number>(rank - x.ndim).fill(1), ...x.shape];
      const [a, b] = [sizes(this), sizes(other)];
      const left = this.reshape(...a.flatMap((s) => [s, 1]));
      const right = other.reshape(...b.flatMap((s) => [1, s]));
      return left.mul(right).reshape(...a.map((s, d) => s * b[d]!));
    });
  },
  /** The sum of the diagonal of a matrix. */
  trace(this: Tensor): Tensor {
    return tidy(() => rankOf("trace", this, 2).diagonal().sum());
  },
};
export type ProductMethods = typeof productMethods;

/**
 * Sums of products over `dims`: so many last dimensions of `a` with the first of `b`, or the listed ones of each. The result has the
 * others of `a`, then the others of `b`.
 */
export function tensordot(
  a: Tensor,
  b: Tensor,
  dims: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  const [fromA, fromB] =
    typeof dims === "number"
      ? [Array.from({ length: dims }, (_, i) => a.ndim - dims + i), Array.from({ length: dims }, (_, i) => i)]
      : dims.map((list, side) => list.map((d) => (d < 0 ? d + (side === 0 ? a : b).ndim : d)));
  const [da, db] = [fromA!, fromB!];
  if (da.length !== db.length || da.some((d, i) => !meets(a.shape[d], b.shape[db[i]!]))) {
    throw new ShapeError(
      `tensordot: dimensions ${showShape(da)} of ${showShape(a.shape)} and ${showShape(db)} of ${showShape(b.shape)} do not match.`,
      {
        a: a.shape,
        b: b.shape,
      },
    );
  }
  return tidy(() => {
    // A size of 1 is stretched: what it meets is summed over.
    const left1 = db.filter((d, i) => b.shape[d] !== 1 && a.shape[da[i]!] === 1);
    const right1 = da.filter((d, i) => a.shape[d] !== 1 && b.shape[db[i]!] === 1);
    if (left1.length + right1.length > 0) {
      const x = right1.length > 0 ? a.sum({ dim: right1, keepdim: true }).to(a.dtype) : a;
      const y = left1.length > 0 ? b.sum({ dim: left1, keepdim: true }).to(b.dtype) : b;
      return tensordot(x, y, [da, db]);
    }
    const others = (x: Tensor, used: readonly number[]): number[] =>
      x.shape.map((_, d) => d).filter((d) => !used.includes(d));
    const [ra, rb] = [others(a, da), others(b, db)];
    const size = (x: Tensor, list: readonly number[]): number => list.reduce((n, d) => n * x.shape[d]!, 1);
    const left = a.permute(...ra, ...da).reshape(size(a, ra), size(a, da));
    const right = b.permute(...db, ...rb).reshape(size(b, db), size(b, rb));
    return left.matmul(right).reshape(...ra.map((d) => a.shape[d]!), ...rb.map((d) => b.shape[d]!));
  });
}

function meets(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && (a === b || a === 1 || b === 1);
}

/** The product of a chain of matrices in the order that takes the fewest multiplications; its ends may be vectors. */
export function multiDot(chain: readonly Tensor[]): Tensor {
  const [first, ...rest] = chain;
  if (first === undefined || rest.length === 0)
    throw new ArgumentError(`multiDot: ${chain.length} operands; it wants two at least.`, { operands: chain.length });
  return tidy(() => {
    const last = chain.at(-1)!;
    const matrices = chain.map((x, i) =>
      x.ndim === 1 && i === 0
        ? x.unsqueeze(0)
        : x.ndim === 1 && i === chain.length - 1
          ? x.unsqueeze(1)
          : rankOf("multiDot", x, 2),
    );
    const cut = bestCuts(matrices);
    const product = (i: number, j: number): Tensor => {
      if (i === j) return matrices[i]!;
      const k = cut[i]![j]!;
      return product(i, k).matmul(product(k + 1, j));
    };
    let result = product(0, matrices.length - 1);
    if (last.ndim === 1) result = result.squeeze(-1);
    return first.ndim === 1 ? result.squeeze(0) : result;
  });
}

/** Where to cut the chain from i to j; matrix-chain multiplication by dynamic programming. */
function bestCuts(matrices: readonly Tensor[]): number[][] {
  const n = matrices.length;
  const sizes = [matrices[0]!.shape[0]!, ...matrices.map((m) => m.shape[1]!)];
  const cost = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const cut = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let length = 1; length < n; length++) {
    for (let i = 0; i + length < n; i++) {
      const j = i + length;
      cost[i]![j] = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const c = cost[i]![k]! + cost[k + 1]![j]! + sizes[i]! * sizes[k + 1]! * sizes[j + 1]!;
        if (c < cost[i]![j]!) [cost[i]![j], cut[i]![j]] = [c, k];
      }
    }
  }
  return cut;
}

/** Sums of products along `dim` of two tensors that broadcast. */
export function vecdot(a: Tensor, b: Tensor, dim = -1): Tensor {
  return tidy(() => a.mul(b).sum({ dim }).to(a.dtype));
}

/** `x1ᵀ W_k x2 + b_k`: x1 `[…, I]`, x2 `[…, J]`, weight `[K, I, J]`, bias `[K]`; gives `[…, K]`. */
export function bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [K, I, J] = weight.shape;
  if (weight.ndim !== 3 || x1.shape.at(-1) !== I || x2.shape.at(-1) !== J) {
    throw new ShapeError(
      `bilinear: inputs ${showShape(x1.shape)} and ${showShape(x2.shape)} do not fit weight ${showShape(weight.shape)}.`,
      {
        x1: x1.shape,
        x2: x2.shape,
        weight: weight.shape,
      },
    );
  }
  return tidy(() => {
    const lead = x1.shape.slice(0, -1);
    const rows = lead.reduce((n, s) => n * s, 1);
    const left = x1
      .reshape(rows, I!)
      .matmul(weight.permute(1, 0, 2).reshape(I!, K! * J!))
      .reshape(rows, K!, J!);
    const y = left
      .mul(x2.reshape(rows, 1, J!))
      .sum({ dim: -1 })
      .to(x1.dtype); // [rows, K]
    return (bias === undefined ? y : y.add(bias)).reshape(...lead, K!);
  });
}
