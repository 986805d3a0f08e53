// What a LoRA adapter is told, with PEFT's words, defaults and rules for which modules it goes on.
// https://arxiv.org/abs/2106.09685, https://huggingface.co/docs/peft/package_reference/lora

import { ArgumentError, CheckpointError, UnsupportedError } from "../base/errors.ts";
import { camelCase, snakeCase } from "../base/spelling.ts";

export type TaskType = "SEQ_CLS" | "TOKEN_CLS" | "QUESTION_ANS" | "CAUSAL_LM" | "SEQ_2_SEQ_LM" | "FEATURE_EXTRACTION";

export interface LoraConfig {
  /** The rank. Default 8. */
  readonly r?: number;
  /** The update is scaled by `loraAlpha / r`. Default 8. */
  readonly loraAlpha?: number;
  /** Dropout on what goes into the adapter, in training. Default 0. */
  readonly loraDropout?: number;
  /**
   * The modules that get an adapter: names, or ends of names at a dot; or one regular expression for whole names; or
   * "all-linear", every Linear and Conv1D but the output layer. Default: what PEFT takes for the model's type.
   */
  readonly targetModules?: string | readonly string[];
  /** Of these, the ones that do not: as `targetModules`. */
  readonly excludeModules?: string | readonly string[];
  /** Which biases of the model are trained and saved beside. Default "none". */
  readonly bias?: "none" | "all" | "lora_only";
  /** Modules that are trained and saved as a whole: new heads. The heads of the `taskType` come by themselves. */
  readonly modulesToSave?: readonly string[];
  /** Scales by `loraAlpha / √r`. https://arxiv.org/abs/2312.03732 */
  readonly useRslora?: boolean;
  /** Other ranks by the end of a module's name, a regular expression. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** Other alphas by the end of a module's name, a regular expression. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Only in these of the numbered layers. */
  readonly layersToTransform?: number | readonly number[];
  /** The name of the list that `layersToTransform` counts in. Default: any. */
  readonly layersPattern?: string | readonly string[];
  /** Whether weights are `[in, out]`: kept for files, since the class of a layer says it (Conv1D is, Linear is not), as in PEFT. */
  readonly fanInFanOut?: boolean;
  /** `true`: A as a Linear, B zeros; "gaussian": A normal with deviation 1/r; `false`: both drawn, for tests. */
  readonly initLoraWeights?: boolean | "gaussian";
  readonly taskType?: TaskType;
  /** The model that the adapter belongs to: a folder or a hub's name, for whoever loads the adapter. */
  readonly baseModelNameOrPath?: string;
}

type Optional =
  | "targetModules"
  | "excludeModules"
  | "layersToTransform"
  | "layersPattern"
  | "taskType"
  | "baseModelNameOrPath";
export type CheckedLoraConfig = Required<Omit<LoraConfig, Optional>> & Pick<LoraConfig, Optional>;

const defaults: CheckedLoraConfig = {
  r: 8,
  loraAlpha: 8,
  loraDropout: 0,
  bias: "none",
  modulesToSave: [],
  useRslora: false,
  rankPattern: {},
  alphaPattern: {},
  fanInFanOut: false,
  initLoraWeights: true,
};

/** Heads that PEFT trains as a whole for a task. */
const headsOfTask: { readonly [task in TaskType]?: readonly string[] } = {
  SEQ_CLS: ["classifier", "score"],
  TOKEN_CLS: ["classifier", "score"],
  QUESTION_ANS: ["qa_outputs"],
};

/** Fills in the defaults and refuses what makes no sense. */
export function checkLoraConfig(config: LoraConfig): CheckedLoraConfig {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
  const unknown = Object.keys(given).find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new ArgumentError(`LoraConfig: there is no option "${unknown}"; there are ${[...known].join(", ")}.`, {
      name: unknown,
    });
  const checked: CheckedLoraConfig = { ...defaults, ...given };
  const ranks = { r: checked.r, ...checked.rankPattern };
  for (const [name, rank] of Object.entries(ranks)) {
    if (!Number.isInteger(rank) || rank < 1)
      throw new ArgumentError(`LoraConfig: the rank of ${name} is ${rank}; it is a whole number of at least 1.`, {
        name,
        rank,
      });
  }
  if (!(checked.loraDropout >= 0 && checked.loraDropout < 1))
    throw new ArgumentError(`LoraConfig: loraDropout is ${checked.loraDropout}; it is at least 0 and below 1.`, {});
  if (!["none", "all", "lora_only"].includes(checked.bias))
    throw new ArgumentError(`LoraConfig: bias is "${checked.bias}"; it is "none", "all" or "lora_only".`, {});
  const heads = checked.taskType === undefined ? [] : (headsOfTask[checked.taskType] ?? []);
  return { ...checked, modulesToSave: [...new Set([...checked.modulesToSave, ...heads])] };
}

const known: ReadonlySet<string> = new Set<keyof LoraConfig>([
  "r",
  "loraAlpha",
  "loraDropout",
  "targetModules",
  "excludeModules",
  "bias",
  "modulesToSave",
  "useRslora",
  "rankPattern",
  "alphaPattern",
  "layersToTransform",
  "layersPattern",
  "fanInFanOut",
  "initLoraWeights",
  "taskType",
  "baseModelNameOrPath",
]);

// ── which modules ─────────────────────────────────────────────────────────────────────────────────────────────────

/** By a model's type, where nothing else is said. */
const usualTargets: { readonly [modelType: string]: readonly string[] | undefined } = {
  bert: ["query", "value"],
  roberta: ["query", "value"],
  "xlm-roberta": ["query", "value"],
  electra: ["query", "value"],
  "deberta-v2": ["query_proj", "value_proj"],
  t5: ["q", "v"],
  mt5: ["q", "v"],
  bart: ["q_proj", "v_proj"],
  gpt2: ["c_attn"],
  gpt_neox: ["query_key_value"],
  llama: ["q_proj", "v_proj"],
  mistral: ["q_proj", "v_proj"],
  phi: ["q_proj", "v_proj", "fc1", "fc2"],
  gemma: ["q_proj", "v_proj"],
  gemma2: ["q_proj", "v_proj"],
  gemma3_text: ["q_proj", "v_proj"],
  qwen2: ["q_proj", "v_proj"],
  qwen3: ["q_proj", "v_proj"],
};

/** The targets that are asked for, or the usual ones of the model's type. */
export function targetsOf(config: CheckedLoraConfig, modelType: string | undefined): string | readonly string[] {
  if (config.targetModules !== undefined) return config.targetModules;
  const usual = modelType === undefined ? undefined : usualTargets[modelType];
  if (usual !== undefined) return usual;
  throw new ArgumentError(
    `LoraConfig: for ${modelType === undefined ? "this model" : `a model of type "${modelType}"`} nothing says which modules ` +
      'get an adapter. Set targetModules, to names or to "all-linear".',
    { modelType },
  );
}

/** Whether the module of this dotted name gets an adapter. */
export function isTarget(name: string, targets: string | readonly string[], config: CheckedLoraConfig): boolean {
  if (config.excludeModules !== undefined && names(config.excludeModules, name)) return false;
  if (isSaved(name, config)) return false;
  if (!names(targets, name)) return false;
  if (typeof targets !== "string" && targets.includes(name)) return true; // named in full
  const { layersToTransform: layers } = config;
  if (typeof targets === "string" || layers === undefined || (Array.isArray(layers) && layers.length === 0))
    return true;
  const index = layerOf(name, config.layersPattern);
  return index !== undefined && (typeof layers === "number" ? [layers] : layers).includes(index);
}

/** Whether the module lies in one that is trained as a whole. */
function isSaved(name: string, { modulesToSave }: CheckedLoraConfig): boolean {
  return modulesToSave.some((saved) => new RegExp(`^(|.*\\.)${saved}($|\\..*)`).test(name));
}

function names(wanted: string | readonly string[], name: string): boolean {
  if (typeof wanted === "string") return new RegExp(`^(?:${wanted})$`).test(name);
  return wanted.some((target) => name === target || name.endsWith(`.${target}`));
}

/** The first number in the name that counts in a list of the pattern's name. */
function layerOf(name: string, pattern: CheckedLoraConfig["layersPattern"]): number | undefined {
  const patterns = typeof pattern === "string" ? [pattern] : (pattern ?? []);
  const expressions =
    patterns.length === 0 ? [/^.*?\.[^.]*\.(\d+)\./] : patterns.map((p) => new RegExp(`^(?:|.*?\\.)${p}\\.(\\d+)\\.`));
  for (const expression of expressions) {
    const found = expression.exec(name)?.[1];
    if (found !== undefined) return Number(found);
  }
  return undefined;
}

/** The rank and the scale of the module of this name. */
export function ranksOf(name: string, config: CheckedLoraConfig): { readonly r: number; readonly scaling: number } {
  const ofPattern = (patterns: Readonly<Record<string, number>>): number | undefined => {
    const key = Object.keys(patterns).find((pattern) => new RegExp(`^(.*\\.)?(${pattern})$`).test(name));
    return key === undefined ? undefined : patterns[key];
  };
  const r = ofPattern(config.rankPattern) ?? config.r;
  const alpha = ofPattern(config.alphaPattern) ?? config.loraAlpha;
  return { r, scaling: alpha / (config.useRslora ? Math.sqrt(r) : r) };
}

// ── adapter_config.json ───────────────────────────────────────────────────────────────────────────────────────────

/** PEFT's spelling. What loads the file uses it as it is: `inference_mode` is true, as PEFT writes it. */
export function formatLoraConfig(config: CheckedLoraConfig): string {
  const fields = Object.entries({ ...config, inferenceMode: true, peftType: "LORA" }).map(
    ([name, value]) => [snakeCase(name), value] as const,
  );
  const empty = ["targetModules", "excludeModules", "layersToTransform", "layersPattern", "taskType"]
    .filter((name) => !Object.hasOwn(config, name))
    .map((name) => [snakeCase(name), null] as const);
  return `${JSON.stringify(Object.fromEntries([...fields, ...empty].sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`;
}

/** What changes what an adapter computes and is not here. */
const beyond = [
  "use_dora",
  "use_qalora",
  "lora_bias",
  "layer_replication",
  "target_parameters",
  "trainable_token_indices",
  "alora_invocation_tokens",
  "use_bdlora",
] as const;

export function parseLoraConfig(json: unknown, file: string): CheckedLoraConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new CheckpointError(`${file}: an adapter's configuration is a JSON object.`, { file });
  const fields = json as Readonly<Record<string, unknown>>; // an object, as checked
  if (fields["peft_type"] !== "LORA")
    throw new UnsupportedError(
      `${file}: the adapter is of type ${JSON.stringify(fields["peft_type"])}; known is LORA.`,
      {
        file,
      },
    );
  for (const name of beyond) {
    const value = fields[name];
    const isUsed =
      value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0);
    if (isUsed)
      throw new UnsupportedError(`${file}: the adapter uses "${name}", which is not here yet.`, { file, name });
  }
  const given = Object.entries(fields)
    .map(([name, value]) => [camelCase(name), value] as const)
    .filter(([name, value]) => known.has(name) && value !== null);
  const config = Object.fromEntries(given) as LoraConfig; // fields of its names; checked next
  // Other initialisations (PiSSA, OLoRA, …) only say how training began.
  const init = config.initLoraWeights;
  return checkLoraConfig(
    typeof init === "string" && init !== "gaussian" ? { ...config, initLoraWeights: true } : config,
  );
}
