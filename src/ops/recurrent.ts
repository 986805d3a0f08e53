// One direction of one recurrent layer over a whole sequence, as one operator. The input's projections come in ready-made
// (one product over all time steps), the gradients of weights and input are products over all steps again.

import { ShapeError, UnsupportedError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Device } from "../ir/device.ts";
import { gru, gruBackward } from "../kernels/gru.ts";
import { lstm, lstmBackward } from "../kernels/lstm.ts";
import type { BackwardPass, ForwardPass, Steps } from "../kernels/recurrent.ts";
import { rnn, rnnBackward } from "../kernels/rnn.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backward, Meta, Op, View } from "./op.ts";
import { realOf } from "./softmax.ts";

export type RecurrentKind = "lstm" | "gru" | "rnnTanh" | "rnnRelu";

export interface RecurrentAttrs {
  readonly kind: RecurrentKind;
  /** From the end of each row to its beginning. */
  readonly reverse: boolean;
  /** `[B, T, …]` instead of `[T, B, …]`. */
  readonly batchFirst: boolean;
  /** Which inputs follow `gx` and `whh`, in order. */
  readonly extras: readonly Extra[];
  /** Whether a gradient may be asked for: what it needs is kept, and the memory of `gx` is written over. */
  readonly keeps: boolean;
}
/** Initial states `[B, H]`, the third gate's own bias `[H]` of a GRU, lengths int32 `[B]`. */
export type Extra = "h0" | "c0" | "bias" | "lengths";

const gates: { readonly [k in RecurrentKind]: number } = { lstm: 4, gru: 3, rnnTanh: 1, rnnRelu: 1 };
/** Values that a cell keeps for its gradient. */
const kept: { readonly [k in RecurrentKind]: number } = { lstm: 4, gru: 4, rnnTanh: 1, rnnRelu: 1 };

interface Sizes {
  readonly B: number;
  readonly T: number;
  readonly H: number;
}
function sizesOf(gx: Meta, { kind, batchFirst }: RecurrentAttrs): Sizes {
  const [first, second, width] = gx.shape as [number, number, number]; // three sizes, as infer has checked
  return { B: batchFirst ? first : second, T: batchFirst ? second : first, H: width / gates[kind] };
}
function steps(v: View, attrs: RecurrentAttrs): Steps {
  const [first, second] = v.strides as [number, number, number]; // three dimensions
  return { at: v.address, step: attrs.batchFirst ? second : first, row: attrs.batchFirst ? first : second };
}
function extra(inputs: readonly View[], { extras }: RecurrentAttrs, name: Extra, from: number): View | undefined {
  const at = extras.indexOf(name);
  return at < 0 ? undefined : inputs[at + from];
}
function shaped({ B, T }: Sizes, { batchFirst }: RecurrentAttrs, width: number): number[] {
  return batchFirst ? [B, T, width] : [T, B, width];
}

/** `gx` (consumed), `whh` `[gates H, H]` and the extras to `out`, `hN`, and with a cell state `cN`; then what `keeps` keeps. */
export const recurrent: Op<RecurrentAttrs> = {
  name: "recurrent",
  contiguous: true,
  infer([gx, whh], attrs): readonly Meta[] {
    const { dtype } = gx!;
    const width = gates[attrs.kind];
    realOf(attrs.kind, gx!);
    const [rows, H] = whh!.shape;
    if (gx!.shape.length !== 3 || whh!.shape.length !== 2 || gx!.shape[2] !== rows || rows !== width * H!) {
      throw new ShapeError(
        `${attrs.kind}: projections ${showShape(gx!.shape)} and weight ${showShape(whh!.shape)} do not fit.`,
        {
          projections: gx!.shape,
          weight: whh!.shape,
        },
      );
    }
    const sizes = sizesOf(gx!, attrs);
    const state = { shape: [sizes.B, sizes.H], dtype };
    const sequence = { shape: shaped(sizes, attrs, sizes.H), dtype };
    const hasC = attrs.kind === "lstm";
    const results = hasC ? [sequence, state, state] : [sequence, state];
    if (!attrs.keeps) return results;
    const separate = attrs.kind === "gru" ? [{ shape: shaped(sizes, attrs, kept.gru * sizes.H), dtype }] : [];
    return [...results, sequence, ...(hasC ? [sequence] : []), ...separate];
  },
  run(device, inputs, outputs, attrs) {
    const [gx, whh] = inputs as [View, View]; // the two that are always there
    const [out, hN] = outputs as [View, View]; // likewise
    const hasC = attrs.kind === "lstm";
    const [hBefore, ...rest] = outputs.slice(hasC ? 3 : 2);
    const sizes = sizesOf(gx, attrs);
    const none: Steps = { at: 0, step: 0, row: 0 };
    const gatesAt = attrs.kind === "gru" ? rest[0] : gx;
    const pass: ForwardPass = {
      dtype: realOf(attrs.kind, gx),
      ...sizes,
      lengths: extra(inputs, attrs, "lengths", 2)?.address ?? 0,
      reverse: attrs.reverse,
      w: whh.address,
      packed: 0,
      gx: steps(gx, attrs),
      bias: extra(inputs, attrs, "bias", 2)?.address ?? 0,
      h0: extra(inputs, attrs, "h0", 2)?.address ?? 0,
      c0: extra(inputs, attrs, "c0", 2)?.address ?? 0,
      out: steps(out, attrs),
      hN: hN.address,
      cN: hasC ? outputs[2]!.address : 0,
      saved:
        hBefore === undefined
          ? undefined
          : {
              gates: steps(gatesAt!, attrs),
              cells: hasC ? steps(rest[0]!, attrs) : none,
              hBefore: steps(hBefore, attrs),
            },
    };
    if (attrs.kind === "lstm") lstm(device, pass);
    else if (attrs.kind === "gru") gru(device, pass);
    else rnn(device, { ...pass, nonlinearity: attrs.kind === "rnnTanh" ? "tanh" : "relu" });
  },
  save({ kind, extras }) {
    const named = (name: Extra): number[] => (extras.includes(name) ? [extras.indexOf(name) + 2] : []);
    return {
      inputs: [1, ...(kind === "gru" ? [] : [0]), ...named("c0"), ...named("lengths")],
      outputs: kind === "lstm" ? [3, 4] : kind === "gru" ? [2, 3] : [2],
    };
  },
  grad: (k) => gradient(k),
};

function gradient(k: Backward<RecurrentAttrs>): (Tensor | undefined)[] {
  const { kind, extras } = k.attrs;
  if (k.createGraph) {
    throw new UnsupportedError(
      `${kind}: the fused layer has no second derivative; build it from the cell (${kind === "lstm" ? "LSTMCell" : "GRUCell, RNNCell"}).`,
      { kind },
    );
  }
  const hasC = kind === "lstm";
  const hBefore = k.output(hasC ? 3 : 2);
  const [dOut, dhN, dcN] = k.grads;
  const given: [string, Tensor | undefined][] = [
    ["dOut", dOut],
    ["dhN", dhN],
    ["dcN", hasC ? dcN : undefined],
    ["c0", extras.includes("c0") ? k.input(extras.indexOf("c0") + 2) : undefined],
    ["lengths", extras.includes("lengths") ? k.input(extras.indexOf("lengths") + 2) : undefined],
  ];
  const present = given.filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  const attrs = { ...k.attrs, given: present.map(([name]) => name) };
  const saved = [k.input(1), kind === "gru" ? k.output(3) : k.input(0), ...(hasC ? [k.output(4)] : [])];
  const [dGates, dh0, dc0, dProduct] = hBefore.applyOpAll(
    recurrentBackward,
    [...saved, ...present.map(([, t]) => t)],
    attrs,
  );
  const product = dProduct ?? dGates!;
  const rows = product.reshape(-1, product.size(-1)); // [B T, gates H]
  const H = hBefore.size(-1);
  const dWhh = k.needs[1] === true ? rows.mT.matmul(hBefore.reshape(-1, H)) : undefined;
  const ofExtra: { readonly [e in Extra]: () => Tensor | undefined } = {
    h0: () => dh0,
    c0: () => dc0,
    bias: () => rows.narrow(1, 2 * H, H).sum({ dim: 0 }),
    lengths: () => undefined,
  };
  return [dGates, dWhh, ...extras.map((name, i) => (k.needs[i + 2] === true ? ofExtra[name]() : undefined))];
}

/** From hBefore, whh, the kept gates and cells, and what is `given`: the gradients of gx and of the initial states. */
const recurrentBackward: Op<RecurrentAttrs & { readonly given: readonly string[] }> = {
  name: "recurrentBackward",
  contiguous: true,
  infer([hBefore, whh], attrs): readonly Meta[] {
    const { dtype, shape } = hBefore!;
    const width = whh!.shape[0]!;
    const [first, second] = shape as [number, number, number]; // [B, T, H] or [T, B, H]
    const H = shape[2]!;
    const gradients = { shape: [first, second, width], dtype };
    const state = { shape: [attrs.batchFirst ? first : second, H], dtype };
    return [gradients, state, state, ...(attrs.kind === "gru" ? [gradients] : [])];
  },
  run(device: Device, inputs, outputs, attrs) {
    const hasC = attrs.kind === "lstm";
    const [hBefore, whh, gatesAt] = inputs as [View, View, View]; // the three that are always there
    const [dGates, dh0, dc0, dProduct] = outputs as [View, View, View, View | undefined];
    const find = (name: string): View | undefined => {
      const at = attrs.given.indexOf(name);
      return at < 0 ? undefined : inputs[at + (hasC ? 4 : 3)];
    };
    const [first, second, H] = hBefore.shape as [number, number, number]; // three sizes
    const none: Steps = { at: 0, step: 0, row: 0 };
    const dOut = find("dOut");
    const pass: BackwardPass = {
      dtype: realOf(attrs.kind, hBefore),
      B: attrs.batchFirst ? first : second,
      T: attrs.batchFirst ? second : first,
      H,
      lengths: find("lengths")?.address ?? 0,
      reverse: attrs.reverse,
      w: whh.address,
      packed: 0,
      c0: find("c0")?.address ?? 0,
      saved: {
        gates: steps(gatesAt, attrs),
        cells: hasC ? steps(inputs[3]!, attrs) : none,
        hBefore: steps(hBefore, attrs),
      },
      dOut: dOut === undefined ? undefined : steps(dOut, attrs),
      dhN: find("dhN")?.address ?? 0,
      dcN: find("dcN")?.address ?? 0,
      dGates: steps(dGates, attrs),
      dProduct: undefined,
      dh0: dh0.address,
      dc0: dc0.address,
    };
    if (attrs.kind === "lstm") lstmBackward(device, pass);
    else if (attrs.kind === "gru") gruBackward(device, { ...pass, dProduct: steps(dProduct!, attrs) });
    else rnnBackward(device, { ...pass, nonlinearity: attrs.kind === "rnnTanh" ? "tanh" : "relu" });
  },
};
