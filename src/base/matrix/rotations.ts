// Singular values and the eigenvalues of symmetric matrices, by Jacobi's rotations: slow for large matrices, and accurate to the last
// digits for all. Matrices are row-major. Of each vector, whose sign is free, the component of largest magnitude is positive.

import { householder } from "./qr.ts";

export interface Svd {
  /** `[m, m]` */
  readonly u: Float64Array;
  /** `[min(m, n)]`, descending. */
  readonly s: Float64Array;
  /** `[n, n]`, the right vectors as columns. */
  readonly v: Float64Array;
}

const sweeps = 60;
const step = 2 ** -52;

/** `A = U diag(s) Vᵀ` with all vectors of both sides: A `[m, n]`. */
export function singularValues(a: ArrayLike<number>, m: number, n: number): Svd {
  if (m < n) {
    const { u, s, v } = singularValues(transposed(a, m, n), n, m);
    const turned = { u: v, s, v: u };
    fixSigns(turned, m, n);
    return turned;
  }
  // Columns of W = A V are turned two by two until all are orthogonal: they are then U diag(s).
  const columns = Array.from({ length: n }, (_, j) => Float64Array.from({ length: m }, (__, i) => a[i * n + j]!));
  const right = Array.from({ length: n }, (_, j) => Float64Array.from({ length: n }, (__, i) => Number(i === j)));
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let turned = false;
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) turned = orthogonalize(columns, right, p, q) || turned;
    if (!turned) break;
  }
  const lengths = columns.map(length);
  const order = Array.from(lengths.keys()).sort((i, j) => lengths[j]! - lengths[i]! || i - j);
  const s = Float64Array.from(order, (j) => lengths[j]!);
  const u = completed(
    order.map((j) => columns[j]!.map((x) => (lengths[j] === 0 ? 0 : x / lengths[j]!))),
    s,
    m,
  );
  const result = {
    u,
    s,
    v: rowsOf(
      order.map((j) => right[j]!),
      n,
    ),
  };
  fixSigns(result, m, n);
  return result;
}

/** Turns columns p and q of both lists so that the first list's are orthogonal; says whether they were not. */
function orthogonalize(columns: Float64Array[], right: Float64Array[], p: number, q: number): boolean {
  const [x, y] = [columns[p]!, columns[q]!];
  const [alpha, beta, gamma] = [dot(x, x), dot(y, y), dot(x, y)];
  if (gamma === 0 || !(Math.abs(gamma) > step * Math.sqrt(alpha * beta))) return false;
  const zeta = (beta - alpha) / (2 * gamma);
  const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  rotate(x, y, t);
  rotate(right[p]!, right[q]!, t);
  return true;
}

/** x, y to c x − s y, s x + c y with tan = t. */
function rotate(x: Float64Array, y: Float64Array, t: number): void {
  const c = 1 / Math.hypot(1, t);
  const s = c * t;
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]!, y[i]!];
    x[i] = c * a - s * b;
    y[i] = s * a + c * b;
  }
}

/** The columns with a singular value, and others that make them a basis: `[m, m]`. */
function completed(columns: readonly Float64Array[], s: Float64Array, m: number): Float64Array {
  const least = (s[0] ?? 0) * step * 8;
  const kept = columns.filter((_, j) => s[j]! > least && s[j]! > 0);
  const rank = kept.length;
  const { q } = householder(rowsOf(kept, m), m, rank, m);
  kept.forEach((column, j) => {
    for (let i = 0; i < m; i++) q[i * m + j] = column[i]!; // as turned; the rest are orthogonal to them
  });
  return q;
}

/** Of each pair of vectors the left one decides; those without a partner decide for themselves. */
function fixSigns({ u, v }: Svd, m: number, n: number): void {
  for (let j = 0; j < Math.max(m, n); j++) {
    const [side, size] = j < m ? [u, m] : [v, n];
    if (largest(side, size, j) >= 0) continue;
    if (j < m) flip(u, m, j);
    if (j < n) flip(v, n, j);
  }
}

export interface Eigen {
  /** `[n]`, ascending. */
  readonly values: Float64Array;
  /** `[n, n]`, vectors as columns. */
  readonly vectors: Float64Array;
}

/** `A = V diag(values) Vᵀ` of the symmetric matrix whose lower triangle (or upper) is that of A `[n, n]`. */
export function symmetricEigen(a: ArrayLike<number>, n: number, upper: boolean): Eigen {
  const x = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = upper ? a[j * n + i]! : a[i * n + j]!;
      x[i * n + j] = value;
      x[j * n + i] = value;
    }
  }
  const columns = Array.from({ length: n }, (_, j) => Float64Array.from({ length: n }, (__, i) => Number(i === j)));
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let turned = false;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) turned = diagonalize(x, n, columns, p, q) || turned;
    if (!turned) break;
  }
  const found = Array.from({ length: n }, (_, i) => x[i * n + i]!);
  const order = Array.from(found.keys()).sort((i, j) => found[i]! - found[j]! || i - j);
  const vectors = rowsOf(
    order.map((j) => columns[j]!),
    n,
  );
  for (let j = 0; j < n; j++) if (largest(vectors, n, j) < 0) flip(vectors, n, j);
  return { values: Float64Array.from(order, (j) => found[j]!), vectors };
}

/** Makes the element at p, q of the symmetric x zero; says whether it was not. */
function diagonalize(x: Float64Array, n: number, columns: Float64Array[], p: number, q: number): boolean {
  const [pp, qq, pq] = [x[p * n + p]!, x[q * n + q]!, x[p * n + q]!];
  if (pq === 0 || !(Math.abs(pq) > step * 1e-3 * Math.max(Math.abs(pp), Math.abs(qq), Number.MIN_VALUE))) return false;
  const zeta = (qq - pp) / (2 * pq);
  const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const c = 1 / Math.hypot(1, t);
  const s = c * t;
  for (let k = 0; k < n; k++) {
    if (k === p || k === q) continue;
    const [kp, kq] = [x[k * n + p]!, x[k * n + q]!];
    x[k * n + p] = x[p * n + k] = c * kp - s * kq;
    x[k * n + q] = x[q * n + k] = s * kp + c * kq;
  }
  x[p * n + p] = pp - t * pq;
  x[q * n + q] = qq + t * pq;
  x[p * n + q] = x[q * n + p] = 0;
  rotate(columns[p]!, columns[q]!, t);
  return true;
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}
function length(x: Float64Array): number {
  const most = x.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
  if (most === 0 || !Number.isFinite(most)) return most;
  return most * Math.sqrt(x.reduce((sum, value) => sum + (value / most) ** 2, 0));
}
/** The component of largest magnitude of column `j`. */
function largest(x: Float64Array, n: number, j: number): number {
  let best = 0;
  for (let i = 0; i < n; i++) if (Math.abs(x[i * n + j]!) > Math.abs(best) * (1 + 1e-9)) best = x[i * n + j]!;
  return best;
}
function flip(x: Float64Array, n: number, j: number): void {
  for (let i = 0; i < n; i++) x[i * n + j] = -x[i * n + j]!;
}
function transposed(a: ArrayLike<number>, m: number, n: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, at) => a[(at % m) * n + Math.floor(at / m)]!);
}
/** Columns of `m` numbers as a matrix `[m, columns]`. */
function rowsOf(columns: readonly Float64Array[], m: number): Float64Array {
  const n = columns.length;
  return Float64Array.from({ length: m * n }, (_, at) => columns[at % n]![Math.floor(at / n)]!);
}
