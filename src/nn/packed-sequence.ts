// Sequences of unequal length as one value: the padded tensor with its lengths. PyTorch lays the rows' steps out without the
// padding; here the kernels skip the padding instead, with the same results.

import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { fromArray, tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";

export class PackedSequence {
  /** `[B, T, …]` with `batchFirst`, else `[T, B, …]`. */
  readonly padded: Tensor;
  /** int32 `[B]`, each at least 1. */
  readonly lengths: Tensor;
  readonly batchFirst: boolean;

  constructor(padded: Tensor, lengths: Tensor, batchFirst: boolean) {
    this.padded = padded;
    this.lengths = lengths;
    this.batchFirst = batchFirst;
  }

  /** Other values for the same steps. */
  withData(padded: Tensor): PackedSequence {
    return new PackedSequence(padded, this.lengths, this.batchFirst);
  }
}

export function isPacked(x: unknown): x is PackedSequence {
  return x instanceof PackedSequence;
}

export interface PackOptions {
  readonly batchFirst?: boolean;
  /** Refuses lengths that do not fall from row to row. Default true, as in PyTorch; the order makes no difference here. */
  readonly enforceSorted?: boolean;
}

/** A padded batch and its lengths as one value, for RNN, LSTM and GRU. */
export function packPaddedSequence(x: Tensor, lengths: Tensor | readonly number[], options: PackOptions = {}): PackedSequence {
  const { batchFirst = false, enforceSorted = true } = options;
  const list = lengths instanceof Tensor ? Array.from(lengths.toArray()) : lengths;
  const [B, T] = batchFirst ? [x.size(0), x.size(1)] : [x.size(1), x.size(0)];
  if (list.length !== B) {
    throw new ShapeError(`packPaddedSequence: ${list.length} lengths for ${B} rows of ${showShape(x.shape)}.`, { lengths: list.length, rows: B });
  }
  list.forEach((length, row) => {
    if (!Number.isInteger(length) || length < 1 || length > T) {
      throw new ArgumentError(`packPaddedSequence: length ${length} of row ${row}; lengths lie from 1 to ${T}.`, { length, row });
    }
    if (enforceSorted && row > 0 && length > list[row - 1]!) {
      throw new ArgumentError("packPaddedSequence: the lengths do not fall from row to row; pass enforceSorted: false.", { row });
    }
  });
  // As in PyTorch, a packed batch is as long as its longest row.
  const longest = Math.max(...list);
  const padded = longest === T ? x : x.narrow(batchFirst ? 1 : 0, 0, longest);
  return new PackedSequence(padded, tensor(list, { dtype: "int32" }), batchFirst);
}

export interface PadOptions {
  readonly batchFirst?: boolean;
  readonly paddingValue?: number;
  /** Pads on to so many steps. */
  readonly totalLength?: number;
}

/** The padded batch and its lengths (int32 `[B]`) of a packed one. */
export function padPackedSequence(packed: PackedSequence, options: PadOptions = {}): [padded: Tensor, lengths: Tensor] {
  const { batchFirst = false, paddingValue = 0, totalLength } = options;
  let x = packed.batchFirst ? packed.padded : packed.padded.transpose(0, 1); // [B, T, …]
  const [B, T] = [x.size(0), x.size(1)];
  const extra = (totalLength ?? T) - T;
  if (extra < 0) throw new ShapeError(`padPackedSequence: totalLength ${totalLength} is less than the longest row, ${T}.`, { totalLength, longest: T });
  const after = x.shape.map((_, d) => (d === 1 ? extra : 0));
  if (extra > 0) x = x.padWith({ before: x.shape.map(() => 0), after, value: 0 });
  const steps = fromArray(Int32Array.from({ length: T + extra }, (_, t) => t), [1, T + extra], { dtype: "int32" });
  const beyond = steps.ge(packed.lengths.reshape(B, 1)).reshape(B, T + extra, ...x.shape.slice(2).map(() => 1));
  x = x.maskedFill(beyond.expand(...x.shape), paddingValue);
  return [batchFirst ? x : x.transpose(0, 1), packed.lengths];
}
