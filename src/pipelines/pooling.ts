// From the vectors of tokens to one for the text, and what comes after it: the modules of sentence-transformers' folders.
// https://sbert.net/docs/package_reference/sentence_transformer/models.html

import { CheckpointError, UnsupportedError } from "../base/errors.ts";
import { gelu, relu, silu } from "../tensor/functional/activation.ts";
import { normalize } from "../tensor/functional/distance.ts";
import { cat } from "../tensor/indexing.ts";
import { linear } from "../tensor/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";

export const poolingModes = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] as const;
export type PoolingMode = (typeof poolingModes)[number];

/** What follows the model, in order. */
export type SentenceModule =
  | { readonly kind: "pooling"; readonly modes: readonly PoolingMode[]; readonly includePrompt: boolean }
  | {
      readonly kind: "dense";
      readonly weight: Tensor;
      readonly bias: Tensor | undefined;
      readonly activation: string;
      /** What is added to the result: the input itself, or its product with this matrix. */
      readonly residual?: "input" | Tensor | undefined;
    }
  | { readonly kind: "normalize" };

/** Vectors `[B, T, C]` and a mask `[B, T]`, 1 where a token counts, to `[B, C]`; several modes stand side by side. */
export function pool(vectors: Tensor, mask: Tensor, modes: readonly PoolingMode[]): Tensor {
  const pooled = modes.map((mode) => poolings[mode](vectors, mask));
  return pooled.length === 1 ? pooled[0]! : cat(pooled, -1);
}

const poolings: { readonly [mode in PoolingMode]: (x: Tensor, mask: Tensor) => Tensor } = {
  cls: (x, mask) => tokenAt(x, mask.int().argmax({ dim: 1 })),
  max: (x, mask) => x.maskedFill(mask.eq(0).unsqueeze(-1), Number.NEGATIVE_INFINITY).amax({ dim: 1 }),
  mean: (x, mask) => weighted(x, mask).div(total(mask)),
  mean_sqrt_len_tokens: (x, mask) => weighted(x, mask).div(total(mask).sqrt()),
  weightedmean: (x, mask) => {
    const weights = mask.float().mul(mask.onesLike().float().cumsum(1)); // 1, 2, … T
    return weighted(x, weights).div(total(weights));
  },
  lasttoken: (x, mask) => {
    const T = x.size(1);
    return tokenAt(
      x,
      mask
        .int()
        .flip(1)
        .argmax({ dim: 1 })
        .neg()
        .add(T - 1),
    );
  },
};

/** Σ over tokens of weight · vector: one product for each text. */
function weighted(x: Tensor, weights: Tensor): Tensor {
  return weights.float().unsqueeze(1).matmul(x).squeeze(1); // [B, 1, T] @ [B, T, C]
}
function total(weights: Tensor): Tensor {
  return weights.float().sum({ dim: 1, keepdim: true }).clamp({ min: 1e-9 }); // [B, 1]
}
/** The token of each text at a place of its own. */
function tokenAt(x: Tensor, places: Tensor): Tensor {
  const [B, , C] = x.dims(3, "pooling") as [number, number, number]; // [B, T, C]
  return x.gather(1, places.int().reshape(B, 1, 1).expand(B, 1, C)).squeeze(1);
}

/** A module after the pooling, `[B, C]` to `[B, D]`. */
export function applyModule(x: Tensor, module: Exclude<SentenceModule, { kind: "pooling" }>): Tensor {
  if (module.kind === "normalize") return normalize(x, { dim: 1 });
  const { weight, bias, activation, residual } = module;
  const y = activations[activation]!(linear(x, weight, bias)); // checked when it was read
  if (residual === undefined) return y;
  return y.add(residual === "input" ? x : linear(x, residual));
}

const activations: { readonly [name: string]: ((x: Tensor) => Tensor) | undefined } = {
  Tanh: (x) => x.tanh(),
  Identity: (x) => x,
  ReLU: relu,
  GELU: (x) => gelu(x),
  SiLU: silu,
  Sigmoid: (x) => x.sigmoid(),
};

/** `torch.nn.modules.activation.Tanh` as "Tanh". */
export function activationOf(path: unknown, file: string): string {
  const name = String(path ?? "Tanh")
    .split(".")
    .at(-1)!;
  if (activations[name] !== undefined) return name;
  throw new UnsupportedError(
    `${file}: the activation ${name} is not known; known are ${Object.keys(activations).join(", ")}.`,
    { file, activation: name },
  );
}

/** The modes of a `1_Pooling/config.json`, in today's spelling or in the older one of a flag for each. */
export function poolingOf(json: unknown, file: string): SentenceModule & { readonly kind: "pooling" } {
  if (typeof json !== "object" || json === null)
    throw new CheckpointError(`${file}: a pooling's configuration is a JSON object.`, { file });
  const fields = json as Readonly<Record<string, unknown>>; // an object, as checked
  const flags: readonly (readonly [string, PoolingMode])[] = [
    ["pooling_mode_cls_token", "cls"],
    ["pooling_mode_max_tokens", "max"],
    ["pooling_mode_mean_tokens", "mean"],
    ["pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"],
    ["pooling_mode_weightedmean_tokens", "weightedmean"],
    ["pooling_mode_lasttoken", "lasttoken"],
  ];
  const flagged = flags.flatMap(([name, mode]) => (fields[name] === true ? [mode] : []));
  const given = fields["pooling_mode"] ?? (flagged.length > 0 ? flagged : "mean");
  const modes: readonly unknown[] = Array.isArray(given) ? given : [given];
  const known: readonly unknown[] = poolingModes;
  const wrong = modes.find((mode) => !known.includes(mode));
  if (wrong !== undefined)
    throw new UnsupportedError(`${file}: the pooling "${wrong}" is not known; known are ${poolingModes.join(", ")}.`, {
      file,
      mode: wrong,
    });
  return { kind: "pooling", modes: modes as readonly PoolingMode[], includePrompt: fields["include_prompt"] !== false };
}
