// Functions of several tensors: joined along a dimension that the rank decides, or stretched to one shape.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { broadcastShapes, showShape } from "../base/shape.ts";
import type { Tensor } from "./core.ts";
import { cat } from "./indexing.ts";
import { tidy } from "./scope.ts";

function some(op: string, tensors: readonly Tensor[]): readonly Tensor[] {
  if (tensors.length === 0) throw new ArgumentError(`${op}: no tensors were given.`, {});
  return tensors;
}

/** Tensors side by side: along dimension 1, or 0 for vectors and numbers. */
export function hstack(tensors: readonly Tensor[]): Tensor {
  return tidy(() => {
    const list = some("hstack", tensors).map((t) => t.atleast1d());
    return cat(list, list[0]!.ndim === 1 ? 0 : 1);
  });
}
/** Tensors one below another; a vector is a row. */
export function vstack(tensors: readonly Tensor[]): Tensor {
  return tidy(() => {
    return cat(
      some("vstack", tensors).map((t) => t.atleast2d()),
      0,
    );
  });
}
/** Tensors one behind another, along dimension 2. */
export function dstack(tensors: readonly Tensor[]): Tensor {
  return tidy(() => {
    return cat(
      some("dstack", tensors).map((t) => t.atleast3d()),
      2,
    );
  });
}

/** Views of all tensors in the one shape to which they broadcast. */
export function broadcastTensors(...tensors: Tensor[]): Tensor[] {
  const shape = tensors.map((t) => t.shape).reduce((a, b) => broadcastShapes("broadcastTensors", a, b), []);
  return tensors.map((t) => t.expand(...shape));
}

/**
 * The coordinates of a grid: each vector `[n_i]` as a view of `[n_0, n_1, …]` that varies along its own dimension. "xy" exchanges
 * the first two dimensions.
 */
export function meshgrid(tensors: readonly Tensor[], indexing: "ij" | "xy" = "ij"): Tensor[] {
  const vectors = some("meshgrid", tensors);
  for (const t of vectors) {
    if (t.ndim > 1) throw new ShapeError(`meshgrid: of vectors, got ${showShape(t.shape)}.`, { shape: t.shape });
  }
  const shape = vectors.map((t) => t.numel);
  const grids = vectors.map((t, i) => t.reshape(...shape.map((_, d) => (d === i ? -1 : 1))).expand(...shape));
  return indexing === "xy" && grids.length > 1 ? grids.map((g) => g.transpose(0, 1)) : grids;
}
