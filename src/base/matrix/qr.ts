// A = Q R by Householder's reflections, with LAPACK's signs. Matrices are row-major.
//
//     v = x + sign(x₀) ‖x‖ e₀,  H = 1 − 2 v vᵀ / vᵀv,  H x = −sign(x₀) ‖x‖ e₀

export interface Qr {
  /** `[m, columns]` with orthonormal columns. */
  readonly q: Float64Array;
  /** `[m, n]`, upper triangular. */
  readonly r: Float64Array;
}

/** Q with its first `columns` columns, and R `[m, n]`, of A `[m, n]`. */
export function householder(a: ArrayLike<number>, m: number, n: number, columns: number): Qr {
  const r = Float64Array.from(a);
  const vectors: Float64Array[] = [];
  for (let k = 0; k < Math.min(m, n); k++) {
    const v = new Float64Array(m);
    let below = 0;
    for (let i = k + 1; i < m; i++) below = Math.hypot(below, r[i * n + k]!);
    if (below !== 0) {
      const head = r[k * n + k]!;
      for (let i = k; i < m; i++) v[i] = r[i * n + k]!;
      v[k]! += (head < 0 || Object.is(head, -0) ? -1 : 1) * Math.hypot(head, below);
      reflect(r, n, v, k);
      for (let i = k + 1; i < m; i++) r[i * n + k] = 0;
    }
    vectors.push(v);
  }
  const q = new Float64Array(m * columns);
  for (let i = 0; i < Math.min(m, columns); i++) q[i * columns + i] = 1;
  for (let k = vectors.length - 1; k >= 0; k--) reflect(q, columns, vectors[k]!, k);
  return { q, r };
}

/** Every column of x `[m, n]` reflected in the plane across `v`, which is 0 above `from`. */
function reflect(x: Float64Array, n: number, v: Float64Array, from: number): void {
  let square = 0;
  for (let i = from; i < v.length; i++) square += v[i]! ** 2;
  if (square === 0) return;
  for (let j = 0; j < n; j++) {
    let product = 0;
    for (let i = from; i < v.length; i++) product += v[i]! * x[i * n + j]!;
    const factor = (2 * product) / square;
    for (let i = from; i < v.length; i++) x[i * n + j]! -= factor * v[i]!;
  }
}
