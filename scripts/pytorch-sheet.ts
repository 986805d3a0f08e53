// PyTorch's public names and ours: `node --conditions=kindling-source scripts/pytorch-sheet.ts --write` makes docs/pytorch.md. The names
// come from scripts/goldens/public_names.py; ours are looked up under the same word in camelCase, or under the one that `renamed` gives.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as kindling from "../src/index.ts";

const page = fileURLToPath(new URL("../docs/pytorch.md", import.meta.url));
const fixture = new URL("../test/fixtures/pytorch/names.json", import.meta.url);

/** Names whose word is another here. */
const renamed: Readonly<Record<string, string>> = {
  absolute: "abs",
  clip: "clamp",
  concat: "cat",
  concatenate: "cat",
  divide: "div",
  true_divide: "div",
  dim: "ndim",
  greater: "gt",
  greater_equal: "ge",
  less: "lt",
  less_equal: "le",
  not_equal: "ne",
  matrix_norm: "matrixNorm",
  moveaxis: "movedim",
  multiply: "mul",
  negative: "neg",
  subtract: "sub",
  swapaxes: "transpose",
  swapdims: "transpose",
  sgn: "sign",
  numpy: "toArray",
  storage_offset: "offset",
  stride: "strides",
  is_contiguous: "isContiguous",
  half: "to",
  bfloat16: "to",
  short: "to",
  char: "to",
  byte: "to",
  grad_fn: "gradFn",
  is_leaf: "isLeaf",
  scatter_reduce: "scatterReduce",
  vector_norm: "norm",
  logsigmoid: "logSigmoid",
  mse_loss: "mseLoss",
  kl_div: "klDiv",
  from_numpy: "fromArray",
  as_tensor: "tensor",
  manual_seed: "manualSeed",
  Dataset: "MapStyleDataset", // the bare names are Hugging Face's
  IterableDataset: "IterableStyleDataset",
};

/** What is here with something left out. */
const partial: Readonly<Record<string, string>> = {
  "torch.nn.Transformer": "no custom encoder and decoder",
  "torch.utils.data.DataLoader": "no batch_size None, timeout",
};

function camel(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Where a module's names are looked for, first to last. */
const prototype = new Set(
  [kindling.Tensor.prototype, ...fields()].flatMap((object) => Object.getOwnPropertyNames(object)),
);
function fields(): object[] {
  return [kindling.zeros([1])]; // its own properties: shape, dtype, strides, grad …
}
const free = new Set(Object.keys(kindling));
const functional = new Set(Object.keys(kindling.nn.functional));
const places: Readonly<Record<string, readonly ReadonlySet<string>[]>> = {
  "torch.Tensor": [prototype, functional],
  torch: [free, prototype, functional, new Set(Object.keys(kindling.linalg))],
  "torch.linalg": [new Set(Object.keys(kindling.linalg)), prototype],
  "torch.nn": [new Set(Object.keys(kindling.nn))],
  "torch.nn.functional": [functional, prototype, free],
  "torch.nn.init": [new Set(Object.keys(kindling.nn.init))],
  "torch.optim": [new Set(Object.keys(kindling.optim))],
  "torch.optim.lr_scheduler": [new Set(Object.keys(kindling.optim))],
  "torch.utils.data": [free, new Set(["MapStyleDataset", "IterableStyleDataset", "Sampler"])], // these are interfaces
};

function ours(module: string, name: string): string | undefined {
  const words = [renamed[name], camel(name), name].filter((word) => word !== undefined);
  return words.find((word) => places[module]!.some((place) => place.has(word)));
}

function section(module: string, names: readonly string[]): { readonly line: string; readonly text: string } {
  const found = names.map((name) => ({ name, ours: ours(module, name), lacks: partial[`${module}.${name}`] }));
  const whole = found.filter((f) => f.ours !== undefined && f.lacks === undefined);
  const parts = found.filter((f) => f.ours !== undefined && f.lacks !== undefined);
  const not = found.filter((f) => f.ours === undefined);
  const share = (list: readonly unknown[]): string =>
    `${list.length} (${Math.round((100 * list.length) / names.length)} %)`;
  const word = (f: (typeof found)[number]): string => (f.ours === camel(f.name) ? f.ours! : `${f.name} → ${f.ours}`);
  const text = [
    `## ${module}\n`,
    `Here: ${whole.map(word).join(", ")}.`,
    ...(parts.length > 0 ? [`\nIn part: ${parts.map((f) => `${word(f)} (${f.lacks})`).join(", ")}.`] : []),
    `\nNot: ${not.map((f) => f.name).join(", ")}.\n`,
  ].join("\n");
  return { line: `| ${module} | ${share(whole)} | ${share(parts)} | ${share(not)} |`, text };
}

/** The page. */
export function sheet(): string {
  const names = JSON.parse(readFileSync(fixture, "utf8")) as Record<string, string[]>; // as public_names.py writes it
  const sections = Object.entries(names).map(([module, list]) => section(module, list));
  return `# From PyTorch to Kindling

Every public name of PyTorch 2.13 and whether it is here. Words are PyTorch's in camelCase; what was \`torch.f(x)\` is mostly
\`x.f()\`, classes keep their names, arguments stand in one options object at the end. That a name is here does not say that it
agrees: [parity.md](parity.md) does. Much of the rest belongs to complex numbers, images, GPUs, quantized and sparse tensors.

| module | here | in part | not |
|---|---|---|---|
${sections.map((s) => s.line).join("\n")}

${sections.map((s) => s.text).join("\n")}`;
}

if (import.meta.main) {
  if (process.argv.includes("--write")) writeFileSync(page, sheet());
  else console.log(sheet());
}
