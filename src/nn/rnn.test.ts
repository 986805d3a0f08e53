// Recurrent layers and cells: PyTorch's outputs, states and gradients; packing, lengths and the plain loop give the same.

import { test } from "node:test";
import { closeToGolden, fromGolden, type GoldenTensor, matchesGolden } from "../../test/golden.ts";
import { close, deepEqual, equal, fixture, ok, throws } from "../../test/portable/harness.ts";
import { tolerances } from "../../test/tolerances.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { Generator, manualSeed } from "../base/random.ts";
import * as nn from "../nn.ts";
import { grad } from "../tensor/autograd.ts";
import { tensor, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { gradcheck, gradgradcheck } from "../tensor/gradcheck.ts";
import { stack } from "../tensor/indexing.ts";
import { memoryStats } from "../tensor/memory.ts";
import { randn } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

interface CellGolden {
  readonly name: string;
  readonly module: "RNNCell" | "LSTMCell" | "GRUCell";
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly options: nn.RnnOptions;
  readonly state: Readonly<Record<string, GoldenTensor>>;
  readonly input: GoldenTensor;
  readonly initial?: readonly GoldenTensor[];
  readonly final: readonly GoldenTensor[];
  readonly gradFinal: readonly GoldenTensor[];
  readonly gradInput: GoldenTensor;
  readonly gradInitial?: readonly GoldenTensor[];
  readonly gradState: Readonly<Record<string, GoldenTensor>>;
}
interface SequenceGolden extends Omit<CellGolden, "module"> {
  readonly module: "RNN" | "LSTM" | "GRU";
  readonly output: GoldenTensor;
  readonly gradOutput: GoldenTensor;
  readonly seed?: number;
  readonly lengths?: readonly number[];
  readonly enforceSorted?: boolean;
  readonly totalLength?: number;
  readonly packed?: Readonly<Record<"data" | "batchSizes" | "sortedIndices" | "unsortedIndices", GoldenTensor | null>>;
}

const cells = { RNNCell: nn.RNNCell, LSTMCell: nn.LSTMCell, GRUCell: nn.GRUCell };
const kinds = { RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU };
type Layer = nn.RNN | nn.LSTM | nn.GRU;

function build(golden: SequenceGolden): Layer {
  const layer = new kinds[golden.module](golden.inputSize, golden.hiddenSize, golden.options);
  layer.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([name, t]) => [name, fromGolden(t)])));
  return layer;
}

/** Calls any of the layers with its states as a list. */
function call<X extends Tensor | nn.PackedSequence>(
  layer: Layer,
  x: X,
  states: readonly Tensor[] | undefined,
  options?: nn.SequenceOptions,
): { output: X; final: readonly Tensor[] } {
  const state = layer instanceof nn.LSTM ? states : states?.[0];
  const run = layer as unknown as (...args: unknown[]) => [X, Tensor | nn.LstmState]; // all three take these
  const [output, last] = run(x, state, options);
  return { output, final: "ndim" in last ? [last] : last };
}

function checkGradients(
  golden: SequenceGolden,
  layer: Layer,
  x: Tensor,
  initial: readonly Tensor[],
  results: Tensor[],
): void {
  const upstream = [golden.gradOutput, ...golden.gradFinal].map((g) => fromGolden(g));
  const parameters = layer.namedParameters();
  const [dx, ...rest] = grad(results, [x, ...initial, ...parameters.map(([, p]) => p)], upstream);
  closeToGolden(dx!, golden.gradInput, "gradient of the input");
  initial.forEach((_, i) => {
    closeToGolden(rest[i]!, golden.gradInitial![i]!, `gradient of state ${i}`);
  });
  parameters.forEach(([name], i) => {
    closeToGolden(rest[initial.length + i]!, golden.gradState[name]!, `gradient of ${name}`);
  });
}

const sequences = (await fixture("rnn/sequences.json")) as SequenceGolden[];
for (const golden of sequences) {
  const { options, lengths, totalLength, seed } = golden;
  const { batchFirst = false } = options;
  test(golden.name, () => {
    const layer = build(golden);
    deepEqual([...layer.stateDict().keys()], Object.keys(golden.state));
    const x = fromGolden(golden.input).requiresGrad_();
    const initial = (golden.initial ?? []).map((s) => fromGolden(s).requiresGrad_());
    if (seed !== undefined) manualSeed(seed);
    let output: Tensor;
    let final: readonly Tensor[];
    const given = golden.initial === undefined ? undefined : initial;
    if (lengths === undefined) ({ output, final } = call(layer, x, given));
    else {
      const enforceSorted = golden.enforceSorted ?? true;
      const packed = nn.packPaddedSequence(x, lengths, { batchFirst, enforceSorted });
      const { data, batchSizes, sortedIndices, unsortedIndices } = golden.packed!;
      closeToGolden(packed.data, data!, "packed data");
      deepEqual(packed.batchSizes, batchSizes!.data as number[]);
      deepEqual(packed.sortedIndices, (sortedIndices?.data as number[] | undefined) ?? undefined);
      deepEqual(packed.unsortedIndices, (unsortedIndices?.data as number[] | undefined) ?? undefined);
      const result = call(layer, packed, given);
      const [padded, found] = nn.padPackedSequence(result.output, {
        batchFirst,
        ...(totalLength === undefined ? {} : { totalLength }),
      });
      deepEqual(found, [...lengths]);
      output = padded;
      final = result.final;
    }
    closeToGolden(output, golden.output, "output");
    final.forEach((s, i) => {
      closeToGolden(s, golden.final[i]!, `final state ${i}`);
    });
    checkGradients(golden, layer, x, initial, [output, ...final]);
  });

  if (lengths === undefined || seed !== undefined) continue;
  test(`${golden.name}, by lengths`, () => {
    const layer = build(golden);
    const x = fromGolden(golden.input).requiresGrad_();
    const initial = (golden.initial ?? []).map((s) => fromGolden(s).requiresGrad_());
    const counts = tensor(lengths, { dtype: "int32" });
    const { output, final } = call(layer, x, golden.initial && initial, { lengths: counts });
    const longest = golden.output.shape[batchFirst ? 1 : 0]!;
    const cut = output.narrow(batchFirst ? 1 : 0, 0, longest);
    closeToGolden(cut, golden.output, "output");
    final.forEach((s, i) => {
      closeToGolden(s, golden.final[i]!, `final state ${i}`);
    });
    checkGradients(golden, layer, x, initial, [cut, ...final]);
    const inference = noGrad(() => call(layer, x, golden.initial && initial, { lengths }));
    close(inference.output.toArray(), output.toArray(), tolerances.float32, "without gradients");
  });
}

for (const golden of (await fixture("rnn/cells.json")) as CellGolden[]) {
  test(golden.name, () => {
    const cell = new cells[golden.module](golden.inputSize, golden.hiddenSize, golden.options);
    cell.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([name, t]) => [name, fromGolden(t)])));
    const x = fromGolden(golden.input).requiresGrad_();
    const initial = (golden.initial ?? []).map((s) => fromGolden(s).requiresGrad_());
    const state = golden.initial === undefined ? undefined : cell instanceof nn.LSTMCell ? initial : initial[0];
    const result = (cell as unknown as (x: Tensor, state?: unknown) => Tensor | Tensor[])(x, state); // each its own state
    const final = Array.isArray(result) ? result : [result];
    final.forEach((s, i) => {
      matchesGolden(s, golden.final[i]!, `final state ${i}`);
    });
    const parameters = cell.namedParameters();
    const upstream = golden.gradFinal.map((g) => fromGolden(g));
    const grads = grad(final, [x, ...initial, ...parameters.map(([, p]) => p)], upstream);
    const wanted = [
      golden.gradInput,
      ...(golden.gradInitial ?? []),
      ...parameters.map(([name]) => golden.gradState[name]!),
    ];
    grads.forEach((g, i) => {
      matchesGolden(g, wanted[i]!, `gradient ${i}`);
    });
  });
}

/** What a layer must equal: the cell, step by step, over the rows that have the step. `[T, B, I]` in float64. */
function loop(
  layer: Layer,
  suffix: string,
  x: Tensor,
  lengths: readonly number[],
  reverse: boolean,
  start: Tensor[],
): Tensor[] {
  const [T, , I] = x.dims(3) as [number, number, number]; // three sizes, as checked
  const H = layer.hiddenSize;
  const cell =
    layer instanceof nn.LSTM
      ? new nn.LSTMCell(I, H)
      : layer instanceof nn.GRU
        ? new nn.GRUCell(I, H)
        : new nn.RNNCell(I, H);
  for (const name of ["weightIh", "weightHh", "biasIh", "biasHh"] as const) cell[name] = layer[`${name}L${suffix}`]!;
  const outputs = new Array<Tensor>(T);
  let states = start;
  for (let i = 0; i < T; i++) {
    const t = reverse ? T - 1 - i : i;
    const runs = tensor(lengths.map((length) => [t < length]));
    const next = (cell as unknown as (x: Tensor, state: unknown) => Tensor | Tensor[])(
      x.select(0, t),
      states.length > 1 ? states : states[0],
    );
    states = (Array.isArray(next) ? next : [next]).map((s, at) => s.where(runs, states[at]!));
    outputs[t] = states[0]!.where(runs, 0);
  }
  return [stack(outputs), ...states];
}

const double = { dtype: "float64", generator: new Generator(0), requiresGrad: true } as const;
for (const [name, Kind] of Object.entries(kinds)) {
  test(`${name} equals its cell in a loop, both ways, with lengths, in float64`, () => {
    manualSeed(1);
    const layer = new Kind(3, 5, { bidirectional: true }).to("float64");
    const x = randn([6, 4, 3], double);
    const start = Array.from({ length: layer instanceof nn.LSTM ? 2 : 1 }, () => randn([2, 4, 5], double));
    const lengths = [6, 0, 3, 5];
    const { output, final } = call(layer, x, start, { lengths });
    const plain = [false, true].map((reverse, d) => {
      const states = start.map((s) => s.select(0, d));
      return loop(layer, reverse ? "0Reverse" : "0", x, lengths, reverse, states);
    });
    const wantedOutput = plain[0]![0]!.catWith([plain[1]![0]!], -1);
    const wantedFinal = final.map((_, s) => stack(plain.map((p) => p[s + 1]!)));
    close(output.toArray(), wantedOutput.toArray(), tolerances.float64, "output");
    final.forEach((s, i) => {
      close(s.toArray(), wantedFinal[i]!.toArray(), tolerances.float64, `state ${i}`);
    });
    const inputs = [x, ...start, ...layer.parameters()];
    const weigh = (ys: readonly Tensor[]): Tensor => ys.map((y) => y.square().sum()).reduce((a, b) => a.add(b));
    const got = grad(weigh([output, ...final]), inputs);
    const wanted = grad(weigh([wantedOutput, ...wantedFinal]), inputs);
    got.forEach((g, i) => {
      close(g.toArray(), wanted[i]!.toArray(), tolerances.float64, `gradient ${i}`);
    });
  });
}

test("gradients of cells, of both orders", () => {
  const x = randn([2, 3], double);
  const h = randn([2, 2], double);
  const c = randn([2, 2], double);
  const rnn = new nn.RNNCell(3, 2).to("float64");
  const gru = new nn.GRUCell(3, 2).to("float64");
  const lstm = new nn.LSTMCell(3, 2).to("float64");
  for (const check of [gradcheck, gradgradcheck]) {
    check((x, h) => rnn(x, h), [x, h]);
    check((x, h) => gru(x, h), [x, h]);
    check((x, h, c) => stack(lstm(x, [h, c]) as [Tensor, Tensor]), [x, h, c]);
  }
});

test("batch-first training draws dropout as PyTorch does, along its time-major memory", () => {
  const layer = new nn.GRU(2, 3, { batchFirst: true });
  const x = zeros([2, 4, 2]);
  deepEqual([...layer(x)[0].strides], [3, 6, 1]);
  deepEqual([...layer.eval()(x)[0].strides], [12, 3, 1]);
});

test("projections: printing, names, and rows without a step, whose state stays", () => {
  manualSeed(2);
  const layer = new nn.LSTM(3, 4, { projSize: 2, numLayers: 2, bias: false });
  equal(String(layer), "LSTM(3, 4, proj_size=2, num_layers=2, bias=False)");
  const keys = ["weight_ih_l0", "weight_hh_l0", "weight_hr_l0", "weight_ih_l1", "weight_hh_l1", "weight_hr_l1"];
  deepEqual([...layer.stateDict().keys()], keys);
  const x = randn([3, 2, 3]);
  const [h, c] = [randn([2, 2, 2]), randn([2, 2, 4])];
  const [y, [lastH, lastC]] = layer(x, [h, c], { lengths: [3, 0] });
  deepEqual(
    [y.shape, lastH.shape, lastC.shape],
    [
      [3, 2, 2],
      [2, 2, 2],
      [2, 2, 4],
    ],
  );
  deepEqual(y.select(1, 1).tolist(), zeros([3, 2]).tolist());
  deepEqual(lastH.select(1, 1).tolist(), h.select(1, 1).tolist());
  deepEqual(lastC.select(1, 1).tolist(), c.select(1, 1).tolist());
  const [alone] = layer(x.narrow(1, 0, 1), [h.narrow(1, 0, 1), c.narrow(1, 0, 1)]);
  close(y.select(1, 0).toArray(), alone.toArray(), tolerances.float32);
  throws(() => new nn.LSTM(3, 4, { projSize: 4 }), ArgumentError, /projSize 4; wants a whole number below 4/);
  throws(() => new nn.GRU(3, 4, { projSize: 2 } as nn.RnnOptions), ArgumentError, /only an LSTM has projections/);
  throws(() => layer(x, [zeros([2, 2, 4]), c]), ShapeError, /state of \[2, 2, 4\], wants .* \[2, 2, 2\]/);
});

test("what does not fit is refused by name", () => {
  const layer = new nn.LSTM(3, 4, { batchFirst: true });
  throws(() => layer(zeros([2, 5, 4])), ShapeError, /LSTM: got \[2, 5, 4\], wants \[B, T, 3\]/);
  throws(() => layer(zeros([2, 5, 3]), [zeros([1, 3, 4]), zeros([1, 2, 4])]), ShapeError, /state of \[1, 3, 4\]/);
  throws(() => layer(zeros([2, 5, 3]), undefined, { lengths: [6, 1] }), ArgumentError, /lengths \[6, 1\].*from 0 to 5/);
  throws(() => layer(zeros([2, 5, 3]), undefined, { lengths: [5] }), ArgumentError, /wants 2 whole numbers/);
  throws(() => nn.packPaddedSequence(zeros([5, 2, 3]), [2, 5]), ArgumentError, /enforceSorted: false/);
  throws(() => nn.packPaddedSequence(zeros([5, 2, 3]), [2, 0]), ArgumentError, /from 1 to 5/);
  throws(() => new nn.GRUCell(3, 4)(zeros([2, 4])), ShapeError, /wants \[B, 3\]/);
  throws(() => new nn.GRUCell(3, 4)(zeros([2, 3]), zeros([2, 3])), ShapeError, /4 units/);
  throws(() => new nn.RNN(3, 4, { numLayers: 0 }), ArgumentError, /at least 1/);
});

test("a call leaves nothing behind", () => {
  const layer = new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, batchFirst: true });
  const x = randn([2, 5, 3]);
  const run = (): void => {
    noGrad(() => {
      const [y, [h, c]] = layer(x, undefined, { lengths: [5, 2] });
      for (const t of [y, h, c]) t.dispose();
    });
  };
  run();
  const { liveBlocks } = memoryStats();
  run();
  equal(memoryStats().liveBlocks, liveBlocks);
  ok(liveBlocks > 0);
});
