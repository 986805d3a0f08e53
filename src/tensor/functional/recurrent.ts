// One direction of one recurrent layer: the input's projections of all time steps by one product, then the recurrence by one
// operator. With `lengths`, rows end where they end: the state stays, the output is 0, and the reverse direction begins at
// each row's own end, as with PyTorch's packed sequences.

import { type Extra, type RecurrentKind, recurrent } from "../../ops/recurrent.ts";
import type { Tensor } from "../core.ts";
import { tensor } from "../create.ts";
import { apply } from "../dispatch.ts";
import { isGradEnabled } from "../grad-mode.ts";
import { cat } from "../indexing.ts";
import { linear } from "../linear.ts";
import { tidy } from "../scope.ts";

export interface RecurrentLayer {
  /** `[B, T, I]` with `batchFirst`, else `[T, B, I]` */
  readonly x: Tensor;
  /** `[gates H, I]` */
  readonly weightIh: Tensor;
  /** `[gates H, H]` */
  readonly weightHh: Tensor;
  /** `[gates H]`; both biases or neither. */
  readonly biasIh?: Tensor | undefined;
  readonly biasHh?: Tensor | undefined;
  /** `[B, H]`; zeros if left out. */
  readonly h0?: Tensor | undefined;
  /** int32 `[B]`, each from 0 to T. */
  readonly lengths?: Tensor | undefined;
  readonly reverse?: boolean;
  readonly batchFirst?: boolean;
}
export interface LstmLayer extends RecurrentLayer {
  /** `[B, H]` */
  readonly c0?: Tensor | undefined;
  /** `[P, H]`: outputs and h are what this makes of them, `[…, P]`, and weightHh is `[4 H, P]`. */
  readonly weightHr?: Tensor | undefined;
}

export interface RecurrentResult {
  /** `[B, T, H]` or `[T, B, H]` */
  readonly output: Tensor;
  /** `[B, H]`, the state after each row's last step. */
  readonly h: Tensor;
}

/** `shift` is added to the input's projections. */
function run(kind: RecurrentKind, p: LstmLayer, shift?: Tensor): Tensor[] {
  const { biasIh, biasHh } = p;
  const H = p.weightHh.size(1);
  const separate = kind === "gru" && biasHh !== undefined; // the third gate adds its own bias inside
  const folded = separate ? cat([biasHh.narrow(0, 0, 2 * H), biasHh.narrow(0, 2 * H, H).mul(0)]) : biasHh;
  const bias = biasIh === undefined ? folded : folded === undefined ? biasIh : biasIh.add(folded);
  const projections = linear(p.x, p.weightIh, bias);
  const gx = shift === undefined ? projections : projections.add(shift);
  const given: [Extra, Tensor | undefined][] = [
    ["h0", p.h0],
    ["c0", p.c0],
    ["bias", separate ? biasHh.narrow(0, 2 * H, H) : undefined],
    ["lengths", p.lengths],
  ];
  const present = given.filter((entry): entry is [Extra, Tensor] => entry[1] !== undefined);
  const inputs = [gx, p.weightHh, ...present.map(([, t]) => t)];
  const keeps = isGradEnabled() && inputs.some((t) => t.requiresGrad);
  const { reverse = false, batchFirst = false } = p;
  return apply(recurrent, inputs, { kind, reverse, batchFirst, keeps, extras: present.map(([name]) => name) });
}

/** Long short-term memory, gates in the order i, f, g, o. https://www.bioinf.jku.at/publications/older/2604.pdf */
export function lstmLayer(p: LstmLayer): RecurrentResult & { readonly c: Tensor } {
  return tidy(() => {
    if (p.weightHr !== undefined) return projectedLstm(p, p.weightHr);
    const [output, h, c] = run("lstm", p);
    return { output: output!, h: h!, c: c! };
  });
}

/**
 * An LSTM whose h is projected to `P` numbers, `r = W_hr h`, is one of full width with the weight `W_hh W_hr`: the gates see
 * `W_hh r`. Only the initial r is no projection, so what the gates see of it joins the input of each row's first step.
 * https://arxiv.org/abs/1402.1128
 */
function projectedLstm(p: LstmLayer, weightHr: Tensor): RecurrentResult & { readonly c: Tensor } {
  const whole = { ...p, weightHh: p.weightHh.matmul(weightHr), h0: undefined };
  const [output, h, c] = run("lstm", whole, p.h0 && atFirstSteps(p, linear(p.h0, p.weightHh)));
  const last = linear(h!, weightHr); // [B, P]
  const isEmpty = p.lengths?.eq(0).unsqueeze(1); // such a row's state stays
  return {
    output: linear(output!, weightHr),
    h: isEmpty === undefined ? last : (p.h0 ?? last.mul(0)).where(isEmpty, last),
    c: c!,
  };
}

/** `value` `[B, G]` where each row begins, 0 elsewhere: `[T, B, G]` or `[B, T, G]`. */
function atFirstSteps({ x, lengths, reverse = false, batchFirst = false }: RecurrentLayer, value: Tensor): Tensor {
  const [B, T] = batchFirst ? [x.size(0), x.size(1)] : [x.size(1), x.size(0)];
  const ends = lengths === undefined ? new Array<number>(B).fill(T) : Array.from(lengths.toArray(), Number);
  const isFirst = ends.map((end) => Array.from({ length: T }, (_, t) => t === (reverse ? end - 1 : 0)));
  const mask = tensor(isFirst).unsqueeze(-1); // [B, T, 1]
  return value.unsqueeze(batchFirst ? 1 : 0).mul(batchFirst ? mask : mask.transpose(0, 1));
}
/** Gated recurrent unit, gates in the order r, z, n; the reset gate acts after the product. https://arxiv.org/abs/1406.1078 */
export function gruLayer(p: RecurrentLayer): RecurrentResult {
  return tidy(() => {
    const [output, h] = run("gru", p);
    return { output: output!, h: h! };
  });
}
/** `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or relu. */
export function rnnLayer(p: RecurrentLayer & { readonly nonlinearity?: "tanh" | "relu" }): RecurrentResult {
  return tidy(() => {
    const [output, h] = run(p.nonlinearity === "relu" ? "rnnRelu" : "rnnTanh", p);
    return { output: output!, h: h! };
  });
}
