import type { Arrays } from "../../test/arrays.ts";
import { testKernel } from "../../test/on-devices.ts";
import type { Adam, Sgd } from "./optimizer.ts";
import { adam, globalNorm, scaleAll, sgd } from "./optimizer.ts";

const sizes = [1, 7, 64, 300, 20011];

type AdamOptions = Pick<Adam, "weightDecay" | "decoupled" | "amsgrad" | "maximize" | "betas"> & {
  readonly scale?: number;
};
const plainAdam: AdamOptions = {
  weightDecay: 0,
  decoupled: false,
  amsgrad: false,
  maximize: false,
  betas: [0.9, 0.999],
};
const adams: readonly AdamOptions[] = [
  plainAdam,
  { ...plainAdam, weightDecay: 0.1, amsgrad: true },
  { ...plainAdam, weightDecay: 0.1, decoupled: true, scale: 0.25 },
  { ...plainAdam, weightDecay: 0.1, decoupled: true, maximize: true, amsgrad: true, betas: [0.3, 0.9] },
];

/** Three steps; gradients that differ from step to step; one tensor is a step ahead. */
function steps<T>(run: (step: number) => T): T[] {
  return [1, 2, 3].map(run);
}

function gradientsFor(arrays: Arrays): number[][][] {
  return steps(() => sizes.map((n) => arrays.random(n)));
}

for (const options of adams) {
  testKernel(`three steps of adam ${JSON.stringify(options)}`, (arrays) => {
    const { device, real: dtype } = arrays;
    const { weightDecay, decoupled, amsgrad, maximize, betas, scale = 1 } = options;
    const [lr, eps] = [0.01, 1e-8];
    const params = sizes.map((n) => arrays.random(n));
    const gradients = gradientsFor(arrays);
    const zeros = (n: number): number => arrays.put(new Array<number>(n).fill(0));
    const own = params.map((p) => ({
      p: arrays.put(p),
      m: zeros(p.length),
      v: zeros(p.length),
      vMax: zeros(p.length),
    }));
    const gradScale = options.scale === undefined ? 0 : arrays.put([scale]);
    for (const [s, gs] of gradients.entries()) {
      const tensors = own.map((o, i) => ({
        ...o,
        n: sizes[i]!,
        grad: arrays.put(gs[i]!),
        step: s + 1 + (i === 1 ? 1 : 0),
      }));
      adam(device, { dtype, tensors, lr, eps, betas, weightDecay, decoupled, amsgrad, maximize, gradScale });
    }
    const [b1, b2] = betas;
    params.forEach((p, i) => {
      p.forEach((_, j) => {
        let [m, v, most] = [0, 0, 0];
        for (const [s, gs] of gradients.entries()) {
          const t = s + 1 + (i === 1 ? 1 : 0);
          let g = gs[i]![j]! * scale * (maximize ? -1 : 1);
          if (decoupled) p[j]! *= 1 - lr * weightDecay;
          else g += weightDecay * p[j]!;
          m = b1 * m + (1 - b1) * g;
          v = b2 * v + (1 - b2) * g * g;
          most = Math.max(most, v);
          p[j]! -= ((lr / (1 - b1 ** t)) * m) / (Math.sqrt(amsgrad ? most : v) / Math.sqrt(1 - b2 ** t) + eps);
        }
      });
    });
    return { actual: { p: own.flatMap((o, i) => arrays.get(o.p, sizes[i]!)) }, expected: { p: params.flat() } };
  });
}

type SgdOptions = Pick<Sgd, "weightDecay" | "momentum" | "dampening" | "nesterov" | "maximize">;
const plainSgd: SgdOptions = { weightDecay: 0, momentum: 0, dampening: 0, nesterov: false, maximize: false };
const sgds: readonly SgdOptions[] = [
  plainSgd,
  { ...plainSgd, momentum: 0.9, dampening: 0.1, weightDecay: 0.05 },
  { ...plainSgd, momentum: 0.8, nesterov: true, maximize: true },
];

for (const options of sgds) {
  testKernel(`three steps of sgd ${JSON.stringify(options)}`, (arrays) => {
    const { device, real: dtype } = arrays;
    const { weightDecay, momentum, dampening, nesterov, maximize } = options;
    const lr = 0.05;
    const params = sizes.map((n) => arrays.random(n));
    const gradients = gradientsFor(arrays);
    const own = params.map((p) => ({ p: arrays.put(p), buffer: arrays.empty(p.length) }));
    for (const [s, gs] of gradients.entries()) {
      const tensors = own.map((o, i) => ({ ...o, n: sizes[i]!, grad: arrays.put(gs[i]!), isFirst: s === 0 }));
      sgd(device, { ...options, dtype, tensors, lr, gradScale: 0 });
    }
    params.forEach((p, i) => {
      p.forEach((_, j) => {
        let b = 0;
        for (const [s, gs] of gradients.entries()) {
          const g = gs[i]![j]! * (maximize ? -1 : 1) + weightDecay * p[j]!;
          b = s === 0 ? g : momentum * b + (1 - dampening) * g;
          p[j]! -= lr * (momentum === 0 ? g : nesterov ? g + momentum * b : b);
        }
      });
    });
    return { actual: { p: own.flatMap((o, i) => arrays.get(o.p, sizes[i]!)) }, expected: { p: params.flat() } };
  });
}

testKernel("the norm of all gradients, and scaling them", (arrays) => {
  const { device, real } = arrays;
  const values = sizes.map((n) => arrays.random(n, 3));
  const spans = values.map((v) => ({ at: arrays.put(v), n: v.length }));
  const norm = globalNorm(device, real, spans);
  scaleAll(device, real, spans, 0.5);
  return {
    actual: { norm: [norm, globalNorm(device, real, [])], scaled: spans.flatMap(({ at, n }) => arrays.get(at, n)) },
    expected: { norm: [Math.hypot(...values.flat()), 0], scaled: values.flat().map((v) => v / 2) },
  };
});
