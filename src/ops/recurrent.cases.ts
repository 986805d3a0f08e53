// Recurrent layers, one step of one row after another.

import {
  any,
  type CasesOf,
  floats,
  given,
  type Input,
  ids,
  NdArray,
  type OpCases,
  type Sample,
  small,
} from "../../test/cases.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import type { Extra, RecurrentAttrs, RecurrentKind } from "./recurrent.ts";

const gates: { readonly [k in RecurrentKind]: number } = { lstm: 4, gru: 3, rnnTanh: 1, rnnRelu: 1 };

interface Setting {
  readonly B: number;
  readonly T: number;
  readonly H: number;
  readonly extras?: readonly Extra[];
  readonly reverse?: boolean;
  readonly batchFirst?: boolean;
}

function sample(
  kind: RecurrentKind,
  { B, T, H, extras = [], reverse = false, batchFirst = false }: Setting,
): Sample<RecurrentAttrs> {
  const inputs: { readonly [e in Extra]: Input } = {
    h0: small(B, H),
    c0: small(B, H),
    bias: small(H),
    lengths: given(
      Array.from({ length: B }, (_, b) => (b === 0 ? T : b - 1)),
      "int32",
    ),
  };
  const width = gates[kind] * H;
  return {
    inputs: [batchFirst ? any(B, T, width) : any(T, B, width), small(width, H), ...extras.map((name) => inputs[name])],
    attrs: { kind, reverse, batchFirst, extras, keeps: true },
    gradient: "first", // there is no second
  };
}

function samplesOf(kind: RecurrentKind): readonly Sample<RecurrentAttrs>[] {
  const own: readonly Extra[] = kind === "lstm" ? ["h0", "c0"] : kind === "gru" ? ["h0", "bias"] : ["h0"];
  const tiny = { B: 2, T: 3, H: 1 };
  const base = sample(kind, { ...tiny, H: 2 });
  return [
    { ...base, attrs: { ...base.attrs, keeps: false }, gradient: "none" },
    sample(kind, { B: 2, T: 2, H: 2 }),
    sample(kind, { ...tiny, extras: own, batchFirst: true }),
    sample(kind, { ...tiny, extras: own, reverse: true }),
    sample(kind, { ...tiny, extras: [...own, "lengths"] }),
    sample(kind, { ...tiny, extras: [...own, "lengths"], reverse: true, batchFirst: true }),
    sample(kind, { B: 1, T: 1, H: 3, extras: own }),
    sample(kind, { B: 3, T: 4, H: 19, extras: [...own, "lengths"], reverse: true }),
    sample(kind, { B: 9, T: 3, H: 32, extras: own, batchFirst: true }),
  ];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

interface State {
  readonly h: readonly number[];
  readonly c: readonly number[];
}

/** One step of one row: `x` its projections, `a` the weight's product with the state. */
function cell(
  kind: RecurrentKind,
  x: readonly number[],
  a: readonly number[],
  { h, c }: State,
  bias: readonly number[],
): State {
  const H = h.length;
  const at = (gate: number, j: number): number => x[gate * H + j]! + a[gate * H + j]!;
  if (kind === "lstm") {
    const next = c.map((old, j) => sigmoid(at(1, j)) * old + sigmoid(at(0, j)) * Math.tanh(at(2, j)));
    return { h: next.map((value, j) => sigmoid(at(3, j)) * Math.tanh(value)), c: next };
  }
  if (kind === "gru") {
    const next = h.map((old, j) => {
      const z = sigmoid(at(1, j));
      const n = Math.tanh(x[2 * H + j]! + sigmoid(at(0, j)) * (a[2 * H + j]! + bias[j]!));
      return (1 - z) * n + z * old;
    });
    return { h: next, c };
  }
  return { h: h.map((_, j) => (kind === "rnnTanh" ? Math.tanh(at(0, j)) : Math.max(at(0, j), 0))), c };
}

function reference(inputs: readonly NdArray[], { kind, reverse, batchFirst, extras }: RecurrentAttrs): NdArray[] {
  const [gx, whh] = inputs as [NdArray, NdArray]; // the two that are always there
  const named = (name: Extra): NdArray | undefined =>
    extras.includes(name) ? inputs[2 + extras.indexOf(name)] : undefined;
  const [first, second, width] = gx.shape as [number, number, number]; // three sizes
  const [B, T, H] = [batchFirst ? first : second, batchFirst ? second : first, width / gates[kind]];
  const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const out = new Map<string, number>();
  const last = range(B).map((b): State => {
    const length = named("lengths")?.at(b) ?? T;
    let state: State = {
      h: range(H).map((j) => named("h0")?.at(b, j) ?? 0),
      c: range(H).map((j) => named("c0")?.at(b, j) ?? 0),
    };
    for (const step of range(length)) {
      const t = reverse ? length - 1 - step : step;
      const x = range(width).map((g) => (batchFirst ? gx.at(b, t, g) : gx.at(t, b, g)));
      const a = range(width).map((g) => range(H).reduce((sum, j) => sum + whh.at(g, j) * state.h[j]!, 0));
      const bias = range(H).map((j) => named("bias")?.at(j) ?? 0);
      state = cell(kind, x, a, state, bias);
      state.h.forEach((value, j) => {
        out.set(`${b} ${t} ${j}`, value);
      });
    }
    return state;
  });
  const output = NdArray.from(
    [first, second, H],
    ([i, j, k]) => out.get(batchFirst ? `${i} ${j} ${k}` : `${j} ${i} ${k}`) ?? 0,
  );
  const states = [NdArray.from([B, H], ([b, j]) => last[b!]!.h[j!]!)];
  if (kind === "lstm") states.push(NdArray.from([B, H], ([b, j]) => last[b!]!.c[j!]!));
  return [output, ...states];
}

const recurrent: OpCases<RecurrentAttrs> = {
  samples: (["lstm", "gru", "rnnTanh", "rnnRelu"] as const).flatMap(samplesOf),
  dtypes: floats,
  reference,
  consumes: [0],
  results: ({ kind }) => (kind === "lstm" ? 3 : 2),
  refuses: [
    {
      ...sample("lstm", { B: 2, T: 2, H: 2 }),
      inputs: [any(2, 2, 8), any(6, 2)],
      error: ShapeError,
      message: /do not fit/,
    },
    {
      ...sample("gru", { B: 2, T: 2, H: 2 }),
      inputs: [ids(3, 2, 2, 6), any(6, 2)],
      error: DTypeError,
      message: /float32 or float64/,
    },
  ],
};

export const cases: CasesOf<typeof import("./recurrent.ts")> = { recurrent };
