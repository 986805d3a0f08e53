// Cross-entropy of logits with classes, without a second tensor of the logits' size: the forward keeps one number a row, and
// the backward writes the gradient straight from the logits.

import { DTypeError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import * as kernels from "../kernels/cross-entropy.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backward, Meta, Op, View } from "./op.ts";
import { realOf } from "./softmax.ts";

export interface CrossEntropyAttrs {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
}

/** logits `[rows, V]`, targets `[rows]` int32, weight `[V]` or nothing: losses, weights of the rows, and log Σ exp, each `[rows]`. */
export const crossEntropy: Op<CrossEntropyAttrs> = {
  name: "crossEntropy",
  contiguous: true,
  infer([logits, targets, weight]): readonly Meta[] {
    const [rows, V] = logits!.shape;
    if (logits!.shape.length !== 2 || targets!.shape.length !== 1 || targets!.shape[0] !== rows) {
      throw new ShapeError(
        `crossEntropy: logits ${showShape(logits!.shape)} and targets ${showShape(targets!.shape)}; wants [rows, V] and [rows].`,
        {
          logits: logits!.shape,
          targets: targets!.shape,
        },
      );
    }
    if (targets!.dtype !== "int32")
      throw new DTypeError(`crossEntropy: targets are int32, got ${targets!.dtype}. Convert with .int().`, {});
    if (weight !== undefined && (weight.shape.length !== 1 || weight.shape[0] !== V)) {
      throw new ShapeError(`crossEntropy: weight ${showShape(weight.shape)} does not fit ${V} classes.`, {
        weight: weight.shape,
        classes: V,
      });
    }
    realOf("crossEntropy", logits!);
    const row = { shape: [rows!], dtype: logits!.dtype };
    return [row, row, row];
  },
  run(device, [logits, targets, weight], [loss, rowWeight, logSumExp], attrs) {
    kernels.crossEntropy(device, {
      ...problem(logits!, targets!, weight, attrs),
      logSumExp: logSumExp!.address,
      loss: loss!.address,
      rowWeight: rowWeight!.address,
    });
  },
  save: (_, needs) => ({ inputs: needs.map((__, i) => i), outputs: [2] }),
  grad(k) {
    if (k.createGraph) return [byAlgebra(k)];
    const inputs = [k.input(0), k.input(1), k.output(2), ...(k.metas.length > 2 ? [k.input(2)] : [])];
    return [k.g.applyOp(crossEntropyBackward, inputs, k.attrs)];
  },
};

/** From the losses' gradients `[rows]`, logits, targets, log Σ exp and weight: the logits' gradient. */
const crossEntropyBackward: Op<CrossEntropyAttrs> = {
  name: "crossEntropyBackward",
  contiguous: true,
  infer: ([, logits]) => [{ shape: logits!.shape, dtype: logits!.dtype }],
  run(device, [g, logits, targets, logSumExp, weight], [dLogits], attrs) {
    kernels.crossEntropyBackward(device, {
      ...problem(logits!, targets!, weight, attrs),
      logSumExp: logSumExp!.address,
      scale: g!.address,
      scalePerRow: true,
      dLogits: dLogits!.address,
    });
  },
};

/** The same gradient in tensor algebra, for derivatives of it. */
function byAlgebra(k: Backward<CrossEntropyAttrs>): Tensor {
  const { ignoreIndex, labelSmoothing: smoothing } = k.attrs;
  const [logits, targets] = [k.input(0), k.input(1)];
  const { dtype } = logits;
  const V = logits.shape[1]!;
  const ignored = targets.eq(ignoreIndex); // [rows]
  const classes = targets.maskedFill(ignored, 0);
  const learnt = ignored.logicalNot().to(dtype).unsqueeze(1); // [rows, 1]
  const weight = k.metas.length > 2 ? k.input(2) : logits.zerosOf([V]).fill_(1); // [V]
  const own = weight
    .indexSelect(0, classes)
    .unsqueeze(1)
    .mul(1 - smoothing)
    .mul(learnt); // [rows, 1]
  const spread = weight.mul(smoothing / V); // [V]
  const p = logits.sub(logits.logsumexp({ dim: 1, keepdim: true })).exp(); // [rows, V]
  const pull = p.mul(own.add(spread.sum().mul(learnt)));
  return pull.sub(spread.mul(learnt)).sub(classes.oneHot(V).to(dtype).mul(own)).mul(k.g.unsqueeze(1));
}

function problem(logits: View, targets: View, weight: View | undefined, attrs: CrossEntropyAttrs) {
  const [rows, V] = logits.shape as [number, number]; // checked by infer
  return {
    dtype: realOf("crossEntropy", logits),
    rows,
    V,
    logits: logits.address,
    targets: targets.address,
    weight: weight?.address ?? 0,
    ...attrs,
  };
}
