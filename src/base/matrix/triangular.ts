// Triangular matrices: solutions by substitution, and the Cholesky factor. Matrices are row-major.

export interface Triangle {
  readonly upper: boolean;
  /** The diagonal counts as ones. */
  readonly unitriangular: boolean;
}

/** X of `A X = B`, A `[n, n]` of which only one triangle is read, B `[n, m]`. A zero on the diagonal gives ±∞ or NaN. */
export function substitute(
  a: ArrayLike<number>,
  n: number,
  b: ArrayLike<number>,
  m: number,
  { upper, unitriangular }: Triangle,
): Float64Array {
  const x = Float64Array.from(b);
  for (let step = 0; step < n; step++) {
    const i = upper ? n - 1 - step : step;
    const [from, to] = upper ? [i + 1, n] : [0, i];
    for (let j = from; j < to; j++) {
      const factor = a[i * n + j]!;
      for (let c = 0; c < m; c++) x[i * m + c]! -= factor * x[j * m + c]!;
    }
    if (unitriangular) continue;
    for (let c = 0; c < m; c++) x[i * m + c]! /= a[i * n + i]!;
  }
  return x;
}

/** L of `A = L Lᵀ`, from the lower triangle of A; or the size of the first leading block that is not positive definite. */
export function choleskyFactor(a: ArrayLike<number>, n: number): Float64Array | number {
  const l = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    let square = a[j * n + j]!;
    for (let k = 0; k < j; k++) square -= l[j * n + k]! ** 2;
    if (!(square > 0)) return j + 1;
    const root = Math.sqrt(square);
    l[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      l[i * n + j] = sum / root;
    }
  }
  return l;
}
