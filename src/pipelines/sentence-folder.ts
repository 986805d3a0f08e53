// What stands beside the model in a folder of sentence-transformers: its settings, and a folder for each module that follows.

import type { SafetensorsEntry } from "../checkpoint/safetensors.ts";
import { stateEntries } from "../models/pretrained.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { PoolingMode, SentenceModule } from "./pooling.ts";
import type { Similarity } from "./semantic-search.ts";

type Files = Map<string, string | readonly SafetensorsEntry[]>;

interface Settings {
  readonly modules: readonly SentenceModule[];
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPromptName: string | null;
  readonly similarityFnName: Similarity;
  readonly maxSeqLength: number;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The names that every release of sentence-transformers reads. */
const kinds: { readonly [kind in SentenceModule["kind"]]: string } = {
  pooling: "Pooling",
  dense: "Dense",
  normalize: "Normalize",
};
const flags: { readonly [mode in PoolingMode]: string } = {
  cls: "pooling_mode_cls_token",
  max: "pooling_mode_max_tokens",
  mean: "pooling_mode_mean_tokens",
  mean_sqrt_len_tokens: "pooling_mode_mean_sqrt_len_tokens",
  weightedmean: "pooling_mode_weightedmean_tokens",
  lasttoken: "pooling_mode_lasttoken",
};

/** In the older spelling, which all releases read, if it can say their order. */
function modesOf(modes: readonly PoolingMode[]): object {
  const known = Object.keys(flags) as PoolingMode[]; // its keys
  const inOrder = known.filter((mode) => modes.includes(mode));
  if (inOrder.join() !== modes.join()) return { pooling_mode: modes };
  return Object.fromEntries(known.map((mode) => [flags[mode], modes.includes(mode)]));
}

const folderOf = ({ kind }: SentenceModule, i: number): string => `${i + 1}_${kinds[kind]}`;

/** `modules.json`, and what is true of the whole. */
export function sentenceSettings(sentences: Settings): Files {
  const { modules, prompts, defaultPromptName, similarityFnName, maxSeqLength } = sentences;
  const entry = (name: string, path: string, i: number): object => ({
    idx: i,
    name: String(i),
    path,
    type: `sentence_transformers.models.${name}`,
  });
  const list = [entry("Transformer", "", 0), ...modules.map((m, i) => entry(kinds[m.kind], folderOf(m, i), i + 1))];
  return new Map([
    ["modules.json", json(list)],
    [
      "sentence_bert_config.json",
      json({ max_seq_length: Number.isFinite(maxSeqLength) ? maxSeqLength : null, do_lower_case: false }),
    ],
    [
      "config_sentence_transformers.json",
      json({ prompts, default_prompt_name: defaultPromptName, similarity_fn_name: similarityFnName }),
    ],
  ]);
}

/** Each module's folder with its files; `width` is how long the vectors are that the model gives. */
export function moduleFolders(modules: readonly SentenceModule[], width: number): [path: string, files: Files][] {
  return modules.flatMap((module, i): [string, Files][] => {
    const files: Files = new Map();
    if (module.kind === "pooling") {
      files.set(
        "config.json",
        json({ word_embedding_dimension: width, ...modesOf(module.modes), include_prompt: module.includePrompt }),
      );
    } else if (module.kind === "dense") {
      const [out, from] = module.weight.shape as [number, number]; // of a Linear
      files.set(
        "config.json",
        json({
          in_features: from,
          out_features: out,
          bias: module.bias !== undefined,
          activation_function: `torch.nn.modules.${module.activation === "Identity" ? "linear" : "activation"}.${module.activation}`,
          ...(module.residual !== undefined && { use_residual: true }),
        }),
      );
      const tensors: [string, Tensor][] = [["linear.weight", module.weight]];
      if (module.bias !== undefined) tensors.push(["linear.bias", module.bias]);
      if (module.residual instanceof Tensor) tensors.push(["residual.weight", module.residual]);
      files.set("model.safetensors", stateEntries({ stateDict: () => new Map(tensors) }));
    } else return []; // it has nothing to say
    return [[folderOf(module, i), files]];
  });
}
