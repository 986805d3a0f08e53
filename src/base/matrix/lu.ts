// Elimination with row exchanges, P A = L U, and what it gives at once: solutions and determinants. Matrices are row-major.

/** L below the diagonal (its ones left out) and U, in one square. */
export interface Lu {
  readonly lu: Float64Array;
  /** Row `i` of P A is row `rows[i]` of A. */
  readonly rows: Int32Array;
  /** Of the exchanges: 1 for an even number, −1 for an odd one. */
  readonly parity: 1 | -1;
  /** The first column without a pivot, −1 if there is none. */
  readonly singular: number;
}

export function factorize(a: ArrayLike<number>, n: number): Lu {
  const lu = Float64Array.from(a);
  const rows = Int32Array.from({ length: n }, (_, i) => i);
  let parity: 1 | -1 = 1;
  let singular = -1;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(lu[i * n + k]!) > Math.abs(lu[best * n + k]!)) best = i;
    if (best !== k) {
      for (let j = 0; j < n; j++) [lu[k * n + j], lu[best * n + j]] = [lu[best * n + j]!, lu[k * n + j]!];
      [rows[k], rows[best]] = [rows[best]!, rows[k]!];
      parity = parity === 1 ? -1 : 1;
    }
    const pivot = lu[k * n + k]!;
    if (pivot === 0) {
      if (singular < 0) singular = k;
      continue;
    }
    for (let i = k + 1; i < n; i++) {
      const factor = lu[i * n + k]! / pivot;
      lu[i * n + k] = factor;
      if (factor === 0) continue;
      for (let j = k + 1; j < n; j++) lu[i * n + j]! -= factor * lu[k * n + j]!;
    }
  }
  return { lu, rows, parity, singular };
}

/** X of `A X = B` for B `[n, m]`. */
export function solveFactorized({ lu, rows }: Lu, n: number, b: ArrayLike<number>, m: number): Float64Array {
  const x = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < m; c++) x[i * m + c] = b[rows[i]! * m + c]!;
    for (let j = 0; j < i; j++) subtract(x, i, j, lu[i * n + j]!, m);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) subtract(x, i, j, lu[i * n + j]!, m);
    for (let c = 0; c < m; c++) x[i * m + c]! /= lu[i * n + i]!;
  }
  return x;
}

/** Row `i` of x less `factor` times row `j`. */
function subtract(x: Float64Array, i: number, j: number, factor: number, m: number): void {
  if (factor === 0) return;
  for (let c = 0; c < m; c++) x[i * m + c]! -= factor * x[j * m + c]!;
}

/** The determinant's sign (0 of a singular matrix) and the logarithm of its magnitude. */
export function logDeterminant({ lu, parity }: Lu, n: number): { readonly sign: number; readonly log: number } {
  let sign: number = parity;
  let log = 0;
  for (let i = 0; i < n; i++) {
    const pivot = lu[i * n + i]!;
    sign *= Math.sign(pivot);
    log += Math.log(Math.abs(pivot));
  }
  return { sign, log };
}

/** The determinant itself. */
export function determinant({ lu, parity }: Lu, n: number): number {
  let product: number = parity;
  for (let i = 0; i < n; i++) product *= lu[i * n + i]!;
  return product;
}
