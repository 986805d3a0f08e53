// Recurrent layers, attention and Transformer layers in every configuration and under every mask: PyTorch's results and gradients, in
// float64 and float32. scripts/goldens/configurations.py lists them and draws the same numbers.

import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { drawn } from "../../test/drawn.ts";
import { matchesSums, type Sums } from "../../test/golden.ts";
import { equal } from "../../test/portable/harness.ts";
import * as nn from "../nn.ts";
import { grad } from "../tensor/autograd.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

type Float = "float64" | "float32";
const floats: readonly Float[] = ["float64", "float32"];

/** The entries of a fixture by their module. */
function read<G extends { readonly module: string }>(name: string): Map<string, G[]> {
  const path = new URL(`../../test/fixtures/configurations/${name}.json.gz`, import.meta.url);
  const all = JSON.parse(gunzipSync(readFileSync(path)).toString()) as G[]; // as the generator writes it
  const modules = new Set(all.map(({ module }) => module));
  return new Map([...modules].map((name) => [name, all.filter(({ module }) => module === name)]));
}

function fill(module: nn.AnyModule, dtype: Float): void {
  module.to(dtype);
  noGrad(() => {
    module.namedParameters().forEach(([name, p], i) => {
      const isScale = name.includes("norm") && name.endsWith("weight");
      p.copy_(
        drawn(100 + i, p.shape)
          .mul(0.5)
          .add(Number(isScale)),
      );
    });
  });
}

/** Results, then the gradients of `wanted`, against the sums in that order. */
function check(results: readonly Tensor[], wanted: readonly Tensor[], sums: readonly Sums[], what: string): void {
  equal(results.length + wanted.length, sums.length, what);
  const upstream = results.map((y, i) => drawn(50 + i, y.shape).to(y.dtype));
  [...results, ...grad(results, wanted, upstream)].forEach((t, i) => {
    matchesSums(t, sums[i]!, `${what}, tensor ${i}`);
  });
}

const leaf = (seed: number, shape: readonly number[], dtype: Float): Tensor =>
  drawn(seed, shape).to(dtype).requiresGrad_();

// ── recurrent layers ────────────────────────────────────────────────────────────────────────────────────────────────

interface RecurrentGolden {
  readonly module: "RNN" | "LSTM" | "GRU";
  readonly options: Required<Pick<nn.LstmOptions, "numLayers" | "bidirectional" | "batchFirst" | "bias">> &
    Pick<nn.LstmOptions, "projSize">;
  readonly lengths: readonly number[] | null;
  readonly enforceSorted: boolean;
  readonly initial: boolean;
  readonly sums: readonly Sums[];
}
const recurrentLayers = { RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU };
const [B, T, I, H] = [3, 4, 2, 3];

function checkRecurrent(
  { module, options, lengths, enforceSorted, initial, sums }: RecurrentGolden,
  dtype: Float,
): void {
  const { batchFirst, projSize = H, numLayers, bidirectional } = options;
  const layer = new recurrentLayers[module](I, H, options);
  fill(layer, dtype);
  const x = leaf(1, batchFirst ? [B, T, I] : [T, B, I], dtype);
  const rows = numLayers * (bidirectional ? 2 : 1);
  const widths = module === "LSTM" ? [projSize, H] : [H];
  const start = initial ? widths.map((width, i) => leaf(2 + i, [rows, B, width], dtype)) : [];
  const state = module === "LSTM" ? start : start[0];
  const run = layer as unknown as (x: unknown, state: unknown) => [unknown, Tensor | nn.LstmState]; // all three take these
  const given = lengths === null ? x : nn.packPaddedSequence(x, lengths, { batchFirst, enforceSorted });
  const [y, last] = run(given, initial ? state : undefined);
  const padded = lengths === null ? y : nn.padPackedSequence(y as nn.PackedSequence, { batchFirst })[0]; // packed as was given
  const results = [padded as Tensor, ...("ndim" in last ? [last] : last)];
  check(results, [x, ...start, ...layer.parameters()], sums, JSON.stringify({ options, lengths, initial, dtype }));
}

for (const [module, goldens] of read<RecurrentGolden>("recurrent")) {
  for (const dtype of floats) {
    test(`${module} in ${goldens.length} configurations, ${dtype}`, () => {
      for (const golden of goldens) {
        const s = scope();
        checkRecurrent(golden, dtype);
        s.end();
      }
    });
  }
}

// ── attention ───────────────────────────────────────────────────────────────────────────────────────────────────────

interface TransformerGolden {
  readonly module: keyof typeof builders;
  readonly options: nn.TransformerLayerOptions & { readonly batchFirst: boolean };
  readonly masks: Readonly<Record<string, string>>;
  readonly call: Readonly<Record<string, boolean>>;
  readonly sums: readonly Sums[];
}
type Options = TransformerGolden["options"];

const [N, L, S, D, heads] = [2, 3, 4, 4, 2]; // batch, target, source, features, heads
const small = { dimFeedforward: 5, dropout: 0 };
const encoderLayer = (o: Options): nn.TransformerEncoderLayer =>
  new nn.TransformerEncoderLayer(D, heads, { ...small, ...o });
const decoderLayer = (o: Options): nn.TransformerDecoderLayer =>
  new nn.TransformerDecoderLayer(D, heads, { ...small, ...o });
const builders = {
  MultiheadAttention: (o: Options): nn.AnyModule => new nn.MultiheadAttention(D, heads, o),
  TransformerEncoderLayer: encoderLayer,
  TransformerDecoderLayer: decoderLayer,
  TransformerEncoder: (o: Options): nn.AnyModule => new nn.TransformerEncoder(encoderLayer(o), 2, new nn.LayerNorm(D)),
  TransformerDecoder: (o: Options): nn.AnyModule => new nn.TransformerDecoder(decoderLayer(o), 2, new nn.LayerNorm(D)),
  Transformer: (o: Options): nn.AnyModule =>
    new nn.Transformer({ dModel: D, nhead: heads, numEncoderLayers: 2, numDecoderLayers: 2, ...small, ...o }),
};

/** Seed and length of each input. */
function inputsOf({ module, masks }: TransformerGolden): readonly (readonly [seed: number, length: number])[] {
  const keys = masks["attnMask"] === "causal" ? L : S;
  const [tgt, memory, key, value, src] = [
    [1, L],
    [2, S],
    [2, keys],
    [3, keys],
    [2, S],
  ] as const;
  if (module === "MultiheadAttention") return [tgt, key, value];
  if (module === "Transformer") return [src, tgt];
  return module.startsWith("TransformerEncoder") ? [tgt] : [tgt, memory];
}

function maskOf(argument: string, kind: string, seed: number, golden: TransformerGolden, dtype: Float): Tensor {
  const keys = inputsOf(golden)[1]?.[1] ?? L;
  const source = golden.module === "Transformer" ? S : L;
  const sizes: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
    ...{ attn: [L, keys], key: [L, keys] }, // of MultiheadAttention
    ...{ src: [source, source], mask: [L, L], tgt: [L, L], memory: [L, S] },
  };
  const [rows, columns] = sizes[/^[a-z]+/.exec(argument)![0]]!; // by the first word of each argument that there is
  if (kind === "causal") return nn.Transformer.generateSquareSubsequentMask(columns, { dtype });
  const isPadding = /keyPaddingMask$/i.test(argument);
  const shape = isPadding ? [N, columns] : kind.endsWith("per head") ? [N * heads, rows, columns] : [rows, columns];
  const values = drawn(seed, shape).to(dtype);
  if (kind.startsWith("float")) return values.mul(2);
  const hidden = values.gt(0.2);
  hidden.narrow(-1, 0, 1).fill_(0); // every query sees a key
  return hidden;
}

function checkTransformer(golden: TransformerGolden, dtype: Float): void {
  const { module, options, masks, call, sums } = golden;
  const built = builders[module](options);
  fill(built, dtype);
  const inputs = inputsOf(golden).map(([seed, length]) =>
    leaf(seed, options.batchFirst ? [N, length, D] : [length, N, D], dtype),
  );
  const made = Object.entries(masks).map(([argument, kind], i) => [
    argument,
    maskOf(argument, kind, 20 + i, golden, dtype),
  ]);
  const result: unknown = built(...inputs, { ...Object.fromEntries(made), ...call });
  const results = [result].flat().filter((t) => t !== undefined) as Tensor[]; // one, or with the weights
  check(results, [...inputs, ...built.parameters()], sums, JSON.stringify({ options, masks, call, dtype }));
}

for (const [module, goldens] of read<TransformerGolden>("transformers")) {
  for (const dtype of floats) {
    test(`${module} in ${goldens.length} configurations, ${dtype}`, () => {
      for (const golden of goldens) {
        const s = scope();
        checkTransformer(golden, dtype);
        s.end();
      }
    });
  }
}
