// Several tensors into one, and one turned around: copies into parts of a new tensor.

import { bytesOf, promote } from "../base/dtype.ts";
import { ShapeError } from "../base/errors.ts";
import { isContiguous, numel, showShape } from "../base/shape.ts";
import { copyInto, fillWith } from "./copy.ts";
import type { Op, View } from "./op.ts";

/** The part of `view` that holds `length` indices of `dim` from `start`. */
function part(view: View, dim: number, start: number, length: number): View {
  return {
    dtype: view.dtype,
    shape: view.shape.map((s, d) => (d === dim ? length : s)),
    strides: view.strides,
    address: view.address + start * view.strides[dim]! * bytesOf(view.dtype),
  };
}

/** Bytes of an input that are moved faster here than by a kernel. */
const smallBytes = 2048;

/** Whether the result is the bytes of the inputs one after another, few of each. */
function liesInARow(inputs: readonly View[], out: View, dim: number): boolean {
  for (let d = 0; d < dim; d++) if (out.shape[d] !== 1) return false;
  if (!isContiguous(out.shape, out.strides)) return false;
  return inputs.every(
    ({ dtype, shape, strides }) =>
      dtype === out.dtype && numel(shape) * bytesOf(dtype) <= smallBytes && isContiguous(shape, strides),
  );
}

/** Tensors one after another along `dim`; the other sizes are equal. */
export const cat: Op<number> = {
  name: "cat",
  infer(inputs, dim) {
    const [first, ...rest] = inputs;
    for (const m of rest) {
      if (m.shape.length !== first!.shape.length || m.shape.some((s, d) => d !== dim && s !== first!.shape[d])) {
        throw new ShapeError(
          `cat: ${showShape(first!.shape)} and ${showShape(m.shape)} do not join along dimension ${dim}: all other sizes must be equal.`,
          { shapes: inputs.map((i) => i.shape), dim },
        );
      }
    }
    const total = inputs.reduce((n, m) => n + m.shape[dim]!, 0);
    return [
      { shape: first!.shape.map((s, d) => (d === dim ? total : s)), dtype: inputs.map((m) => m.dtype).reduce(promote) },
    ];
  },
  run(device, inputs, [out], dim) {
    let at = 0;
    if (liesInARow(inputs, out!, dim)) {
      const { u8 } = device;
      for (const { address, shape, dtype } of inputs) {
        const bytes = numel(shape) * bytesOf(dtype);
        u8.copyWithin(out!.address + at, address, address + bytes);
        at += bytes;
      }
      return;
    }
    for (const input of inputs) {
      const length = input.shape[dim]!;
      copyInto(device, input, part(out!, dim, at, length));
      at += length;
    }
  },
  grad(k) {
    let at = 0;
    return k.metas.map((meta, i) => {
      const length = meta.shape[k.attrs]!;
      const start = at;
      at += length;
      return k.needs[i] === true ? k.g.narrow(k.attrs, start, length).to(meta.dtype) : undefined;
    });
  },
};

/** Constant padding: `before` and `after` for each dimension. */
export interface Padding {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly value: number;
}

export const pad: Op<Padding> = {
  name: "constantPadNd",
  infer: ([x], { before, after }) => [
    { shape: x!.shape.map((s, d) => Math.max(s + before[d]! + after[d]!, 0)), dtype: x!.dtype },
  ],
  run(device, [x], [out], { before, after, value }) {
    fillWith(device, value, out!);
    let from: View = { dtype: x!.dtype, shape: x!.shape, strides: x!.strides, address: x!.address };
    let to: View = { dtype: out!.dtype, shape: out!.shape, strides: out!.strides, address: out!.address };
    before.forEach((b, d) => {
      const cutBefore = Math.max(-b, 0); // a negative padding cuts
      const length = Math.max(x!.shape[d]! - cutBefore - Math.max(-after[d]!, 0), 0);
      from = part(from, d, cutBefore, length);
      to = part(to, d, Math.max(b, 0), length);
    });
    copyInto(device, from, to);
  },
  grad: (k) => [k.g.padWith({ before: k.attrs.before.map((b) => -b), after: k.attrs.after.map((a) => -a), value: 0 })],
};

/** The order of some dimensions reversed. */
export const flip: Op<readonly number[]> = {
  name: "flip",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  run(device, [x], [out], dims) {
    let address = x!.address;
    const strides = [...x!.strides];
    for (const d of dims) {
      address += Math.max(x!.shape[d]! - 1, 0) * strides[d]! * bytesOf(x!.dtype);
      strides[d] = -strides[d]!;
    }
    copyInto(device, { dtype: x!.dtype, shape: x!.shape, strides, address }, out!);
  },
  grad: (k) => [k.g.flip(k.attrs)],
};
