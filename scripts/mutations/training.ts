// Optimizers, schedules, data, random numbers and files.

import { type Mutation, portable, within } from "./place.ts";

export const training: readonly Mutation[] = [
  ...within(
    "kernels/optimizer.ts",
    ["src/optim/optimizer.test.ts", "src/kernels/optimizer.test.ts"],
    [
      [
        "Adam's epsilon",
        "epsilon",
        "fma(sqrt(second), at.spread(correction), at.spread(s.eps))",
        "mul(sqrt(add(second, at.spread(s.eps))), at.spread(correction))",
      ],
      ["Adam's first correction", "offset", "-lr / (1 - beta1 ** step)", "-lr / (1 - beta1 ** (step + 1))"],
      ["Nesterov's step", "factor", "fma(at.spread(s.momentum), b, g) : b", "fma(at.spread(s.momentum), g, b) : b"],
    ],
  ),
  ...within(
    "optim/nadam.ts",
    ["src/optim/optimizer.test.ts"],
    [["NAdam's next momentum", "offset", "(-lr * mu(t + 1))", "(-lr * mu(t))"]],
  ),
  ...within(
    "optim/radam.ts",
    ["src/optim/optimizer.test.ts"],
    [["RAdam's threshold", "comparison", "2 / (1 - beta2) - 1", "2 / (1 - beta2)"]],
  ),
  ...within(
    "optim/rmsprop.ts",
    ["src/optim/optimizer.test.ts"],
    [
      ["RMSprop's centre", "sign", "{ value: -1 }", "{ value: 1 }"],
      ["RMSprop's epsilon", "epsilon", "variance.sqrt().add_(eps)", "variance.add(eps).sqrt()"],
    ],
  ),
  ...within(
    "optim/adagrad.ts",
    ["src/optim/optimizer.test.ts"],
    [["Adagrad's decay of the rate", "offset", "(state.step - 1) * lrDecay", "state.step * lrDecay"]],
  ),
  ...within(
    "optim/adadelta.ts",
    ["src/optim/optimizer.test.ts"],
    [
      [
        "Adadelta's order",
        "order",
        "state.accDelta.add(eps).sqrt_().div_(size)",
        "state.accDelta.sqrt().add_(eps).div_(size)",
      ],
    ],
  ),
  ...within(
    "optim/rprop.ts",
    ["src/optim/optimizer.test.ts"],
    [["Rprop's turn", "comparison", "sign.lt(0)", "sign.le(0)"]],
  ),
  ...within(
    "optim/adafactor.ts",
    ["src/optim/optimizer.test.ts"],
    [["Adafactor's rows and columns", "axis", "rows.mean({ dim: -2", "rows.mean({ dim: -1"]],
  ),
  ...within(
    "optim/settings.ts",
    ["src/optim/optimizer.test.ts"],
    [["sign of weight decay", "sign", "{ alpha: settings.weightDecay }", "{ alpha: -settings.weightDecay }"]],
  ),
  ...within(
    "optim/clip.ts",
    ["src/optim/clip.test.ts"],
    [
      ["epsilon of clipping", "epsilon", "maxNorm / (total + 1e-6)", "maxNorm / (total + 1e-2)"],
      ["clipping what is small", "comparison", "Math.min(1, maxNorm", "Math.max(1, maxNorm"],
    ],
  ),
  ...within(
    "optim/lr-scheduler.ts",
    ["src/optim/schedulers.test.ts"],
    [
      ["StepLR's steps", "offset", "epoch % s.stepSize === 0", "(epoch + 1) % s.stepSize === 0"],
      [
        "LinearLR's end",
        "comparison",
        "if (epoch > totalIters) return lr;\n          const rise",
        "if (epoch >= totalIters) return lr;\n          const rise",
      ],
      ["the cosine's restart", "offset", "(epoch - 1 - TMax) % (2 * TMax)", "(epoch - TMax) % (2 * TMax)"],
      ["warm restarts' lengths", "factor", "length *= TMult;", "length += TMult;"],
    ],
  ),
  ...within(
    "optim/cyclic-lr.ts",
    ["src/optim/schedulers.test.ts"],
    [
      [
        "OneCycleLR's first phase",
        "offset",
        "s.pctStart * total - 1, lr: [first, max]",
        "s.pctStart * total, lr: [first, max]",
      ],
      ["CyclicLR's cycle", "offset", "Math.floor(1 + epoch / size)", "Math.floor(epoch / size)"],
    ],
  ),
  ...within(
    "optim/composite-lr.ts",
    ["src/optim/schedulers.test.ts"],
    [
      ["patience", "comparison", "at.numBadEpochs <= patience", "at.numBadEpochs < patience"],
      ["what is better", "sign", "best * (1 + sign * threshold)", "best * (1 - sign * threshold)"],
    ],
  ),
  ...within(
    "optim/schedules.ts",
    ["src/optim/schedulers.test.ts"],
    [["warmup", "offset", "step / Math.max(1, warmup) :", "(step + 1) / Math.max(1, warmup) :"]],
  ),
  ...within(
    "nn/averaged-model.ts",
    ["src/nn/averaged-model.test.ts"],
    [["mean of n models", "offset", "own.lerp_(current[i]!, 1 / (n + 1))", "own.lerp_(current[i]!, 1 / n)"]],
  ),
  ...within(
    "data/samplers.ts",
    ["src/data/loader.test.ts"],
    [
      [
        "the sampler's own stream",
        "order",
        "asUintN(63, defaultGenerator.u64())",
        "asUintN(63, defaultGenerator.u64() >> 32n)",
      ],
      ["samples beyond the rows", "offset", "subarray(0, this.length % n)", "subarray(n - (this.length % n))"],
      ["the last batch", "comparison", "batch.length > 0 && !this.dropLast", "batch.length > 0"],
      ["like lengths together", "order", "lengths[b]! - lengths[a]!", "lengths[a]! - lengths[b]!"],
    ],
  ),

  ...within(
    "base/random.ts",
    ["src/base/random.test.ts", portable],
    [
      ["uniforms' bits", "factor", "(this.u32() & 0xffffff) * 2 ** -24", "(this.u32() & 0x7fffff) * 2 ** -23"],
      [
        "the spare normal",
        "order",
        "this.#spare = radius * Math.sin(angle);\n    return radius * Math.cos(angle);",
        "this.#spare = radius * Math.cos(angle);\n    return radius * Math.sin(angle);",
      ],
      [
        "normals' tail",
        "offset",
        "for (let i = n - 16; i < n; i++) out[i] = uniform();",
        "for (let i = n - (n % 16); i < n; i++) out[i] = uniform();",
      ],
      ["16 and more", "comparison", "if (n < 16) {", "if (n <= 16) {"],
      [
        "permutation's partner",
        "offset",
        "const j = i + remainder(this.u32(), n - i)",
        "const j = remainder(this.u32(), n)",
      ],
    ],
  ),

  ...within(
    "checkpoint/safetensors.ts",
    ["src/checkpoint/safetensors.test.ts"],
    [
      [
        "where the bytes begin",
        "offset",
        "begin: begin + dataBegin, end: end + dataBegin",
        "begin: begin + dataBegin - lengthBytes, end: end + dataBegin - lengthBytes",
      ],
      ["holes between tensors", "comparison", "tensor.begin !== end", "tensor.begin < end"],
    ],
  ),
  ...within(
    "checkpoint/safetensors-reader.ts",
    ["src/checkpoint/safetensors.node.test.ts", "src/checkpoint/sources.test.ts"],
    [
      [
        "slices of the first dimension",
        "axis",
        "starts.flatMap((start) => runs.map((run) => start + run))",
        "runs.flatMap((run) => starts.map((start) => start + run))",
      ],
    ],
  ),
  ...within(
    "checkpoint/npy.ts",
    ["src/checkpoint/load.test.ts", "src/checkpoint/save.test.ts"],
    [
      [
        "Fortran's order",
        "order",
        "fortran ? contiguousStrides([...shape].reverse()).reverse()",
        "fortran ? contiguousStrides([...shape])",
      ],
      ["big-endian numbers", "comparison", 'swap: order === ">"', 'swap: order === "<"'],
    ],
  ),
  ...within(
    "checkpoint/torch-pickle.ts",
    ["src/checkpoint/load.test.ts", "src/checkpoint/pickle.test.ts"],
    [
      ["a view's offset", "offset", "numel > 0 ? offset : 0", "0"],
      [
        "tensors within their storage",
        "comparison",
        "((last + 1) * width <= storage.bytes)",
        "(last * width <= storage.bytes)",
      ],
    ],
  ),
  ...within(
    "checkpoint/zip.ts",
    ["src/checkpoint/zip.test.ts"],
    [
      [
        "where an entry begins",
        "offset",
        "header.getUint16(26, true) + header.getUint16(28, true)",
        "header.getUint16(26, true)",
      ],
      ["checksums", "comparison", "crc32(unpacked) !== entry.crc", "crc32(unpacked) === entry.crc"],
    ],
  ),
];
