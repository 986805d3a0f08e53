// Tensors as text, exactly as PyTorch prints them: one format for all elements, columns of equal width, the middle of what
// is large left out.
//
//     tensor([[ 0.5000, -1.2500],
//             [ 2.0000,  3.0000]], grad_fn=<AddBackward0>)

import { isFloating, torchName } from "../base/dtype.ts";
import { ArgumentError } from "../base/errors.ts";
import type { Tensor } from "./core.ts";
import { tidy } from "./scope.ts";
import { bytesView } from "./transfer.ts";

export interface PrintOptions {
  /** Digits after the point. */
  readonly precision: number;
  /** With more elements than this only the edges are shown. */
  readonly threshold: number;
  /** How many entries an edge has. */
  readonly edgeitems: number;
  /** Columns after which lines break. */
  readonly linewidth: number;
  /** Scientific notation always or never; undefined lets the values decide. */
  readonly sciMode: boolean | undefined;
}

const usual: PrintOptions = { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: undefined };
const profiles: { readonly [name in "default" | "short" | "full"]: PrintOptions } = {
  default: usual,
  short: { ...usual, precision: 2, edgeitems: 2 },
  full: { ...usual, threshold: Number.POSITIVE_INFINITY },
};
let options: PrintOptions = usual;

/** Changes how tensors print from now on: first to the `profile`, if one is named, then by the single options. */
export function setPrintOptions(changes: Partial<PrintOptions> & { readonly profile?: keyof typeof profiles }): void {
  const { profile, ...rest } = changes;
  const next = { ...(profile === undefined ? options : profiles[profile]), ...rest };
  for (const key of ["precision", "threshold", "edgeitems", "linewidth"] as const) {
    if (!(next[key] >= 0))
      throw new ArgumentError(`setPrintOptions: ${key} ${next[key]}; it is at least 0.`, { [key]: next[key] });
  }
  options = next;
}

export function formatTensor(t: Tensor): string {
  const start = "tensor(";
  const body = t.isMeta ? "..." : t.numel === 0 ? "[]" : tidy(() => formatElements(t, start.length));
  return addSuffixes(start + body, suffixes(t), start.length);
}

/** What follows the elements: what they do not tell by themselves. */
function suffixes(t: Tensor): string[] {
  const empty = t.numel === 0 || t.isMeta; // shows no elements
  const out: string[] = [];
  if (t.isMeta) out.push("device='meta'");
  if (t.isMeta || (empty && t.ndim !== 1)) out.push(`size=(${t.shape.join(", ")}${t.ndim === 1 ? "," : ""})`);
  const told = t.dtype === "float32" || (!empty && (t.dtype === "int64" || t.dtype === "bool"));
  if (!told) out.push(`dtype=${torchName(t.dtype)}`);
  if (t.gradFn !== undefined) out.push(`grad_fn=<${t.gradFn.name}>`);
  else if (t.requiresGrad) out.push("requires_grad=True");
  return out;
}

function addSuffixes(text: string, list: readonly string[], indent: number): string {
  let used = text.length - text.lastIndexOf("\n") + 1; // PyTorch counts two columns more than there are
  let out = text;
  for (const suffix of list) {
    if (used + suffix.length + 2 > options.linewidth) {
      out += `,\n${" ".repeat(indent)}${suffix}`;
      used = indent + suffix.length;
    } else {
      out += `, ${suffix}`;
      used += suffix.length + 2;
    }
  }
  return `${out})`;
}

type Values = readonly (number | bigint | boolean)[];

function formatElements(t: Tensor, indent: number): string {
  const { edgeitems, threshold, linewidth } = options;
  const cut = t.shape.map((size) => t.numel > threshold && size > 2 * edgeitems);
  const shown = edgesOf(t.detach(), cut);
  const { entries, width } = formatAll(valuesOf(shown), isFloating(t.dtype));
  const list = (dim: number, at: number, step: number): string => {
    if (dim === t.ndim) return entries[at]!;
    const inner = dim === t.ndim - 1;
    const size = shown.shape[dim]!;
    const below = size === 0 ? 0 : step / size;
    const items = Array.from({ length: size }, (_, i) => list(dim + 1, at + i * below, below));
    if (cut[dim]) items.splice(edgeitems, 0, inner && edgeitems > 0 ? " ..." : "...");
    const margin = " ".repeat(indent + dim + 1);
    if (!inner) return `[${items.join(`,${"\n".repeat(t.ndim - dim - 1)}${margin}`)}]`;
    const perLine = Math.max(1, Math.floor((linewidth - indent - dim) / (width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(", "));
    return `[${lines.join(`,\n${margin}`)}]`;
  };
  return list(0, 0, entries.length);
}

/** The entries at both ends of the dimensions that are cut; the longest first, so that little is copied. */
function edgesOf(t: Tensor, cut: readonly boolean[]): Tensor {
  const { edgeitems } = options;
  const dims = cut.flatMap((isCut, d) => (isCut ? [d] : [])).sort((a, b) => t.shape[b]! - t.shape[a]!);
  return dims.reduce((x, d) => {
    return x.narrow(d, 0, edgeitems).catWith([x.narrow(d, x.shape[d]! - edgeitems, edgeitems)], d);
  }, t);
}

function valuesOf(t: Tensor): Values {
  if (t.dtype === "int64") return Array.from(new BigInt64Array(bytesView(t.contiguous()).slice().buffer)); // beyond 2^53 too
  const numbers = Array.from(t.toArray());
  return t.dtype === "bool" ? numbers.map((x) => x !== 0) : numbers;
}

/** All elements in one format, brought to the width of the widest; of floats only those that are finite and not 0 count. */
function formatAll(values: Values, floats: boolean): { readonly entries: readonly string[]; readonly width: number } {
  const numbers = floats ? (values as readonly number[]) : []; // floats are numbers
  const telling = numbers.filter((x) => Number.isFinite(x) && x !== 0);
  const formatFloat = chooseFormat(telling);
  const texts = floats ? numbers.map(formatFloat) : values.map(formatOther);
  const counting = floats ? telling.map(formatFloat) : texts;
  const width = counting.reduce((w, s) => Math.max(w, s.length), 1);
  return { entries: texts.map((s) => s.padStart(width)), width };
}

function formatOther(value: number | bigint | boolean): string {
  return typeof value === "boolean" ? (value ? "True" : "False") : String(value);
}

/** Whole numbers as `3.`, others with digits after the point, or scientific where sizes lie far apart or far from 1. */
function chooseFormat(telling: readonly number[]): (x: number) => string {
  const { precision, sciMode } = options;
  const sizes = telling.map(Math.abs);
  const smallest = sizes.reduce((m, x) => Math.min(m, x), Number.POSITIVE_INFINITY);
  const largest = sizes.reduce((m, x) => Math.max(m, x), 0);
  const scientific = telling.length > 0 && (sciMode ?? (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4));
  const whole = telling.every(Number.isInteger);
  return (x) => {
    if (!Number.isFinite(x)) return String(x).replace("Infinity", "inf").replace("NaN", "nan");
    const sign = x < 0 || Object.is(x, -0) ? "-" : "";
    const magnitude = Math.abs(x);
    if (scientific) return sign + exponential(magnitude, precision);
    return whole ? `${sign}${fixed(magnitude, 0)}.` : sign + fixed(magnitude, precision);
  };
}

// JavaScript rounds a tie up, Python to the even digit. A value this many digits long that ends in 5000… is a tie.
const exactDigits = 40;

function isTie(digitsAfter: string): boolean {
  return /^50*$/.test(digitsAfter);
}

function fixed(x: number, digits: number): string {
  if (x >= 1e21) return BigInt(x).toString() + (digits > 0 ? `.${"0".repeat(digits)}` : ""); // toFixed gives up there
  const rounded = x.toFixed(digits);
  const exact = x.toFixed(digits + exactDigits);
  const cut = exact.length - exactDigits;
  const wentUp = isTie(exact.slice(cut)) && /[13579]$/.test(rounded);
  return wentUp ? exact.slice(0, cut).replace(/\.$/, "") : rounded;
}

function exponential(x: number, digits: number): string {
  const [rounded, power] = x.toExponential(digits).split("e") as [string, string]; // there is always an exponent
  const [exact, exactPower] = x.toExponential(digits + exactDigits).split("e") as [string, string];
  const cut = exact.length - exactDigits;
  const wentUp = isTie(exact.slice(cut)) && /[13579]$/.test(rounded);
  const mantissa = wentUp ? exact.slice(0, cut).replace(/\.$/, "") : rounded;
  const exponent = wentUp ? exactPower : power;
  return `${mantissa}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, "0")}`;
}
